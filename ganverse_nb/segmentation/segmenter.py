"""What every segmenter can do, and which one a setting means."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ganverse_nb.segmentation.detections import Detections

if TYPE_CHECKING:
    from typing import Self

PHOTOS_ADVICE = (
    "Photographs are cut out far better by rembg: pip install 'ganverse_nb[photos]', then "
    '`ganverse reconstruct --segmenter rembg` or Reconstructor.from_pretrained(..., segmenter="rembg").'
)


class Segmenter(ABC):
    """Finds the objects of one category in pictures.

    Attributes:
        category: its name.
        source: which weights these are, in words for a report.
        provenance: how they were trained and what was measured; empty for those of others.
        knows_category: whether it tells the category from other things, or finds whatever stands in front.
        advice: what to use instead where it fails on a photograph; "" where there is nothing better.
    """

    knows_category = True
    advice = ""

    def __init__(self, category: str, source: str, provenance: dict[str, Any] | None = None) -> None:
        self.category, self.source, self.provenance = category, source, provenance or {}

    def __repr__(self) -> str:
        return f"Segmenter({self.category}, {self.source})"

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """This segmenter, moved."""

    @torch.no_grad()
    def segment(self, images: Tensor, batch: int = 64) -> Detections:
        """The instances in `images` [B, 3, H, W], RGB in [0, 1]; `batch` pictures at a time.

        Raises:
            ValueError: not pictures of that shape, type and range.
        """
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ValueError(
                f"Pictures must be [B, 3, H, W] float in [0, 1], got {tuple(images.shape)} {images.dtype}."
            )
        if len(images) and not (images.min() >= -1e-3 and images.max() <= 1 + 1e-3):
            raise ValueError(f"Pictures must be in [0, 1], got {images.min():.3g} to {images.max():.3g}.")
        found = [self._segment(part) for part in images.float().split(batch)]
        return Detections(
            *(torch.cat([getattr(part, name) for part in found]) for name in ("mask", "count", "score", "box"))
        )

    @abstractmethod
    def _segment(self, images: Tensor) -> Detections:
        """`segment` for one batch, checked; it may be empty."""

    @abstractmethod
    def levels(self, images: Tensor) -> Sequence[Tensor]:
        """Maps of features [B, C, h, w] of pictures [B, 3, H, W] in [0, 1], from fine to coarse."""

    @torch.no_grad()
    def features(self, images: Tensor, masks: Tensor) -> Tensor:
        """[B, D] every level of features, averaged inside masks [B, 1, H, W]: what the objects look like."""
        means = []
        for level in self.levels(images):
            weight = F.adaptive_avg_pool2d(masks, (level.shape[-2], level.shape[-1]))
            means.append((level * weight).sum((2, 3)) / weight.sum((2, 3)).clamp_min(1e-6))
        return torch.cat(means, 1).float()

    def segment_photo(self, photo: Image.Image) -> Image.Image | None:
        """The foreground of a photograph at its own resolution, as an image of mode "L": 255 is inside.

        None where a segmenter looks at small pictures, so that each part of the photograph is given to `segment`.
        """
        return None
