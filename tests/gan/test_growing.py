import pytest
import torch

from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.growing import grow
from ganverse_nb.gan.ops import upsample


def generator(resolution, channels, **changes):
    torch.manual_seed(sum(channels))
    sizes = {"z_dim": 6, "w_dim": 5, "mapping_layers": 2} | changes
    network = Generator(resolution, channels=channels, **sizes)
    for conv in network.convs:
        torch.nn.init.normal_(conv.bias)
        torch.nn.init.constant_(conv.noise_strength, 0.3)
    return network


def test_a_wider_generator_paints_the_same_pictures():
    small, large = generator(16, (8, 6, 4)), generator(16, (8, 12, 7))
    grow(small, large)
    z = torch.randn(3, 6)
    assert torch.allclose(small(z), large(z), atol=1e-5)
    assert torch.equal(small.mapping.w_average, large.mapping.w_average)


def test_a_generator_of_more_pixels_paints_the_same_pictures_enlarged_until_it_learns():
    small, large = generator(16, (8, 6, 4)), generator(32, (8, 6, 5, 3))
    grow(small, large)
    z = torch.randn(3, 6)
    raw = small.synthesis(small.styles(small.mapping(z)[:, None].expand(-1, small.num_ws, -1)), None)
    grown = large.synthesis(large.styles(large.mapping(z)[:, None].expand(-1, large.num_ws, -1)), None)
    assert torch.allclose(upsample(raw), grown, atol=1e-5)
    (grown * torch.randn_like(grown)).sum().backward()
    fresh = large.torgbs[-1].weight.grad
    assert fresh is not None and bool((fresh.abs() > 0).all())  # silent, but not for good
    wide = large.convs[4].weight.grad  # its new inputs feed nothing yet, and learn to
    assert bool((wide[:4, 4:].abs() > 0).any())


def test_a_wider_discriminator_says_the_same():
    torch.manual_seed(0)
    small, large = Discriminator(16, (8, 6, 4)), Discriminator(16, (8, 12, 7))
    grow(small, large)
    pictures = torch.rand(8, 3, 16, 16) * 2 - 1
    assert torch.allclose(small(pictures), large(pictures), atol=1e-5)


def test_a_discriminator_of_more_pixels_keeps_the_blocks_behind_its_new_ones():
    torch.manual_seed(0)
    small, large = Discriminator(16, (8, 6, 4)), Discriminator(32, (8, 6, 4, 3))
    grow(small, large)
    features = torch.randn(4, 4, 16, 16)
    for mine, theirs in zip(large.blocks[1:], small.blocks):
        assert torch.equal(mine(features), theirs(features))
        features = theirs(features)
    assert torch.equal(large.judge(features), small.judge(features))


def test_a_generator_of_fewer_pixels_paints_what_the_first_blocks_add_up_to():
    large, small = generator(16, (8, 6, 4)), generator(8, (8, 6))
    grow(large, small)
    z = torch.randn(3, 6)
    w = large.mapping(z)[:, None].expand(-1, large.num_ws, -1)
    for torgb in large.torgbs[2:]:
        torch.nn.init.zeros_(torgb.weight)
        torch.nn.init.zeros_(torgb.bias)
    whole = large.synthesis(large.styles(w), None)
    assert torch.allclose(whole, upsample(small.synthesis(small.styles(w[:, : small.num_ws]), None)), atol=1e-5)


def test_a_discriminator_of_fewer_pixels_keeps_the_last_blocks():
    torch.manual_seed(0)
    large, small = Discriminator(32, (8, 6, 4, 3)), Discriminator(16, (8, 6, 4))
    grow(large, small)
    features = torch.randn(4, 4, 16, 16)
    for mine, theirs in zip(small.blocks, large.blocks[1:], strict=True):
        assert torch.equal(mine(features), theirs(features))
        features = theirs(features)
    assert torch.equal(large.judge(features), small.judge(features))
    assert not torch.equal(small.fromrgb.weight, large.fromrgb.weight[:4])


@pytest.mark.parametrize(
    ("resolution", "channels", "changes", "words"),
    [
        (16, (8, 6, 3), {}, "channels .* cannot become"),
        (16, (9, 6, 4), {}, "those of 4 px must be as many"),
        (8, (8, 5), {}, "channels .* cannot become"),
        (16, (8, 6, 4), {"w_dim": 7}, "w_dim 5 cannot become 7"),
        (16, (8, 6, 4), {"mapping_layers": 3}, "mapping network of 2 layers"),
    ],
)
def test_what_cannot_grow_is_refused(resolution, channels, changes, words):
    with pytest.raises(ValueError, match=words):
        grow(generator(16, (8, 6, 4)), generator(resolution, channels, **changes))
