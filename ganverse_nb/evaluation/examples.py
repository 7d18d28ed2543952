"""Which results a figure shows: chosen by rule, so that nobody picks the good ones."""

from __future__ import annotations

import torch
from torch import Tensor


def median_and_worst(errors: Tensor) -> tuple[int, int]:
    """Indices of the median (of an even number the lower one) and the largest of `errors` [N]; NaNs do not count.

    Of scores that are better the larger they are, give the negative.

    Raises:
        ValueError: there is no number in it.
    """
    order = errors.argsort(stable=True)
    order = order[~torch.isnan(errors[order])]
    if len(order) == 0:
        raise ValueError("median_and_worst: there is no number to choose by.")
    return int(order[(len(order) - 1) // 2]), int(order[-1])
