"""Projection: what the generator made is found again, by seed, in every space; what cannot be projected is refused."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ganverse_nb.gan.noise_maps import noise_correlation, normalise_noise, own_noise
from ganverse_nb.gan.projection import SPACES, project, pyramid_distance


def psnr(a, b):
    return float(-10 * (a - b).square().mean().log10())


@pytest.fixture
def quiet(generator):
    """Without noise, and with the average that its random latents really have."""
    with torch.no_grad():
        for conv in generator.convs:
            conv.noise_strength.zero_()
        for layer in (*generator.convs, *generator.torgbs):
            layer.bias.mul_(0.3)
        z = torch.randn(2000, generator.z_dim, generator=torch.Generator().manual_seed(9))
        generator.mapping.w_average.copy_(generator.mapping(z).mean(0))
    return generator


@pytest.fixture
def made(quiet):
    """Two of its pictures."""
    return quiet(torch.randn(2, quiet.z_dim, generator=torch.Generator().manual_seed(4)))


@pytest.fixture
def average(quiet):
    return quiet.synthesize(quiet.styles(quiet.mapping.w_average[None, None].expand(2, quiet.num_ws, -1)))


@pytest.mark.parametrize("space", SPACES)
def test_a_picture_of_the_generator_is_found_again(quiet, made, average, space):
    found = project(quiet, made, space, steps=250, progress=False)
    assert psnr(found.picture, made) > max(30.0, psnr(average, made) + 10.0)
    assert found.loss == pytest.approx(float(pyramid_distance(found.picture, made)))
    assert found.noise is None and found.steps == len(found.losses) <= 250
    torch.testing.assert_close(quiet.synthesize(found.styles, "none"), found.picture, atol=1e-6, rtol=0)
    shape = {"w": (10,), "w+": (quiet.num_ws, 10), "styles": (sum(quiet.style_dims),)}[space]
    assert found.latent.shape == (2, *shape) and not found.latent.requires_grad


def test_more_freedom_fits_no_worse(quiet):
    """A picture that no w makes: the layers' codes are mixed."""
    rng = torch.Generator().manual_seed(5)
    w_plus = quiet.mapping(torch.randn(quiet.num_ws, quiet.z_dim, generator=rng))[None]
    picture = quiet.synthesize(quiet.styles(w_plus), "none")
    loss = {space: project(quiet, picture, space, steps=250, progress=False).loss for space in SPACES}
    assert loss["w+"] < 0.5 * loss["w"] and loss["styles"] < loss["w"]


def test_a_seed_decides_everything(quiet, made):
    one, same, other = (project(quiet, made, steps=12, seed=seed, progress=False) for seed in (1, 1, 2))
    assert torch.equal(one.latent, same.latent) and one.losses == same.losses
    assert not torch.equal(one.latent, other.latent)


def test_gradients_reach_every_style(quiet, made):
    found = project(quiet, made, "styles", steps=2, latent_noise=0.0, progress=False)
    w = quiet.mapping.w_average[None, None].expand(2, quiet.num_ws, -1)
    for layer, before, after in zip(quiet.layers, quiet.styles(w), quiet.split_styles(found.styles)):
        assert (before != after).float().mean() > 0.95, layer.name
    assert all(parameter.grad is None for parameter in quiet.parameters())


def test_it_stops_where_the_distance_no_longer_falls(quiet, average):
    """The target is the start: nothing is left to find once the noise on the latent is gone."""
    found = project(quiet, average, steps=200, latent_noise=0.0, lr=1e-9, patience=5, progress=False)
    assert found.steps < 170
    assert project(quiet, average, steps=40, patience=100, progress=False).steps == 40


def test_noise_maps_are_optimised_and_stay_noise(generator):
    """A smooth target from elsewhere: free maps would paint it, these remain uncorrelated at every scale."""
    ramp = torch.linspace(0.2, 0.8, 16).expand(1, 3, 16, 16)
    free, kept = (project(generator, ramp, steps=80, noise_weight=v, progress=False) for v in (0.0, 1e3))
    assert [tuple(m.shape) for m in kept.noise] == [(1, 1, r, r) for r in (4, 8, 8, 16, 16)]
    for noise in kept.noise:
        assert float(noise.mean()) == pytest.approx(0, abs=1e-5)
        assert float(noise.square().mean()) == pytest.approx(1, abs=1e-4)
    assert not torch.equal(kept.noise[-1][0, 0], generator.convs[-1].noise_const)
    assert torch.allclose(generator.synthesize(kept.styles, kept.noise), kept.picture, atol=1e-6)
    start = float(noise_correlation(own_noise(generator, 1)).detach())
    assert float(noise_correlation(kept.noise)) < 0.1 * start < float(noise_correlation(free.noise))


def test_correlation_is_that_of_neighbours_at_every_scale():
    white = [torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))]
    smooth = [F.avg_pool2d(white[0], 3, 1, 1)]
    normalise_noise(smooth)
    assert float(noise_correlation(white)) < 0.1 < 0.5 < float(noise_correlation(smooth))
    checks = (torch.arange(8)[:, None] + torch.arange(8)) % 2 * 2.0 - 1.0
    assert float(noise_correlation([checks[None, None]])) == pytest.approx(2.0)  # both directions, (-1)^2 each


def test_the_distance_sees_large_shapes_more_than_fine_noise():
    a = torch.full((1, 3, 64, 64), 0.5)
    noise = 0.1 * torch.randn(a.shape, generator=torch.Generator().manual_seed(0)).sign()
    assert float(pyramid_distance(a, a)) == 0.0
    assert float(pyramid_distance(a, a + 0.1)) == pytest.approx(0.01, rel=1e-4)
    assert float(pyramid_distance(a, a + noise)) < 0.4 * 0.01


@pytest.mark.parametrize(
    ("images", "arguments", "words"),
    [
        (torch.rand(1, 3, 16, 16), {"space": "z"}, "Unknown space 'z'; the spaces are w, w\\+, styles"),
        (torch.rand(1, 3, 16, 16), {"steps": 0}, "at least one step"),
        (torch.rand(1, 3, 8, 16), {}, r"RGB, \[B, 3, 16, 16\], got \(1, 3, 8, 16\)"),
        (torch.rand(1, 1, 16, 16), {}, r"got \(1, 1, 16, 16\)"),
        (torch.rand(3, 16, 16), {}, r"got \(3, 16, 16\)"),
        (torch.rand(0, 3, 16, 16), {}, r"got \(0, 3, 16, 16\)"),
        (torch.zeros(1, 3, 16, 16, dtype=torch.uint8), {}, "floating-point.*torch.uint8"),
        (torch.full((1, 3, 16, 16), float("nan")), {}, "finite and in"),
        (torch.full((1, 3, 16, 16), 255.0), {}, r"in \[0, 1\], got 255 to 255"),
    ],
)
def test_what_cannot_be_projected_is_one_sentence(quiet, images, arguments, words):
    with pytest.raises(ValueError, match=words) as caught:
        project(quiet, images, progress=False, **arguments)
    assert "\n" not in str(caught.value)
