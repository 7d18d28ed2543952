"""Suggestions without labels: moments of known outlines, shares of known variances, and the bundled teacher."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.gan.checkpoint import load_generator
from ganverse_nb.gan.suggest import (
    azimuth_descriptor,
    silhouette_descriptor,
    silhouette_moments,
    suggest_split_layer,
    suggest_view_codes,
    usual,
    view_share,
)
from ganverse_nb.segmentation.mask_rcnn import load_segmenter


def drawn(inside, size: int = 96) -> torch.Tensor:
    line = (torch.arange(size) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(-line, line, indexing="ij")
    return inside(x, y).float()[None, None]


def triangle(x, y):
    return (y > -0.4) & (x > -0.3) & (x + y < 0.3)


def test_moments_of_a_disc_and_a_box():
    disc = silhouette_moments(drawn(lambda x, y: x**2 + y**2 < 0.5))[0]
    torch.testing.assert_close(disc[[0, 2]], torch.full((2,), 1 / (4 * math.pi)), rtol=0.01, atol=0)
    assert disc[[1, 3, 4, 5, 6]].abs().max() < 1e-3
    box = silhouette_moments(drawn(lambda x, y: (x.abs() < 0.75) & (y.abs() < 0.25)))[0]
    torch.testing.assert_close(box[[0, 2]], torch.tensor([3.0, 1 / 3]) / 12, rtol=5e-3, atol=0)


def test_moments_know_neither_place_nor_size_but_left_from_right():
    one = silhouette_moments(drawn(triangle))[0]
    moved = silhouette_moments(drawn(lambda x, y: triangle(x - 0.25, y + 0.125)))[0]
    smaller = silhouette_moments(drawn(lambda x, y: triangle(1.5 * x, 1.5 * y)))[0]
    torch.testing.assert_close(moved, one, rtol=0, atol=1e-5)
    torch.testing.assert_close(smaller, one, rtol=0, atol=5e-3)
    mirrored = silhouette_moments(drawn(triangle).flip(3))[0]
    sign = torch.tensor([1.0, -1, 1, -1, 1, -1, 1])  # odd powers of x
    torch.testing.assert_close(mirrored, sign * one, rtol=0, atol=1e-5)
    assert (one - mirrored).norm() > 0.1
    assert (silhouette_moments(torch.zeros(1, 1, 8, 8)) == 0).all()
    with pytest.raises(ValueError, match=r"\[B, 1, H, W\], got \(1, 3, 8, 8\)"):
        silhouette_moments(torch.zeros(1, 3, 8, 8))


def test_azimuths_are_described_without_a_jump_at_the_rear():
    regressor = SimpleNamespace(pose=lambda pictures: SimpleNamespace(azimuth=pictures[:, 0, 0, 0]))
    degrees = torch.tensor([0.0, 90.0, 179.0, -179.0])
    found = azimuth_descriptor(regressor)(degrees[:, None, None, None].expand(-1, 3, 2, 2))
    torch.testing.assert_close(found[:2], torch.tensor([[0.0, 1.0], [1.0, 0.0]]), rtol=0, atol=1e-6)
    assert (found[2] - found[3]).norm() < 0.04


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 1.0])
def test_view_share_of_known_variances(share):
    random = torch.Generator().manual_seed(0)
    views, contents = torch.randn(400, 1, 3, generator=random), torch.randn(400, 6, 3, generator=random)
    assert view_share(share**0.5 * views + (1 - share) ** 0.5 * contents) == pytest.approx(share, abs=0.04)


@pytest.fixture(scope="module")
def silhouettes():
    segmenter = load_segmenter("car")
    return silhouette_descriptor(lambda pictures: segmenter.segment(pictures).mask)


@pytest.fixture(scope="module")
def teacher():
    return load_generator("car")


def test_the_split_of_the_bundled_teacher_is_found_from_silhouettes(teacher, silhouettes):
    found = suggest_split_layer(teacher, silhouettes, (1, 2, 3), views=10, contents=4, progress=False)
    assert found.split_layer == 2  # as the pose regressor's gate says
    assert found.view_share[1] < 0.6 < 0.85 < found.view_share[2]
    with pytest.raises(ValueError, match="Split layer 40"):
        suggest_split_layer(teacher, silhouettes, (40,))


def unlike_the_border(pictures):
    """Crude masks, for speed: what differs from the mean colour of each row's two ends."""
    ends = pictures[..., [0, 1, -2, -1]].mean(-1, keepdim=True)
    return ((pictures - ends).abs().amax(1, keepdim=True) > 0.15).float()


def test_codes_like_no_others_are_no_views():
    """Of points around a circle and two beside it, those two go first; as many are kept as are wanted."""
    angle = torch.arange(30) * 2 * torch.pi / 30
    described = torch.cat([torch.stack([angle.cos(), angle.sin()], 1), torch.tensor([[3.0, 0.0], [0.0, -4.0]])])
    kept = usual(described, torch.arange(32), 8)
    assert len(kept) == 24 and kept.max() < 30 and (kept.diff() > 0).all()
    assert usual(described, torch.arange(32), 30).tolist() == list(range(30))
    assert usual(described, torch.arange(32), 32).tolist() == list(range(32))


def test_suggested_views_are_consistent_and_different(teacher):
    outlines = silhouette_descriptor(unlike_the_border)
    found = suggest_view_codes(teacher, 5, outlines, 2, candidates=20, contents=4, progress=False)
    again = suggest_view_codes(teacher, 5, outlines, 2, candidates=20, contents=4, progress=False)
    assert len(found) == 5 and torch.equal(found.codes, again.codes) and len(found.codes.unique(dim=0)) == 5
    assert (found.spread.diff() >= 0).all() and found.spread.max() < 0.6
    every = suggest_view_codes(teacher, 20, outlines, 2, candidates=20, contents=4, consistent=1.0, progress=False)
    assert found.spread.max() <= every.spread[9] and len(every) == 20
    apart, anyhow = (torch.pdist(one.described).min() for one in (found, every))
    assert apart > 2 * anyhow
    with pytest.raises(ValueError, match="11 of the most consistent 10 of 20"):
        suggest_view_codes(teacher, 11, silhouettes, 2, candidates=20)
