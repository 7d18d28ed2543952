"""Commands that processes share which `torchrun` or `accelerate launch` has started together."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.team import Team
from ganverse_nb.workflow.run import Run

STAGES = ("multiview", "inverse_graphics", "photo_model", "stylegan_r")
"""What takes long, in the order of the paper."""


@contextmanager
def started_together(options: argparse.Namespace) -> Iterator[Team]:
    """The processes that share a command; within the block one of them prints for all.

    Raises:
        ExpectedError: several processes, and a command that they cannot share.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not options.shared:
        raise ExpectedError(
            "Several processes share train-gan, train-segmenter and compute; give any other command to one process, "
            "without torchrun or accelerate launch."
        )
    team = Team.from_environment()
    if team.is_main:
        yield team
        return
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield team


def compute(run: Run, names: Sequence[str]) -> list[Path]:
    """Computes stages of a run, and all that they need, where they are not finished; returns their directories.

    What `reproduce` and the notebooks then find done.

    Raises:
        ExpectedError: a stage of another name.
    """
    from ganverse_nb.workflow import experiments, stages
    from ganverse_nb.workflow.commands import prepare

    if unknown := [name for name in names if name not in STAGES]:
        raise ExpectedError(f"There is no stage {unknown[0]} to compute; the stages are {', '.join(STAGES)}.")
    prepare(run)
    tell = {"photo_model": experiments.photo_model_stage}
    tell |= {name: getattr(stages, f"{name}_stage") for name in STAGES if name not in tell}
    return [run.finish(tell[name](run)) for name in names]
