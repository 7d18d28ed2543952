"""A small U-Net that says of every pixel of a photograph what it shows: none or one of the categories, and where two
objects meet. Dense labels teach more per picture than the boxes of a detector: minutes on a processor are enough."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganverse_nb.segmentation.network import Residual, conv

MEAN, STD = 0.5, 0.25


class PhotoNetwork(nn.Module):
    """Levels of halved size with a look at the whole picture at the smallest, then up again with skips.

    Args:
        categories: number of them.
        widths: channels at 1/2, 1/4, 1/8, ... of the picture's size.
    """

    def __init__(self, categories: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, widths[0], stride=2), Residual(widths[0]))
        pairs = list(zip(widths[:-1], widths[1:], strict=True))
        self.down = nn.ModuleList(nn.Sequential(conv(a, b, stride=2), Residual(b), Residual(b)) for a, b in pairs)
        self.context = nn.Sequential(nn.Linear(widths[-1], widths[-1]), nn.ReLU(), nn.Linear(widths[-1], widths[-1]))
        self.lateral = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs)
        self.up = nn.ModuleList(Residual(a) for a, _ in pairs)
        self.head = nn.Conv2d(widths[0], 4 * (categories + 2), 3, padding=1)

    @property
    def step(self) -> int:
        """Height and width of pictures must be multiples of this."""
        return int(2 ** (len(self.down) + 1))

    def levels(self, images: Tensor) -> list[Tensor]:
        """Maps of features of pictures [B, 3, H, W] in [0, 1], from fine to coarse."""
        found = [self.stem(((images - MEAN) / STD).contiguous(memory_format=torch.channels_last))]
        for stage in self.down:
            found.append(stage(found[-1]))
        found[-1] = found[-1] + self.context(found[-1].mean((2, 3)))[:, :, None, None]
        return found

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, 1 + categories, H, W] of nothing and of each category, and [B, 1, H, W] of a seam between two."""
        levels = self.levels(images)
        x = levels[-1]
        for lateral, smooth, level in list(zip(self.lateral, self.up, levels, strict=False))[::-1]:
            x = smooth(F.interpolate(lateral(x), scale_factor=2.0, mode="nearest") + level)
        logits = F.pixel_shuffle(self.head(x).float(), 2)
        return logits[:, :-1], logits[:, -1:]
