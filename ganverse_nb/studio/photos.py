"""Orders of photographs: random objects in random scenes, light and cameras, by either edition of the studio."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.studio import first_edition
from ganverse_nb.studio.categories import find_studio_category
from ganverse_nb.studio.editions import check_edition, find_kind
from ganverse_nb.studio.first_edition import SUPERSAMPLING
from ganverse_nb.studio.photo_set import FILE, Photos, join, surface_points
from ganverse_nb.studio.randomization import PHOTOS, Randomization
from ganverse_nb.studio.sampling import Objects
from ganverse_nb.studio.scene import Scene

__all__ = [
    "BATCH", "FILE", "STYLES", "SUPERSAMPLING", "Photos", "arrange", "check_order", "join", "make_photos", "photograph",
    "photograph_orbit", "photograph_batches", "surface_points",
]  # fmt: skip

BATCH = 16
STYLES = ("studio", "web")


def make_photos(
    category: str,
    count: int,
    seed: int,
    resolution: int = 64,
    camera: Camera | None = None,
    body_type: str | None = None,
    style: str = "studio",
    per_camera: int = 1,
    edition: int = 1,
    knobs: Randomization | None = None,
    first: int = 0,
) -> Photos:
    """`count` photographs of random objects in random scenes, light and cameras.

    Args:
        camera: one camera per photo (or one for all) in place of random ones.
        body_type: one of the category's `types` (see `studio.categories`), or None for all of them.
        style: "studio"; or, in the first edition, "web" for light, places, angles and cars outside of the studio's
            ranges (`studio.web`).
        per_camera: every so many photos in a row are taken by one random camera; divides 16.
        edition: of the studio, see `studio.editions`.
        knobs: what varies how much in the second edition; default: `randomization.PHOTOS`.
        first: how many of the photos of this seed, a multiple of 16, are left out before them.

    Raises:
        ValueError: unknown category, body type, style or edition, a style or knobs that the edition does not have, or
            `count` is not positive.
    """
    check_order(category, count)
    check_edition(edition)
    if style not in STYLES:
        raise ValueError(f"Unknown style {style!r}; the studio's are {', '.join(STYLES)}.")
    if edition != 1 and style != "studio":
        raise ValueError(f"The style {style!r} belongs to the first edition; in the second, turn its knobs.")
    if edition == 1 and knobs is not None:
        raise ValueError("The first edition has no knobs; they belong to edition=2.")
    if per_camera < 1 or BATCH % per_camera:
        raise ValueError(f"per_camera must divide {BATCH}, got {per_camera}.")

    def arranged(some: slice, generator: torch.Generator) -> tuple[Objects, Scene, Camera]:
        size = some.stop - some.start
        objects, scene, own = arrange(category, size, generator, body_type, style, per_camera, edition, knobs)
        if camera is not None:
            own = camera[some] if len(camera) > 1 else camera[[0] * size]
        return objects, scene, own

    return photograph_batches(arranged, count, seed, resolution, category, edition, first)


def photograph_batches(
    arranged: Callable[[slice, torch.Generator], tuple[Objects, Scene, Camera]],
    count: int,
    seed: int,
    resolution: int,
    category: str = "car",
    edition: int = 1,
    first: int = 0,
) -> Photos:
    """`count` photographs of what `arranged` sets up for each slice of them, with a generator of the slice's own.

    Those before the `first`, a multiple of 16, are left out.
    """
    batches = []
    for start in range(first, first + count, BATCH):
        some = slice(start, min(start + BATCH, first + count))
        generator = torch.Generator().manual_seed(seed * 1_000_003 + start)
        batches.append(photograph(*arranged(some, generator), resolution, category, edition))
    return join(batches)


def arrange(
    category: str,
    count: int,
    generator: torch.Generator,
    body_type: str | None = None,
    style: str = "studio",
    per_camera: int = 1,
    edition: int = 1,
    knobs: Randomization | None = None,
) -> tuple[Objects, Scene, Camera]:
    """`count` random objects, scenes to put them in, and cameras; the arguments are those of `make_photos`."""
    if edition == 2:
        from ganverse_nb.studio.second.photograph import arrange as arrange_second

        return arrange_second(category, count, generator, body_type, per_camera, knobs or PHOTOS)
    objects, scene, camera = first_edition.arrange(find_kind(category, edition), count, generator, body_type, style)
    return objects, scene, camera[torch.arange(count) // per_camera * per_camera]


def check_order(category: str, count: int) -> None:
    """Raises ValueError when the studio cannot make `count` photos of `category`."""
    find_studio_category(category)
    if count < 1:
        raise ValueError(f"The studio was asked for {count} photos; ask for at least 1.")


def photograph_orbit(
    objects: Objects, scene: Scene, camera: Camera, resolution: int = 64, category: str = "car", edition: int = 1
) -> Photos:
    """Every camera's photo of the one object and scene given ([1, ...] each)."""
    n = len(camera)
    repeat: Callable[[Tensor], Tensor] = lambda v: v.expand(n, *v.shape[1:])  # noqa: E731
    objects, scene = ({k: repeat(v) for k, v in group.items()} for group in (objects, scene))
    return photograph(objects, scene, camera, resolution, category, edition)


def photograph(
    objects: Objects, scene: Scene, camera: Camera, resolution: int = 64, category: str = "car", edition: int = 1
) -> Photos:
    """One photo per (object, scene, camera); the three are batches of one length, arranged by the same edition."""
    check_edition(edition)
    if edition == 2:
        from ganverse_nb.studio.second.photograph import photograph as photograph_second

        return photograph_second(objects, scene, camera, resolution, category)
    return first_edition.photograph(objects, scene, camera, resolution, category)
