"""How many threads torch takes for many small operations, and the renderer's kernels for their few large ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_before = 0


@contextmanager
def one_thread(wanted: bool = True) -> Iterator[None]:
    """One thread for torch's operations inside the block, if `wanted`; as many as before after it; kernels keep theirs.

    A step of a small network is hundreds of operations of microseconds; waking the other threads for each costs more
    than they save: 86 instead of 105 ms for a step of inverse graphics on two cores with bfloat16.
    """
    global _before
    before, outer = torch.get_num_threads(), _before
    torch.set_num_threads(1 if wanted else before)
    _before = max(before, outer)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        _before = outer


def kernel_threads() -> int:
    """How many threads a kernel of the renderer takes: torch's number, within `one_thread` the number before it."""
    return max(torch.get_num_threads(), _before)
