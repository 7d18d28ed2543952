"""Measuring views with a generator whose azimuth is known."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.config import ViewConfig
from ganverse_nb.gan.pose import Pose
from ganverse_nb.gan.view_gate import best_per_bin, measure_views

from .known import KnownGenerator, KnownRegressor


def masks(images):
    """A bar whose height is the painted shape."""
    rows = torch.arange(64)[:, None] < 64 * images[:, 2, :1, :1]
    return rows[:, None].expand(-1, 1, 64, 64).float()


CONFIG = ViewConfig(candidates=200, contents=12, split_layers=(1, 2, 3, 4, 6), measured=48, bin_degrees=20)


def test_the_curve_over_k_shows_which_layers_turn_the_object():
    curve = measure_views(KnownGenerator(), KnownRegressor(), CONFIG, seed=1, masks=masks, progress=False)
    by_k = {m.split_layer: m for m in curve}
    assert list(by_k) == [1, 2, 3, 4, 6]
    assert by_k[1].deviation > 10 > by_k[2].deviation > 1
    assert by_k[3].deviation < 1e-2 and by_k[4].deviation < 1e-2
    assert by_k[1].correlation < 0.9 < by_k[2].correlation < by_k[3].correlation
    assert by_k[3].correlation == pytest.approx(1, abs=1e-5) and by_k[3].steady_share == 1
    assert by_k[4].chosen_views >= 16 and by_k[4].chosen_gap <= 45
    assert by_k[2].chosen_deviation <= by_k[2].deviation and by_k[2].chosen_deviation <= by_k[2].chosen_worst
    assert by_k[4].shape.area > 0.3  # shape still belongs to the content ...
    assert by_k[6].shape.area == pytest.approx(0, abs=1e-6)  # ... until layer 5 is in the view code
    row = by_k[4].as_row()
    assert row["shape_area"] == by_k[4].shape.area and "shape" not in row


def test_best_of_each_bin_in_order():
    azimuth = torch.tensor([-5.0, 5, 15, 100, 358, 105])
    deviation = torch.tensor([4.0, 3, 2, 9, 1, 8])
    assert best_per_bin(azimuth, deviation, 20).tolist() == [2, 5, 4]


def test_layers_the_network_lacks_are_refused():
    with pytest.raises(ValueError, match="1..7"):
        measure_views(KnownGenerator(), KnownRegressor(), ViewConfig(split_layers=(0, 1)), progress=False)


def test_a_real_generator_passes_through(generator):
    config = ViewConfig(contents=3, split_layers=(1, 3), measured=4)
    seen = SimpleNamespace(count=0)

    class Brightness:
        def pose(self, images):
            seen.count += len(images)
            assert images.shape[1:] == (3, 16, 16) and images.min() >= 0 and images.max() <= 1
            return Pose(
                math.degrees(2 * math.pi) * images.mean((1, 2, 3)),
                torch.ones(len(images)),
                torch.full((len(images),), 14.0),
            )

    measure_views(generator, Brightness(), config, progress=False)
    assert seen.count == 2 * 4 * 3
