"""Features of one block seen larger or smaller."""

import pytest
import torch

from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.zoom import Zoom, zoomed


def disc(side: int, radius: float) -> torch.Tensor:
    """[1, 1, side, side] a soft disc in the middle."""
    at = torch.arange(side) - (side - 1) / 2
    return torch.sigmoid(radius - (at[:, None].square() + at.square()).sqrt())[None, None]


@pytest.mark.parametrize("factor", [0.7, 0.9, 1.3])
def test_an_object_in_the_middle_becomes_so_many_times_as_large(factor):
    seen = Zoom(64, torch.tensor([factor]))(disc(64, 10.0))
    assert float(seen.sum() / disc(64, 10.0).sum()) == pytest.approx(factor**2, rel=0.02)
    torch.testing.assert_close(seen, seen.flip(-1), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen, seen.flip(-2), atol=1e-5, rtol=0)


def test_each_sample_has_its_own_factor():
    many = torch.rand(3, 2, 8, 8)
    zoom = Zoom(8, torch.tensor([0.7, 1.0, 1.4]))
    for row in range(3):
        torch.testing.assert_close(zoom(many)[row : row + 1], zoom.part(slice(row, row + 1))(many[row : row + 1]))
    torch.testing.assert_close(zoom(many)[1], many[1], atol=1e-6, rtol=0)


@pytest.fixture
def network() -> Generator:
    torch.manual_seed(3)
    return Generator(16, 6, 10, 2, [8, 8, 8]).requires_grad_(False)


def test_the_last_features_zoomed_are_the_picture_zoomed(network):
    for torgb in network.torgbs[:-1]:
        torgb.weight.zero_()
    styles, zoom = network.styles(torch.randn(2, 10)), Zoom(16, torch.tensor([0.75, 1.25]))
    maps = [conv.noise_const[None, None] for conv in network.convs]
    torch.testing.assert_close(
        network.synthesis(styles, maps, zoom=zoom), zoom(network.synthesis(styles, maps)), atol=1e-4, rtol=1e-4
    )


def test_a_factor_of_one_leaves_pictures_as_they_are(network):
    styles = network.styles(torch.randn(5, 10))
    for side in (4, 8, 16):
        same = network.synthesize(styles, zoom=Zoom(side, torch.ones(5)))
        torch.testing.assert_close(same, network.synthesize(styles), atol=1e-5, rtol=0)


def test_pictures_made_in_parts_have_their_own_factors(network, monkeypatch):
    styles, zoom = network.styles(torch.randn(5, 10)), Zoom(8, torch.linspace(0.7, 1.4, 5))
    whole = network.synthesize(styles, zoom=zoom)
    monkeypatch.setattr(Generator, "at_once", 2)
    torch.testing.assert_close(network.synthesize(styles, zoom=zoom), whole, atol=1e-5, rtol=0)


def test_what_lies_beyond_the_border_is_empty_where_it_is_asked_to_be():
    half = zoomed(torch.ones(1, 1, 16, 16), torch.tensor([0.5]))
    assert half[0, 0, 5:11, 5:11].min() == 1 and half[0, 0, :3].max() == 0 and half[0, 0, :, 13:].max() == 0
