"""How many threads torch takes for many small operations, and the renderer's kernels for their few large ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import local

import torch


class _Outside(local):
    """How many threads torch had outside of all `one_thread` blocks: each thread of the process has its own number."""

    threads = 0


_outside = _Outside()


@contextmanager
def one_thread(wanted: bool = True) -> Iterator[None]:
    """One thread for torch's operations inside the block, if `wanted`; as many as before after it; kernels keep theirs.

    A step of a small network is hundreds of operations of microseconds; waking the other threads for each costs more
    than they save: 86 instead of 105 ms for a step of inverse graphics on two cores with bfloat16.
    """
    before, outer = torch.get_num_threads(), _outside.threads
    torch.set_num_threads(1 if wanted else before)
    _outside.threads = max(before, outer)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        _outside.threads = outer


def kernel_threads() -> int:
    """How many threads a kernel of the renderer takes: torch's number, within `one_thread` the number before it."""
    return max(torch.get_num_threads(), _outside.threads)
