"""A photograph as people have it: with borders, an alpha channel, far too wide; the part of it that is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops

from ganverse_nb.data.pictures import Picture, check_size, on_white, photograph

WIDEST = 3.0  # longer side by shorter: in the square around a wider picture, an object is too small
CLEAR, OPAQUE = 0.05, 0.002  # shares that an alpha channel must have before it tells an object from what is round it
NOISE = 12  # of 255: a border that went through JPEG is not quite of one colour
ENDS = 0.6  # of the line beside a border must have other colours: an object on a plain ground has few in its first line
PART = 0.1  # of the picture must be left without its borders


@dataclass(frozen=True)
class Photo:
    """What is looked at of a photograph.

    Attributes:
        name: of its file, or "the picture".
        image: in RGB, upright, of at most `LARGEST` pixels on the longer side.
        alpha: its alpha channel, in mode "L", where that tells an object from what is round it; else None.
        notes: what was done to it, in words.
        size: width and height of the whole photograph, upright and scaled.
        box: left, top, right and bottom of the part in it, in pixels.
    """

    name: str
    image: Image.Image
    alpha: Image.Image | None
    notes: tuple[str, ...]
    size: tuple[int, int]
    box: tuple[int, int, int, int]


def read_photo(picture: Picture, resolution: int, largest: int = 0) -> Photo:
    """A picture in any of the forms of `as_picture`, without its borders.

    It is turned upright as its EXIF data say, and scaled as `photograph` does it. Borders of one colour, as screenshots
    and films have them, are left out, where nothing is transparent. An alpha channel counts where at least one in
    twenty pixels is transparent, and two in a thousand are not.

    Args:
        resolution: a picture whose shorter side has less than half as many pixels is too small.
        largest: pixels of the longer side, to which larger pictures are scaled down; 0: as `photograph` does.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: what `as_picture` refuses, or a panorama.

    Examples:
        >>> film = np.zeros((100, 160, 3), np.uint8)
        >>> film[20:80] = np.random.default_rng(0).integers(0, 255, (60, 160, 3))
        >>> photo = read_photo(film, 64)
        >>> photo.box, photo.notes
        ((0, 20, 160, 80), ('borders of one colour were left out: 160 x 60 of 160 x 100 pixels are looked at',))
    """
    name = str(picture) if isinstance(picture, (str, Path)) else "the picture"
    whole, _, notes = photograph(picture, largest)
    check_size(whole.size, name, resolution)
    alpha, rgb = _telling_alpha(whole), on_white(whole)
    box = (0, 0, *whole.size)
    inside = without_borders(rgb) if alpha is None else box
    width, height = inside[2] - inside[0], inside[3] - inside[1]
    if inside != box and 2 * min(width, height) >= resolution:  # what is smaller is an object on plain ground
        looked = f"{width} x {height} of {whole.width} x {whole.height} pixels are looked at"
        box, notes = inside, (*notes, f"borders of one colour were left out: {looked}")
    size = (box[2] - box[0], box[3] - box[1])
    if max(size) > WIDEST * min(size):
        raise ValueError(
            f"{name} is a panorama of {size[0]} x {size[1]} pixels, in which an object is too small to be found; crop "
            "it around the object."
        )
    return Photo(name, rgb.crop(box), alpha and alpha.crop(box), notes, whole.size, box)


def without_borders(picture: Image.Image) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what lies inside borders of one colour; all of the picture where it has none.

    They come in pairs, above and below or left and right, of the colour of the corner, and end along straight lines,
    beside which most is of another colour: so a plain ground around an object is no border, nor a wall above a floor.
    """
    whole = (0, 0, picture.width, picture.height)
    different = _different(picture, picture.getpixel((0, 0)))
    box = list(different.getbbox() or whole)
    for first, last in ((0, 2), (1, 3)):
        if (box[first] == whole[first]) != (box[last] == whole[last]):
            box[first], box[last] = whole[first], whole[last]
    part = np.asarray(different)[box[1] : box[3], box[0] : box[2]] > 0
    if part.size < PART * different.width * different.height or min(part.shape) < 4:
        return whole
    lines = (part[:, 1], part[1], part[:, -2], part[-2])  # the second: a scaled border ends in a blend of colours
    straight = all(line.mean() >= ENDS for line, new, old in zip(lines, box, whole) if new != old)
    return (box[0], box[1], box[2], box[3]) if straight else whole


def _different(picture: Image.Image, colour: object) -> Image.Image:
    """Mode "L": 255 where a picture has another colour."""
    difference = ImageChops.difference(picture, Image.new("RGB", picture.size, colour))  # type: ignore[arg-type]
    red, green, blue = difference.split()
    largest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return largest.point(lambda value: 255 * (value > NOISE))


def _telling_alpha(picture: Image.Image) -> Image.Image | None:
    if picture.mode != "RGBA":
        return None
    alpha = picture.getchannel("A")
    opaque = float((np.asarray(alpha) > 127).mean())
    return alpha if OPAQUE <= opaque <= 1 - CLEAR else None
