"""One run at smoke size, made by the project's own `reproduce`, for all the tests that look at what a run leaves."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from ganverse_nb.evaluation.report_text import pictures_folder
from ganverse_nb.workflow.notebooks import notebooks
from ganverse_nb.workflow.reproduce import ReproductionError, reproduce
from ganverse_nb.workflow.run import open_run

PROFILE, CATEGORY = "smoke", "car"


@dataclass(frozen=True)
class SmokeRun:
    """A finished run. Tests share it and must not write to it: `copy` gives one of their own.

    Attributes:
        root: holds `runs` and `figures`.
        failed: what `reproduce` said of the notebooks that failed.
    """

    root: Path
    failed: str

    @property
    def figures(self) -> Path:
        """The report, and below it the run's pictures."""
        return self.root / "figures"

    @property
    def pictures(self) -> Path:
        """Those of the run."""
        return self.figures / pictures_folder(CATEGORY, PROFILE)

    @property
    def directory(self) -> Path:
        """The run's own."""
        return self.root / "runs" / f"{CATEGORY}-{PROFILE}-seed0"

    def executed(self, notebook: Path) -> Path:
        """The executed copy of a notebook.

        Raises:
            AssertionError: it failed.
        """
        path = self.directory / "notebooks" / notebook.name
        assert path.is_file(), f"{notebook.stem} was not executed to its end: {self.failed}"
        return path

    def copy(self, target: Path) -> dict[str, object]:
        """Copies the run into a new folder; returns the parameters of notebooks that use the copy."""
        for part in ("runs", "figures"):
            shutil.copytree(self.root / part, target / part)
        return {"profile": PROFILE, "runs": str(target / "runs"), "figures": str(target / "figures")}


def smoke_run(root: Path, jobs: int) -> SmokeRun:
    """Makes the run in `root`.

    Every notebook runs alone: the last comes first, in an empty directory, and has to compute all it needs. The others,
    `jobs` at a time, find what it left.
    """
    run = open_run(PROFILE, CATEGORY, runs=root / "runs", figures=root / "figures")
    *others, last = [path.stem for path in notebooks()]
    failed = []
    for only in ([last], others):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OMP_NUM_THREADS", "1")  # small steps gain nothing from a second processor
            try:
                reproduce(run, only=only, jobs=jobs)
            except ReproductionError as error:
                failed.append(str(error))
    return SmokeRun(root, "; ".join(failed))
