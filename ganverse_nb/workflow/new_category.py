"""`ganverse new-category`: the file of a category of one's own, with what its pictures tell, if it has any."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ganverse_nb.categories import Category, own_category
from ganverse_nb.data.image_folder import list_images
from ganverse_nb.data.masked_folder import kind_of_masks
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import write_text
from ganverse_nb.runtime.picture_files import formats_of

FEW = 1000  # pictures; a GAN needs at least about so many to vary
LEAST = 32  # the batch of the profiles for own pictures
NETWORK = "--profile paper --set gan.network=FILE"  # who brings a network instead of pictures says so everywhere


@dataclass(frozen=True)
class Found:
    """What a folder of pictures tells.

    Attributes:
        pictures: how many there are; `unreadable` of them cannot be opened.
        smallest, largest, middle: width and height in pixels, by area.
        aspect: the median of width / height.
        masks: how they bring their masks, "" where they do not.
    """

    pictures: int
    unreadable: int
    smallest: tuple[int, int]
    largest: tuple[int, int]
    middle: tuple[int, int]
    aspect: float
    masks: str

    def lines(self) -> list[str]:
        """In words, one line each."""
        (w, h), (x, y), (a, b) = self.smallest, self.largest, self.middle
        told = [
            f"{self.pictures} pictures" + (f", {self.unreadable} of them unreadable" if self.unreadable else ""),
            f"sizes: {w} x {h} to {x} x {y} pixels, the middle one {a} x {b}",
            f"aspect (width / height): {self.aspect:.2f}; the square in the middle of each is used",
            f"masks: {self.masks or 'none beside them'}",
        ]
        if self.pictures - self.unreadable < LEAST:
            told.append(f"too few for a GAN: batches of {LEAST} (gan.batch) need as many pictures; take more")
        if self.pictures < FEW:
            told.append(f"fewer than {FEW}: expect the GAN to vary little; `--mirror` doubles them")
        return told


def look_at(folder: Path) -> Found:
    """Opens every picture of a folder, without decoding it.

    Raises:
        ImageFolderError: no such folder, or fewer than two pictures. ExpectedError: none of them can be opened.
    """
    sizes: list[tuple[int, int]] = []
    files = list_images(folder)
    for path in files:
        try:
            with Image.open(path, formats=formats_of(path.name)) as picture:
                sizes.append(picture.size)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue
    if not sizes:
        raise ExpectedError(f"None of the {len(files)} pictures in {folder} can be opened.")
    sizes.sort(key=lambda size: size[0] * size[1])
    aspects = sorted(width / height for width, height in sizes)
    middle = len(sizes) // 2
    unreadable = len(files) - len(sizes)
    masks = kind_of_masks(folder, files)
    return Found(len(files), unreadable, sizes[0], sizes[-1], sizes[middle], aspects[middle], masks)


def new_category(name: str, images: Path | None, path: Path) -> list[str]:
    """Writes the TOML file of a category; returns what the folder of its pictures told, in lines.

    Args:
        images: the folder; None where there is a network that paints them.

    Raises:
        ExpectedError: the file is there already, or nothing can be made of the folder. SettingError: no such name.
    """
    category = own_category(name)
    if path.exists():
        raise ExpectedError(f"{path} is there already; edit it, or delete it to have it written anew.")
    told = look_at(images).lines() if images else []
    folder = os.path.relpath(images.absolute(), path.absolute().parent) if images else ""
    write_text(path, as_toml(category, folder, told))
    return told


def as_toml(category: Category, images: str, told: Sequence[str]) -> str:
    """The file, every key of it with what it means; `told` of the pictures stands above."""
    low, high = category.masks
    option, unless = ("", "") if images else (f" {NETWORK}", "; needed unless gan.network names who paints them")
    lines = [
        f"# A category of one's own: ganverse reproduce --category {category.name}.toml{option}",
        *(f"# {line}" for line in told),
        f"name = {_text(category.name)}",
        f"plural = {_text(category.objects)}",
        f"images = {_text(images)}  # a folder of pictures, from the folder of this file{unless}",
        f"coco = {_text(category.coco)}  # COCO's word for it, where that is not its name; its Mask R-CNN makes masks",
        'template = "fitted"  # to the masks, or half axes x, y, z of an ellipsoid, as in [0.2, 0.2, 0.5]',
        f'symmetry = {_text(category.symmetry)}  # or "none"',
        f"masks = [{low}, {high}]  # the smallest and the largest share of the picture that an object covers",
        f'pose = {_text(category.pose)}  # or "free", where it is also seen steeply from above and below',
        f"truncation = {category.truncation}  # of contents; lower: less varied, better drawn",
        f"views = {category.views}  # view codes around the object",
        'keypoints = []  # points to mark in notebook 03, as in ["left_handle", "right_handle", "rim"]',
    ]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """As TOML writes it; for what stands here, that is JSON's way."""
    return json.dumps(value, ensure_ascii=False)
