"""Square windows of photographs, and boxes of what masks show: how objects of any size become pictures of one size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ganverse_nb.runtime.picture_files import decoded, picture_bytes
from ganverse_nb.segmentation.segmenter import Segmenter
from ganverse_nb.segmentation.squares import cut_square

PADDING = 0.05  # of the box on each side, as CMR pads its boxes
SAME_BOX = 0.8  # IoU of the segmenter's box with the annotated one from which both count as one object (CMR)
SMALLEST = 8  # pixels: a smaller object is a slip of an annotation


@dataclass(frozen=True)
class Crop:
    """A square window of a photograph, turned upright.

    Attributes:
        center: (x, y) in pixels; the left edge of the picture is 0, the centre of its first pixel 0.5.
        side: in pixels.
        roll: degrees by which the object is turned counter-clockwise in the photograph; the window turns with it.
        width, height: of the object's box in it, as shares of the side.
    """

    center: tuple[float, float]
    side: float
    roll: float = 0.0
    width: float = 1.0
    height: float = 1.0

    @classmethod
    def around(cls, box: Sequence[float], roll: float = 0.0) -> Crop:
        """The window around a box (left, top, right, bottom in pixels), with some room on every side.

        Raises:
            ValueError: a box without area, or of less than 8 pixels.
        """
        left, top, right, bottom = (float(v) for v in box)
        longer = max(right - left, bottom - top)
        if not (min(right - left, bottom - top) > 0 and longer >= SMALLEST):
            raise ValueError(f"the box {left:g}, {top:g}, {right:g}, {bottom:g} is too small to hold an object")
        side = longer * (1 + 2 * PADDING)
        return cls(((left + right) / 2, (top + bottom) / 2), side, roll, (right - left) / side, (bottom - top) / side)

    def points(self, xy: Tensor) -> Tensor:
        """[K, 2] pixel coordinates in the photograph as coordinates in the window, [0, 1] inside it."""
        x, y = ((xy - xy.new_tensor(self.center)) / self.side).unbind(-1)
        cos, sin = math.cos(math.radians(self.roll)), math.sin(math.radians(self.roll))
        return 0.5 + torch.stack([cos * x - sin * y, sin * x + cos * y], -1)

    def cut(self, picture: Image.Image, resolution: int) -> Tensor:
        """[C, R, R] uint8: the window of a picture of any mode; black outside the photograph."""
        return cut_square(picture, self.center, self.side, resolution, self.roll)


def open_photo(path: Path, mode: str = "RGB") -> Image.Image:
    """The photograph of a data set.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; unpack the data set's archive again.")
    remedy = "unpack the data set's archive again"
    return decoded(picture_bytes(path), str(path), lambda file: file.convert(mode), remedy)


def segmented(segmenter: Segmenter, images: Tensor, crops: Sequence[Crop]) -> tuple[Tensor, Tensor]:
    """Masks [N, 1, R, R] uint8 of windows [N, 3, R, R] uint8, and [N] bool whether each is the annotated object.

    It is where the box of the instance that the segmenter found overlaps the annotated one by an IoU of 0.8: CMR's
    rule for the photographs of Pascal3D+ that come from ImageNet, which have no masks.
    """
    if len(images) == 0:
        return torch.zeros(0, 1, *images.shape[-2:], dtype=torch.uint8), torch.zeros(0, dtype=torch.bool)
    found = segmenter.segment(images.float() / 255)
    half = torch.tensor([[c.width / 2, c.height / 2] for c in crops])
    wanted = torch.cat([0.5 - half, 0.5 + half], 1) * images.shape[-1]
    return found.mask.to(torch.uint8), box_iou(found.box, wanted) >= SAME_BOX


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    """[N] intersection over union of boxes [N, 4] (left, top, right, bottom)."""
    sides = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0)
    both = sides.prod(1)
    areas = [(box[:, 2:] - box[:, :2]).prod(1) for box in (a, b)]
    return both / (areas[0] + areas[1] - both).clamp(min=1e-9)


def boxes(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Centres [B, 2] (x, y, rows down) and longer sides [B] of what masks [B, 1, R, R] show, as shares of the picture.

    Raises:
        ValueError: an empty mask.
    """
    inside = masks[:, 0] > 0.5
    if not inside.flatten(1).any(1).all():
        raise ValueError("boxes: an empty mask has no box.")
    ends = []
    for occupied in (inside.any(1), inside.any(2)):  # columns, rows
        first = occupied.int().argmax(1)
        last = occupied.shape[1] - occupied.flip(1).int().argmax(1)
        ends.append(torch.stack([first, last], 1).float() / occupied.shape[1])
    x, y = ends
    center = torch.stack([x.mean(1), y.mean(1)], 1)
    return center, torch.maximum(x[:, 1] - x[:, 0], y[:, 1] - y[:, 0])
