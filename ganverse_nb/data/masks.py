"""Masks that somebody gives with a picture, checked: files, Pillow images, arrays and tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from ganverse_nb.data.pictures import Picture
from ganverse_nb.runtime.picture_files import PictureRefusedError, decoded, picture_bytes

LOSSY = {"JPEG", "WEBP"}  # formats that blur an edge
BLURRED = 0.05  # share of the pixels that such a file may have between its two values
BORDER = 0.5  # share of the picture's border that no whole object covers


def as_mask(mask: Picture, size: tuple[int, int], cut: float | None = None, name: str = "The mask") -> np.ndarray:
    """bool [H, W]: where the object is.

    A mask has two values, and the larger one is the object, whatever the two are (0 and 1, 0 and 255, two colours of a
    palette). Files of a format that blurs edges (JPEG) are cut in the middle between black and white; anything else
    with more values is refused, because nobody knows where its object ends.

    Args:
        mask: the path of a file, a Pillow image, an array [H, W], [H, W, 1] or [1, H, W], or a tensor [H, W],
            [1, H, W] or [1, 1, H, W].
        size: width and height of its picture.
        cut: of a set whose masks have grey values with a meaning: the value from which a pixel belongs to the object.
        name: what messages call a mask that is no file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no mask, one of another size, of several grey values, empty, or inverted: one that covers more than
            half of the border of the picture.
    """
    name = str(mask) if isinstance(mask, (str, Path)) else name
    values, lossy = _read(mask, name, size)
    _check_size(values.shape[::-1], name, size)
    inside = values >= cut if cut is not None else _two_values(values, lossy, name)
    if not inside.any():
        raise ValueError(f"{name} is empty: no pixel of it belongs to an object.")
    border = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]]).mean()
    if border > BORDER:
        raise ValueError(
            f"{name} covers {100 * border:.0f} % of the border of the picture, so it seems to be inverted; "
            "the object has the larger value, the background the smaller one."
        )
    return inside


def scaled_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask bool [H, W] of the size of a picture that was scaled to a width and height."""
    if mask.shape == size[::-1]:
        return mask
    scaled = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX)
    return np.asarray(scaled) >= 128


def _two_values(values: np.ndarray, lossy: bool, name: str) -> np.ndarray:
    if lossy:
        share = np.mean((values >= 64) & (values < 192))
        if share > BLURRED:
            raise ValueError(f"{name} has grey values in {100 * share:.0f} % of its pixels; a mask is black and white.")
        return values >= 128
    found = np.unique(values)
    if len(found) > 2:
        raise ValueError(
            f"{name} has {len(found)} grey values, and a mask has two; cut it where the object ends and save it as PNG."
        )
    return values > found.astype(np.float64).mean() if len(found) == 2 else values > 0


def _check_size(found: tuple[int, ...], name: str, size: tuple[int, int]) -> None:
    if found != size:
        raise PictureRefusedError(
            f"{name} has {' x '.join(map(str, found))} pixels and its picture {size[0]} x {size[1]}; "
            "a mask is of the size of its picture."
        )


def _read(mask: Picture, name: str, size: tuple[int, int]) -> tuple[np.ndarray, bool]:
    """Grey values [H, W], and whether the file's format blurs edges; a file of another `size` is not decoded."""
    if isinstance(mask, Tensor):
        mask = mask.detach().cpu().numpy()
    if isinstance(mask, np.ndarray):
        values = mask.reshape([n for axis, n in enumerate(mask.shape) if n > 1 or axis >= mask.ndim - 2])
        values = values[..., 0] if values.ndim == 3 and values.shape[-1] == 1 else values
        if values.ndim != 2 or not values.size:
            raise ValueError(f"A mask as an array or a tensor is [H, W] or [1, H, W], got {list(mask.shape)}.")
        return values, False
    if isinstance(mask, Image.Image):
        return _grey(mask), False
    if not isinstance(mask, (str, Path)):
        raise ValueError(f"{name} is a path, a Pillow image, an array or a tensor, not {type(mask).__name__}.")
    if not Path(mask).is_file():
        raise FileNotFoundError(f"There is no mask at {mask}.")

    def read(file: Image.Image) -> tuple[np.ndarray, bool]:
        _check_size(file.size, name, size)
        return _grey(file), file.format in LOSSY

    return decoded(picture_bytes(mask), name, read, "give a PNG of two values")


def _grey(image: Image.Image) -> np.ndarray:
    return np.asarray(image if image.mode[0] in "IF" else image.convert("L"))
