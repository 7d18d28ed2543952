"""How many threads a training step of many small operations takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch inside the block, as many as before after it.

    A step of a small network is hundreds of operations of microseconds; waking the other threads for each costs more
    than they save: 86 instead of 105 ms for a step of inverse graphics on two cores.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
