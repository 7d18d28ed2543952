"""What every segmenter can do, and which one a setting means."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.segmentation.cutout import Cutout
from ganverse_nb.segmentation.detections import Detections
from ganverse_nb.segmentation.squares import cut_window, square_tensor, unsquare, whole_square

if TYPE_CHECKING:
    from typing import Self

PHOTOS_ADVICE = (
    "Photographs are cut out far better by rembg: pip install 'ganverse_nb[photos]', then "
    '`ganverse reconstruct --segmenter rembg` or Reconstructor.from_pretrained(..., segmenter="rembg").'
)
SEEN, FINE = 256, 512  # pixels of a photograph's square that a segmenter is shown, and that its mask has
ROOM = 1.3  # side of the window for a second look, of the object's box
BATCH = 16  # photographs that are cut out at once
SAME = 0.4  # IoU of both looks from which they show one object


class Segmenter(ABC):
    """Finds the objects of one category in pictures.

    Attributes:
        category: its name.
        source: which weights these are, in words for a report.
        provenance: how they were trained and what was measured; empty for those of others.
        advice: what to use instead where it fails on a photograph; "" where there is nothing better.
        at_once: how many pictures one pass takes, which decides its memory.
        threshold: the score from which an instance counts, where the network scores instances: COCO's has none below
            0.05, the small one none below 0.3.
    """

    advice = ""
    at_once, threshold = 64, 0.5

    def __init__(self, category: str, source: str, provenance: dict[str, Any] | None = None) -> None:
        self.category, self.source, self.provenance = category, source, provenance or {}

    def __repr__(self) -> str:
        return f"Segmenter({self.category}, {self.source})"

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """This segmenter, moved."""

    @property
    def device(self) -> torch.device:
        """Where it computes: on the processor, unless its network lies elsewhere."""
        return torch.device("cpu")

    @torch.no_grad()
    def segment(self, images: Tensor) -> Detections:
        """The instances in `images` [B, 3, H, W], RGB in [0, 1]; `at_once` pictures at a time.

        It computes where its network lies; what it finds lies where the pictures do.

        Raises:
            ValueError: not pictures of that shape, type and range.
        """
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ValueError(
                f"Pictures must be [B, 3, H, W] float in [0, 1], got {tuple(images.shape)} {images.dtype}."
            )
        if len(images) and not (images.min() >= -1e-3 and images.max() <= 1 + 1e-3):
            raise ValueError(f"Pictures must be in [0, 1], got {images.min():.3g} to {images.max():.3g}.")
        found = [self._segment(part.float().to(self.device)) for part in images.split(self.at_once)]
        parts = (torch.cat([getattr(part, name) for part in found]) for name in ("mask", "count", "score", "box"))
        return Detections(*(part.to(images.device) for part in parts))

    @abstractmethod
    def _segment(self, images: Tensor) -> Detections:
        """`segment` for one batch, checked; it may be empty."""

    def cut_out(self, photo: Image.Image) -> Cutout:
        """The object in a photograph of any size: found in the whole of it, and once more in a window around it."""
        return self.cut_outs([photo])[0]

    def cut_outs(self, photos: Sequence[Image.Image]) -> list[Cutout]:
        """`cut_out` of each, the same to float rounding and faster."""
        return [cutout for start in range(0, len(photos), BATCH) for cutout in self._cut_outs(photos[start:][:BATCH])]

    @torch.no_grad()
    def _cut_outs(self, photos: Sequence[Image.Image]) -> list[Cutout]:
        squares = [whole_square(photo) for photo in photos]
        found = self.segment(torch.stack([square_tensor(square, SEEN) for square in squares]))
        masks, scores, counts = list(found.mask), found.score.tolist(), found.count.tolist()
        windows = {row: _window(found.box[row] / SEEN) for row, count in enumerate(counts) if count}
        seen = [cut_window(squares[row], *window, SEEN) for row, window in windows.items()]
        closer = self.segment(torch.cat([torch.zeros(0, 3, SEEN, SEEN), *seen]))
        for place, (row, window) in enumerate(windows.items()):
            placed = _placed(closer.mask[place, None], window)
            if float(hard_iou(F.interpolate(placed, SEEN, mode="area"), found.mask[row, None])) >= SAME:
                masks[row], scores[row] = placed[0], max(scores[row], float(closer.score[place]))
        outlines = [unsquare(mask, photo.size) for mask, photo in zip(masks, photos, strict=True)]
        return [Cutout(*parts) for parts in zip(outlines, counts, scores, strict=True)]

    def log_odds(self, images: Tensor, masks: Tensor) -> Tensor | None:
        """[B] how surely what masks [B, 1, R, R] show is of the category; None where this segmenter cannot tell."""
        return None


def _window(box: Tensor) -> tuple[float, float, float]:
    """Left, top and side of a window with some room around a box (left, top, right, bottom), in shares."""
    center, longer = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max())
    side = min(1.0, ROOM * longer)
    left, top = (center - side / 2).tolist()
    return left, top, side


def _placed(mask: Tensor, window: tuple[float, float, float]) -> Tensor:
    """The mask [1, 1, S, S] of a window in the picture that it was cut out of, at FINE pixels."""
    left, top, side = window
    at = (torch.arange(FINE) + 0.5) / FINE
    x, y = (((at - start) / side) * 2 - 1 for start in (left, top))
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)[None]
    return F.grid_sample(mask, grid, align_corners=False)
