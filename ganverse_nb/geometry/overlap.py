"""How much two masks overlap: intersection over union, of masks as they are or cut at one half."""

from __future__ import annotations

import torch
from torch import Tensor

EPSILON = 1e-6


def soft_iou(a: Tensor, b: Tensor) -> Tensor:
    """[B] intersection over union of soft masks [B, 1, H, W] in [0, 1]: sum ab / sum (a + b - ab). Differentiable.

    Raises:
        ValueError: shapes differ.
    """
    _check(a, b)
    both = (a * b).flatten(1).sum(1)
    return both / ((a + b).flatten(1).sum(1) - both + EPSILON)


def hard_iou(a: Tensor, b: Tensor) -> Tensor:
    """[B] intersection over union of masks [B, 1, H, W] cut at one half; two empty masks agree: 1.

    Raises:
        ValueError: shapes differ.
    """
    _check(a, b)
    first, second = a.flatten(1) > 0.5, b.flatten(1) > 0.5
    union = (first | second).sum(1)
    return torch.where(union > 0, (first & second).sum(1) / union.clamp(min=1), torch.ones(len(a), device=a.device))


def _check(a: Tensor, b: Tensor) -> None:
    if a.shape != b.shape:
        raise ValueError(f"IoU: the masks must have one shape, got {tuple(a.shape)} and {tuple(b.shape)}.")
