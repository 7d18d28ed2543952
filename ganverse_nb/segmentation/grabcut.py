"""Foregrounds made to follow what each picture shows: its colours inside and outside, and its edges.

The idea is GrabCut's (Rother et al. 2004), with histograms for its mixtures and a mean field (Krähenbühl and Koltun
2011) among near neighbours for its minimum cut, so that many pictures are done at once.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

REACH, WIDTH = 2, 1.5  # pixels: neighbours this near count, with a weight that falls off so
BINS = 8  # of each colour channel
SURE = 3.0  # log-odds that a colour can give at most
EDGE = 0.5  # the square of a difference of colours, of the mean among neighbours, that makes an edge


def colour_odds(pictures: Tensor, inside: Tensor) -> Tensor:
    """[B, 1, H, W] log-odds that a pixel of this colour is inside, by the histograms of each picture.

    Args:
        pictures: [B, 3, H, W] in [0, 1].
        inside: [B, 1, H, W] in [0, 1], the present belief.
    """
    count, _, height, width = pictures.shape
    level = (pictures * BINS).long().clamp(0, BINS - 1)
    bin_of = ((level[:, 0] * BINS + level[:, 1]) * BINS + level[:, 2]).flatten(1)
    found = pictures.new_zeros(count, 2, BINS**3)
    for side, share in enumerate((1 - inside, inside)):
        found[:, side].scatter_add_(1, bin_of, share.flatten(1))
    cube = found.view(2 * count, 1, BINS, BINS, BINS)
    for axis in range(3):
        kernel = cube.new_tensor([0.25, 0.5, 0.25]).view([3 if k == axis else 1 for k in range(-2, 3)])
        cube = F.conv3d(cube, kernel, padding=[int(k == axis) for k in range(3)])
    smooth = cube.view(count, 2, -1) + 1e-2
    share = smooth / smooth.sum(2, keepdim=True)
    odds = (share[:, 1] / share[:, 0]).log().clamp(-SURE, SURE)
    return odds.gather(1, bin_of).view(count, 1, height, width)


def likeness(pictures: Tensor) -> Tensor:
    """[B, K, H, W] how much each pixel has in common with each of its K neighbours: near ones of its colour most."""
    side = 2 * REACH + 1
    padded = F.pad(pictures, (REACH,) * 4, mode="replicate")
    around = F.unfold(padded, side).view(len(pictures), 3, side**2, *pictures.shape[2:])
    apart = (around - pictures[:, :, None]).square().sum(1)
    usual = EDGE * apart.mean((1, 2, 3), keepdim=True) + 1e-6
    step = torch.arange(-REACH, REACH + 1.0, device=pictures.device)
    near = torch.exp(-(step[:, None] ** 2 + step[None] ** 2) / (2 * WIDTH**2)).flatten()
    near[side**2 // 2] = 0  # not itself
    return torch.exp(-apart / (2 * usual)) * (near / near.sum())[None, :, None, None]


def agree(odds: Tensor, alike: Tensor, weight: float, rounds: int) -> Tensor:
    """[B, 1, H, W] in [0, 1]: inside or not, by log-odds [B, 1, H, W] and what neighbours that are alike are.

    Args:
        alike: `likeness` of the pictures.
        weight: of all neighbours together.
    """
    inside, side = torch.sigmoid(odds), 2 * REACH + 1
    for _ in range(rounds):
        padded = F.pad(2 * inside - 1, (REACH,) * 4, mode="replicate")
        around = F.unfold(padded, side).view(len(odds), -1, *odds.shape[2:])
        inside = torch.sigmoid(odds + weight * (alike * around).sum(1, keepdim=True))
    return inside
