"""Studio photographs annotated as those of Pascal3D+ are: keypoints clicked by hand, a bit off, some missed."""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.data.annotated import KeypointPhotos
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.studio.categories import find_studio_category
from ganverse_nb.studio.photos import Photos

BATCH, SIZE = 64, 128
BEHIND = 0.04  # world units that a keypoint may lie behind the surface seen there, as one inside a wheel does


def annotate_keypoints(photos: Photos, noise: float, missed: float, seed: int = 0) -> KeypointPhotos:
    """The true keypoints of studio photographs as annotators would mark them.

    Args:
        noise: standard deviation of each coordinate, as a share of the picture's side.
        missed: share of the visible keypoints that are not marked.
    """
    generator = torch.Generator().manual_seed(seed)
    points = photos.camera.to_image(photos.keypoints())
    seen = torch.cat([visible_keypoints(photos[slice(i, i + BATCH)]) for i in range(0, len(photos), BATCH)])
    seen &= torch.rand(seen.shape, generator=generator) >= missed
    points = points + noise * torch.randn(points.shape, generator=generator)
    files = tuple(f"photo {i}" for i in range(len(photos)))
    return KeypointPhotos(photos.images, photos.masks, points, seen, photos.keypoint_names, files)


@torch.no_grad()
def visible_keypoints(photos: Photos) -> Tensor:
    """[N, K] bool: keypoints inside the picture with nothing in front of them."""
    mesh, keypoints = photos.mesh(), photos.keypoints()
    seen = rasterize(photos.camera.to_clip(mesh.vertices), mesh.faces, SIZE)
    surface = torch.where(seen.face_index >= 0, seen.depth, torch.inf)
    depth = -photos.camera.to_view(keypoints)[..., 2]
    at = photos.camera.to_image(keypoints)
    inside = ((at >= 0) & (at < 1)).all(-1)
    column, row = (at * SIZE).long().clamp(0, SIZE - 1).unbind(-1)
    there = surface[torch.arange(len(photos))[:, None], row, column]
    return inside & (depth <= there + BEHIND)


def keypoint_shape(category: str, models: int = 10, seed: int = 0) -> dict[str, Tensor]:
    """Name -> [3]: the mean keypoints of a few models of each body type, as Pascal3D+ has ten CAD models of cars."""
    kind, generator = find_studio_category(category), torch.Generator().manual_seed(seed)
    means = [kind.keypoints(kind.sample(models, generator, name)).mean(0) for name in kind.types]
    return dict(zip(kind.keypoint_names, torch.stack(means).mean(0)))
