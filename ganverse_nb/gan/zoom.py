"""Size as something that a StyleGAN2 can be asked for: features of one block, resampled."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Zoom(NamedTuple):
    """The features of one block seen larger or smaller, about the middle of the picture.

    A network of modulated convolutions cannot change the size of what it shows by its styles, unless it has learned
    sizes from its photos; resampled features are painted as well as before by the layers behind.

    Attributes:
        side: of the block's features, a power of two.
        factor: [B] how many times as large.
    """

    side: int
    factor: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """[B, C, H, W] resampled; mirrored at the border where nothing was."""
        return zoomed(features, self.factor, "reflection")

    def part(self, rows: slice) -> Zoom:
        """That of some pictures."""
        return Zoom(self.side, self.factor[rows])


def zoomed(pictures: Tensor, factor: Tensor, outside: str = "zeros") -> Tensor:
    """Pictures [B, C, H, W] seen `factor` [B] times as large, about the middle.

    Args:
        outside: what is beyond the border, "zeros" or "reflection".
    """
    shares = torch.eye(2, 3).to(factor) / factor[:, None, None]
    grid = F.affine_grid(shares, list(pictures.shape), align_corners=False).to(pictures.dtype)
    return F.grid_sample(pictures, grid, "bilinear", outside, align_corners=False)
