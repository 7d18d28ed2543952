"""Angles, their errors and their statistics on cases with known answers."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.geometry.angles import (
    angle_error,
    angular_distance,
    circular_correlation,
    circular_median,
    concentration,
    largest_gap,
    median_deviation,
    wrap_degrees,
)


def test_wrap_degrees():
    torch.testing.assert_close(
        wrap_degrees(torch.tensor([0.0, 180.0, -180.0, 190.0, 725.0])), torch.tensor([0.0, -180.0, -180.0, -170.0, 5.0])
    )


def test_angular_distance_goes_the_short_way_and_concentration_ignores_an_offset():
    asked, measured = torch.tensor([350.0, 10.0, 90.0]), torch.tensor([10.0, 350.0, -90.0])
    torch.testing.assert_close(angular_distance(asked, measured), torch.tensor([20.0, 20.0, 180.0]))
    assert concentration(torch.full((3,), 33.0)) == pytest.approx(1.0)
    assert concentration(torch.tensor([0.0, 180.0])) == pytest.approx(0.0, abs=1e-6)


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


def test_angle_error_across_the_seam():
    error = angle_error(torch.tensor([179.0, -170.0]), torch.tensor([-179.0, 170.0]), align=False)
    assert error.mean == pytest.approx(11) and error.maximum == pytest.approx(20) and error.offset == 0


def test_one_common_rotation_is_taken_off_and_nothing_else():
    true = torch.tensor([5.0, 80.0, 170.0, 250.0, 300.0])
    noise = torch.tensor([0.0, 1.0, -1.0, 2.0, -2.0])
    plain = angle_error(true + noise, true)
    turned = angle_error(true + noise + 200.0, true)
    assert turned.mean == pytest.approx(plain.mean, abs=1e-4) == pytest.approx(1.2, abs=1e-4)
    assert turned.offset == pytest.approx(-160, abs=1e-3) and turned.median == pytest.approx(1, abs=1e-3)
    assert angle_error(true * -1, true).mean > 20  # a reflection is not a rotation


def test_the_gauge_is_the_best_rotation():
    generator = torch.Generator().manual_seed(0)
    a, b = 360 * torch.rand(9, generator=generator), 360 * torch.rand(9, generator=generator)
    best = min(angle_error(a + o, b, align=False).mean for o in torch.arange(0, 360, 0.5))
    assert angle_error(a, b).mean <= best + 1e-4


def test_angles_that_do_not_pair_up_are_refused():
    with pytest.raises(ValueError, match="one length"):
        angle_error(torch.zeros(2), torch.zeros(3))
