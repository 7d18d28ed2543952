"""The generator against its definition, its sizes, its styles as input and output."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from benchmarks.stand_ins import official_channels
from ganverse_nb.gan import generator as generator_module
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.ops import upsample

_spec = importlib.util.spec_from_file_location("gan_reference", Path(__file__).with_name("reference.py"))
assert _spec and _spec.loader
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)


def test_mapping_is_the_definition(generator):
    z = torch.randn(5, 6)
    torch.testing.assert_close(generator.mapping(z), reference.mapping(generator, z), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("noise", ["const", "random"])
def test_synthesis_is_the_definition(generator, noise):
    w_plus = torch.randn(3, generator.num_ws, 10)
    styles = generator.styles(w_plus)
    if noise == "const":
        maps = [c.noise_const[None, None] for c in generator.convs]
    else:
        maps = generator.sample_noise(3, torch.Generator().manual_seed(4))
    expected = reference.synthesis(generator, styles, maps)
    torch.testing.assert_close(
        generator.synthesis(styles, maps), expected, rtol=1e-4, atol=1e-4 * expected.std().item()
    )
    image = generator.synthesize(styles, noise, torch.Generator().manual_seed(4))
    torch.testing.assert_close(image, ((expected * 127.5 + 128) / 255).clamp(0, 1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("resolution", "fmap_base"),
    [(256, 16384), (512, 8192), (1024, 1024)],
    ids=["f-256", "e-512", "all layers of 1024 px, an eighth of e's channels"],
)
def test_official_sizes_are_the_definition(resolution, fmap_base):
    """One picture with the channels of the official networks, random weights, noise and biases."""
    torch.manual_seed(resolution + fmap_base)
    channels = [min(2 * fmap_base // r, 512) for r in (2**i for i in range(2, resolution.bit_length()))]
    network = Generator(resolution, 512, 512, 8, channels).requires_grad_(False)
    for name, parameter in network.named_parameters():
        if name.endswith(("bias", "noise_strength")):
            parameter.add_(0.1 * torch.randn_like(parameter))
    z = torch.randn(1, 512)
    w = network.mapping(z)
    torch.testing.assert_close(w, reference.mapping(network, z), rtol=1e-4, atol=1e-5)
    styles = network.styles(w[:, None].expand(-1, network.num_ws, -1))
    maps = [c.noise_const[None, None] for c in network.convs]
    expected = reference.synthesis(network, styles, maps)
    assert expected.shape == (1, 3, resolution, resolution)
    image = network.synthesis(styles, maps)  # before it is clipped, which would hide differences
    torch.testing.assert_close(image, expected, rtol=0, atol=1e-4 * float(expected.std()))


def test_styles_are_the_affine_outputs_and_torgb_shares_w_with_the_next_block(generator):
    w_plus = torch.randn(2, generator.num_ws, 10)
    names = [(layer.name, layer.w_index) for layer in generator.layers]
    assert names == [
        ("b4.conv1", 0), ("b4.torgb", 1), ("b8.conv0", 1), ("b8.conv1", 2), ("b8.torgb", 3),
        ("b16.conv0", 3), ("b16.conv1", 4), ("b16.torgb", 5),
    ]  # fmt: skip
    styles = generator.styles(w_plus)
    convs, torgbs = list(generator.convs), list(generator.torgbs)
    order = [convs[0], torgbs[0], convs[1], convs[2], torgbs[1], convs[3], convs[4], torgbs[2]]
    for style, layer, module in zip(styles, generator.layers, order, strict=True):
        torch.testing.assert_close(style, reference.linear(module.affine, w_plus[:, layer.w_index]))


def test_flat_styles_are_the_list(generator):
    styles = generator.styles(torch.randn(2, generator.num_ws, 10))
    flat = torch.cat(styles, 1)
    assert flat.shape[1] == sum(generator.style_dims)
    assert torch.equal(generator.synthesize(flat), generator.synthesize(styles))


@pytest.mark.parametrize(
    ("resolution", "base", "view_main", "content_main", "total"),
    [(512, 16384, 2048, 3008, 7552), (512, 32768, 2048, 3968, 8960), (256, 32768, 2048, 3840, 8704)],
)
def test_official_sizes(resolution, base, view_main, content_main, total):
    from ganverse_nb.gan.latents import view_content_split

    channels = [min(base // r, 512) for r in (2**i for i in range(2, resolution.bit_length()))]
    with torch.device("meta"):
        network = Generator(resolution, 512, 512, 8, channels)
    split = view_content_split(network, 4)
    assert (split.view_main, split.content_main) == (view_main, content_main)
    assert split.view + split.content == sum(network.style_dims) == total
    assert network.num_ws == 2 * (resolution.bit_length() - 1) - 2
    # 4 convolutions and the ToRGBs of 4 and 8 px belong to the view
    assert split.view == 4 * 512 + 2 * 512


def test_truncation_moves_towards_the_average(generator):
    w = torch.randn(4, 10)
    average = generator.mapping.w_average
    torch.testing.assert_close(generator.truncate(w, 0.0), average.expand(4, -1))
    torch.testing.assert_close(generator.truncate(w, 0.7), average + 0.7 * (w - average))
    assert generator.truncate(w, 1.0) is w


def test_upsampling_of_the_skip_is_upfirdn():
    x = torch.randn(2, 3, 5, 7, dtype=torch.float64)
    torch.testing.assert_close(upsample(x), reference.upfirdn(x, up=2, pad=(2, 1), gain=4.0))


@pytest.mark.parametrize("noise", ["const", "random", "none"])
def test_more_pictures_than_memory_allows_are_made_in_several_passes(generator, noise, monkeypatch):
    styles = generator.styles(torch.randn(7, generator.w_dim))
    paint = lambda: generator.synthesize(styles, noise, torch.Generator().manual_seed(1))  # noqa: E731
    with torch.no_grad():
        whole, passes, synthesis = paint(), [], type(generator).synthesis
        record = lambda self, some, *rest: passes.append(len(some[0])) or synthesis(self, some, *rest)  # noqa: E731
        monkeypatch.setattr(type(generator), "synthesis", record)
        monkeypatch.setattr(generator_module, "PASS_MEMORY", 3 * generator_module.PASS_MEMORY // generator.at_once)
        torch.testing.assert_close(paint(), whole)
    paint()
    assert passes == [3, 3, 1, 7]  # gradients need all of them anyway


def test_a_pass_of_the_official_car_takes_two_gigabytes():
    with torch.device("meta"):
        car = generator_module.Generator(512, 512, 512, 8, official_channels("config-e", 512))
    assert car.at_once == 10  # of 195 MB each, as measured


def test_bfloat16_is_close_to_float32(generator):
    styles = generator.styles(torch.randn(4, generator.num_ws, 10))
    exact = generator.synthesis(styles, None)
    rough = generator.synthesis(styles, None, torch.bfloat16)
    assert rough.dtype == torch.float32
    assert float((rough - exact).std() / exact.std()) < 0.03


def test_gradients_reach_the_styles(generator):
    generator = generator.double()
    styles = [s.double() for s in generator.styles(torch.randn(1, generator.num_ws, 10, dtype=torch.float64))]
    noise = [c.noise_const[None, None] for c in generator.convs]

    def picture(*parts):
        return generator.synthesis(parts, noise, torch.float64).mean((2, 3))

    assert torch.autograd.gradcheck(picture, tuple(s.requires_grad_() for s in styles), eps=1e-6, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda g: Generator(48, 4, 4, 1, (4, 4, 4)), "power of two"),
        (lambda g: Generator(16, 4, 4, 1, (4, 4)), "channel counts"),
        (lambda g: g.styles(torch.zeros(1, 3, 10)), r"\[B, 6, 10\]"),
        (lambda g: g.synthesize(torch.zeros(1, 7)), "Styles must"),
        (lambda g: g.synthesize(torch.zeros(1, sum(g.style_dims)), noise="loud"), "loud"),
    ],
)
def test_wrong_input_is_one_sentence(generator, call, words):
    with pytest.raises(ValueError, match=words):
        call(generator)
