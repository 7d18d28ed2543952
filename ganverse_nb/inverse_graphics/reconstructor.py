"""A photograph of one's own: mask, camera, mesh and texture, and whether they can be trusted.

result = Reconstructor.from_pretrained("car")("photo.jpg")
result.save("car.glb")
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ganverse_nb.data.crops import cut_window
from ganverse_nb.data.masks import as_mask
from ganverse_nb.data.photo import read_photo
from ganverse_nb.data.pictures import Picture, as_picture, whole_picture
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.export import save_mesh
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.inverse_graphics.domain import Domain, Verdict, on_border
from ganverse_nb.inverse_graphics.framing import Framing
from ganverse_nb.inverse_graphics.given_masks import given_windows, one_object, read_azimuth, square_mask, whole_square
from ganverse_nb.inverse_graphics.inference import reconstruct
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.photo_fit import fit_photo
from ganverse_nb.inverse_graphics.refine import Hypotheses, refine_hypotheses
from ganverse_nb.render.shots import save_turntable
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.shipped import SHIPPED, Shipped
from ganverse_nb.segmentation.detections import Detections
from ganverse_nb.segmentation.instances import instances
from ganverse_nb.segmentation.mask_rcnn import load_segmenter
from ganverse_nb.segmentation.segmenter import Segmenter

FINE = 512  # pixels of a window at most that a fit sees: more are not in its texture
WINDOWS = 3  # at most: the first is chosen by an azimuth that was read off a picture unlike those of the dataset


class OutOfDomainError(ExpectedError):
    """The picture is not of one whole object of the category; the message has the reason and the score."""


@dataclass(frozen=True)
class Reconstruction:
    """What was made of one photograph.

    Attributes:
        name: of its file, or "the picture".
        image, mask: [1, 3, R, R] and [1, 1, R, R] in [0, 1]: the square in its middle, or the window of that which
            shows the object as large as f has learned objects to be; and the object in it.
        verdict: whether the rest can be trusted.
        mesh: [1, V, 3] with its texture, in the object's own axes; None where no object was found.
        camera: [1] where the picture was taken from; None where no object was found.
        hypotheses: the cameras that were tried, with their weights, the best one first; None without refinement.
        mask_source: who cut the object out: "given", "alpha" (the picture's own channel), or the segmenter's `source`.
        notes: what was done to the picture before, in words.
        advice: who would cut photographs out better than this segmenter; "" where the verdict is good, or none would.
    """

    name: str
    image: Tensor
    mask: Tensor
    verdict: Verdict
    mesh: Mesh | None
    camera: Camera | None
    hypotheses: Hypotheses | None = None
    mask_source: str = ""
    notes: tuple[str, ...] = ()
    advice: str = ""

    @property
    def whence(self) -> str:
        """The camera in words, degrees and world units; empty where there is none."""
        if self.camera is None:
            return ""
        azimuth, elevation, distance = (float(getattr(self.camera, n)[0]) for n in ("azimuth", "elevation", "distance"))
        return f"azimuth {azimuth % 360:.0f}, elevation {elevation:.0f}, distance {distance:.2f}"

    def save(self, mesh: str | Path, turntable: str | Path | None = None, force: bool = False) -> list[Path]:
        """Writes the textured mesh (.glb or .obj) and, if asked, a .gif of it, turning; returns what was written.

        Args:
            force: also where the picture is out of domain, as long as there is a mesh.

        Raises:
            OutOfDomainError: the reconstruction cannot be trusted, or there is none.
            ValueError: a suffix that is not known.

        Examples:
            >>> photo = make_photos("car", 1, seed=3, resolution=128).images[0]
            >>> result = Reconstructor.from_pretrained("car")(photo)
            >>> [path.name for path in result.save(folder / "car.glb", turntable=folder / "car.gif")]
            ['car.glb', 'car.gif']
        """
        mesh, turntable = Path(mesh), None if turntable is None else Path(turntable)
        check_outputs(mesh, turntable)
        if self.mesh is None or not (force or self.verdict.in_domain):
            raise OutOfDomainError(
                f"{self.name} is {self.verdict}; nothing was written: a picture of one whole object in its middle is "
                f"needed (`force` writes what there is all the same). {self.advice}".rstrip()
            )
        save_mesh(self.mesh, mesh)
        if turntable is not None:
            save_turntable(self.mesh, turntable)
        return [mesh] if turntable is None else [mesh, turntable]


def check_outputs(mesh: Path, turntable: Path | None) -> None:
    """Raises a ValueError where a name has no suffix that can be written: better before a reconstruction than after."""
    if mesh.suffix.lower() not in (".glb", ".obj"):
        raise ValueError(f"A mesh is a .glb or .obj file: {mesh} must end in one of these.")
    if turntable is not None and turntable.suffix.lower() != ".gif":
        raise ValueError(f"A turntable is a .gif file: {turntable} must end in .gif.")


class Reconstructor:
    """From a photograph of any size to a textured mesh, the camera it was taken from, and a verdict.

    Args:
        model: f and its camera head.
        segmenter: cuts the object out.
        domain: judges whether the reconstruction can be trusted.
        framing: how large objects stand in the pictures that f knows.

    Examples:
        >>> reconstructor = Reconstructor.from_pretrained("car")
        >>> photo = make_photos("car", 1, seed=3, resolution=128).images[0]  # or a path, a Pillow image, an array
        >>> result = reconstructor(photo)
        >>> result.verdict.in_domain, result.mesh.vertices.shape, result.mask.shape
        (True, torch.Size([1, 642, 3]), torch.Size([1, 1, 64, 64]))
    """

    def __init__(self, model: InverseGraphicsModel, segmenter: Segmenter, domain: Domain, framing: Framing) -> None:
        self.model, self.segmenter, self.domain, self.framing = model, segmenter, domain, framing

    @classmethod
    def from_pretrained(cls, category: str = "car", segmenter: str | None = None) -> Reconstructor:
        """The networks that come with the package for a category.

        Args:
            segmenter: who cuts the object out, as `load_segmenter` names them: "rembg" is far better on photographs
                than the small one that comes with the package, and asks before it downloads its network once.

        Raises:
            ExpectedError: the package has none for it, or its files are damaged; the message says what to do.
            FileNotFoundError, ValueError: what `load_segmenter` raises.

        Examples:
            >>> Reconstructor.from_pretrained("horse").resolution
            64
        """
        shipped = Shipped.of(category)
        return cls(
            InverseGraphicsModel.load(shipped.file("inverse_graphics", SHIPPED["inverse_graphics"][0])),
            load_segmenter(category, segmenter or shipped.segmenter),
            Domain.load(shipped.file("domain", SHIPPED["domain"][0])),
            Framing.load(shipped.file("framing", SHIPPED["framing"][0])),
        )

    @property
    def resolution(self) -> int:
        """Width and height of the pictures that f takes."""
        return self.model.resolution

    def __call__(self, picture: Picture, refine: bool = False, mask: Picture | None = None) -> Reconstruction:
        """The reconstruction of the object in a picture of any size, in any of the forms of `as_picture`.

        A single whole object that is smaller, larger or elsewhere than those of the dataset is cut out and scaled. Of
        several objects the surest is taken; the verdict says that there are several. What `read_photo` says of
        borders, of alpha channels, which serve as masks, and of panoramas holds. A foreground network (`rembg`) sees
        the photograph once, at its own resolution.

        Args:
            refine: try the likeliest cameras, and fit the best one, shape and texture to the picture (`fit_photo`; a
                few seconds), of which as many pixels are used as there are, up to 512 on a side.
            mask: of the object, in any of the forms of `data.masks.as_mask` and of the picture's size, instead of the
                segmenter's; what is cut out and scaled then follows it, anywhere in the whole picture.

        Raises:
            FileNotFoundError, ValueError: no picture that can be read, see `as_picture`, a panorama, or no mask of it,
                see `data.masks.as_mask`.
        """
        if mask is not None:
            return self._explained(self._given(picture, mask), refine)
        photo = read_photo(picture, self.resolution)
        outline = photo.alpha or self.segmenter.segment_photo(photo.image)
        source = "alpha" if photo.alpha else self.segmenter.source
        framed = self._framed(as_picture(photo.image, self.resolution), photo.image, outline)
        return self._explained(replace(framed, name=photo.name, source=source, notes=photo.notes), refine)

    def _explained(self, framed: Framed, refine: bool) -> Reconstruction:
        """What is made of a window and the object in it."""
        image, mask, decided, hypotheses = framed.image, framed.found.mask, framed.outline is not None, None
        (verdict,) = self.domain.judge(image, self.segmenter, self.model, framed.found if decided else None)
        mesh, camera = reconstruct(image, mask, self.model) if mask.any() else (None, None)
        if refine and mesh is not None:
            hypotheses = refine_hypotheses(mesh, self.model.head.read(image, mask), image, mask)
            mesh, camera = fit_photo(mesh, hypotheses.best(), *framed.fine())
        advice = "" if verdict.in_domain or decided else self.segmenter.advice
        facts = (framed.source, framed.notes, advice)
        return Reconstruction(framed.name, image, mask, verdict, mesh, camera, hypotheses, *facts)

    def _given(self, picture: Picture, mask: Picture) -> Framed:
        """The window that a given mask asks for, anywhere in the whole picture."""
        whole, name = whole_picture(picture), str(picture) if isinstance(picture, (str, Path)) else "the picture"
        inside = as_mask(mask, whole.size)
        given = given_windows([whole], [inside], self.model, self.framing)
        left, top, side = given.corners[0].tolist()
        square, outline = whole_square(whole), square_mask(inside)
        return Framed(given.images, one_object(given.masks), square, (left, top, side), outline, name, "given")

    def _framed(self, image: Tensor, photo: Image.Image, outline: Image.Image | None = None) -> Framed:
        """`image`, which is all of the square `photo`, or the window that shows its object as usual.

        The object is what `outline`, of the photo's size, says is foreground, else what the segmenter finds. The
        picture stays as it is where there is not one whole object, or one of too few pixels to enlarge.
        """

        def find(image: Tensor) -> Detections:
            if outline is None:
                return self.segmenter.segment(image)
            return instances(cut_window(outline.convert("RGB"), left, top, side, image.shape[-1])[:, :1])

        left, top, side = 0.0, 0.0, 1.0
        found = find(image)
        for _ in range(WINDOWS):
            if int(found.count[0]) != 1 or bool(on_border(found.mask) > 0):
                break
            azimuth = read_azimuth(self.model, image, found.mask)
            window = self.framing.window(found.mask, float(azimuth[0]))
            if window is None or side * window[2] * photo.width < image.shape[-1] / 2:
                break
            left, top, side = left + window[0] * side, top + window[1] * side, side * window[2]
            image = cut_window(photo, left, top, side, image.shape[-1])
            found = find(image)
        return Framed(image, found, photo, (left, top, side), outline)


@dataclass(frozen=True)
class Framed:
    """A window of a square picture, and the object in it.

    Attributes:
        image: [1, 3, R, R] the window; `found` in it.
        square: the picture, as many pixels as there are; `window` is left, top and side in shares of its side.
        outline: the object in the square where another than the segmenter has cut it out, mode "L".
        name, source, notes: see `Reconstruction`.
    """

    image: Tensor
    found: Detections
    square: Image.Image
    window: tuple[float, float, float]
    outline: Image.Image | None = None
    name: str = "the picture"
    source: str = ""
    notes: tuple[str, ...] = ()

    def fine(self) -> tuple[Tensor, Tensor]:
        """The window at its own resolution, [1, 3, S, S], and the mask as fine as it is known."""
        size = max(self.image.shape[-1], min(FINE, round(self.window[2] * self.square.width)))
        image = cut_window(self.square, *self.window, size)
        if self.outline is None:
            return image, self.found.mask
        inside = cut_window(self.outline.convert("RGB"), *self.window, size)[:, :1]
        whole = F.interpolate(self.found.mask, size, mode="nearest")  # of several pieces, the one that f saw
        grown = F.max_pool2d(whole, 2 * (size // self.image.shape[-1]) + 1, 1, size // self.image.shape[-1])
        return image, (inside > 0.5).float() * grown
