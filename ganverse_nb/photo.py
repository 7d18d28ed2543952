"""A photograph of one's own: mask, camera, mesh and texture, and whether they can be trusted.

result = reconstruct_photo(run, "car.jpg")
print(result.verdict)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from . import stages
from .data.pictures import read_picture
from .errors import ExpectedError
from .evaluation.domain import Verdict
from .figures.shots import save_turntable
from .geometry.camera import Camera
from .geometry.export import save_mesh
from .geometry.mesh import Mesh
from .inverse_graphics.inference import reconstruct
from .inverse_graphics.refine import refine_camera
from .run import Run


class OutOfDomainError(ExpectedError):
    """The picture is not of one whole object of the run's category; the message has the reason and the score."""


@dataclass(frozen=True)
class PhotoResult:
    """What was made of one photograph.

    Attributes:
        name: of its file.
        image, mask: [1, 3, R, R] and [1, 1, R, R]: the square in its middle, and the object in it.
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

    def save(self, mesh: Path, turntable: Path | None = None, anyway: bool = False) -> list[Path]:
        """Writes the textured mesh (.glb or .obj) and, if asked, a .gif of it, turning; returns what was written.

        Args:
            anyway: also where the picture is out of domain, as long as there is a mesh.

        Raises:
            OutOfDomainError: the reconstruction cannot be trusted, or there is none.
            ValueError: a suffix that is not known.
        """
        check_outputs(mesh, turntable)
        if self.mesh is None or not (anyway or self.verdict.inside):
            raise OutOfDomainError(
                f"{self.name} is {self.verdict}; nothing was written: a picture of one whole object in its middle is "
                "needed (`anyway` writes what there is all the same)."
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

    Of several objects the surest is taken; the verdict says that there are several. With `refine` the camera that the
    camera head reads is moved until the outlines agree.

    Raises:
        FileNotFoundError, ValueError: no picture that can be read, see `read_picture`.
    """
    image = read_picture(path, run.config.resolution, fit=True)  # before anything that takes long
    model, segmenter = stages.inverse_graphics(run), stages.segmenter(run)
    (verdict,) = stages.domain(run).judge(image, segmenter, model)
    mask = segmenter.segment(image).mask
    mesh, camera = reconstruct(image, mask, model) if mask.any() else (None, None)
    if refine and mesh is not None and camera is not None:
        camera = refine_camera(mesh, camera, mask)
    return PhotoResult(str(path), image, mask, verdict, mesh, camera)
