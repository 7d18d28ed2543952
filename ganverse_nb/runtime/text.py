"""Text that comes from elsewhere (names of files, what libraries say of them), made fit for terminals and pages."""

from __future__ import annotations

import math
import unicodedata
from html import escape
from pathlib import PurePosixPath

LONGEST = 60  # characters of a file's name that are kept: no system takes more than 255 bytes


def printable(text: str) -> str:
    r"""Text in which whatever steers a terminal, breaks a line or turns its direction is written as Python would.

    Examples:
        >>> printable("red\x1b[31m car\n.png")
        'red\\x1b[31m car\\n.png'
    """
    return "".join(c if _is_shown(c) else c.encode("unicode_escape").decode() for c in text)


def finite_number(text: str) -> float:
    """A number of a table of somebody else's.

    Raises:
        ValueError: it is none, NaN or infinite.

    Examples:
        >>> finite_number("-2.5e1")
        -25.0
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is no finite number.")
    return number


def as_html(text: str) -> str:
    """`printable` text for a page, where it means nothing but itself."""
    return escape(printable(text), quote=False)


def file_name(text: str) -> str:
    r"""A name that somebody else gave to a file, as one that a file can have here, without folders; "file" if none.

    Examples:
        >>> file_name("C:\\photos\\car.png"), file_name("../../etc/\0"), file_name("..")
        ('car.png', '\\x00', 'file')
    """
    name = printable(text.replace("\\", "/").rstrip("/").rpartition("/")[2])
    suffix = PurePosixPath(name).suffix[:LONGEST]
    name = name if len(name) <= LONGEST else name[: LONGEST - len(suffix)] + suffix
    return "file" if name in ("", ".", "..") else name


def megabytes(size: int) -> str:
    """So many bytes for people."""
    return f"{size / 1e6:.{0 if size >= 1e7 else 1}f} MB"


def _is_shown(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"  # spaces of other widths
