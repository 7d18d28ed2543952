"""A folder of studio photographs in the layout of `folder-with-masks`: to try the measures of real ones."""

from __future__ import annotations

from pathlib import Path

import torch

from ganverse_nb.data.photo_sets.folder import MASKS
from ganverse_nb.data.pictures import write_picture
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.runtime.files import write_text
from ganverse_nb.studio.photos import arrange, check_order, photograph_orbit

ELEVATION, DISTANCE = 10.0, 2.3


def write_studio_folder(
    folder: Path,
    category: str,
    objects: int = 4,
    sides: int = 6,
    seed: int = 0,
    resolution: int = 192,
    edition: int = 1,
) -> int:
    """Writes `sides` photographs around each of `objects` objects, their masks and `masks.csv`; returns how many.

    Raises:
        ValueError: unknown category or edition, or not one object or side.
    """
    check_order(category, min(objects, sides))
    generator = torch.Generator().manual_seed(seed)
    lines = ["file,mask,category,object,azimuth_deg,source"]
    for k in range(objects):
        built, scene, _ = arrange(category, 1, generator, edition=edition)
        azimuth = 360 / sides * (torch.arange(sides) + torch.rand(1, generator=generator))
        camera = Camera.orbit(azimuth, ELEVATION, DISTANCE)
        photos = photograph_orbit(built, scene, camera, resolution, category, edition)
        for n, (image, mask) in enumerate(zip(photos.image(), photos.masks.float(), strict=True)):
            name = f"{category}{k}_{n:02}"
            write_picture(image, folder / f"{name}.jpg")
            write_picture(mask.expand(3, -1, -1), folder / f"{name}_mask.png")
            lines.append(f"{name}.jpg,{name}_mask.png,{category},{category}{k},{float(azimuth[n]):.2f},studio")
    write_text(folder / MASKS, "\n".join(lines) + "\n")
    return objects * sides
