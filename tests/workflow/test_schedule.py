"""Which notebook waits for which, what runs beside what, and what a failure stops; without kernels."""

import io
import threading
import time
from pathlib import Path

import pytest

from ganverse_nb.workflow.notebooks import NotebookError, notebooks, number
from ganverse_nb.workflow.progress import Board
from ganverse_nb.workflow.schedule import HOMES, called_stages, dependencies, run_all

NEEDS = {"01": set(), "02": set(), "04": {"02"}, "08": {"02", "04"}, "09": {"08"}}


def plan(needs=NEEDS):
    return {Path(name): {Path(n) for n in other} for name, other in needs.items()}


def board(needs=NEEDS):
    return Board(list(needs), io.StringIO())


def test_the_projects_notebooks_wait_for_those_that_tell_of_their_stages():
    paths = notebooks()
    needs = {number(p): {number(n) for n in others} for p, others in dependencies(paths).items()}
    assert needs["02"] == set() and needs["01"] == set()
    assert needs["07"] == {"02"}
    assert needs["00"] == {"04", "08"} and needs["04"] == {"02"}
    assert needs["08"] == {"02", "04"} and "08" in needs["09"] and "08" in needs["10"]
    assert needs["11"] == {"02", "04"} and needs["03b"] == set()
    alone = dependencies([p for p in paths if p.name.startswith("09")])
    assert list(alone.values()) == [set()]
    homes = {number(path): called_stages(path) for path in paths}
    assert all(stage in homes[home] for stage, home in HOMES.items())


@pytest.mark.parametrize("jobs", [1, 3])
def test_all_run_once_and_after_what_they_need(jobs):
    ended, lock = [], threading.Lock()

    def execute(path, progress, stop):
        with lock:
            assert {n.name for n in plan()[path]} <= set(ended)
        progress(1, 2, "")
        with lock:
            ended.append(path.name)

    assert run_all(plan(), execute, jobs, board()) == ({}, [])
    assert sorted(ended) == sorted(NEEDS)
    if jobs == 1:
        assert ended == sorted(NEEDS)


def test_jobs_run_beside_each_other():
    """Each of two waits for the other to have begun."""
    meet = threading.Barrier(2, timeout=20)
    alone = plan({"01": set(), "02": set()})
    assert run_all(alone, lambda path, progress, stop: meet.wait(), 2, board()) == ({}, [])


def test_a_failure_stops_its_dependants_only():
    ran, out = [], board()

    def execute(path, progress, stop):
        ran.append(path.name)
        if path.name == "04":
            raise NotebookError("04 stopped", "x = 1 / 0")

    failed, skipped = run_all(plan(), execute, 1, out)
    assert ran == ["01", "02", "04"] and [p.name for p in failed] == ["04"]
    assert [p.name for p in skipped] == ["08", "09"]
    said = out.stream.getvalue()
    assert "    x = 1 / 0\n" in said and "08  not begun: it needs 04" in said and "[5/5] 09" in said


def test_an_interrupt_stops_what_runs():
    stopped = []

    def execute(path, progress, stop):
        if path.name == "01":
            raise KeyboardInterrupt
        while not stop.asked:
            time.sleep(0.01)
        stopped.append(path.name)

    with pytest.raises(KeyboardInterrupt):
        run_all(plan(), execute, 2, board())
    assert stopped == ["02"]


def test_a_terminal_shows_one_line_and_a_file_a_few():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream in (Terminal(), io.StringIO()):
        shown = Board(["00_one", "01_two"], stream)
        shown.begin("00_one")
        for done in range(5):
            shown.update("00_one", done, 5, "3/9 [00:01<00:02]")
        shown.end("00_one", "done")
        lines = stream.getvalue().splitlines()
        if stream.isatty():
            assert stream.getvalue().count("\n") == 1 and "[0/2] 00_one  4/5 cells, 0 s  3/9" in stream.getvalue()
        else:
            assert lines == ["[0/2] 00_one", "[1/2] 00_one  done after 0 s"]
