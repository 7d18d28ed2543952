"""How much shapes differ in one view, measured on masks.

Objects that share a camera are compared by their silhouettes. The same numbers for photographs of different objects
taken by one camera say how much variety there is to be had.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

MINIMUM_AREA = 0.02  # of the picture; smaller masks are failures of the segmenter, not shapes
REACH = 1.6  # half side of the normalised frame, in units of sqrt(area)
FRAME = 48  # pixels of the normalised frame


@dataclass(frozen=True)
class ShapeVariety:
    """Spread over objects at a fixed view, averaged over views.

    Attributes:
        silhouette: mean over pairs of 1 - IoU of the silhouettes after moving their centroids together and scaling them
            to the same area: pure outline. 0 if all are alike.
        overlap: the same without normalisation: position, size and outline.
        area: standard deviation / mean of the area.
        proportion: standard deviation / mean of height / width of the bounding box.
        views, masks: how many views and masks counted.
    """

    silhouette: float
    overlap: float
    area: float
    proportion: float
    views: int
    masks: int


def shape_variety(masks: Tensor) -> ShapeVariety:
    """Masks [views, objects, 1, H, W] in [0, 1] -> spread over the objects of each view.

    Masks below 2 % of the picture are left out, views with fewer than three masks too.

    Raises:
        ValueError: wrong shape, or no view has three usable masks.
    """
    if masks.dim() != 5 or masks.shape[2] != 1:
        raise ValueError(f"Masks must be [views, objects, 1, H, W], got {tuple(masks.shape)}.")
    rows, used = [], 0
    for view in masks:
        solid = (view > 0.5).float()
        solid = solid[solid.mean((1, 2, 3)) >= MINIMUM_AREA]
        if len(solid) < 3:
            continue
        area = solid.sum((1, 2, 3))
        rows.append([_distance(normalise(solid)), _distance(solid), _spread(area), _spread(_proportion(solid))])
        used += len(solid)
    if not rows:
        raise ValueError("No view has three masks of at least 2 % of the picture; the segmenter or the GAN failed.")
    silhouette, overlap, size, proportion = torch.tensor(rows).mean(0).tolist()
    return ShapeVariety(silhouette, overlap, size, proportion, len(rows), used)


def normalise(masks: Tensor) -> Tensor:
    """[N, 1, H, W] -> [N, 1, 48, 48]: centroid in the middle, area the same for all."""
    n, _, h, w = masks.shape
    y = torch.arange(h, dtype=masks.dtype) + 0.5
    x = torch.arange(w, dtype=masks.dtype) + 0.5
    area = masks.sum((1, 2, 3))
    centre_x = (masks.sum((1, 2)) * x).sum(1) / area * (2.0 / w) - 1.0
    centre_y = (masks.sum((1, 3)) * y).sum(1) / area * (2.0 / h) - 1.0
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = REACH * area.sqrt() * (2.0 / w)
    theta[:, 1, 1] = REACH * area.sqrt() * (2.0 / h)
    theta[:, 0, 2], theta[:, 1, 2] = centre_x, centre_y
    grid = F.affine_grid(theta, [n, 1, FRAME, FRAME], align_corners=False)
    return (F.grid_sample(masks, grid, align_corners=False) > 0.5).float()


def _distance(masks: Tensor) -> float:
    """Mean of 1 - IoU over all pairs."""
    flat = masks.flatten(1)
    shared = flat @ flat.T
    area = flat.sum(1)
    iou = shared / (area[:, None] + area[None] - shared).clamp_min(1.0)
    n = len(flat)
    return float((n * n - iou.sum()) / (n * (n - 1)))  # the diagonal's IoU of 1 cancels


def _proportion(masks: Tensor) -> Tensor:
    height = masks.amax(3).sum((1, 2))
    width = masks.amax(2).sum((1, 2))
    return height / width


def _spread(values: Tensor) -> float:
    spread = float(values.std() / values.mean())
    return 0.0 if math.isnan(spread) else spread
