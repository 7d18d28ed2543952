"""The object of a photograph at the photograph's own resolution, whoever cut it out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ganverse_nb.segmentation.instances import instances

COUNTED = 256  # pixels of the longer side at which the parts of a foreground are counted
BORDER = 0.01  # of the longer side: masks end a little before the picture does


@dataclass(frozen=True)
class Cutout:
    """What was cut out of a photograph.

    Attributes:
        outline: of the photograph's size, mode "L", 255 inside the object; all 0 where there is none.
        count: how many objects there are.
        score: confidence in this one, 0 to 1.
    """

    outline: Image.Image
    count: int
    score: float

    @classmethod
    def of_mask(cls, mask: np.ndarray) -> Cutout:
        """One object beyond doubt: a mask bool [H, W] that somebody has given."""
        return cls(Image.fromarray(mask.astype(np.uint8) * 255), int(mask.any()), float(mask.any()))

    @classmethod
    def of_foreground(cls, foreground: Image.Image) -> Cutout:
        """The largest of the parts that hang together of a foreground (mode "L"); see `instances`."""
        scale = min(1.0, COUNTED / max(foreground.size))
        size = (max(1, round(foreground.width * scale)), max(1, round(foreground.height * scale)))
        coarse = foreground.resize(size, Image.Resampling.BOX)
        found = instances(torch.from_numpy(np.asarray(coarse).copy())[None, None].float() / 255)
        near = F.max_pool2d(found.mask, 3, 1, 1)[0, 0].numpy()  # a pixel more: the outline itself is fine
        part = Image.fromarray((near * 255).astype(np.uint8)).resize(foreground.size, Image.Resampling.NEAREST)
        outline = np.where(np.asarray(part) > 0, np.asarray(foreground), 0).astype(np.uint8)
        return cls(Image.fromarray(outline), int(found.count[0]), float(found.score[0]))

    @property
    def mask(self) -> np.ndarray:
        """bool [H, W]."""
        return np.asarray(self.outline) >= 128

    @property
    def on_border(self) -> float:
        """Share of the object's outline that lies on the border of the photograph, 0 to 1."""
        scale = min(1.0, COUNTED / max(self.outline.size))
        size = (max(3, round(self.outline.width * scale)), max(3, round(self.outline.height * scale)))
        mask = np.asarray(self.outline.resize(size, Image.Resampling.BOX)) >= 128
        edge = max(1, round(BORDER * max(size)))
        return float(on_border(torch.from_numpy(mask)[None, None].float(), edge)[0])


def on_border(masks: Tensor, edge: int) -> Tensor:
    """[B] share of the outline of masks [B, 1, H, W] that lies within `edge` pixels of the border, 0 to 1."""
    padded = F.pad(masks, (1,) * 4)
    inner = -F.max_pool2d(-padded, 3, 1, 1)[..., 1:-1, 1:-1]
    outline = masks - inner
    outside = torch.ones_like(masks)
    outside[..., edge:-edge, edge:-edge] = 0
    return (outline * outside).sum((1, 2, 3)) / outline.sum((1, 2, 3)).clamp_min(1)
