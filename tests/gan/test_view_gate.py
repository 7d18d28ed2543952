"""Choosing and measuring views with a generator whose azimuth is known."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from ganverse_nb.config import ViewConfig
from ganverse_nb.gan.pose import Pose
from ganverse_nb.gan.view_gate import best_per_bin, choose_views, measure_views, view_azimuths

LAYERS = 8
SIZE = 8


class KnownGenerator:
    """Paints the azimuth: layers 0..2 turn the object, layer 2 by little, and layer 5 changes its shape."""

    num_ws, w_dim, z_dim, resolution = LAYERS, 2, 2, SIZE
    const = nn.Parameter(torch.zeros(1))

    def mapping(self, z):
        return z / z.norm(dim=1, keepdim=True)

    def truncate(self, w, psi):
        return w

    def styles(self, w_plus):
        return w_plus

    def synthesize(self, w_plus):
        angle = torch.atan2(w_plus[..., 0], w_plus[..., 1])
        vector = torch.stack([angle.sin(), angle.cos()], -1)
        azimuth = 0.55 * vector[:, 0] + 0.35 * vector[:, 1] + 0.1 * vector[:, 2]
        shape = 0.5 + 0.4 * vector[:, 5, 0]
        values = torch.cat([azimuth, shape[:, None]], 1)
        return values[:, :, None, None].expand(-1, -1, SIZE, SIZE)


class KnownRegressor:
    def pose(self, images):
        return Pose(torch.rad2deg(torch.atan2(images[:, 0, 0, 0], images[:, 1, 0, 0])), torch.ones(len(images)))


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


def test_chosen_views_fill_the_circle_and_are_labelled():
    codes = choose_views(
        KnownGenerator(), KnownRegressor(), CONFIG, 2, seed=1, provenance={"teacher": "known"}, progress=False
    )
    assert len(codes) == 18 and codes.largest_gap <= 40 and codes.split_layer == 2
    assert (codes.azimuth.remainder(360).diff() > 0).all()
    assert set(codes.azimuth_bin.tolist()) == set(range(12))
    error = (codes.azimuth - codes.labelled_azimuth + 180).remainder(360) - 180
    assert error.abs().max() <= 15.001
    assert codes.provenance["teacher"] == "known"
    # measured again with other contents, the codes look where their record says
    fresh = torch.randn(30, 2, generator=torch.Generator().manual_seed(9))
    fresh = fresh / fresh.norm(dim=1, keepdim=True)
    again = view_azimuths(KnownGenerator(), KnownRegressor(), codes.codes, fresh, 2)
    from ganverse_nb.gan.circular import circular_median

    assert ((circular_median(again) - codes.azimuth + 180).remainder(360) - 180).abs().max() < 15


def test_best_of_each_bin_in_order():
    azimuth = torch.tensor([-5.0, 5, 15, 100, 358, 105])
    deviation = torch.tensor([4.0, 3, 2, 9, 1, 8])
    assert best_per_bin(azimuth, deviation, 20).tolist() == [2, 5, 4]


def test_layers_the_network_lacks_are_refused():
    for call in (
        lambda: choose_views(KnownGenerator(), KnownRegressor(), CONFIG, LAYERS, progress=False),
        lambda: measure_views(KnownGenerator(), KnownRegressor(), ViewConfig(split_layers=(0, 1)), progress=False),
    ):
        with pytest.raises(ValueError, match="1..7"):
            call()


def test_a_real_generator_passes_through(generator):
    config = ViewConfig(candidates=6, contents=3, split_layers=(1, 3), measured=4)
    seen = SimpleNamespace(count=0)

    class Brightness:
        def pose(self, images):
            seen.count += len(images)
            assert images.shape[1:] == (3, 16, 16) and images.min() >= 0 and images.max() <= 1
            return Pose(math.degrees(2 * math.pi) * images.mean((1, 2, 3)), torch.ones(len(images)))

    measure_views(generator, Brightness(), config, progress=False)
    codes = choose_views(generator, Brightness(), config, 3, progress=False)
    assert seen.count == 2 * 4 * 3 + 6 * 3
    assert codes.codes.shape[1] == generator.w_dim
