"""Pictures from files, checked, as the networks take them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps
from torch import Tensor

from ganverse_nb.runtime.files import atomic_path
from ganverse_nb.runtime.picture_files import PictureRefusedError, decoded, picture_bytes

FILMS = ("PNG", "WEBP", "AVIF", "GIF", "TIFF")  # whose further pictures mean as much as the first
LARGEST = 4096  # pixels of the longer side: larger photographs are scaled down as soon as they are decoded
ENOUGH = 0.75  # of as many pixels: where a file can be decoded at fewer, by itself, that is several times as fast
Picture = str | Path | Image.Image | np.ndarray | Tensor
"""A picture in any form: see `as_picture`."""


def as_picture(picture: Picture, resolution: int, fit: bool = True) -> Tensor:
    """[1, 3, R, R] float32 in [0, 1], row 0 on top, of a picture in any form.

    Args:
        picture: the path of a file, a Pillow image, an array [H, W], [H, W, 3] or [H, W, 4], or a tensor [3, H, W] or
            [1, 3, H, W]; arrays and tensors hold bytes, or floating point numbers in [0, 1].
        fit: see `read_picture`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no picture in one of these forms, or what `read_picture` refuses.

    Examples:
        >>> as_picture(np.zeros((480, 640, 3), np.uint8), 64).shape
        torch.Size([1, 3, 64, 64])
    """
    if isinstance(picture, (str, Path)):
        return read_picture(picture, resolution, fit)
    image, name = as_image(picture), "the picture"
    if fit:
        check_size(image.size, name, resolution)
        image = _fitted(image, resolution)
    return _to_tensor(image, name, resolution)


def as_image(picture: Picture, alpha: bool = False) -> Image.Image:
    """A picture in memory as an upright Pillow image in RGB, what is transparent on white.

    Args:
        alpha: in RGBA instead where it has an alpha channel or a transparent colour.

    Raises:
        ValueError: it is none, or has a form or a mode that is not understood.
    """
    try:
        if isinstance(picture, Image.Image):
            image = picture.copy()
        elif isinstance(picture, Tensor):
            image = _from_tensor(picture)
        elif isinstance(picture, np.ndarray):
            image = _from_array(picture)
        else:
            kind = type(picture).__name__
            raise ValueError(f"A picture is a path, a Pillow image, an array or a tensor, not {kind}.")
        image = _with_alpha(image)
    except (OSError, TypeError) as error:
        raise ValueError(f"The picture cannot be read ({error}).") from None
    return image if alpha else on_white(image)


def _from_tensor(picture: Tensor) -> Image.Image:
    one = picture[0] if picture.ndim == 4 and len(picture) == 1 else picture
    if one.ndim != 3 or len(one) != 3:
        raise ValueError(f"A picture as a tensor is [3, H, W] or [1, 3, H, W], got {list(picture.shape)}.")
    return _from_array(one.detach().permute(1, 2, 0).cpu().numpy())


def _from_array(picture: np.ndarray) -> Image.Image:
    if not (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in (3, 4))) or not picture.size:
        raise ValueError(f"A picture as an array is [H, W], [H, W, 3] or [H, W, 4], got {list(picture.shape)}.")
    if picture.dtype.kind == "f":
        if not np.all((picture >= 0) & (picture <= 1)):
            raise ValueError("A picture of floating point numbers has values in [0, 1]; divide those of bytes by 255.")
        picture = np.round(picture * 255.0).astype(np.uint8)
    elif picture.dtype != np.uint8:
        raise ValueError(f"A picture's numbers are bytes or floating point numbers in [0, 1], not {picture.dtype}.")
    return Image.fromarray(picture)


def read_picture(path: str | Path, resolution: int | tuple[int, int], fit: bool = False) -> Tensor:
    """[1, 3, R, R] float32 in [0, 1], row 0 on top.

    Args:
        resolution: R, or a height and a width.
        fit: bring any picture to R x R RGB: upright as its EXIF data say, the square in its middle, scaled by a
            Lanczos filter, what is transparent on white, 16 bits brought to 8; one whose shorter side has less than
            half of R pixels is refused. Without it, a picture of another size or mode is.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an empty or damaged file, one of a format that is not read, or one of the wrong size or mode.
    """
    return decode_picture(picture_bytes(path), str(path), resolution, fit)


def decode_picture(data: bytes, name: str, resolution: int | tuple[int, int], fit: bool = False) -> Tensor:
    """`read_picture` for the content of a file, which messages call `name`.

    Raises:
        ValueError: no content, damaged, or of the wrong size or mode.
    """

    def read(file: Image.Image) -> Image.Image:
        if not fit:
            file.load()
            return file
        check_size(file.size, name, resolution)
        # a JPEG of far more pixels is decoded at a half, a quarter or an eighth, much faster
        width, height = _size(resolution)
        file.draft(None, (2 * width, 2 * height))
        return _fitted(_scaled(file, LARGEST), resolution)

    return _to_tensor(decoded(data, name, read), name, resolution)


def _size(resolution: int | tuple[int, int]) -> tuple[int, int]:
    """Width and height of R, or of a height and a width."""
    return (resolution, resolution) if isinstance(resolution, int) else (resolution[1], resolution[0])


def _fitted(image: Image.Image, resolution: int | tuple[int, int]) -> Image.Image:
    """The square in the middle of an upright picture, R x R on white, or what has the shape that is asked for."""
    return ImageOps.fit(on_white(image), _size(resolution), Image.Resampling.LANCZOS)


def check_size(size: tuple[int, int], name: str, resolution: int | tuple[int, int]) -> None:
    """Raises a ValueError where a side has less than half of the pixels that are asked for."""
    if min(size) < max(_size(resolution)) / 2:
        raise PictureRefusedError(f"{name} has only {size[0]} x {size[1]} pixels; give a larger picture.")


def _to_tensor(picture: Image.Image, name: str, resolution: int | tuple[int, int]) -> Tensor:
    """[1, 3, R, R] of a picture that has that size; ValueError where it has not."""
    if picture.size != _size(resolution):
        (width, height), needed = picture.size, _size(resolution)
        raise ValueError(
            f"{name} has {width} x {height} pixels and {needed[0]} x {needed[1]} are needed; crop it to that shape "
            "around the object and scale it, or pass --fit."
        )
    if picture.mode != "RGB":
        raise ValueError(f"{name} has mode {picture.mode} and RGB is needed; convert it, or pass --fit.")
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


def whole_picture(picture: Picture, alpha: bool = False) -> Image.Image:
    """All of a picture in any of the forms of `as_picture`, upright, in RGB, what is transparent on white.

    Args:
        alpha: in RGBA instead where it has an alpha channel or a transparent colour.

    Raises:
        FileNotFoundError, ValueError: as `as_picture`.
    """
    if isinstance(picture, (str, Path)):
        image = decoded(picture_bytes(picture), str(picture), _with_alpha)
        return image if alpha else on_white(image)
    return as_image(picture, alpha)


def photograph(picture: Picture, largest: int = 0) -> tuple[Image.Image, tuple[int, int], tuple[str, ...]]:
    """All of a picture, as `whole_picture`, but of at most `largest` pixels (0: `LARGEST`) a side, with its alpha.

    Returns:
        It, in RGB, or in RGBA where it has an alpha channel or a transparent colour; the width and height that it had;
        what was done to it, in words.

    Raises:
        FileNotFoundError, ValueError: as `as_picture`.
    """
    largest = largest or LARGEST

    def read(file: Image.Image) -> tuple[Image.Image, tuple[int, int], tuple[str, ...]]:
        several = file.format in FILMS and getattr(file, "is_animated", False)
        turned = file.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
        size = file.size[::-1] if turned else file.size
        enough = ENOUGH * largest / max(file.size)  # a JPEG is decoded at a half, a quarter or an eighth
        file.draft(None, (int(enough * file.width) or 1, int(enough * file.height) or 1))
        image = _scaled(file, largest)
        notes = ["it holds several pictures, of which the first is looked at"] if several else []
        notes += [f"it was scaled down from {size[0]} x {size[1]} pixels"] if size != image.size else []
        return image, size, tuple(notes)

    if isinstance(picture, (str, Path)):
        return decoded(picture_bytes(picture), str(picture), read)
    return read(as_image(picture, alpha=True))


def write_picture(image: Tensor, path: str | Path) -> Path:
    """Writes one picture [3, H, W] in [0, 1] as its suffix says, whole or not at all.

    Raises:
        ValueError: as `check_suffix`.
    """
    check_suffix(path)
    pixels = (image.detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary)
    return Path(path)


def check_suffix(path: str | Path) -> None:
    """Raises a ValueError where a name does not end as those of pictures that can be written."""
    Image.init()
    suffix = Path(path).suffix.lower()
    if Image.EXTENSION.get(suffix) not in Image.SAVE:
        raise ValueError(
            f"{path} must end as a picture does, in .png or .jpg for example, not in {suffix or 'nothing'}."
        )


def on_white(picture: Image.Image) -> Image.Image:
    """A picture in RGB or RGBA in RGB, what is transparent on white."""
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return _converted(picture, "RGB")


def _scaled(picture: Image.Image, largest: int) -> Image.Image:
    """`_with_alpha`, of at most `largest` pixels on the longer side."""
    picture = _with_alpha(picture)
    if max(picture.size) > largest:
        picture.thumbnail((largest, largest), Image.Resampling.LANCZOS)
    return picture


def _with_alpha(picture: Image.Image) -> Image.Image:
    """In RGB, or in RGBA where something may be transparent, turned as its EXIF data say: this very one if it can."""
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode[0] in "IF":  # convert() would clip them at 255
        picture = Image.fromarray(_eight_bits(np.asarray(picture)))
    transparent = picture.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in picture.info
    try:
        return _converted(picture, "RGBA" if transparent else "RGB")
    except ValueError as error:  # LAB, for example
        raise ValueError(f"mode {picture.mode} cannot be converted to RGB: {error}") from None


def _converted(picture: Image.Image, mode: str) -> Image.Image:
    """A picture in another mode; without a copy where it has that."""
    picture.load()
    return picture if picture.mode == mode else picture.convert(mode)


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Grey values of 16 bits, or of 32 that hold 8 or 16 bits or real numbers in [0, 1], as uint8."""
    top = 1.0 if values.dtype.kind == "f" else 65535.0
    if values.dtype.kind == "i" and values.size and values.max() <= 255:  # wider than it needs to be
        top = 255.0
    if not (values.min() >= 0 and values.max() <= top):  # nor where one is not a number
        raise ValueError(f"its values are outside 0..{top:g}")
    scaled = np.multiply(values, 255.0 / top, dtype=np.float32)
    return np.rint(scaled, out=scaled).astype(np.uint8)
