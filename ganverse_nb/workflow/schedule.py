"""Notebooks in the order that they need each other in, several at a time; what fails stops only what needs it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from pathlib import Path

import nbformat

from ganverse_nb.workflow.notebook_engine import Stop
from ganverse_nb.workflow.notebooks import NotebookError, number, source_code
from ganverse_nb.workflow.progress import Board

# Every notebook runs alone; but where the one that tells of a stage is executed too, the others wait for it.
HOMES = {"view_gate": "01", "multiview": "02", "inverse_graphics": "04", "photo_model": "05", "stylegan_r": "08"}
"""Stage -> number of the notebook that tells of it."""

Execute = Callable[[Path, Callable[[int, int, str], None], Stop], object]


def dependencies(paths: Sequence[Path]) -> dict[Path, set[Path]]:
    """For each notebook those of `paths` that tell of a stage it calls."""
    homes = {stage: path for stage, home in HOMES.items() for path in paths if number(path) == home}
    return {path: {homes[s] for s in called_stages(path) if s in homes} - {path} for path in paths}


def called_stages(notebook: Path) -> set[str]:
    """The stages that a notebook calls by name, as in `stages.multiview(run)` or `experiments.photo_model(run)`."""
    code = source_code(nbformat.read(notebook, as_version=4))
    attributes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Attribute)]
    return {a.attr for a in attributes if isinstance(a.value, ast.Name) and a.value.id in ("stages", "experiments")}


def run_all(
    needs: Mapping[Path, set[Path]], execute: Execute, jobs: int, board: Board
) -> tuple[dict[Path, NotebookError], list[Path]]:
    """Executes notebooks, `jobs` at a time, each after those it needs.

    Args:
        needs: notebook -> notebooks that must have ended well before it begins.
        execute: executes one, with what hears of its progress and what can stop it; raises a NotebookError.

    Returns:
        The errors of those that failed, and those that were not begun because of them.
    """
    order = TopologicalSorter({path: sorted(needs[path]) for path in sorted(needs)})
    order.prepare()
    failed: dict[Path, NotebookError] = {}
    skipped: list[Path] = []
    waiting: list[Path] = []
    running: dict[Future[object], Path] = {}
    stop = Stop()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while order.is_active():
                waiting = sorted([*waiting, *order.get_ready()])
                while waiting and len(running) < jobs:
                    path = waiting.pop(0)
                    lacking = [need.stem for need in sorted(needs[path]) if need in failed or need in skipped]
                    if lacking:
                        skipped.append(path)
                        board.end(path.stem, f"not begun: it needs {', '.join(lacking)}")
                        order.done(path)
                        waiting = sorted([*waiting, *order.get_ready()])
                        continue
                    board.begin(path.stem)
                    running[pool.submit(execute, path, _listener(board, path), stop)] = path
                for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                    path = running.pop(future)
                    order.done(path)
                    try:
                        future.result()
                    except NotebookError as error:
                        failed[path] = error
                        board.end(path.stem, "failed", f"{error.cell}\n{error}" if error.cell else str(error))
                    else:
                        board.end(path.stem, "done")
        except BaseException:
            stop()
            raise
    return failed, skipped


def _listener(board: Board, path: Path) -> Callable[[int, int, str], None]:
    return lambda done, total, text: board.update(path.stem, done, total, text)
