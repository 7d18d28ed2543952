"""Launching Warp kernels on torch tensors: on the current CUDA stream, or on the CPU with the images over its cores."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache

import torch
import warp as wp
from torch import Tensor

from ganverse_nb.threads import kernel_threads

REALS = {torch.float32: wp.float32, torch.float64: wp.float64}
SMALL = 130_000  # pixels of work below which a second thread costs more than it brings: waking it takes 0.2 ms
FACE = 8  # a kernel over faces or vertices does as much for each as for so many pixels, about, and once all pixels


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Warp's native start prints that there is no CUDA driver straight to file descriptor 2."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


@cache
def _load(module: wp.Module, device: str) -> None:
    """Compile or fetch the kernels, once and on one thread, without Warp's banner and its warning of a missing GPU."""
    level, wp.config.log_level = wp.config.log_level, wp.LOG_ERROR
    with _quiet_stderr() if device == "cpu" else nullcontext():
        wp.init()
    module.load(device, block_dim=1 if device == "cpu" else None)
    wp.config.log_level = level


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="render")


def threads_each(count: int, device: torch.device) -> int:
    """How many threads share `count` faces of an image, or pixels of a row: one on a CPU, on a GPU one for each."""
    return count if device.type == "cuda" else 1


def launch(kernel: wp.Kernel, dim: tuple[int, ...], *args: Tensor | int | float) -> None:
    """Run `kernel` over `dim` = (images, ...) with `args` after its leading argument `first`, the first image to do.

    A kernel whose second argument is `step` goes over the last of `dim`, the faces of an image or the pixels of a row,
    from its last index on in steps of `step`: see `threads_each`.

    Warp runs a CPU launch on one thread; images are independent, so they are shared out over `kernel_threads`. Each
    image is always done in the same order by one thread: the result does not depend on their number.
    """
    tensors = [a for a in args if isinstance(a, Tensor)]
    device = tensors[0].device
    name = f"cuda:{device.index or 0}" if device.type == "cuda" else "cpu"
    _load(kernel.module, name)
    leading = ["first"]
    work = math.prod(dim) if len(dim) == 3 else FACE * math.prod(dim) + max(t.numel() for t in tensors)
    if kernel.adj.args[1].label == "step":
        step = threads_each(dim[-1], device)
        leading, dim = ["first", "step"], (*dim[:-1], step)
    types = [parameter.type for parameter in kernel.adj.args[len(leading) :]]
    arguments = [
        wp.from_torch(a.detach(), dtype=t.dtype, return_ctype=True) if isinstance(a, Tensor) else a
        for a, t in zip(args, types, strict=True)
    ]
    if len(leading) == 2:
        arguments.insert(0, step)
    if device.type == "cuda":
        stream = wp.stream_from_torch(torch.cuda.current_stream(device))
        wp.launch(kernel, dim, inputs=[0, *arguments], device=name, stream=stream)
        return
    images = dim[0]
    threads = min(images, kernel_threads()) if work > SMALL else 1
    bounds = [images * t // threads for t in range(threads + 1)]

    def part(t: int) -> None:
        count = bounds[t + 1] - bounds[t]
        wp.launch(kernel, (count, *dim[1:]), inputs=[bounds[t], *arguments], device=name)

    others = [_pool(threads - 1).submit(part, t) for t in range(1, threads)]
    part(0)
    for other in others:
        other.result()
