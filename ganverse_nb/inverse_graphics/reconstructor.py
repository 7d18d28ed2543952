"""A photograph of one's own: mask, camera, mesh and texture, and whether they can be trusted.

result = Reconstructor.from_pretrained("car")("photo.jpg")
result.save("car.glb")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from torch import Tensor

from ganverse_nb.data.masks import as_mask, scaled_mask
from ganverse_nb.data.photo import read_photo
from ganverse_nb.data.pictures import Picture, on_white, photograph
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.export import save_mesh
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.inverse_graphics.domain import Domain, Verdict
from ganverse_nb.inverse_graphics.framing import Framing
from ganverse_nb.inverse_graphics.given_masks import window_mask
from ganverse_nb.inverse_graphics.inference import reconstruct
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.photo_fit import fit_photo
from ganverse_nb.inverse_graphics.refine import Hypotheses, refine_hypotheses
from ganverse_nb.inverse_graphics.sight import Sight, see
from ganverse_nb.render.shots import save_turntable
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.shipped import SHIPPED, Shipped
from ganverse_nb.segmentation.cutout import Cutout
from ganverse_nb.segmentation.mask_rcnn import load_segmenter, photo_weights
from ganverse_nb.segmentation.segmenter import Segmenter
from ganverse_nb.segmentation.squares import cut_window, square_outline, whole_square

FINE = 512  # pixels of a window at most that a fit sees: more are not in its texture


class OutOfDomainError(ExpectedError):
    """The picture is not of one whole object of the category; the message has the reason and the score."""


@dataclass(frozen=True)
class Reconstruction:
    """What was made of one photograph.

    Attributes:
        name: of its file, or "the picture".
        image, mask: [1, 3, R, R] and [1, 1, R, R] in [0, 1]: the window that shows the object as large as f has
            learned objects to be, and the object in it.
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
            load_segmenter(category, segmenter or photo_weights(category, shipped.segmenter, shipped.photo_segmenter)),
            Domain.load(shipped.file("domain", SHIPPED["domain"][0])),
            Framing.load(shipped.file("framing", SHIPPED["framing"][0])),
        )

    @property
    def resolution(self) -> int:
        """Width and height of the pictures that f takes."""
        return self.model.resolution

    def __call__(self, picture: Picture, refine: bool = False, mask: Picture | None = None) -> Reconstruction:
        """The reconstruction of the object in a picture of any size, in any of the forms of `as_picture`.

        The object is looked for in the whole picture, cut out and scaled to be as large as f knows objects. Of several
        the largest is taken; the verdict says that there are several. What `read_photo` says of borders, of alpha
        channels, which serve as masks, and of panoramas holds.

        Args:
            refine: try the likeliest cameras, and fit the best one, shape and texture to the picture (`fit_photo`; a
                few seconds), of which as many pixels are used as there are, up to 512 on a side.
            mask: of the object, in any of the forms of `data.masks.as_mask` and of the picture's size, instead of the
                segmenter's.

        Raises:
            FileNotFoundError, ValueError: no picture that can be read, see `as_picture`, a panorama, or no mask of it,
                see `data.masks.as_mask`.
        """
        if mask is None:
            photo = read_photo(picture, self.resolution)
            name, image, notes = photo.name, photo.image, photo.notes
            cutout = Cutout.of_foreground(photo.alpha) if photo.alpha else self.segmenter.cut_out(image)
            source = "alpha" if photo.alpha else self.segmenter.source
        else:
            (whole, size, notes), source = photograph(picture), "given"
            image, name = on_white(whole), str(picture) if isinstance(picture, (str, Path)) else "the picture"
            cutout = Cutout.of_mask(scaled_mask(as_mask(mask, size), image.size))
        sight = self.see([image], [cutout])
        (verdict,) = self.domain.judge(sight, self.model)
        mesh, camera, hypotheses = None, None, None
        if sight.masks.any():
            mesh, camera = reconstruct(sight.images, sight.masks, self.model)
        if refine and mesh is not None:
            reading = self.model.head.read(sight.images, sight.masks)
            hypotheses = refine_hypotheses(mesh, reading, sight.images, sight.masks)
            mesh, camera = fit_photo(mesh, hypotheses.best(), *fine(image, cutout, sight.corners[0], self.resolution))
        own = mask is None and source != "alpha"
        advice = self.segmenter.advice if own and not verdict.in_domain else ""
        return Reconstruction(name, sight.images, sight.masks, verdict, mesh, camera, hypotheses, source, notes, advice)

    def judge(self, photos: Sequence[Image.Image]) -> list[Verdict]:
        """The verdicts on photographs, without their reconstructions."""
        return self.domain.judge(self.see(photos), self.model)

    def see(self, photos: Sequence[Image.Image], cutouts: Sequence[Cutout] | None = None) -> Sight:
        """What f sees of photographs, cut out by the segmenter or, where `cutouts` are given, by somebody else."""
        cutouts = [self.segmenter.cut_out(photo) for photo in photos] if cutouts is None else cutouts
        return see(photos, cutouts, self.segmenter, self.model, self.framing)


def fine(photo: Image.Image, cutout: Cutout, corner: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
    """A window of a photograph at its own resolution, [1, 3, S, S], `resolution` to FINE pixels, and the mask in it."""
    square, outline = whole_square(photo), square_outline(cutout.outline)
    size = max(resolution, min(FINE, round(float(corner[2]) * square.width)))
    left, top, side = corner.tolist()
    return cut_window(square, left, top, side, size), window_mask(outline, corner, size)
