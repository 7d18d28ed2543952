"""Statistics of angles on cases with known answers."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.gan.circular import circular_correlation, circular_median, largest_gap, median_deviation
from ganverse_nb.geometry.camera import wrap_degrees


def test_median_ignores_the_jump_at_180_and_outliers():
    angles = torch.tensor([[178.0, -179, -178, 180, 179, 0], [10, 11, 12, 13, 14, 190]])
    expected = torch.tensor([180.0, 12.0])
    assert wrap_degrees(circular_median(angles) - expected).abs().max() <= 1


def test_deviation_of_normal_angles_is_their_quartile():
    rng = torch.Generator().manual_seed(0)
    angles = wrap_degrees(170 + 10 * torch.randn(3, 1001, generator=rng))
    assert median_deviation(angles).tolist() == pytest.approx([6.745] * 3, rel=0.1)  # 0.6745 sigma
    assert median_deviation(360 * torch.rand(1, 1001, generator=rng)).item() == pytest.approx(90, rel=0.1)
    assert median_deviation(torch.full((1, 5), 42.0)).item() == 0


def test_rotation_of_everything_changes_nothing():
    angles = 40 * torch.randn(4, 50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(median_deviation(wrap_degrees(angles + 123)), median_deviation(angles))


def test_correlation_is_the_sum_over_pairs():
    rng = torch.Generator().manual_seed(2)
    a, b = 360 * torch.rand(40, generator=rng), 360 * torch.rand(40, generator=rng)
    b = a + 0.3 * b
    x, y = torch.deg2rad(a.double()), torch.deg2rad(b.double())
    dx, dy = (x[:, None] - x).sin(), (y[:, None] - y).sin()
    expected = (dx * dy).sum() / (dx.square().sum() * dy.square().sum()).sqrt()
    assert circular_correlation(a, b) == pytest.approx(float(expected))


def test_correlation_of_known_relations():
    a = torch.arange(0, 360, 10.0)
    assert circular_correlation(a, a + 77) == pytest.approx(1)
    assert circular_correlation(a, 20 - a) == pytest.approx(-1)
    assert circular_correlation(a, torch.full_like(a, 5)) == 0
    rng = torch.Generator().manual_seed(3)
    many = 360 * torch.rand(4000, generator=rng)
    assert abs(circular_correlation(many, 360 * torch.rand(4000, generator=rng))) < 0.05


def test_largest_gap():
    assert largest_gap(torch.tensor([350.0, 10, 100, -100])) == pytest.approx(160)
    assert largest_gap(torch.arange(0, 360, 20.0)) == pytest.approx(20)
    assert largest_gap(torch.tensor([5.0])) == 360
