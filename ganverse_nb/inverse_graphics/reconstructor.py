"""A photograph of one's own: mask, camera, mesh and texture, and whether they can be trusted.

result = Reconstructor.from_pretrained("car")("photo.jpg")
result.save("car.glb")
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ganverse_nb.data.crops import cut_window
from ganverse_nb.data.pictures import Picture, as_picture, middle_square
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.export import save_mesh
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.inverse_graphics.domain import Domain, Verdict, on_border
from ganverse_nb.inverse_graphics.framing import Framing
from ganverse_nb.inverse_graphics.inference import reconstruct
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.photo_fit import fit_photo
from ganverse_nb.render.shots import save_turntable
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.shipped import SHIPPED, Shipped
from ganverse_nb.segmentation.mask_rcnn import Segmenter, load_segmenter

FINE = 512  # pixels of a window at most that a fit sees: more are not in its texture
WINDOWS = 3  # at most: the first is chosen by an azimuth that was read off a picture unlike those of the dataset

Window = tuple[float, float, float]
"""Left, top and side of a square, as shares of the side of the square in a picture's middle."""


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
    """

    name: str
    image: Tensor
    mask: Tensor
    verdict: Verdict
    mesh: Mesh | None
    camera: Camera | None

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
                "needed (`force` writes what there is all the same)."
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
    def from_pretrained(cls, category: str = "car") -> Reconstructor:
        """The networks that come with the package for a category.

        Raises:
            ExpectedError: the package has none for it, or its files are damaged; the message says what to do.

        Examples:
            >>> Reconstructor.from_pretrained("horse").resolution
            64
        """
        shipped = Shipped.of(category)
        return cls(
            InverseGraphicsModel.load(shipped.file("inverse_graphics", SHIPPED["inverse_graphics"][0])),
            load_segmenter(category, shipped.segmenter),
            Domain.load(shipped.file("domain", SHIPPED["domain"][0])),
            Framing.load(shipped.file("framing", SHIPPED["framing"][0])),
        )

    @property
    def resolution(self) -> int:
        """Width and height of the pictures that f takes."""
        return self.model.resolution

    def __call__(self, picture: Picture, refine: bool = False) -> Reconstruction:
        """The reconstruction of the object in a picture of any size, in any of the forms of `as_picture`.

        A single whole object that is smaller, larger or elsewhere than those of the dataset is cut out and scaled. Of
        several objects the surest is taken; the verdict says that there are several.

        Args:
            refine: fit camera, shape and texture to the picture (`fit_photo`; a few seconds), of which as many pixels
                are used as there are, up to 512 on a side.

        Raises:
            FileNotFoundError, ValueError: no picture that can be read, see `as_picture`.
        """
        name = str(picture) if isinstance(picture, (str, Path)) else "the picture"
        image, window = self._framed(as_picture(picture, self.resolution), picture)
        (verdict,) = self.domain.judge(image, self.segmenter, self.model)
        mask = self.segmenter.segment(image).mask
        mesh, camera = reconstruct(image, mask, self.model) if mask.any() else (None, None)
        if refine and mesh is not None and camera is not None:
            mesh, camera = fit_photo(mesh, camera, _fine(picture, window, self.resolution), mask)
        return Reconstruction(name, image, mask, verdict, mesh, camera)

    def _framed(self, image: Tensor, source: Picture) -> tuple[Tensor, Window]:
        """[1, 3, R, R]: `image`, the middle square of `source`, or the window of it that shows its object as usual.

        And the window itself.

        It stays as it is where there is not one whole object, or one of too few pixels to enlarge.
        """
        left, top, side, picture = 0.0, 0.0, 1.0, None
        for _ in range(WINDOWS):
            found = self.segmenter.segment(image)
            if int(found.count[0]) != 1 or bool(on_border(found.mask) > 0):
                return image, (left, top, side)
            azimuth = reconstruct(image, found.mask, self.model)[1].azimuth
            window = self.framing.window(found.mask, float(azimuth[0]))
            if window is None:
                return image, (left, top, side)
            picture = picture or middle_square(source)
            if side * window[2] * picture.width < image.shape[-1] / 2:
                return image, (left, top, side)
            left, top, side = left + window[0] * side, top + window[1] * side, side * window[2]
            image = cut_window(picture, left, top, side, image.shape[-1])
        return image, (left, top, side)


def _fine(source: Picture, window: Window, least: int) -> Tensor:
    """[1, 3, S, S] a window of a picture at its own resolution."""
    picture = middle_square(source)
    return cut_window(picture, *window, max(least, min(FINE, round(window[2] * picture.width))))
