"""The whole of a picture in a square, as networks see it, and masks on their way there and back."""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor

FINER = 4  # pixels along a side for each one that a window is to have are enough to cut it from


def whole_square(picture: Image.Image) -> Image.Image:
    """The whole picture as a square of its longer side, in the middle; its edge goes on beside it."""
    width, height = picture.size
    if width == height and picture.mode == "RGB":
        return picture
    left, top = margins(width, height)
    side = max(width, height)
    pads = ((top, side - height - top), (left, side - width - left), (0, 0))
    return Image.fromarray(np.pad(np.asarray(picture.convert("RGB")), pads, mode="edge"))


def square_mask(mask: np.ndarray) -> Image.Image:
    """A mask bool [H, W] of the picture in `whole_square`, 0 and 255; nothing is beside it."""
    return square_outline(Image.fromarray(mask.astype(np.uint8) * 255))


def square_outline(outline: Image.Image) -> Image.Image:
    """`square_mask` of an image of mode "L"."""
    square = Image.new("L", (max(outline.size),) * 2)
    square.paste(outline, margins(*outline.size))
    return square


def unsquare(mask: Tensor, size: tuple[int, int]) -> Image.Image:
    """The part of a square's mask [1, S, S] in [0, 1] that is the picture of `size`, in its own pixels: mode "L"."""
    side, (width, height) = max(size), size
    left, top = margins(width, height)
    square = Image.fromarray((mask[0] * 255).round().byte().cpu().numpy())
    return square.resize((side, side), Image.Resampling.BILINEAR).crop((left, top, left + width, top + height))


def square_tensor(picture: Image.Image, size: int) -> Tensor:
    """[3, S, S] in [0, 1] of a picture's `whole_square`."""
    square = whole_square(picture).resize((size, size), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(square)).permute(2, 0, 1).float() / 255


def margins(width: int, height: int) -> tuple[int, int]:
    """Left and top of a picture in its `whole_square`."""
    side = max(width, height)
    return (side - width) // 2, (side - height) // 2


def cut_window(picture: Image.Image, left: float, top: float, side: float, resolution: int) -> Tensor:
    """[1, C, R, R] a square window of a square picture, all in shares of its side; its edge goes on outside of it."""
    picture, size = _coarser(picture, side * picture.width, resolution)
    padded = picture
    margin = math.ceil(max(0.0, -left, -top, left + side - 1, top + side - 1) * size)
    if margin:
        pixels = np.asarray(picture)
        beyond = ((margin, margin), (margin, margin), (0, 0))[: pixels.ndim]
        padded = Image.fromarray(np.pad(pixels, beyond, mode="edge"))
    center = ((left + side / 2) * size + margin, (top + side / 2) * size + margin)
    return cut_square(padded, center, side * size, resolution)[None].float() / 255


def cut_square(
    picture: Image.Image, center: tuple[float, float], side: float, resolution: int, roll: float = 0.0
) -> Tensor:
    """[C, R, R] uint8: a square window of a picture of any mode; black outside of it.

    Args:
        center: (x, y) in pixels; the left edge of the picture is 0, the centre of its first pixel 0.5.
        side: in pixels.
        roll: degrees by which the window is turned counter-clockwise.
    """
    coarser, width = _coarser(picture, side, resolution)
    scale = width / picture.width
    picture, center, side = coarser, (center[0] * scale, center[1] * scale), side * scale
    fine = resolution * max(1, math.ceil(side / resolution))
    step, half = side / fine, side / 2
    cos, sin = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    x, y = center
    rows = (cos * step, sin * step, x - half * (cos + sin), -sin * step, cos * step, y - half * (cos - sin))
    window = picture.transform((fine, fine), Image.Transform.AFFINE, rows, Image.Resampling.BILINEAR)
    pixels = np.asarray(window.reduce(fine // resolution))
    return torch.from_numpy(pixels.reshape(resolution, resolution, -1).copy()).permute(2, 0, 1)


def _coarser(picture: Image.Image, side: float, resolution: int) -> tuple[Image.Image, float]:
    """A picture with as many pixels as a window of `side` of its pixels is to be cut from, and how many are its width.

    The mean over blocks of pixels is a tenth of the work of turning and shifting each of them; `FINER` times as many as
    are wanted stay. Of the last column and row a part may lie beyond the picture, which then continues its edge.
    """
    times = int(side / resolution) // FINER
    return (picture.reduce(times), picture.width / times) if times > 1 else (picture, float(picture.width))
