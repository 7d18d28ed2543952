"""Hypercolumns: a linear map computed layer by layer is the map of what stands at each pixel."""

import pytest
import torch

from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.hypercolumns import Hypercolumns
from ganverse_nb.gan.latents import broadcast, sample_w


def made(resolution, channels):
    torch.manual_seed(0)
    generator = Generator(resolution, 8, 8, 2, channels).eval().requires_grad_(False)
    return Hypercolumns(generator, broadcast(sample_w(generator, 3, 1), generator.num_ws)), generator


@pytest.mark.parametrize(("resolution", "channels"), [(8, (6, 5)), (32, (6, 5, 4, 3)), (128, (4, 4, 4, 4, 4, 3))])
def test_a_map_of_all_pixels_is_the_map_of_each(resolution, channels):
    columns, generator = made(resolution, channels)
    w = broadcast(sample_w(generator, 2, 2), generator.num_ws)
    features = columns.features(w)
    side = columns.side
    assert side == min(resolution, 64) and [f.shape[1] for f in features] == columns.channels
    weight, bias = torch.randn(sum(columns.channels)), torch.tensor(0.3)
    everywhere = columns.linear(features, weight, bias)
    assert everywhere.shape == (2, 1, side, side)
    row, column = torch.tensor([0, 3, side - 1, side // 2]), torch.tensor([1, side - 1, 0, side // 3])
    place = (torch.stack([column, row], 1) + 0.5) / side
    one = columns.at(features, torch.ones(4, dtype=torch.long), place) @ weight + bias
    torch.testing.assert_close(one, everywhere[1, 0, row, column], atol=1e-4, rtol=1e-4)
    scores = columns.scores(w, weight, bias)
    assert scores.shape == (2, 1, resolution, resolution)
    if side == resolution:
        torch.testing.assert_close(scores, everywhere, atol=1e-4, rtol=1e-4)


def test_every_channel_is_centred_and_every_layer_weighs_the_same():
    columns, generator = made(32, (6, 5, 4, 3))
    features = columns.features(broadcast(sample_w(generator, 3, 1), generator.num_ws))
    assert columns.layers == [3, 4, 5, 6] and columns.channels == [4, 4, 3, 3]  # of 16 and 32 pixels
    for layer in features:
        assert layer.mean((0, 2, 3)).abs().max() < 1e-4
        assert float(layer.square().sum(1).mean()) == pytest.approx(1, abs=0.05)
