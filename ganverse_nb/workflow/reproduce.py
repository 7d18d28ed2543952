"""The whole paper with one call: the notebooks in order, then the report."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ganverse_nb.runtime.cores import cores
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import content_of, read_json, remove_leftovers, write_json, write_text
from ganverse_nb.runtime.placement import compute_device
from ganverse_nb.workflow.done import DoneNotebooks
from ganverse_nb.workflow.locks import exclusive
from ganverse_nb.workflow.marks import FORGOTTEN
from ganverse_nb.workflow.notebook_engine import Stop
from ganverse_nb.workflow.notebooks import EVIDENCE, STUDIO, execute, notebooks, number, run_parameters
from ganverse_nb.workflow.progress import Board
from ganverse_nb.workflow.report import as_markdown, write_report
from ganverse_nb.workflow.run import Run
from ganverse_nb.workflow.schedule import dependencies, run_all

UNMEASURED = (
    "errors of shapes, cameras and azimuths: they need pictures whose truth is known, and of these nobody knows it; in "
    "their place stand the overlap with held-out pictures, in their own view and in others"
)
RUNTIME_BAR = {"mini": "<= 30"}


class ReproductionError(ExpectedError):
    """Notebooks failed; the message has a sentence for each. The numbers of the others are in the report."""


def reproduce(
    run: Run,
    only: Sequence[str] = (),
    directory: Path | None = None,
    jobs: int | None = None,
) -> Path | None:
    """Executes the notebooks against `run` and writes the report; returns its path, None if nothing was measured.

    A second call continues where one stopped that was interrupted or had a notebook fail: notebooks that are done are
    not executed again (`DoneNotebooks`), and finished stages are loaded. Executed copies, also as .html, go to
    `<run>/notebooks/`, and the run's own numbers to `<run>/report.md`.

    Args:
        only: notebooks to execute, by number as in `04`; all but `EVIDENCE` when empty. The report keeps the numbers of
            the others.
        directory: where the notebooks are; the checkout's by default.
        jobs: how many run at the same time, where they do not need each other; `default_jobs` when None.

    Raises:
        ReproductionError: notebooks failed; those that do not need them were executed all the same.
        RunBusyError: another process reproduces this run.
        ValueError: fewer than one job.
    """
    jobs = default_jobs() if jobs is None else jobs
    if jobs < 1:
        raise ValueError(f"--jobs {jobs}: at least one notebook must run at a time.")
    paths = [path for path in notebooks(directory, only) if only or number(path) not in EVIDENCE]
    if not paths:
        raise FileNotFoundError("There are no built notebooks; `make notebooks` builds them from notebooks/src.")
    config = run.config
    if not config.has_studio:
        run.note("not measured", UNMEASURED)
    parameters = run_parameters(run)
    needs = dependencies(paths)
    awaited = set().union(*needs.values())

    def one(path: Path, progress: Callable[[int, int, str], None], stop: Stop) -> None:
        skip = () if config.has_studio else (STUDIO,)
        output = run.directory / "notebooks" / path.name
        execute(path, output, parameters, progress, stop, skip, None if path in awaited else share_of_cores(jobs))
        done.add(path)

    with exclusive(run.directory / ".reproduce.lock", str(run.directory)):
        _clear(run)
        done, board = DoneNotebooks(run, needs, parameters), Board([path.stem for path in paths])
        kept = {path for path in paths if path in done}
        for path in sorted(kept):
            board.end(path.stem, "was done")
        left = {path: needs[path] - kept for path in paths if path not in kept}
        with Stopwatch(run) as stopwatch:
            failed, skipped = run_all(left, one, jobs, board)
        if not only and not failed:
            minutes = stopwatch.finish()
            run.record("runtime.total_minutes", minutes, "min", bar=RUNTIME_BAR.get(config.profile, ""))
        report = write_report(run) if run.rows() else None
        if report is not None:
            write_text(run.directory / "report.md", as_markdown(run.rows(), run.figures))
        if not failed:
            done.forget()
    if failed:
        sentences = [str(error) for error in failed.values()]
        if skipped:
            sentences.append(f"not begun, as they need what failed: {', '.join(path.stem for path in skipped)}")
        raise ReproductionError("; ".join(sentences))
    return report


def _clear(run: Run) -> None:
    """What a killed reproduction of this run was writing goes; notebooks open elsewhere may be writing pictures now."""
    remove_leftovers(run.directory / "notebooks")
    for name in ("runtime", "report"):
        remove_leftovers(run.directory, name)
    remove_leftovers(run.pictures, older=FORGOTTEN)


def default_jobs() -> int:
    """Two on processors, where a training leaves much of the second idle; one on a GPU, whose memory two may exceed."""
    return 1 if compute_device() == "cuda" else min(2, cores())


def share_of_cores(jobs: int) -> int | None:
    """The processors shared out among notebooks that run beside each other; None where nothing is to be said.

    Those that others wait for keep all of them. The rest shares: a training of many small steps gains a third from a
    second processor, two trainings on one each gain all of it.
    """
    alone = jobs == 1 or os.environ.get("OMP_NUM_THREADS", str(cores())) != str(cores())
    return None if alone else max(1, cores() // jobs)


class Stopwatch:
    """The time that a run took, kept in `<run>/runtime.json`: parts add up over interrupts until `finish`.

    Time is noted every few seconds, so that a killed process loses no more. Later passes over a finished run only
    load what is there, and do not count.
    """

    HEARTBEAT = 5.0

    def __init__(self, run: Run) -> None:
        self.run, self.path = run, run.directory / "runtime.json"
        self.log: dict[str, Any] = {"minutes": None, "parts": []}
        if self.path.exists():
            with content_of(self.path, "record of times"):
                self.log = dict(read_json(self.path))
                float(self.log["minutes"] or sum(p["seconds"] + p["stage_seconds"] for p in self.log["parts"]))
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        self._start, self._stages = time.monotonic(), self.run.stage_seconds()
        if self.log["minutes"] is None:
            self.log["parts"].append({})
            self._note()
            self._thread = threading.Thread(target=self._beat, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.log["minutes"] is None:
            self._stop.set()
            self._thread.join()
            self._note()

    def finish(self) -> float:
        """Ends the count: minutes of all parts, and of stages computed outside them, as in an open notebook."""
        if self.log["minutes"] is None:
            parts = self.log["parts"]
            outside = self.run.stage_seconds() - sum(part["stage_seconds"] for part in parts)
            seconds = sum(part["seconds"] for part in parts) + max(0.0, outside)
            self.log["minutes"] = round(seconds / 60, 2)
            write_json(self.path, self.log, sealed=True)
        return self.log["minutes"]

    def _note(self) -> None:
        seconds, stages = time.monotonic() - self._start, self.run.stage_seconds() - self._stages
        self.log["parts"][-1] = {"seconds": round(seconds, 1), "stage_seconds": round(max(0.0, stages), 1)}
        write_json(self.path, self.log, sealed=True)

    def _beat(self) -> None:
        while not self._stop.wait(self.HEARTBEAT):
            self._note()
