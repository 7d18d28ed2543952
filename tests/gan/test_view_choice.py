"""Choosing views with a generator whose azimuth is known."""

from __future__ import annotations

import itertools

import pytest
import torch

from ganverse_nb.config import ViewConfig
from ganverse_nb.gan import view_choice
from ganverse_nb.gan.view_choice import SINGLES, Candidates, Looks, best_cycle, choose_views, looks
from ganverse_nb.gan.view_gate import view_azimuths
from ganverse_nb.geometry.angles import circular_median, wrap_degrees

from .known import LAYERS, KnownGenerator, KnownRegressor

CONFIG = ViewConfig(views=18, tier_views=6, candidates=300, contents=12)


def unit(angle):
    angle = torch.deg2rad(torch.as_tensor(angle))
    return torch.stack([angle.sin(), angle.cos()], -1)


def random_contents(count, seed):
    w = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
    return w / w.norm(dim=1, keepdim=True)


def test_chosen_views_fill_the_circle_evenly_and_are_labelled():
    codes = choose_views(
        KnownGenerator(), KnownRegressor(), CONFIG, 3, seed=1, provenance={"teacher": "known"}, progress=False
    )
    assert len(codes) == 18 + 12 and codes.split_layer == 3 and codes.provenance["teacher"] == "known"
    assert codes.on_orbit.tolist() == [True] * 18 + [False] * 12
    tiers = codes.azimuth[18:]
    assert wrap_degrees(tiers - 60.0 * (tiers / 60).round()).abs().max() < 4
    assert (tiers / 60).round().remainder(6).long().bincount().tolist() == [2] * 6
    codes = codes.orbit
    assert wrap_degrees(codes.azimuth - 20.0 * torch.arange(18)).abs().max() < 4
    assert set(codes.azimuth_bin.tolist()) == set(range(12))
    assert wrap_degrees(codes.azimuth - codes.labelled_azimuth).abs().max() <= 15.001
    # with other contents, and between neighbours, the codes look where they should
    fresh = random_contents(30, 9)
    for points, asked in ((codes.codes, codes.azimuth), (codes.codes.roll(-1, 0) + codes.codes, codes.azimuth + 10)):
        again = circular_median(view_azimuths(KnownGenerator(), KnownRegressor(), points, fresh, 3))
        assert wrap_degrees(again - asked).abs().max() < 6


def test_contents_are_truncated_as_asked(monkeypatch):
    drawn = []

    def draw(generator, count, seed, psi=1.0):
        drawn.append(psi)
        return random_contents(count, seed)

    monkeypatch.setattr(view_choice, "sample_w", draw)
    codes = choose_views(KnownGenerator(), KnownRegressor(), CONFIG, 3, truncation=0.7, progress=False)
    assert drawn == [0.7, 1.0]  # contents; view codes are never truncated, views at the rim would be lost
    assert codes.provenance["truncation"] == 0.7


def test_layers_the_network_lacks_are_refused():
    with pytest.raises(ValueError, match="1..7"):
        choose_views(KnownGenerator(), KnownRegressor(), CONFIG, LAYERS, progress=False)


def test_looks_are_those_of_the_painted_azimuth():
    views, contents = unit([0.0, 120.0]), random_contents(5, 0)
    seen = looks(KnownGenerator(), KnownRegressor(), views, contents, 3)
    torch.testing.assert_close(seen.direction, views[:, None].expand(2, 5, 2))
    torch.testing.assert_close(seen.azimuth, torch.tensor([[0.0], [120.0]]).expand(2, 5))
    torch.testing.assert_close(seen.agreement(torch.tensor([60.0, 120.0])), torch.tensor([0.5, 1.0]))
    half = Looks(torch.cat([seen.direction, -seen.direction], 1), seen.elevation)  # half of the contents turned round
    torch.testing.assert_close(half.agreement(torch.tensor([0.0, 120.0])), torch.zeros(2))


def candidates():
    """Codes (sin, cos, elevation / 10, body); some cannot make up their mind and have an odd body."""
    rng = torch.Generator().manual_seed(0)
    azimuth, elevation = 360 * torch.rand(4000, generator=rng), 3 + 22 * torch.rand(4000, generator=rng)
    body = torch.randn(4000, generator=rng)
    unsteady = torch.rand(4000, generator=rng) < 0.3
    codes = torch.cat([unit(azimuth), elevation[:, None] / 10, (body + 5 * unsteady)[:, None]], 1)
    return Candidates(codes, azimuth, elevation, torch.where(unsteady, 0.4, 0.99))


def test_a_mean_keeps_the_view_and_loses_the_body():
    found = candidates().near(90.0)
    assert found.shape == (SINGLES + 9, 4)
    off = wrap_degrees(torch.rad2deg(torch.atan2(found[:, 0], found[:, 1])) - 90).abs()
    assert off.max() < 1.5
    steady = found[SINGLES:].view(3, 3, 4)[:, 1:]  # means of steady codes only
    assert steady[..., 3].abs().max() < 0.35 and (found[:SINGLES, 3].abs() > 0.35).any()


def test_a_mean_is_moved_to_the_asked_elevation():
    for asked in (6.0, 22.0):
        found = candidates().at(200.0, asked)
        means = found[SINGLES:].view(9, 3, 4)[:, 1]  # those moved by the whole difference
        off = wrap_degrees(torch.rad2deg(torch.atan2(means[:, 0], means[:, 1])) - 200).abs()
        assert off.max() < 2.5
        assert (means[:, 2] * 10 - asked).abs().max() < 0.6


def test_nothing_is_averaged_where_nobody_stands():
    codes = unit([0.0, 10.0])
    two = Candidates(codes, torch.tensor([0.0, 10.0]), torch.tensor([14.0, 14.0]), torch.ones(2))
    assert two.near(180.0).shape == (2, 2)


def test_the_best_cycle_is_the_best_of_all_cycles():
    for seed, sizes in enumerate([(3, 2, 4, 3), (2, 5, 1, 3, 2), (4, 4)]):
        rng = torch.Generator().manual_seed(seed)
        nodes = [torch.rand(m, generator=rng) for m in sizes]
        joints = [torch.rand(a, b, generator=rng) for a, b in zip(sizes, (*sizes[1:], sizes[0]), strict=True)]

        def total(cycle, nodes=nodes, joints=joints):
            onward = (*cycle[1:], cycle[0])
            return sum(float(n[i]) for n, i in zip(nodes, cycle, strict=True)) + sum(
                float(j[a, b]) for j, a, b in zip(joints, cycle, onward, strict=True)
            )

        best = max(itertools.product(*map(range, sizes)), key=total)
        assert tuple(best_cycle(nodes, joints)) == best
