"""Figures of the photo studio: photographs with everything that is known about them."""

from __future__ import annotations

from matplotlib.figure import Figure
from torch import Tensor

from ganverse_nb.figures.grid import picture_grid, wrapped
from ganverse_nb.render.shots import plain
from ganverse_nb.studio.photos import Photos


def studio_photos(photos: Photos, size: int = 192) -> Figure:
    """Each photograph in a column, with its true mask, depth and shape below it."""
    images, masks = photos.image(), photos.masks.float()
    shapes = plain(photos.mesh(), photos.camera, size)
    labels = [photos.types[kind] for kind in photos.objects["type"].tolist()]
    rows = [list(images), list(masks), [shade(d, m) for d, m in zip(photos.depth.float(), masks)], list(shapes)]
    names = ["photograph", "mask", "depth", "shape"]
    return picture_grid(rows, row_labels=names, column_labels=labels, size=size)


def photo_sheet(photos: Photos, columns: int = 12, size: int = 128) -> Figure:
    """All photographs, row by row: the quickest look at what a GAN will be shown."""
    return picture_grid(wrapped(list(photos.image()), columns), size=size)


def shade(depth: Tensor, mask: Tensor) -> Tensor:
    """Depth [1, R, R] as grey, near bright and far dark, white where `mask` [1, R, R] is 0."""
    inside = depth[mask > 0.5]
    low, high = (inside.min(), inside.max()) if len(inside) else (depth.min(), depth.max())
    grey = 0.9 - 0.7 * (depth - low) / (high - low).clamp_min(1e-6)
    return grey * mask + (1 - mask)
