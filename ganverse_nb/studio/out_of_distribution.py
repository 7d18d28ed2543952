"""Photographs of objects that no category of the studio holds: what reconstruction cannot be expected to know."""

from __future__ import annotations

import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.studio.cameras import sample_cameras
from ganverse_nb.studio.categories import CATEGORIES
from ganverse_nb.studio.editions import check_edition
from ganverse_nb.studio.ood_cars import OOD_CARS, sample_ood_cars
from ganverse_nb.studio.photos import Photos, check_order, make_photos, photograph_batches
from ganverse_nb.studio.sampling import AIM, Objects
from ganverse_nb.studio.scene import Scene, sample_scenes


def ood_photos(category: str, count: int, seed: int, resolution: int = 64, edition: int = 1) -> dict[str, Photos]:
    """`count` photographs of each kind of out-of-distribution object, whole in the picture, by name of the kind.

    Scenes, light and cameras are the usual ones. Beside cars stand `ood_cars.OOD_CARS`; beside the animals,
    of which the studio builds none, the objects of the other categories.

    Raises:
        ValueError: unknown category or edition, or `count` is not positive; or such cars of the second edition, which
            builds none.
    """
    check_order(category, count)
    check_edition(edition)
    if category == "car" and edition != 1:
        raise ValueError("Out-of-distribution cars are built by the studio's first edition; ask for edition=1.")
    if category != "car":
        return {
            other: make_photos(other, count, seed, resolution, edition=edition)
            for other in CATEGORIES
            if other != category
        }
    return {kind: _ood_photos(kind, count, seed, resolution) for kind in OOD_CARS}


def _ood_photos(kind: str, count: int, seed: int, resolution: int) -> Photos:
    def arranged(some: slice, generator: torch.Generator) -> tuple[Objects, Scene, Camera]:
        size = some.stop - some.start
        cars = sample_ood_cars(kind, size, generator)
        return cars, sample_scenes(size, generator), sample_cameras(size, generator, AIM)

    return photograph_batches(arranged, count, seed, resolution)
