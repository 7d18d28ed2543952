"""Named columns of a table of floats: how kernels read what Python knows by name."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor


def columns(name: str, sizes: Mapping[str, int]) -> Any:
    """An enumeration of the first column of each entry; `SIZE` is the number of all columns."""
    starts = [0, *accumulate(sizes.values())]
    return IntEnum(name, {**dict(zip(sizes, starts)), "SIZE": starts[-1]})


def pack(values: Mapping[str, Tensor], sizes: Mapping[str, int]) -> Tensor:
    """[B, SIZE] float32 table of the entries [B] or [B, n] that `sizes` names, in its order."""
    return torch.cat([values[name].float().reshape(-1, size) for name, size in sizes.items()], 1).contiguous()
