"""Shape measures on ellipses, whose overlaps are known."""

from __future__ import annotations

import math

import pytest
import torch

from ganverse_nb.gan.shape_variety import normalise, shape_variety


def ellipses(width, height, x=0.0, y=0.0, size=192):
    """[N, 1, size, size]; half axes and centre in units of half the picture."""
    axis = (torch.arange(size) + 0.5) * 2 / size - 1
    values = [torch.as_tensor(v, dtype=torch.float32).reshape(-1, 1, 1) for v in (width, height, x, y)]
    return ((((axis - values[2]) / values[0]) ** 2 + ((axis[:, None] - values[3]) / values[1]) ** 2) <= 1).float()[
        :, None
    ]


def test_size_and_place_are_not_shape():
    masks = ellipses([0.3, 0.45, 0.6], [0.2, 0.3, 0.4], [0.0, 0.2, -0.2], [0.1, -0.1, 0.2])[None]
    found = shape_variety(masks)
    assert found.silhouette < 0.05 and found.proportion < 0.03
    assert found.overlap > 0.4
    areas = torch.tensor([1.0, 2.25, 4.0])
    assert found.area == pytest.approx(float(areas.std() / areas.mean()), rel=0.03)
    assert (found.views, found.masks) == (1, 3)


def test_two_outlines_have_their_known_distance():
    # an ellipse of axes (r a, r / a) against one of (r / a, r a), same area: IoU has a closed form
    a = 1.3
    masks = torch.cat([ellipses(0.45 * a, 0.45 / a), ellipses(0.45 / a, 0.45 * a)]).repeat(2, 1, 1, 1)[None]
    shared = 4 / math.pi * math.atan(1 / a**2)  # shared area / area
    distance = 1 - shared / (2 - shared)
    # 4 of the 6 pairs differ
    assert shape_variety(masks).silhouette == pytest.approx(distance * 4 / 6, rel=0.06)
    proportions = torch.tensor([a**-2, a**2] * 2)
    assert shape_variety(masks).proportion == pytest.approx(float(proportions.std() / proportions.mean()), rel=0.04)


def test_normalised_masks_have_one_area_and_a_middle():
    out = normalise(ellipses([0.3, 0.6], [0.25, 0.3], [0.3, -0.2], [-0.4, 0.3]))
    area = out.sum((1, 2, 3))
    assert float(area[0]) == pytest.approx(float(area[1]), rel=0.03)
    axis = torch.arange(48) - 23.5
    for mask in out:
        assert abs((mask[0].sum(0) * axis).sum() / mask.sum()) < 0.5
        assert abs((mask[0].sum(1) * axis).sum() / mask.sum()) < 0.5


def test_views_are_averaged_and_failed_masks_left_out():
    alike = ellipses([0.5] * 4, [0.3] * 4)
    varied = ellipses([0.5, 0.4, 0.3, 0.6], [0.2, 0.3, 0.4, 0.25])
    alone = shape_variety(varied[None]).silhouette
    assert shape_variety(torch.stack([alike, varied])).silhouette == pytest.approx(alone / 2, abs=1e-6)
    empty = torch.cat([alike[:3], torch.zeros_like(alike[:1])])
    found = shape_variety(torch.stack([empty, torch.zeros_like(alike)]))
    assert (found.views, found.masks, found.silhouette) == (1, 3, 0)
    with pytest.raises(ValueError, match="No view has three masks"):
        shape_variety(torch.zeros(2, 4, 1, 8, 8))
    with pytest.raises(ValueError, match="objects, 1, H, W"):
        shape_variety(torch.zeros(2, 4, 8, 8))
