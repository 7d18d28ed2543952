"""Many small works, some at a time and in order, by as many threads as torch has.

A batch of small pictures leaves torch's own threads little to share: a thread for each batch takes half of the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Event
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


def in_batches(
    work: Callable[[Sequence[T], Callable[[], bool]], Sequence[R]],
    items: Iterable[T],
    size: int,
    threads: int | None = None,
) -> Iterator[Sequence[R]]:
    """`work` on `size` items at a time, in order; each by one thread.

    What is made does not depend on the number of threads. Items are taken, and works done, a few batches before they
    are asked for.

    Args:
        work: of the items of a batch and of a function that tells whether it is still wanted: where it is not, because
            nobody takes what follows, whatever is given back is dropped.
        threads: as many as torch has where nothing is said.

    Raises:
        whatever a work raises, in its turn.
    """
    queue, stopped = iter(items), Event()
    threads = torch.get_num_threads() if threads is None else threads
    waiting: deque[Future[Sequence[R]]] = deque()
    pool = ThreadPoolExecutor(threads, "batch", torch.set_num_threads, (1,))
    try:
        while True:
            while len(waiting) <= threads and (batch := list(islice(queue, size))):
                waiting.append(pool.submit(work, batch, stopped.is_set))
            if not waiting:
                break
            yield waiting.popleft().result()
    finally:
        stopped.set()
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(torch.get_num_threads())  # threads that begin later take this one's number again
