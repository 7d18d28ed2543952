"""Processes that begin in milliseconds: forked from one that has imported and made what they need, with one thread.

A kill then costs what the work itself takes, and not the start of an interpreter.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import cache
from multiprocessing import get_context, set_forkserver_preload
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from ganverse_nb.runtime.process import stops_like_ctrl_c
from ganverse_nb.workflow.terminal import say, told

ROOT = Path(__file__).parents[2]
INTERRUPTED = 130
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate", "shutil.rmtree")


@cache
def context() -> ForkServerContext:
    """Where processes come from."""
    set_forkserver_preload(["tests.torture.warm"])
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])  # of the server
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # two threads that spin wait long where there is other work
    return get_context("forkserver")


def begin(
    work: Callable[[], object], log: Path, within: Path | None = None, ends_before: int = 0, number: int = 9
) -> ForkServerProcess:
    """A process that does `work` and says to `log` what it has to say.

    Args:
        within: the folder in which changes of files are counted; `log` with the suffix .changes tells their number.
        ends_before: before which of these changes it gets the signal `number`; 0: none.
    """
    process = context().Process(target=_live, args=(work, log, within, ends_before, number), daemon=False)
    process.start()
    return process


def _live(work: Callable[[], object], log: Path, within: Path | None, ends_before: int, number: int) -> None:
    words = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(words, stream)
    assert "tests.torture.warm" in sys.modules, "the server has not made what works need"
    counted = _count(str(within), ends_before, number) if within else [0]
    code = 0
    for heard in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # a shell may have started all this deaf to them
        signal.signal(heard, signal.default_int_handler if heard == signal.SIGINT else signal.SIG_DFL)
    try:
        with stops_like_ctrl_c():
            work()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        expected = told(error)
        code = 1 if expected is None else say(expected, 2)
        if expected is None:
            traceback.print_exc()
    if within:
        log.with_suffix(".changes").write_text(str(counted[0]))
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _count(within: str, ends_before: int, number: int) -> list[int]:
    """Counts the changes of files below a folder, and sends the process a signal before one of them."""
    counted = [0]

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            if not isinstance(arguments[2], int) or not arguments[2] & WRITES:
                return
        elif event not in CHANGES:
            return
        if str(arguments[0]).startswith(within):
            counted[0] += 1
            if counted[0] == ends_before:
                os.kill(os.getpid(), number)

    sys.addaudithook(heard)
    return counted
