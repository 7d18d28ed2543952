"""A photograph of a public set, and what is known about it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from ganverse_nb.data.pictures import whole_picture

MaskOf = Callable[[Image.Image], np.ndarray]
"""Picture -> bool [H, W], where its object is: reads the mask's file, or makes the mask."""


@dataclass(frozen=True)
class RealPhoto:
    """One photograph; its files are read when they are asked for.

    Attributes:
        path: of the picture.
        category: of its object.
        object: its name; photographs of one object from several sides share it.
        azimuth: degrees, 0 sees the front, 90 the object's left side; None where nobody knows.
        box: left, top, right, bottom of the object in pixels; None where nobody knows.
        mask_of: gives its mask; None where there is none.
    """

    path: Path
    category: str
    object: str
    azimuth: float | None = None
    box: tuple[float, float, float, float] | None = None
    mask_of: MaskOf | None = None

    def image(self) -> Image.Image:
        """The picture, upright, in RGB.

        Raises:
            FileNotFoundError, ValueError: it is missing or damaged.
        """
        return whole_picture(self.path)

    def mask(self, image: Image.Image) -> np.ndarray | None:
        """bool [H, W] where the object is in `image`, the picture; None where there is no mask.

        Raises:
            FileNotFoundError, ValueError: the mask is missing, or what `data.masks.as_mask` refuses.
        """
        return None if self.mask_of is None else self.mask_of(image)


@dataclass(frozen=True)
class PhotoSet:
    """Photographs of one set; its `name` is part of the names of the numbers that are measured on it."""

    name: str
    photos: tuple[RealPhoto, ...]

    def __len__(self) -> int:
        return len(self.photos)

    @property
    def categories(self) -> list[str]:
        """What its photographs show."""
        return sorted({photo.category for photo in self.photos})

    @property
    def has_masks(self) -> bool:
        """Whether every photograph has a mask."""
        return all(photo.mask_of is not None for photo in self.photos)

    def of_category(self, category: str | None) -> PhotoSet:
        """The photographs of one category; with None, that of them all.

        Raises:
            ValueError: there is none of it, or there are several categories and none was chosen.
        """
        there = ", ".join(self.categories)
        if category is None and len(self.categories) > 1:
            raise ValueError(f"The set {self.name} shows {there}; choose one with --category.")
        kept = tuple(photo for photo in self.photos if category in (None, photo.category))
        if not kept:
            raise ValueError(f"The set {self.name} has no photographs of {category!r}, it shows {there}.")
        return replace(self, photos=kept)

    def of_objects(self, objects: Sequence[str]) -> PhotoSet:
        """The photographs of these objects.

        Raises:
            ValueError: there is none of one of them.
        """
        names = {photo.object for photo in self.photos}
        for name in objects:
            if name not in names:
                some = ", ".join(sorted(names)[:5]) + (", ..." if len(names) > 5 else "")
                raise ValueError(f"The set {self.name} has no object {name!r}; its objects are {some}.")
        return replace(self, photos=tuple(photo for photo in self.photos if photo.object in objects))

    def sample(self, count: int | None) -> PhotoSet:
        """`count` of the photographs, drawn once and for all, in their order; all of them with None.

        Raises:
            ValueError: `count` is not positive.
        """
        if count is not None and count < 1:
            raise ValueError(f"--limit {count}: give at least one photograph.")
        if count is None or count >= len(self):
            return self
        rows = sorted(random.Random(0).sample(range(len(self)), count))
        return replace(self, photos=tuple(self.photos[row] for row in rows))


def photo_set(name: str, photos: Iterable[RealPhoto], folder: Path, layout: str) -> PhotoSet:
    """The set of some photographs.

    Raises:
        FileNotFoundError: there are none; the message says what `layout` the folder should have.
    """
    found = tuple(photos)
    if not found:
        raise FileNotFoundError(f"{folder} holds no photographs of the set {name}; it should have {layout}.")
    return PhotoSet(name, found)


def need(path: Path, what: str) -> Path:
    """`path`, a file or a folder of a set.

    Raises:
        FileNotFoundError: it is not there; `what` says where it comes from.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; {what}.")
    return path
