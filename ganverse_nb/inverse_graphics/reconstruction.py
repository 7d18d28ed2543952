"""What was made of a photograph, or why nothing was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.export import check_place, save_mesh
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.inverse_graphics.domain import Verdict
from ganverse_nb.inverse_graphics.refine import Hypotheses
from ganverse_nb.render.shots import save_turntable
from ganverse_nb.runtime.errors import ExpectedError


class OutOfDomainError(ExpectedError):
    """The picture is not of one whole object of the category; the message has the reason and the score."""


@dataclass(frozen=True)
class Refusal:
    """A picture among many that could not be read.

    Attributes:
        name: of its file, or "the picture".
        refusal: why, in one sentence.
    """

    name: str
    refusal: str


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

    @property
    def refusal(self) -> str:
        """Why the reconstruction cannot be trusted, in one sentence; "" where it can."""
        return "" if self.verdict.in_domain else f"{self.name} is {self.verdict}."

    def save(self, mesh: str | Path, turntable: str | Path | None = None, force: bool = False) -> list[Path]:
        """Writes the textured mesh (.glb or .obj) and, if asked, a .gif of it, turning; returns what was written.

        Args:
            force: also where the picture is out of domain, as long as there is a mesh.

        Raises:
            OutOfDomainError: the reconstruction cannot be trusted, or there is none.
            ValueError: a suffix that is not known, or the place is taken (`geometry.export.check_place`).

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
    """Refuses what `Reconstruction.save` would, as far as the names tell: better before a reconstruction than after."""
    if mesh.suffix.lower() not in (".glb", ".obj"):
        raise ValueError(f"A mesh is a .glb or .obj file: {mesh} must end in one of these.")
    if turntable is not None and turntable.suffix.lower() != ".gif":
        raise ValueError(f"A turntable is a .gif file: {turntable} must end in .gif.")
    check_place(mesh)
