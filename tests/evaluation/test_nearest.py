"""The nearest network: photos that a network made itself are nearest to it, and what does not fit is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ganverse_nb.config import GanConfig
from ganverse_nb.evaluation.kid import sampled_pictures
from ganverse_nb.evaluation.nearest import nearest_gan
from ganverse_nb.gan.beginning import can_begin, fresh_networks
from ganverse_nb.gan.checkpoint import load_generator, save_networks

TINY = GanConfig(resolution=16, z_dim=6, w_dim=8, mapping_layers=2, channels=(8, 8, 8))


@pytest.fixture
def networks(tmp_path):
    """Files of two networks of the same sizes and of a wider one."""
    found = []
    for number, config in enumerate([TINY, TINY, replace(TINY, w_dim=10)]):
        torch.manual_seed(number)
        generator, discriminator = fresh_networks(config)
        with torch.no_grad():
            for torgb in generator.torgbs:
                torgb.bias.normal_(std=0.4)  # untrained networks paint alike
        found.append(tmp_path / f"{number}.safetensors")
        save_networks(found[-1], generator, discriminator, {})
    return found


@pytest.mark.parametrize("own", [0, 1])
def test_photos_are_nearest_to_the_network_that_made_them(networks, own):
    photos = sampled_pictures(load_generator(networks[own]), 48, seed=5)
    found = nearest_gan(networks, photos, TINY, pictures=48, progress=False)
    assert list(found) == [networks[own], networks[1 - own]]
    near, far = found.values()
    assert 10 * abs(near.value) < far.value
    larger = photos.repeat_interleave(2, 2).repeat_interleave(2, 3)
    grown = nearest_gan(networks, larger, replace(TINY, resolution=32, channels=(8, 8, 8, 8)), progress=False)
    assert next(iter(grown)) == networks[own]


def test_a_training_begins_only_with_what_fits_it(networks):
    assert [can_begin(network, TINY) for network in networks] == [True, True, False]
    assert not can_begin(networks[0], replace(TINY, channels=(8, 8, 4)))
    assert nearest_gan(networks[2:], torch.zeros(4, 3, 16, 16, dtype=torch.uint8), TINY, progress=False) == {}
