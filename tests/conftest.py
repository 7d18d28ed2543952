"""Settings of every test: few threads, so that tests beside each other and on small machines do not crowd.

And what is made once for all of them, when the first test asks for it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

    from tests.smoke import SmokeRun

BESIDE_OTHERS = "PYTEST_XDIST_WORKER" in os.environ

if BESIDE_OTHERS:  # also over what the process that shares out the tests has set: two threads each wait for each other
    os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"  # numba, which rembg brings, sets torch's too
    os.environ["NUMBA_DISABLE_JIT"] = "1"  # and compiles for a minute, the first time, what no test calls
else:
    os.environ.setdefault("OMP_NUM_THREADS", "2")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    from tests.sharing import ByFile

    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if BESIDE_OTHERS:
        from tests.sharing import order

        items.sort(key=lambda item: order(item.nodeid))


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> SmokeRun:
    """A whole run at smoke size: every notebook executed, figures and report written. See `tests.smoke`.

    `tests.sharing` gives one process all the tests that ask for it.
    """
    from tests.smoke import smoke_run  # what needs torch or a notebook library is imported by what needs it

    return smoke_run(tmp_path_factory.mktemp("smoke"), jobs=1 if BESIDE_OTHERS else 2)
