"""The studio as a turntable: a multi-view dataset whose cameras are known, to measure what is recovered of them."""

from __future__ import annotations

import torch

from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.studio.categories import find_studio_category
from ganverse_nb.studio.photos import photograph_orbit
from ganverse_nb.studio.scene import sample_scenes


def studio_views(category: str, contents: int, camera: Camera, seed: int, resolution: int = 64) -> MultiViewDataset:
    """`contents` random objects, each in a scene of its own, seen by all V of `camera`, with their true masks.

    The coarse labels are the true azimuths, rounded to 30 degrees; an eighth of the objects, at least one, is held out.

    Raises:
        ValueError: unknown category, fewer than two contents.
    """
    kind = find_studio_category(category)
    if contents < 2:
        raise ValueError(f"studio_views: {contents} contents leave none to hold out; ask for at least 2.")
    generator = torch.Generator().manual_seed(seed)
    images, masks = [], []
    for _ in range(contents):
        objects, scene = kind.sample(1, generator, None), sample_scenes(1, generator, kind.grounds)
        photos = photograph_orbit(objects, scene, camera, resolution, category)
        images.append(photos.images)
        masks.append(photos.masks)
    bins = (camera.azimuth / 30).round().long().remainder(12)
    keep = torch.ones(contents, len(camera), dtype=torch.bool)
    return MultiViewDataset(torch.stack(images), torch.stack(masks), keep, bins, test_contents=max(1, contents // 8))
