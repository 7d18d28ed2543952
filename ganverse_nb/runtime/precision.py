"""How the processor computes: bfloat16 for convolutions where it has it, and numbers too small to matter as zero."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch

PROCESSOR = Path("/proc/cpuinfo")  # of Linux: what an older torch does not tell


def has_bfloat16(device: str | torch.device = "cpu") -> bool:
    """Whether `device` multiplies in bfloat16 itself, and quickly: GPUs, and processors with AMX or AVX-512 BF16.

    Others emulate it: measured on one, a convolution takes four times as long as in float32. Where a virtual machine
    hides the AMX of its processor, AVX-512 BF16 is left, which has less than 0.6 of the speed of float32 there.
    """
    return torch.device(device).type != "cpu" or _processor_has_bfloat16()


def convolution_dtype(wanted: bool, device: str | torch.device = "cpu") -> torch.dtype:
    """bfloat16 where it is `wanted` and `has_bfloat16`, else float32."""
    return torch.bfloat16 if wanted and has_bfloat16(device) else torch.float32


def bfloat16(wanted: bool = True, device: str | torch.device = "cpu") -> AbstractContextManager[Any]:
    """Autocast to bfloat16 where it is `wanted` and `has_bfloat16`, else nothing."""
    enabled = convolution_dtype(wanted, device) == torch.bfloat16
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=enabled)


@contextmanager
def without_denormals() -> Iterator[None]:
    """Numbers below the smallest normal one count as zero meanwhile: a training's optimisers are full of them.

    Not longer than needed: in a process that goes on this way, SciPy's k-d tree ends with a segmentation fault.
    """
    before = _flushes_denormals()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _flushes_denormals() -> bool:
    return float(torch.tensor(5e-324, dtype=torch.float64) * 1.0) == 0.0


@cache
def _processor_has_bfloat16() -> bool:
    if hasattr(torch.cpu, "get_capabilities"):  # newer than the oldest torch we run on
        has = {name for name, on in torch.cpu.get_capabilities().items() if on}
    else:
        has = set(PROCESSOR.read_text().split()) if PROCESSOR.is_file() else set()
    if "avx512_fp16" in has and "amx_bf16" not in has:  # every such processor has AMX, so that it is hidden
        return False
    return any("bf16" in name for name in has)
