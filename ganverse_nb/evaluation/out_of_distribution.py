"""Pictures that inverse graphics should refuse: other things, several objects, cut ones, none at all."""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.segmentation.composites import empty_scenes
from ganverse_nb.studio.cameras import FOV
from ganverse_nb.studio.categories import CATEGORIES
from ganverse_nb.studio.photos import make_photos

SEVERAL, CUT, EMPTY = "several", "cut off", "empty"


def ood_pictures(category: str, count: int, seed: int, resolution: int = 64, edition: int = 1) -> dict[str, Tensor]:
    """`count` pictures [count, 3, R, R] in [0, 1] of each kind of picture that is no `category`, by kind.

    One whole object of each other category, two objects beside each other, one that the picture's border cuts, and
    empty scenes.

    Raises:
        ValueError: unknown category or edition, or `count` is not positive.
    """
    rng = torch.Generator().manual_seed(seed)
    kinds = {
        f"{other}s": make_photos(other, count, seed, resolution, edition=edition).image()
        for other in CATEGORIES
        if other != category
    }
    cut = _aside(count, rng, distance=2.1, aside=(0.45, 0.62))
    kinds[CUT] = make_photos(category, count, seed + 1, resolution, cut, edition=edition).image()
    kinds[SEVERAL] = _two(category, count, seed, resolution, rng, edition)
    kinds[EMPTY] = empty_scenes(count, rng, resolution)
    return kinds


def _two(category: str, count: int, seed: int, resolution: int, rng: torch.Generator, edition: int) -> Tensor:
    """Pictures of two whole objects beside each other, the second one pasted in."""
    views = [_aside(count, rng, 4.2, (0.5, 0.6), side=side) for side in (1.0, -1.0)]
    left = make_photos(category, count, seed + 2, resolution, views[0], edition=edition)
    right = make_photos(category, count, seed + 3, resolution, views[1], edition=edition)
    return torch.where(right.masks > 0, right.image(), left.image())


def _aside(
    count: int, rng: torch.Generator, distance: float, aside: tuple[float, float], side: float | None = None
) -> Camera:
    """Cameras at `distance` that look past the object, by `aside` world units (from, to) to the right (`side` 1, the
    object is on the left), the left (-1) or either (None)."""
    azimuth = 360 * torch.rand(count, generator=rng)
    elevation = 3 + 22 * torch.rand(count, generator=rng)
    past = aside[0] + (aside[1] - aside[0]) * torch.rand(count, generator=rng)
    sign = (
        torch.where(torch.rand(count, generator=rng) < 0.5, -1.0, 1.0) if side is None else torch.full((count,), side)
    )
    right = Camera.orbit(azimuth, elevation, distance, FOV).axes()[:, 0]
    return Camera.orbit(azimuth, elevation, distance, FOV, right * (past * sign)[:, None])
