"""The discriminator against its definition."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from ganverse_nb.gan.discriminator import minibatch_deviation
from ganverse_nb.gan.ops import downsampling_conv2d

_spec = importlib.util.spec_from_file_location("gan_reference", Path(__file__).with_name("reference.py"))
assert _spec and _spec.loader
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)


def test_logits_are_the_definition(discriminator):
    discriminator.requires_grad_(False)
    images = torch.rand(8, 3, 16, 16) * 2 - 1
    torch.testing.assert_close(
        discriminator(images), reference.discriminate(discriminator, images), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(("size", "pad"), [(3, 2), (1, 1)])
def test_downsampling_is_filter_then_stride(size, pad):
    x, weight = torch.randn(2, 4, 8, 8, dtype=torch.float64), torch.randn(5, 4, size, size, dtype=torch.float64)
    expected = torch.nn.functional.conv2d(reference.upfirdn(x, pad=(pad, pad)), weight, stride=2)
    torch.testing.assert_close(downsampling_conv2d(x, weight), expected)


def test_minibatch_deviation_sees_collapse():
    same = torch.randn(1, 3, 4, 4).expand(8, -1, -1, -1)
    assert float(minibatch_deviation(same)[:, -1].max()) < 1e-3
    spread = minibatch_deviation(2.0 * torch.randn(256, 64, 4, 4))[:, -1]
    assert spread.mean() == pytest.approx(2.0 * 0.8, rel=0.05)  # E sqrt(biased variance of 4 normals) = 0.798
    with pytest.raises(ValueError, match="multiple of 4"):
        minibatch_deviation(torch.randn(6, 3, 4, 4))


def test_features_are_a_pyramid_of_pictures_in_unit_range(discriminator):
    images = torch.rand(2, 3, 16, 16)
    features = discriminator.features(images)
    assert [tuple(f.shape[1:]) for f in features] == [(8, 16, 16), (12, 8, 8), (12, 4, 4)]
    first = reference.conv(discriminator.fromrgb, images * 2 - 1)
    torch.testing.assert_close(features[0], first)
    with pytest.raises(ValueError, match="16 px"):
        discriminator.features(torch.rand(2, 3, 32, 32))
