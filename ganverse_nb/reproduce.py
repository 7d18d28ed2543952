"""The whole paper with one call: every notebook in order, then the report."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from .evaluation.report import write_report
from .files import read_json, write_json
from .notebooks import execute, notebooks
from .run import Run, exclusive

RUNTIME_BAR = {"mini": "<= 30"}


def reproduce(
    run: Run, settings: Mapping[str, Any] | None = None, only: Sequence[str] = (), directory: Path | None = None
) -> Path | None:
    """Executes the notebooks against `run` and writes the report; returns its path, None if nothing was measured.

    Finished stages are loaded, so a second call continues where an interrupted one stopped. Executed copies go to
    `<run>/notebooks/`.

    Args:
        settings: the changes to the profile that `run` was opened with.
        only: notebooks to execute, by number as in `04`; all when empty. The report keeps the numbers of the others.
        directory: where the notebooks are; the checkout's by default.

    Raises:
        NotebookError: a notebook failed.
        RunBusyError: another process reproduces this run.
    """
    paths = notebooks(directory, only)
    if not paths:
        raise FileNotFoundError("There are no built notebooks; `make notebooks` builds them from notebooks/src.")
    config = run.config
    parameters = {
        "profile": config.profile,
        "category": config.category,
        "seed": config.seed,
        "runs": str(run.root.resolve()),
        "figures": str(run.figures.resolve()),
        "settings": dict(settings or {}),
    }
    with exclusive(run.directory / ".reproduce.lock", str(run.directory)):
        with Stopwatch(run) as stopwatch:
            for number, path in enumerate(paths, 1):
                with Line(f"[{number}/{len(paths)}] {path.stem}") as line:
                    execute(path, run.directory / "notebooks" / path.name, parameters, line.update)
        if not only:
            minutes = stopwatch.finish()
            run.record("runtime.total_minutes", minutes, "min", bar=RUNTIME_BAR.get(config.profile, ""))
        return write_report(run) if run.rows() else None


class Stopwatch:
    """The time that a run took, kept in `<run>/runtime.json`: parts add up over interrupts until `finish`.

    Time is noted every few seconds, so that a killed process loses no more. Later passes over a finished run only
    load what is there, and do not count.
    """

    HEARTBEAT = 5.0

    def __init__(self, run: Run) -> None:
        self.run, self.path = run, run.directory / "runtime.json"
        self.log = read_json(self.path) if self.path.exists() else {"minutes": None, "parts": []}
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
            write_json(self.path, self.log)
        return self.log["minutes"]

    def _note(self) -> None:
        seconds, stages = time.monotonic() - self._start, self.run.stage_seconds() - self._stages
        self.log["parts"][-1] = {"seconds": round(seconds, 1), "stage_seconds": round(max(0.0, stages), 1)}
        write_json(self.path, self.log)

    def _beat(self) -> None:
        while not self._stop.wait(self.HEARTBEAT):
            self._note()


class Line:
    """One line of a terminal that says how far something is; elsewhere, a line now and then."""

    def __init__(self, title: str, stream: TextIO | None = None, every: float = 60.0) -> None:
        self.title, self.stream, self.every = title, stream or sys.stderr, every
        self.live = self.stream.isatty()
        self.start = self.shown = time.monotonic()

    def update(self, done: int, total: int, text: str) -> None:
        now = time.monotonic()
        if self.live or now - self.shown >= self.every:
            self.shown = now
            self._show(f"{self.title}  {done}/{total} cells, {now - self.start:.0f} s  {text}")

    def _show(self, text: str, end: str = "") -> None:
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            self.stream.write("\r" + text[:width].ljust(width) + end)
        else:
            self.stream.write(text.rstrip() + "\n")
        self.stream.flush()

    def __enter__(self) -> Self:
        self._show(self.title)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state = "done" if kind is None else "stopped"
        self._show(f"{self.title}  {state} after {time.monotonic() - self.start:.0f} s", "\n")
