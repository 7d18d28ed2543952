"""The ellipsoid that is deformed, fitted to the masks of a dataset where nobody gives it."""

from __future__ import annotations

import math

import torch

from ganverse_nb.data.multiview import MultiViewDataset

NARROWEST, WIDEST = 0.03, 1.0  # half axes in world units
PER_VIEW = 64  # masks of each view code that are looked at


def fit_template(
    dataset: MultiViewDataset, elevation: float, distance: float, fov: float
) -> tuple[float, float, float]:
    """Half axes x, y, z of the ellipsoid whose outlines are, over all views, as wide and as high as the masks.

    An ellipsoid of half axes a, b, c seen from azimuth t and elevation e is an ellipse with the squared half axes
    a² cos² t + c² sin² t across and b² cos² e + (c² cos² t + a² sin² t) sin² e upwards, perspective aside; those of a
    mask are four times its second moments about its centroid. Least squares over the labelled azimuths, so mirrored
    labels give the same, as do front and rear in each other's place.

    Args:
        elevation: degrees, from which all views are taken to look, from `distance` with the angle of view `fov`.

    Raises:
        ValueError: no view has a picture that was kept.
    """
    rows, wanted = [], []
    half = distance * math.tan(math.radians(fov) / 2)
    rise, train = math.radians(elevation), dataset.train_contents
    for view, label in enumerate(dataset.azimuth_bin.tolist()):
        contents = train[dataset.keep[train, view]][:PER_VIEW]
        if not len(contents):
            continue
        masks = dataset.masks[contents, view].double()[:, 0]
        across, up = _half_axes(masks)
        front, side = math.cos(math.radians(30 * label)) ** 2, math.sin(math.radians(30 * label)) ** 2
        rows += [
            [front, 0.0, side],
            [side * math.sin(rise) ** 2, math.cos(rise) ** 2, front * math.sin(rise) ** 2],
        ]
        wanted += [(half * across) ** 2, (half * up) ** 2]
    if not rows:
        raise ValueError("No picture of the dataset has passed the filter, so no template can be fitted to the masks.")
    matrix, squares = torch.tensor(rows, dtype=torch.float64), torch.tensor(wanted, dtype=torch.float64)
    # a little towards a sphere, which decides where the labels show one side alone
    sphere = squares.mean() * torch.ones(3, dtype=torch.float64)
    matrix = torch.cat([matrix, 0.05 * torch.eye(3, dtype=torch.float64)])
    squares = torch.cat([squares, 0.05 * sphere])
    axes = torch.linalg.lstsq(matrix, squares[:, None]).solution[:, 0].clamp_min(0).sqrt()
    x, y, z = (round(value, 4) for value in axes.clamp(NARROWEST, WIDEST).tolist())
    return x, y, z


def _half_axes(masks: torch.Tensor) -> tuple[float, float]:
    """Those of the ellipses with the masks' second moments, across and up, in half pictures: medians of [N, H, W]."""
    places = [(torch.arange(n, dtype=torch.float64) + 0.5) / n * 2 - 1 for n in masks.shape[1:]]
    area = masks.sum((1, 2)).clamp_min(1e-9)
    halves = []
    for profile, place in zip((masks.sum(1), masks.sum(2)), reversed(places), strict=True):
        mean = profile @ place / area
        spread = (profile * (place - mean[:, None]).square()).sum(1) / area
        halves.append(float((4 * spread).sqrt().median()))
    return halves[0], halves[1]
