"""Which results a figure shows: chosen by rule, so that nobody picks the good ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def median_and_worst(errors: Tensor) -> tuple[int, int]:
    """Indices of the median (of an even number the lower one) and the largest of `errors` [N]; NaNs do not count.

    Of scores that are better the larger they are, give the negative.

    Raises:
        ValueError: there is no number in it.
    """
    order = _ranked(errors)
    if len(order) == 0:
        raise ValueError("median_and_worst: there is no number to choose by.")
    return int(order[(len(order) - 1) // 2]), int(order[-1])


def at_ranks(errors: Tensor, shares: Sequence[float]) -> list[int]:
    """Indices of the `errors` [N] at ranks from 0, the smallest, to 1, the largest; NaNs do not count.

    Between two it is the lower one, as in `median_and_worst`; where there are too few errors, an index comes once.

    Raises:
        ValueError: there is no number in it, or a rank is not between 0 and 1.
    """
    order = _ranked(errors)
    if len(order) == 0 or not all(0 <= share <= 1 for share in shares):
        raise ValueError(f"at_ranks: ranks from 0 to 1 of at least one number are needed, got {list(shares)}.")
    return list(dict.fromkeys(int(order[int(share * (len(order) - 1))]) for share in shares))


def _ranked(errors: Tensor) -> Tensor:
    """Indices of the numbers in `errors` [N], the smallest first."""
    order = errors.argsort(stable=True)
    return order[~torch.isnan(errors[order])]
