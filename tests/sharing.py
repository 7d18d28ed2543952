"""How tests are shared out among the processes of pytest-xdist, as in `pytest --numprocesses 2`."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

SMOKE_RUN, TORTURE = "smoke run", "torture"

# What takes long comes first, so that no process is left with it alone in the end.
FIRST = (
    SMOKE_RUN,
    "tests/test_any_network.py",
    "tests/inverse_graphics/test_training.py",
    "tests/workflow/test_cli.py",
    "tests/test_paper_scale.py",
    "tests/workflow/test_own_category.py",
    "tests/benchmarks/test_gpu_day.py",
    "tests/workflow/test_identity.py",
    "tests/test_together.py",
    "tests/runtime/test_extras.py",
    "tests/neural_renderer/test_training.py",
    "tests/test_paper_profile.py",
    "tests/notebooks/test_machinery.py",
    "tests/segmentation/test_segmenter_training.py",
)


def together(nodeid: str) -> str:
    """The tests of a file run in one process, as they share what their module makes.

    So do those that look at a whole run at smoke size: nobody else waits for it.

    >>> together("tests/browser/test_panels.py::test_a"), together("tests/gan/test_pose.py::test_b[c::d]")
    ('smoke run', 'tests/gan/test_pose.py')
    """
    users = ("tests/browser/", "tests/notebooks/test_execution.py")
    if nodeid.startswith("tests/torture/"):  # they share the process that others are forked from
        return TORTURE
    return SMOKE_RUN if nodeid.startswith(users) else nodeid.split("::")[0]


def order(nodeid: str) -> int:
    """Sorts tests by when they begin."""
    return FIRST.index(together(nodeid)) if together(nodeid) in FIRST else len(FIRST)


class ByFile(LoadScopeScheduling):
    """Gives a process one file after the other, in the order that they were collected in."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)
