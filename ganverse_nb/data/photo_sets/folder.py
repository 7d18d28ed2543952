"""A folder of anybody's photographs with masks: listed in tables, or told by the names of its files."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

from ganverse_nb.data.photo_sets.originals import mask_file, off_background
from ganverse_nb.data.photo_sets.photo import MaskOf, PhotoSet, RealPhoto, photo_set
from ganverse_nb.runtime.errors import ExpectedWarning
from ganverse_nb.runtime.picture_files import SUFFIXES
from ganverse_nb.runtime.text import finite_number

MASKS, BOXES = "masks.csv", "boxes.csv"
SOURCES = {"coil-100": "coil", "epfl-gims08": "epfl", "weizmann": "horses", "davis-2016": "davis"}
LAYOUT = f"{MASKS} (columns file, mask, category), {BOXES}, or NAME.jpg beside NAME_mask.png"


def read_folder(folder: Path, category: str | None = None) -> PhotoSet:
    """The photographs in a folder.

    Listed in `masks.csv` and `boxes.csv`, in the folder or the one above it, with paths from there: columns `file`,
    `mask` (may be empty), `category`, and if known `object`, `azimuth_deg`, `source`, `box_left`, `box_top`,
    `box_width`, `box_height`. Without a table: every picture `NAME.jpg`, `NAME.png`, ... that has a `NAME_mask.png`
    beside it; an `ExpectedWarning` counts those that have none. The set is called as its source is, where all
    photographs have the same, else as the folder.

    Args:
        category: of the photographs where no table says it.

    Raises:
        FileNotFoundError: no such folder, nothing in it, or a file of a table is missing.
        ValueError: a table that is not understood, or nobody says the category.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    tables = [p for p in (folder, folder.parent) if any((p / name).is_file() for name in (MASKS, BOXES))]
    if not tables:
        return _without_table(folder, category)
    photos, sources = [], set()
    for name in (MASKS, BOXES):
        table = tables[0] / name
        for number, row in enumerate(_rows(table), 2) if table.is_file() else ():
            where = f"Line {number} of {table}"
            path = tables[0] / _text(row, "file", where)
            if not path.resolve().is_relative_to(folder.resolve()):
                continue
            source = (row.get("source") or "").strip()
            photos.append(_photo(row, path, tables[0], source, where))
            sources.add(source)
    slug = SOURCES.get(*sources, *sources) if len(sources) == 1 and sources != {""} else folder.resolve().name
    return photo_set(_name(slug), photos, folder, LAYOUT)


def _photo(row: Mapping[str, str], path: Path, root: Path, source: str, where: str) -> RealPhoto:
    if not path.is_file():
        raise FileNotFoundError(f"{where} names {path}, which is missing.")
    mask: MaskOf | None = None
    if (row.get("mask") or "").strip():
        if not (root / row["mask"].strip()).is_file():
            raise FileNotFoundError(f"{where} names the mask {root / row['mask'].strip()}, which is missing.")
        mask = mask_file(root / row["mask"].strip())
    elif source == "coil-100":
        mask = off_background
    sides = [_number(row, f"box_{side}", where) for side in ("left", "top", "width", "height")]
    left, top, width, height = (side or 0.0 for side in sides)
    box = None if None in sides else (left, top, left + width, top + height)
    name = (row.get("object") or "").strip() or path.stem
    return RealPhoto(path, _text(row, "category", where), name, _number(row, "azimuth_deg", where), box, mask)


def _without_table(folder: Path, category: str | None) -> PhotoSet:
    photos, alone = [], []
    for path in sorted(folder.iterdir()):
        mask = path.with_name(f"{path.stem}_mask.png")
        if path.suffix.lower() in SUFFIXES and not mask.is_file() and not path.stem.endswith("_mask"):
            alone.append(path.name)
        if path.suffix.lower() in SUFFIXES and mask.is_file():
            if category is None:
                raise ValueError(f"{folder} has no {MASKS}, so nobody says what its photographs show; give --category.")
            photos.append(RealPhoto(path, category, path.stem, mask_of=mask_file(mask)))
    if alone:
        said = f"{len(alone)} pictures in {folder} have no NAME_mask.png beside them and are left out: {alone[0]}"
        warnings.warn(said + (f" and {len(alone) - 1} more." if alone[1:] else "."), ExpectedWarning, stacklevel=4)
    return photo_set(_name(folder.resolve().name), photos, folder, LAYOUT)


def _rows(table: Path) -> list[dict[str, str]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{table} is no table of commas and UTF-8 ({error}).") from None


def _text(row: Mapping[str, str], column: str, where: str) -> str:
    value = (row.get(column) or "").strip()
    if not value:
        raise ValueError(f"{where} has nothing in the column {column!r}, which is needed.")
    return value


def _number(row: Mapping[str, str], column: str, where: str) -> float | None:
    value = (row.get(column) or "").strip()
    try:
        return finite_number(value) if value else None
    except ValueError:
        raise ValueError(f"{where} has {value!r} in the column {column!r}, where a number belongs.") from None


def _name(text: str) -> str:
    """As part of a key: small letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "folder"
