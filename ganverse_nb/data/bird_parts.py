"""What CUB-200-2011 and NABirds have in common: tables of boxes and parts, one line per picture or part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.data.annotated import KeypointPhotos
from ganverse_nb.data.crops import Crop, open_photo
from ganverse_nb.runtime.text import finite_number

BATCH = 32

Masks = Callable[[Sequence["BirdPhoto"], Tensor, Sequence[Crop]], tuple[Tensor, Tensor]]
"""Photographs, their windows [n, 3, R, R] uint8 and crops -> masks [n, 1, R, R] uint8, and [n] bool: whether usable."""


@dataclass(frozen=True)
class BirdPhoto:
    """One line of every table: its file below `images/`, its box (left, top, right, bottom) and its parts."""

    file: str
    path: Path
    box: tuple[float, float, float, float]
    points: Tensor  # [K, 2] pixels
    visible: Tensor  # [K] bool


def read_birds(
    root: Path, split: str, resolution: int, masks: Masks, rule: str, archive: str, limit: int | None = None
) -> KeypointPhotos:
    """The birds of one split as square pictures with keypoints; names of parts with underscores, as in the studio.

    Args:
        rule: what to call the removal of pictures whose mask is not usable.
        archive: what to unpack again where a piece is missing.
        limit: only the first so many photographs.

    Raises:
        FileNotFoundError: a table or a picture is missing.
        ValueError: unknown split, or a table with a line that is not understood.
    """
    if split not in ("train", "test"):
        raise ValueError(f"The birds are read as 'train' or 'test', not {split!r}.")
    names, birds = bird_table(root, split, archive)
    birds = birds[:limit]
    parts = []
    for start in tqdm(range(0, len(birds), BATCH), desc=f"{root.name} {split}", unit="batch"):
        some = birds[start : start + BATCH]
        crops = [Crop.around(bird.box) for bird in some]
        images = torch.stack([crop.cut(open_photo(bird.path), resolution) for bird, crop in zip(some, crops)])
        points = torch.stack([crop.points(bird.points) for bird, crop in zip(some, crops)])
        visible = torch.stack([bird.visible for bird in some])
        found, usable = masks(some, images, crops)
        files = tuple(bird.file for bird in some)
        part = KeypointPhotos(images, found, points, visible, names, files)
        parts.append(part[usable.nonzero().flatten()])
    if not parts:
        raise ValueError(f"{root} has no photographs in its {split} split; unpack {archive} again.")
    keys = ("images", "masks", "points", "visible")
    images, found, points, visible = (torch.cat([getattr(p, key) for p in parts]) for key in keys)
    kept = tuple(name for part in parts for name in part.files)
    return KeypointPhotos(images, found, points, visible, names, kept, {rule: len(birds) - len(kept)})


def bird_table(root: Path, split: str, archive: str) -> tuple[tuple[str, ...], list[BirdPhoto]]:
    """Names of the parts, and the birds of one split; errors as `read_birds`."""
    names = {key: "_".join(words) for key, *words in _lines(root / "parts" / "parts.txt", 2, archive)}
    order = {key: k for k, key in enumerate(names)}
    files = {key: row[0] for key, *row in _lines(root / "images.txt", 2, archive)}
    is_train = {key: row[0] == "1" for key, *row in _lines(root / "train_test_split.txt", 2, archive)}
    boxes = {key: _numbers(root / "bounding_boxes.txt", row) for key, *row in
             _lines(root / "bounding_boxes.txt", 5, archive)}  # fmt: skip
    points = {key: torch.zeros(len(names), 2, dtype=torch.float64) for key in files}
    visible = {key: torch.zeros(len(names), dtype=torch.bool) for key in files}
    table = root / "parts" / "part_locs.txt"
    for key, part, *row in _lines(table, 5, archive):
        if part not in order or key not in files:
            raise ValueError(f"{table} names the part {part} of picture {key}, which the other tables do not have.")
        x, y, seen = _numbers(table, row)
        points[key][order[part]] = torch.tensor([x, y], dtype=torch.float64)
        visible[key][order[part]] = bool(seen)
    birds = []
    for key, name in files.items():
        if key not in boxes or key not in is_train:
            raise ValueError(f"{root}: picture {key} ({name}) has no box or no split; unpack {archive} again.")
        if is_train[key] == (split == "train"):
            left, top, width, height = boxes[key]
            box = (left, top, left + width, top + height)
            birds.append(BirdPhoto(name, root / "images" / name, box, points[key], visible[key]))
    return tuple(names.values()), birds


def _lines(path: Path, columns: int, archive: str) -> Iterator[list[str]]:
    """The words of every line of a table; names of parts may have more of them than `columns`."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; unpack {archive} again.")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) < columns:
            raise ValueError(f"Line {number} of {path} has {len(words)} columns and {columns} are needed.")
        yield words


def _numbers(path: Path, row: Sequence[str]) -> list[float]:
    try:
        return [finite_number(word) for word in row]
    except ValueError:
        raise ValueError(f"{path} has {' '.join(row)!r} where numbers belong.") from None
