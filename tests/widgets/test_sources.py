"""Pictures by name and samples of a GAN, encoded once."""

import pytest
import torch

from ganverse_nb.widgets.sources import Sources


@pytest.fixture
def sources(scene):
    return scene.sources


def test_a_picture_is_encoded_when_first_used_and_once(sources, world):
    assert world.encoded == [] and sources.names == ["red", "long blue"]
    assert sources["red"] is sources["red"] and world.encoded == ["red"]
    assert torch.equal(sources["long blue"].picture, world.picture(world.BLUE, 1.0))


def test_a_sample_is_the_generators_picture_of_that_seed_and_truncation(sources, model, world):
    z = torch.randn(1, model.generator.z_dim, generator=torch.Generator().manual_seed(3))
    sample = sources.sample(3, 0.6)
    torch.testing.assert_close(sample.picture, model.generator(z, psi=0.6))
    assert sample.name == "GAN sample, seed 3, ψ 0.60" == world.encoded[0]
    assert sources.sample(3, 0.6) is sample
    assert not torch.equal(sources.sample(4, 0.6).picture, sample.picture)
    assert torch.equal(sources.sample(4, 0.0).picture, sources.sample(3, 0.0).picture)  # both are the average


def test_added_pictures_come_last_and_replace_their_namesakes(sources, world):
    sources.add("blue.png", world.picture(world.BLUE))
    sources.add("red", world.picture(world.BLUE))
    assert sources.names == ["red", "long blue", "blue.png"]
    assert torch.equal(sources["red"].picture, world.picture(world.BLUE))


def test_what_cannot_be_used_is_refused_and_forgotten(sources, world, model):
    with pytest.raises(ValueError, match="black.png: no object was found"):
        sources.add("black.png", torch.zeros(1, 3, world.SIDE, world.SIDE))
    with pytest.raises(ValueError, match="There is no picture 'black.png'; there are red, long blue"):
        sources["black.png"]
    with pytest.raises(ValueError, match="at least one picture"):
        Sources(world.encode, {}, model.generator)
