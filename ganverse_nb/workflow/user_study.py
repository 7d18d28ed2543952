"""The stage of the user study (appendix F): its survey, and the automatic rater's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ganverse_nb.evaluation.user_study.rater import write_automatic_answers
from ganverse_nb.evaluation.user_study.survey import Survey, write_survey
from ganverse_nb.figures.user_study import DISTANCE, SIDE, comparisons, with_balls
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.studio.photos import Photos
from ganverse_nb.workflow.run import Run

STAGE, AUTOMATIC = "user_study", "automatic"
CHECKS = 2


def open_study(run: Run, photos: Photos, systems: Mapping[str, Mesh], needs: Sequence[str]) -> Survey:
    """The survey that compares two systems on studio photographs, and the automatic rater's answers beside it.

    The last two photographs become attention checks: the first system's result beside a grey ball. The stage
    `user_study` holds `survey.html`, its key, its pictures and `automatic/`.

    Args:
        photos: [N], N >= 3.
        systems: name -> textured meshes [N] of two systems, made from the photographs.
        needs: the stages that made them.

    Raises:
        ValueError: not two systems, too few photographs, or another number of meshes.
    """
    if len(systems) != 2:
        raise ValueError(f"A user study compares two systems, got {len(systems)}: {', '.join(systems)}.")
    if len(photos) <= CHECKS or any(len(mesh) != len(photos) for mesh in systems.values()):
        counts = ", ".join(f"{len(mesh)} of {name}" for name, mesh in systems.items())
        raise ValueError(f"A user study needs {CHECKS + 1} photos and a mesh for each, got {len(photos)} and {counts}.")
    (first_name, first), (second_name, second) = systems.items()

    def compute(directory: Path) -> None:
        spoiled = with_balls(second, CHECKS)
        shown = comparisons(photos, first, spoiled, CHECKS)
        survey = write_survey(directory, shown, (first_name, second_name), run.config.seed)
        write_automatic_answers(directory / AUTOMATIC, survey, photos, (first, spoiled))

    settings = [list(systems), len(photos), CHECKS, SIDE, DISTANCE]
    return Survey.load(run.stage(STAGE, compute, settings, needs))
