"""View codes in order around the object by the likeness of pictures: checked on an object under known cameras."""

import numpy as np
import pytest
import torch

from ganverse_nb.gan import suggest_order
from ganverse_nb.gan.suggest_order import framed, interpolated, ordered_views, shortest_cycle, symmetric_offset
from ganverse_nb.geometry.angles import angular_distance
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.render.renderer import render
from tests.jugs import jug

UNEVEN = torch.arange(24) * 15.0 + torch.tensor([0.0, 4.0, -3.0, 2.0]).repeat(6) + 7.0


def looks(azimuth):
    """Thumbnails of four jugs under cameras at these azimuths."""
    made, rng = [], np.random.default_rng(3)
    for mesh in [jug(rng) for _ in range(4)]:
        seen = [render(mesh, Camera.orbit(float(a), 8.0, 2.1), 48) for a in azimuth]
        pictures, masks = (torch.cat([getattr(one, name) for one in seen]) for name in ("rgb", "silhouette"))
        made.append(framed(pictures, (masks > 0.5).float()))
    return torch.cat(made, 1)


def error(found, true):
    """Mean difference in degrees, whichever way round and whichever end is the front."""
    return min(
        float(angular_distance(sign * found + turn, true).mean()) for sign in (1.0, -1.0) for turn in (0.0, 180.0)
    )


def test_codes_are_put_around_the_object_with_its_symmetric_views_at_the_front(monkeypatch):
    shuffled = torch.randperm(len(UNEVEN), generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(suggest_order, "thumbnails", lambda *arguments: looks(UNEVEN[shuffled]))
    views = ordered_views(None, UNEVEN[shuffled][:, None], 2, None)  # the code is the azimuth: what is found again
    assert views.split_layer == 2 and views.on_orbit.all() and torch.isnan(views.deviation).all()
    assert (views.azimuth.diff() > 0).all() and views.azimuth[0] >= 0 and views.azimuth[-1] < 360
    assert error(views.azimuth, views.codes[:, 0]) < 12
    assert "front, is unknown" in views.provenance["unknown"]
    with pytest.raises(ValueError, match="at least four"):
        ordered_views(None, UNEVEN[:3, None], 2, None)


def test_the_symmetric_views_are_found_wherever_they_are():
    look = looks(UNEVEN)
    for turn in (0.0, 40.0, 130.0):
        order = ((UNEVEN + turn) % 360).argsort()
        offset = symmetric_offset(look[order], ((UNEVEN + turn) % 360)[order])
        assert min(abs((offset - turn + 90) % 180 - 90), 180) < 8


def test_the_shortest_cycle_is_that_of_a_circle():
    angle = torch.rand(20, generator=torch.Generator().manual_seed(0)) * 2 * torch.pi
    points = torch.stack([angle.cos(), angle.sin()], 1)
    rank = angle.argsort().argsort()[shortest_cycle(torch.cdist(points, points))]
    step = (rank - rank.roll(1)) % 20
    assert ((step == 1).all() or (step == 19).all()) and sorted(rank.tolist()) == list(range(20))


def test_values_between_views_go_on_over_the_seam():
    values, azimuth = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([10.0, 100.0, 300.0])
    found = interpolated(values, azimuth, torch.tensor([10.0, 55.0, 200.0, 335.0, 5.0]))
    assert found[:, 0].tolist() == pytest.approx([0.0, 0.5, 1.5, 1.0, 2 - 2 * 65 / 70])
