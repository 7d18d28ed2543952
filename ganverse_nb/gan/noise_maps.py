"""Noise maps as something to optimise (Karras et al. 2020, appendix D): what keeps them noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.gan.generator import Generator, ModulatedConv


def own_noise(generator: Generator, batch: int) -> list[Tensor] | None:
    """The generator's own noise, once per picture, to be optimised; None where it has no effect."""
    convs = cast("list[ModulatedConv]", list(generator.convs))
    if all(float(conv.noise_strength) == 0.0 for conv in convs):
        return None
    return [conv.noise_const.repeat(batch, 1, 1, 1).requires_grad_() for conv in convs]


def noise_correlation(maps: Sequence[Tensor]) -> Tensor:
    """How much noise maps [B, 1, R, R] resemble themselves one place further, squared; a scalar.

    Summed over both directions, the maps, and each map's halvings down to 8 px, so that no scale can carry a picture.
    """
    total = maps[0].new_zeros([])
    for level in maps:
        while True:
            neighbours = [(level * level.roll(1, axis)).mean((1, 2, 3)).square().sum() for axis in (2, 3)]
            total = total + torch.stack(neighbours).sum()
            if level.shape[-1] <= 8:
                break
            level = F.avg_pool2d(level, 2) * 2.0  # of unit deviation again
    return total


@torch.no_grad()
def normalise_noise(maps: Sequence[Tensor]) -> None:
    """Mean 0 and deviation 1 again for each map of each picture."""
    for noise in maps:
        noise -= noise.mean((1, 2, 3), keepdim=True)
        noise *= noise.square().mean((1, 2, 3), keepdim=True).rsqrt()
