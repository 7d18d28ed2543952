"""KID: the estimator against its definition and its expectation, and what it says about pictures."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ganverse_nb.evaluation.kid import SegmenterFeatures, gan_kid, kernel_distance, squared_mmd
from ganverse_nb.gan.generator import Generator
from ganverse_nb.studio.photos import make_photos


def normal(n, d, seed, mean=0.0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + mean


def test_the_estimate_is_the_double_sum_of_its_definition():
    x, y = normal(7, 5, 0), normal(9, 5, 1, 0.7)
    k = lambda a, b: (float(a @ b) / 5 + 1) ** 3  # noqa: E731
    xx = sum(k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j) / (7 * 6)
    yy = sum(k(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j) / (9 * 8)
    xy = sum(k(a, b) for a in x for b in y) / (7 * 9)
    assert float(squared_mmd(x, y)) == pytest.approx(xx + yy - 2 * xy, rel=1e-12)


@pytest.mark.parametrize("mean", [0.0, 0.3, 1.0])
def test_it_is_unbiased_even_for_small_sets(mean):
    """In one dimension the kernel is that of three moments: MMD^2 = (m^3 + 3 m)^2 + 3 (m^2)^2 + 3 m^2 for N(m, 1)."""
    expected = (mean**3 + 3 * mean) ** 2 + 3 * mean**4 + 3 * mean**2
    found = torch.stack([squared_mmd(normal(10, 1, 2 * s), normal(10, 1, 2 * s + 1, mean)) for s in range(3000)])
    error = float(found.mean()) - expected
    assert abs(error) < 3.5 * float(found.std()) / 3000**0.5
    assert mean > 0 or (found < 0).any()


def test_subsets_agree_with_the_whole_and_a_seed_decides_them():
    x, y = normal(2000, 8, 0), normal(2000, 8, 1, 0.2)
    value, deviation = kernel_distance(x.float(), y.float(), seed=3)
    assert value == pytest.approx(float(squared_mmd(x, y)), abs=deviation)
    assert kernel_distance(x.float(), y.float(), seed=3) == (value, deviation)
    assert kernel_distance(x.float(), y.float(), seed=4) != (value, deviation)
    few = kernel_distance(x[:40], y[:60])
    assert few[1] > deviation > 0


def test_what_is_no_pair_of_features_is_refused():
    with pytest.raises(ValueError, match=r"\[N >= 2, D\]"):
        squared_mmd(torch.zeros(1, 3), torch.zeros(5, 3))
    with pytest.raises(ValueError, match=r"\[N >= 2, D\]"):
        squared_mmd(torch.zeros(5, 3), torch.zeros(5, 4))


def test_worse_pictures_are_further_away():
    features = SegmenterFeatures()
    photos = make_photos("car", 192, seed=77).image()
    real, other = features(photos[:96]), photos[96:]
    blurred = [F.avg_pool2d(other, k, 1, k // 2, count_include_pad=False) for k in (1, 3, 7)]
    distances = [kernel_distance(real, features(pictures))[0] for pictures in blurred]
    assert abs(distances[0]) < 0.2 * distances[1] and 3 * distances[1] < distances[2]
    assert real.shape[0] == 96 and "segmenter" in features.name


def test_a_gan_is_measured_on_as_many_samples_as_photos():
    torch.manual_seed(0)
    generator = Generator(32, 8, 8, 2, (8, 8, 8, 8)).requires_grad_(False)
    photos = make_photos("car", 24, seed=78, resolution=32).images
    kid = gan_kid(generator, photos, seed=1, pictures=16)
    assert kid.value > 0.1 and kid.real == kid.generated == 16  # an untrained one is far away
    assert kid == gan_kid(generator, photos, seed=1, pictures=16)
    assert "own features" in str(kid)
    with pytest.raises(ValueError, match=r"uint8 \[N >= 2, 3, 32, 32\]"):
        gan_kid(generator, photos[..., :16])
