"""Picture files of strangers: which formats are decoded, and how much memory and time one may take.

Everything is checked before a pixel is decoded. docs/untrusted_input.md has the limits and what they were measured to
mean; no decoder that starts another program (PostScript) or opens further files is ever called.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from PIL import Image, UnidentifiedImageError

from ganverse_nb.runtime.text import megabytes

# Pillow warns above 89 megapixels and refuses above twice as many; what is refused is a sentence below.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
MOST_BYTES = 100_000_000  # of a file
MOST_PIXELS = 100_000_000  # of a picture
SLOW = {"QOI": 20_000_000}  # pixels of a format whose decoder is written in Python
MOST_SCANS = 100  # of a JPEG: each goes over the whole picture, at no cost in bytes; programs write about ten
MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # of a JPEG, but for what stands inside a scan
START_OF_SCAN, END_OF_IMAGE, ALONE = 0xDA, 0xD9, (0x01, 0xD8)
TILE_WIDTH, TILE_HEIGHT = 322, 323  # tags of a TIFF
FORMATS = (
    *("PNG", "JPEG", "MPO", "WEBP", "AVIF", "GIF", "BMP", "DIB", "TIFF", "JPEG2000", "PPM", "TGA", "QOI", "PSD"),
    "HEIF",
)
"""Pillow's names of the formats that are read; those that it lacks, or has no plugin for, are not."""
SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".avif", ".gif", ".bmp", ".dib", ".tif"),
    *(".tiff", ".jp2", ".j2k", ".jpf", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".qoi", ".psd"),
    *(".heic", ".heif", ".hif"),
)
"""How the names of pictures end that are read; those of phones (.heic) with pillow-heif, of the extra `photos`."""
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
OTHERS = {  # how files begin, in small letters, that are often called pictures
    b"%pdf": "a PDF document",
    b"%!ps": "a PostScript drawing",
    b"\xc5\xd0\xd3\xc6": "a PostScript drawing",
    b"<svg": "an SVG drawing",
    b"<?xml": "an SVG drawing or another XML file",
    b"<!doc": "a web page",
    b"<html": "a web page",
    b"pk\x03\x04": "an archive",
}
T = TypeVar("T")


class PictureRefusedError(ValueError):
    """A sentence already, unlike what a decoder raises."""


def picture_bytes(path: str | Path) -> bytes:
    """The content of a picture file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is larger than `MOST_BYTES`.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no picture at {path}.")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{path} has {megabytes(size)}, and files of up to {megabytes(MOST_BYTES)} are read.")
    return path.read_bytes()


def decoded(
    data: bytes | memoryview, name: str, read: Callable[[Image.Image], T], remedy: str = "give a PNG or JPEG"
) -> T:
    """What `read` makes of the file; it may raise what it wants.

    Args:
        name: of the file, for messages.
        read: called with the opened file, of which nothing is decoded yet; several pictures in it are frames.
        remedy: what to do about a file that is none, or damaged.

    Raises:
        ValueError: no content, another format, damaged, or larger than one of the limits; one sentence.
    """
    if not data:
        raise ValueError(f"{name} is empty (0 bytes); {remedy}.")
    try:
        with Image.open(io.BytesIO(data), formats=formats_of(name)) as file:
            _check(file, data, name)
            return read(file)
    except PictureRefusedError as error:
        raise ValueError(str(error)) from None
    except UnidentifiedImageError:
        raise ValueError(f"{name} is {_other(data, remedy)}.") from None
    except Image.DecompressionBombError:  # Pillow's own, without a size
        most = min(MOST_PIXELS, 2 * (Image.MAX_IMAGE_PIXELS or 0)) / 1e6
        raise ValueError(f"{name} has more than the {most:.0f} megapixels that are read; scale it down.") from None
    except Exception as error:  # what a decoder raises on a damaged file depends on the format and the damage
        said = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{name} is damaged or cannot be read ({said}); {remedy}.") from None


def formats_of(name: str) -> list[str]:
    """Which formats a file of that name may have: files of the format TGA are known by their names alone."""
    return [kind for kind in _readable() if kind != "TGA" or name.lower().endswith(".tga")]


@cache
def _readable() -> list[str]:
    """Those of `FORMATS` that are read here: Pillow's version, and a plugin for phones' pictures, decide."""
    if find_spec("pillow_heif"):
        from pillow_heif import register_heif_opener

        register_heif_opener(thumbnails=False)
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _check(file: Image.Image, data: bytes | memoryview, name: str) -> None:
    """Whether an opened file keeps to the limits; nothing of it is decoded yet."""
    most, size = SLOW.get(file.format or "", MOST_PIXELS), f"{file.width} x {file.height} pixels"
    tags = getattr(file, "tag_v2", {})  # a piece of a TIFF may be larger than its picture
    width, height = (tags.get(tag) for tag in (TILE_WIDTH, TILE_HEIGHT))
    pixels = file.width * file.height
    if isinstance(width, int) and isinstance(height, int) and width * height > pixels:
        pixels, size = width * height, f"{size} in pieces of {width} x {height}"
    if pixels > most:
        raise PictureRefusedError(f"{name} has {size}, and up to {most / 1e6:.0f} megapixels are read; scale it down.")
    if file.format in ("JPEG", "MPO") and _scans(data) > MOST_SCANS:
        raise PictureRefusedError(
            f"{name} is a JPEG of more than {MOST_SCANS} scans, which would take too long; save it again."
        )


def _scans(data: bytes | memoryview) -> int:
    """How many scans the first picture of a JPEG file has, counted up to one more than allowed."""
    count, place = 0, 2
    while count <= MOST_SCANS and (found := MARKER.search(data, place)):
        kind, place = found[0][1], found.end()
        if kind == END_OF_IMAGE:
            break
        count += kind == START_OF_SCAN
        if kind not in ALONE and place + 2 <= len(data):
            place += int.from_bytes(data[place : place + 2], "big")
    return count


def _other(data: bytes | memoryview, remedy: str) -> str:
    """What a file is that is none of the formats, and what to do."""
    begin = bytes(data[:64]).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if begin[4:8] == b"ftyp" and begin[8:12] in HEIF_BRANDS:
        if "HEIF" in _readable():
            return f"a damaged HEIC picture; {remedy}"
        return (
            "a HEIC picture, as phones make them; save it as a JPEG, or read it after pip install 'ganverse_nb[photos]'"
        )
    named = next((what for start, what in OTHERS.items() if begin.startswith(start)), None)
    return f"{named}, not a picture; {remedy}" if named else f"not a picture; {remedy}"
