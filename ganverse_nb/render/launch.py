"""Launching Warp kernels on torch tensors: on the current CUDA stream, or on the CPU with the images over its cores."""

from __future__ import annotations

import ctypes
import math
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import warp as wp
from torch import Tensor

from ganverse_nb.render.start import load
from ganverse_nb.runtime.threads import kernel_threads

REALS = {torch.float32: wp.float32, torch.float64: wp.float64}
HEAD_START = 40_000  # pixels of work that a thread gets done until another one, on a sleeping core, is awake
FACE = 8  # a kernel over faces or vertices does as much for each as for so many pixels, about, and once all pixels
_sched_getcpu = getattr(ctypes.CDLL(None), "sched_getcpu", None) if sys.platform == "linux" else None


@cache
def _worker(number: int) -> tuple[ThreadPoolExecutor, int]:
    """A thread and its native id."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="render")
    return thread, thread.submit(threading.get_native_id).result()


if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads, and would wait for them for ever
    os.register_at_fork(after_in_child=_worker.cache_clear)


@contextmanager
def _apart(native_ids: Sequence[int]) -> Iterator[None]:
    """Keeps the caller on its core, and the threads off it.

    In a virtual machine, Linux counts cores that sleep as taken: a thread would begin on the core of the one that
    wakes it, where the two take turns.
    """
    if _sched_getcpu is None or not native_ids:
        yield
        return
    allowed, here = os.sched_getaffinity(0), _sched_getcpu()
    with suppress(OSError):  # where it is not allowed: slower, not wrong
        if allowed != {here}:
            for native_id in native_ids:
                os.sched_setaffinity(native_id, allowed - {here})
        os.sched_setaffinity(0, {here})
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, allowed)


def threads_each(count: int, device: torch.device) -> int:
    """How many threads share `count` faces of an image, or pixels of a row: one on a CPU, on a GPU one for each."""
    return count if device.type == "cuda" else 1


def launch(kernel: wp.Kernel, dim: tuple[int, ...], *args: Tensor | int | float) -> None:
    """Run `kernel` over `dim` = (images, ...) with `args` after its leading argument `first`, the first image to do.

    A kernel whose second argument is `step` goes over the last of `dim`, the faces of an image or the pixels of a row,
    from its last index on in steps of `step`: see `threads_each`.
    """
    launch_in_order((kernel, dim, *args))


def launch_in_order(*calls: tuple[Any, ...]) -> None:
    """Run several kernels over the same images one after the other; each of `calls` are the arguments of a `launch`.

    Warp runs a CPU launch on one thread; images are independent, so they are shared out over `kernel_threads`, which
    are woken once for all of the kernels. Each image is always done in the same order by one thread: the result does
    not depend on their number.
    """
    bound = [_bind(*call) for call in calls]
    device, images = bound[0].device, bound[0].images
    if device.type == "cuda":
        stream = wp.stream_from_torch(torch.cuda.current_stream(device))
        for kernel in bound:
            kernel(0, images, stream)
        return

    def part(first: int, count: int) -> None:
        for kernel in bound:
            kernel(first, count)

    mine, *others = shares(images, kernel_threads(), sum(kernel.work for kernel in bound))
    workers = [_worker(number) for number in range(len(others))]
    with _apart([native_id for _, native_id in workers]):
        running = [thread.submit(part, *share) for (thread, _), share in zip(workers, others)]
        part(*mine)
    for other in running:
        other.result()


def shares(images: int, threads: int, work: int) -> list[tuple[int, int]]:
    """The first image and the number of images of every thread; the first thread, which wakes the others, does more.

    Args:
        work: of all images, in pixels.
    """
    threads = min(images, threads)
    each = round(images / threads * max(1 - HEAD_START / work, 0))
    others = threads - 1 if each else 0
    return [(others * each, images - others * each), *((number * each, each) for number in range(others))]


@dataclass(frozen=True)
class _Bound:
    """A kernel with its arguments but the images to do.

    Attributes:
        rest: of its dimensions, those after the images. work: what it costs, in pixels.
    """

    kernel: wp.Kernel
    arguments: list[Any]
    device: torch.device
    images: int
    rest: tuple[int, ...]
    work: int

    def __call__(self, first: int, count: int, stream: wp.Stream | None = None) -> None:
        where = _warp_name(self.device)
        wp.launch(self.kernel, (count, *self.rest), inputs=[first, *self.arguments], device=where, stream=stream)


def _warp_name(device: torch.device) -> str:
    return f"cuda:{device.index or 0}" if device.type == "cuda" else "cpu"


def _bind(kernel: wp.Kernel, dim: tuple[int, ...], *args: Tensor | int | float) -> _Bound:
    tensors = [a for a in args if isinstance(a, Tensor)]
    device = tensors[0].device
    load(kernel.module, _warp_name(device))
    leading, rest = 1, dim[1:]
    work = math.prod(dim) if len(dim) == 3 else FACE * math.prod(dim) + max(t.numel() for t in tensors)
    arguments: list[Any] = []
    if kernel.adj.args[1].label == "step":
        step = threads_each(dim[-1], device)
        leading, rest, arguments = 2, (*dim[1:-1], step), [step]
    for value, parameter in zip(args, kernel.adj.args[leading:], strict=True):
        if isinstance(value, Tensor):
            value = wp.from_torch(value.detach(), dtype=parameter.type.dtype, return_ctype=True)
        arguments.append(value)
    return _Bound(kernel, arguments, device, dim[0], rest, work)
