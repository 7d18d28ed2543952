"""What photographs do to an object and its mask that a renderer does not: domain randomisation of training pictures."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.runtime.draws import Draws

RAGGED = 0.25  # of a pixel's coverage: how far noise moves a mask's outline
LEFT_ALONE = 0.3  # share of the masks that stay as they are
LACKS_DARK, KEEPS = 0.25, 0.55  # share of the masks without dark parts, and what must be left of one
COVERED = 0.15  # share of the masks that something in front cuts a piece out of


class Dice:
    """Random numbers for B pictures, on the pictures' device."""

    def __init__(self, images: Tensor, draws: Draws) -> None:
        self.count, self.device, self.draws = len(images), images.device, draws

    def uniform(self, low: float, high: float, channels: int = 1) -> Tensor:
        """[B, channels, 1, 1] between `low` and `high`."""
        drawn = self.draws.rand(self.count, channels, 1, 1)
        return (low + (high - low) * drawn).to(self.device)

    def chance(self, share: float) -> Tensor:
        """[B, 1, 1, 1] bool, true for about `share`."""
        return self.uniform(0, 1) < share

    def normal(self, channels: int, size: int) -> Tensor:
        """[B, channels, size, size] white noise."""
        return self.draws.randn(self.count, channels, size, size).to(self.device)


def recolored(images: Tensor, masks: Tensor, draws: Draws) -> Tensor:
    """Pictures [B, 3, H, W] in [0, 1] in other colours, contrast and exposure: each pixel by itself, so also textures.

    `masks` [B, 1, H, W] say what the contrast is taken about.
    """
    dice = Dice(images, draws)
    grey = images.mean(1, keepdim=True)
    x = grey + (images - grey) * dice.uniform(0, 1.6)
    order = torch.randperm(3, generator=draws.generator).to(images.device)
    x = torch.where(dice.chance(0.15), x[:, order], x) * dice.uniform(0.8, 1.2, 3)
    mean = (x * masks).sum((1, 2, 3), keepdim=True) / (3 * masks.sum((1, 2, 3), keepdim=True)).clamp(min=1)
    x = mean + (x - mean) * dice.uniform(0.6, 1.6)
    x = x * dice.uniform(0.5, 1.5) + dice.uniform(-0.15, 0.15)
    return x.clamp(1e-3, 1) ** dice.uniform(0.6, 1.6)


def degraded(images: Tensor, draws: Draws) -> Tensor:
    """Pictures [B, 3, R, R] in [0, 1] with soft shadows and highlights, blur and noise."""
    dice, size = Dice(images, draws), images.shape[-1]
    x = torch.where(dice.chance(0.3), F.avg_pool2d(images, 3, 1, 1), images)
    patches = F.interpolate(dice.normal(1, 5), size=size, mode="bicubic")
    x = x * (1 + 0.15 * patches) + draws.randn(*x.shape).to(x.device) * dice.uniform(0, 0.05)
    return x.clamp(0, 1)


def photographed(images: Tensor, masks: Tensor, draws: Draws) -> Tensor:
    """Pictures [B, 3, R, R] in [0, 1] as other cameras, in other light, would have taken them; see `recolored`."""
    return degraded(recolored(images, masks, draws), draws)


def badly_cut(images: Tensor, masks: Tensor, draws: Draws) -> Tensor:
    """Masks [B, 1, R, R] as segmenters leave them: grown, shrunk, ragged, without dark parts, partly covered.

    `images` [B, 3, R, R] say what is dark. No mask loses more than about half of itself.
    """
    dice, size = Dice(images, draws), masks.shape[-1]
    soft = F.avg_pool2d(F.avg_pool2d(masks, 3, 1, 1), 3, 1, 1)
    noise = F.interpolate(dice.normal(1, 12), size=size, mode="bilinear") * dice.uniform(0, RAGGED)
    moved = (soft + noise > 0.5 + dice.uniform(-RAGGED, RAGGED)).to(masks.dtype)
    whole = masks.sum((1, 2, 3), keepdim=True)

    def where_enough(wanted: Tensor, cut: Tensor, otherwise: Tensor) -> Tensor:
        return torch.where(wanted & (cut.sum((1, 2, 3), keepdim=True) > KEEPS * whole), cut, otherwise)

    bright = images.amax(1, keepdim=True)
    typical = (bright * masks).sum((1, 2, 3), keepdim=True) / whole.clamp(min=1)
    out = where_enough(dice.chance(LACKS_DARK), moved * (bright > dice.uniform(0.05, 0.5) * typical), moved)
    at = torch.linspace(-1, 1, size, device=masks.device)
    half, x, y = dice.uniform(0.1, 0.3, 2), dice.uniform(-1, 1), dice.uniform(-1, 1)
    behind = ((at[None, None, None] - x).abs() > half[:, :1]) | ((at[None, None, :, None] - y).abs() > half[:, 1:])
    out = where_enough(dice.chance(COVERED), out * behind, out)
    return where_enough(~dice.chance(LEFT_ALONE), out, masks)
