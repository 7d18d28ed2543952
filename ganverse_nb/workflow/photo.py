"""A photograph of one's own: mask, camera, mesh and texture, and whether they can be trusted.

result = reconstruct_photo(run, "car.jpg")
print(result.verdict)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ganverse_nb.data.crops import cut_window
from ganverse_nb.data.pictures import middle_square, read_picture
from ganverse_nb.evaluation.domain import Verdict, on_border
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.export import save_mesh
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.inverse_graphics.framing import Framing
from ganverse_nb.inverse_graphics.inference import reconstruct
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.refine import refine_camera
from ganverse_nb.render.shots import save_turntable
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.segmentation.mask_rcnn import Segmenter
from ganverse_nb.workflow import stages
from ganverse_nb.workflow.run import Run

WINDOWS = 3  # at most: the first is chosen by an azimuth that was read off an unusual picture


class OutOfDomainError(ExpectedError):
    """The picture is not of one whole object of the run's category; the message has the reason and the score."""


@dataclass(frozen=True)
class PhotoResult:
    """What was made of one photograph.

    Attributes:
        name: of its file.
        image, mask: [1, 3, R, R] and [1, 1, R, R]: the square in its middle, or the window of that which shows the
            object as large as f has learned objects to be; and the object in it.
        verdict: whether the rest can be trusted.
        mesh, camera: the reconstruction; None where no object was found.
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

    def save(self, mesh: Path, turntable: Path | None = None, force: bool = False) -> list[Path]:
        """Writes the textured mesh (.glb or .obj) and, if asked, a .gif of it, turning; returns what was written.

        Args:
            force: also where the picture is out of domain, as long as there is a mesh.

        Raises:
            OutOfDomainError: the reconstruction cannot be trusted, or there is none.
            ValueError: a suffix that is not known.
        """
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


def reconstruct_photo(run: Run, path: str | Path, refine: bool = False) -> PhotoResult:
    """The reconstruction of the object in a picture file of any size, with the networks of a run.

    A single whole object that is smaller, larger or elsewhere than those of the dataset is cut out and scaled. Of
    several objects the surest is taken; the verdict says that there are several. With `refine` the camera that the
    camera head reads is moved until the outlines agree.

    Raises:
        FileNotFoundError, ValueError: no picture that can be read, see `read_picture`.
    """
    image = read_picture(path, run.config.resolution, fit=True)  # before anything that takes long
    model, segmenter = stages.inverse_graphics(run), stages.segmenter(run)
    framing = Framing.of(stages.multiview(run), model.cameras().azimuth.detach().cpu())
    image = _framed(image, Path(path), framing, segmenter, model)
    (verdict,) = stages.domain(run).judge(image, segmenter, model)
    mask = segmenter.segment(image).mask
    mesh, camera = reconstruct(image, mask, model) if mask.any() else (None, None)
    if refine and mesh is not None and camera is not None:
        camera = refine_camera(mesh, camera, mask)
    return PhotoResult(str(path), image, mask, verdict, mesh, camera)


def _framed(image: Tensor, path: Path, framing: Framing, segmenter: Segmenter, model: InverseGraphicsModel) -> Tensor:
    """[1, 3, R, R]: `image`, the middle square of a file, or the window of it that shows its object as usual.

    It stays as it is where there is not one whole object, or one of too few pixels to enlarge.
    """
    left, top, side, picture = 0.0, 0.0, 1.0, None
    for _ in range(WINDOWS):
        found = segmenter.segment(image)
        if int(found.count[0]) != 1 or bool(on_border(found.mask) > 0):
            return image
        azimuth = reconstruct(image, found.mask, model)[1].azimuth
        window = framing.window(found.mask, float(azimuth[0]))
        if window is None:
            return image
        picture = picture or middle_square(path)
        if side * window[2] * picture.width < image.shape[-1] / 2:
            return image
        left, top, side = left + window[0] * side, top + window[1] * side, side * window[2]
        image = cut_window(picture, left, top, side, image.shape[-1])
    return image
