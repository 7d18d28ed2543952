"""Settings of the whole process, made where computing begins (runs, the command line); no import makes them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from ganverse_nb.runtime.cores import allowed, cores
from ganverse_nb.runtime.memory import keep_freed_memory

# Threads that spin while they wait make every step many times slower as soon as another program wants a core; threads
# that sleep at once take long to wake (a step of 80 ms takes 120). So they spin for some 50 microseconds first.
THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}

_run_is_open = [False]


def compute_for_run() -> None:
    """From now on a run is open in this process, on whose device it computes (`runtime.placement`)."""
    _run_is_open[0] = True


def computes_for_run() -> bool:
    """Whether a run was opened in this process."""
    return _run_is_open[0]


def prepare_process() -> None:
    """How OpenMP's threads wait, for this process and those it starts, and memory that is kept for the next step.

    Where a quota allows fewer processors than OpenMP sees, as in a container, it takes as many threads as are allowed.

    OpenMP reads its settings when torch is imported: called later, they reach the processes that this one starts only.
    What the environment says already stays.
    """
    for name, value in THREADS.items():
        os.environ.setdefault(name, value)
    if cores() < allowed():
        os.environ.setdefault("OMP_NUM_THREADS", str(cores()))
    keep_freed_memory()


@contextmanager
def stops_like_ctrl_c() -> Iterator[None]:
    """A stop (SIGTERM) and a closed terminal (SIGHUP) raise KeyboardInterrupt, so that they end tidily, and resumable.

    What is ignored stays ignored, as nohup wants it. For the main thread alone.
    """
    stops = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    heard = [number for number in stops if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, signal.default_int_handler) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def without_ctrl_c() -> Iterator[None]:
    """Processes that this thread starts meanwhile do not hear Ctrl-C, which a terminal sends to all that run in it.

    Not even while they load their modules, when they could not say that they will ignore it. This process hears of it
    when the block ends.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
