"""What the steps of a training compute: their gradients, from the same weights under other circumstances.

Trainings part from each other once their rounding errors differ, as Adam moves even a weight whose gradient is nothing
but rounding by whole steps. So one training follows another here: before each step its gradients are compared, and then
the weights and gradients of the other put in their place.

python -m tests.torture.steps NAME STEPS FOUND    follows the training NAME along recorded steps; its differences
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_pre_hook

from ganverse_nb.runtime import precision
from ganverse_nb.runtime.files import read_json, write_json
from tests.torture import works
from tests.torture.killing import NEVER, PATIENCE

Step = list[tuple[Tensor, Tensor | None]]  # weights before a step of an optimiser, and their gradients
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
"""Environment in which a processor computes as one without AVX-512 would."""


def record(name: str, root: Path, threads: int, bfloat16: bool) -> list[Step]:
    """All steps of the training `name`, done in `root`.

    Args:
        bfloat16: whether convolutions are in bfloat16, which a processor may have to emulate; else all is in float32.
    """
    steps: list[Step] = []

    def look(weights: Sequence[Tensor]) -> None:
        steps.append([(w.detach().clone(), None if w.grad is None else w.grad.clone()) for w in weights])

    _train(name, root, threads, bfloat16, look)
    return steps


def follow(name: str, root: Path, steps: Sequence[Step], threads: int, bfloat16: bool) -> list[float]:
    """Of each step, how far its gradients are from those that were recorded, as a share of how large they are (norms).

    Raises:
        AssertionError: it does other steps.
    """
    apart: list[float] = []

    def look(weights: Sequence[Tensor]) -> None:
        step = steps[len(apart)]
        apart.append(_apart(step, weights))
        with torch.no_grad():
            for ours, (weight, gradient) in zip(weights, step, strict=True):
                ours.copy_(weight)
                ours.grad = None if gradient is None else gradient.clone()

    _train(name, root, threads, bfloat16, look)
    assert len(apart) == len(steps)
    return apart


def follow_as_older(name: str, folder: Path, steps: Sequence[Step]) -> list[float]:
    """As `follow`, in float32 with one thread, by a process that computes with AVX2.

    Raises:
        AssertionError: it computes with AVX-512.
    """
    torch.save(list(steps), folder / "steps.pt")
    command = [sys.executable, "-m", "tests.torture.steps", name, str(folder / "steps.pt"), str(folder / "older.json")]
    subprocess.run(command, env=os.environ | AVX2, check=True, timeout=PATIENCE)
    found = read_json(folder / "older.json")
    assert "AVX512" not in found["computes"]
    return found["apart"]


def _apart(step: Step, weights: Sequence[Tensor]) -> float:
    off = size = 0.0
    for ours, (_, gradient) in zip(weights, step, strict=True):
        assert (ours.grad is None) == (gradient is None)
        if gradient is not None and ours.grad is not None:
            off += float((ours.grad.double() - gradient).square().sum())
            size += float(gradient.double().square().sum())
    return (off / max(size, 1e-30)) ** 0.5


def _train(name: str, root: Path, threads: int, bfloat16: bool, look: Callable[[Sequence[Tensor]], None]) -> None:
    def before(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        look([weight for group in optimizer.param_groups for weight in group["params"]])

    heard = register_optimizer_step_pre_hook(before)
    try:
        with _threads(threads), _bfloat16(bfloat16):
            works.WORKS[name](root, NEVER)
    finally:
        heard.remove()


@contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _bfloat16(wanted: bool) -> Iterator[None]:
    before = precision._processor_has_bfloat16
    precision._processor_has_bfloat16 = cache(lambda: wanted)
    try:
        yield
    finally:
        precision._processor_has_bfloat16 = before


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        name, steps, found = sys.argv[1:]
        apart = follow(name, Path(folder), torch.load(steps, weights_only=True), threads=1, bfloat16=False)
        write_json(Path(found), {"computes": torch.backends.cpu.get_cpu_capability(), "apart": apart})
