"""Photographs whose masks are known: the windows of them that f sees, many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganverse_nb.data.crops import boxes
from ganverse_nb.inverse_graphics.framing import Framing
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.segmentation.squares import cut_square, cut_window, square_mask, whole_square

WINDOWS = 3  # at most, see `Reconstructor`


@dataclass(frozen=True)
class Windows:
    """Square windows of N pictures, which may lie partly outside of them.

    Attributes:
        images, masks: [N, 3, R, R] and [N, 1, R, R] in [0, 1]: what they show; outside of a picture its edge goes on.
        corners: [N, 3] left, top and side, in shares of the picture's longer side from the corner of `whole_square`.
    """

    images: Tensor
    masks: Tensor
    corners: Tensor


def given_windows(
    pictures: Sequence[Image.Image], masks: Sequence[np.ndarray], model: InverseGraphicsModel, framing: Framing
) -> Windows:
    """The window of each picture that shows its object as large, and where, as f has learned objects to be.

    As `Reconstructor` finds them with its segmenter, but anywhere in the whole picture, and also where an object
    reaches the picture's border. An object of too few pixels to enlarge stays as small as it is.

    Args:
        masks: bool [H, W] each, of the size of its picture, not empty.

    Raises:
        ValueError: an empty mask.
    """
    squares = [whole_square(picture) for picture in pictures]
    inside = [square_mask(mask) for mask in masks]
    corners = torch.tensor([[0.0, 0.0, 1.0]]).repeat(len(squares), 1)
    for row, mask in enumerate(inside):
        (center,), (side,) = boxes(torch.from_numpy(np.asarray(mask).copy())[None, None] / 255)
        if not framing.side.min() <= side <= framing.side.max():  # else too small for its azimuth to be read
            scale = side / framing.side[:, 1].median()
            corners[row] = torch.cat([center - scale / 2, scale[None]])
    moving = [_large_enough(*pair, model.resolution) for pair in zip(corners, squares, strict=True)]
    corners[~torch.tensor(moving, dtype=torch.bool)] = torch.tensor([0.0, 0.0, 1.0])
    images, cut = _cut(squares, inside, corners, model.resolution)
    for _ in range(WINDOWS):
        rows = [row for row, moves in enumerate(moving) if moves]
        if not rows:
            break
        azimuth = read_azimuth(model, images[rows], cut[rows])
        for row, angle in zip(rows, azimuth.tolist(), strict=True):
            window = framing.window(cut[row : row + 1], angle) if cut[row].any() else None
            left, top, side = corners[row]
            if window is not None:
                now = torch.stack([left + window[0] * side, top + window[1] * side, side * window[2]])
            if window is None or not _large_enough(now, squares[row], model.resolution):
                moving[row] = False
                continue
            corners[row] = now
            images[row], cut[row] = (
                part[0] for part in _cut([squares[row]], [inside[row]], now[None], len(cut[row, 0]))
            )
    return Windows(images, cut, corners)


@torch.no_grad()
def read_azimuth(model: InverseGraphicsModel, images: Tensor, masks: Tensor, batch: int = 64) -> Tensor:
    """[N] degrees that the camera head reads off pictures [N, 3, R, R] and masks [N, 1, R, R]."""
    device = model.cameras.azimuth.device
    parts = zip(images.split(batch), masks.split(batch), strict=True)
    return torch.cat([model.head(image.to(device), mask.to(device)).azimuth.cpu() for image, mask in parts])


def window_mask(mask: Image.Image, corner: Tensor, resolution: int) -> Tensor:
    """[1, 1, R, R] of 0 and 1: a window, as of `Windows.corners`, of the mask of a square."""
    left, top, side = (corner * mask.width).tolist()
    inside = cut_square(mask, (left + side / 2, top + side / 2), side, resolution)
    return (inside >= 128).float()[None]


def _cut(
    squares: Sequence[Image.Image], masks: Sequence[Image.Image], corners: Tensor, resolution: int
) -> tuple[Tensor, Tensor]:
    windows = zip(squares, corners.tolist(), strict=True)
    images = [cut_window(square, left, top, side, resolution) for square, (left, top, side) in windows]
    inside = [window_mask(m, corner, resolution) for m, corner in zip(masks, corners, strict=True)]
    size = (resolution, resolution)
    return torch.cat([torch.zeros(0, 3, *size), *images]), torch.cat([torch.zeros(0, 1, *size), *inside])


def _large_enough(corner: Tensor, square: Image.Image, resolution: int) -> bool:
    """Whether a window has at least half as many pixels as f takes."""
    return float(corner[2]) * square.width >= resolution / 2
