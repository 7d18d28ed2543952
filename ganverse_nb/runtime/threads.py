"""How many threads torch takes for many small operations, and the renderer's kernels for their few large ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from threading import RLock, local
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")
_making = RLock()
if hasattr(os, "register_at_fork"):  # a child begins while no other thread is making something
    os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_making.release)


def made_once(function: Callable[P, T]) -> Callable[P, T]:
    """`functools.cache` for what must not be made twice, even where several threads ask for it first at once."""
    made: Callable[..., T] = cache(function)

    @wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> T:
        with _making:
            return made(*args, **options)

    return call


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
