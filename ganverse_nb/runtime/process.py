"""Settings of the whole process, made where computing begins (runs, the command line); no import makes them."""

from __future__ import annotations

import os

from ganverse_nb.runtime.memory import keep_freed_memory

# Threads that spin while they wait make every step many times slower as soon as another program wants a core; threads
# that sleep at once take long to wake (a step of 80 ms takes 120). So they spin for some 50 microseconds first.
THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}


def prepare_process() -> None:
    """How OpenMP's threads wait, for this process and those it starts, and memory that is kept for the next step.

    OpenMP reads its settings when torch is imported: called later, they reach the processes that this one starts only.
    What the environment says already stays.
    """
    for name, value in THREADS.items():
        os.environ.setdefault(name, value)
    keep_freed_memory()
