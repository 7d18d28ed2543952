"""Functions that `torch.compile` leaves alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")


def uncompiled(function: Callable[P, T]) -> Callable[P, T]:
    """`function`, which `torch.compile` calls as it is, between its graphs.

    It finds nothing to compile in the launch of a kernel, or in a look at what is remembered of a tensor, and would
    look again for each new set of tensors.
    """
    left_alone: list[Callable[P, T]] = []

    @wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> T:
        if "torch._dynamo" not in sys.modules:  # nothing is compiled, and importing it takes long
            return function(*args, **options)
        if not left_alone:
            left_alone.append(torch.compiler.disable(function))
        return left_alone[0](*args, **options)

    return call
