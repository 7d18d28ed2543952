import math

import pytest
import torch

from ganverse_nb.evaluation.disentanglement import AzimuthSweep, azimuth_sweep, elevation_sweep, swap_report
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.neural_renderer.properties import FACTORS, Properties, PropertyEncoder

SPHERE = uv_sphere()
SIDE = 8


def scene(numbers: torch.Tensor) -> Properties:
    """[B, 4] numbers in [0, 1]: azimuth in turns, size, texture, background."""
    turn, size, shade, around = numbers.unbind(1)
    background = around[:, None, None, None].expand(-1, 4, SIDE, SIDE).clone()
    background[:, 3] = 1
    background[:, :, :, : SIDE // 2] = 0  # the left half is the object
    texture = shade[:, None, None, None].expand(-1, 3, 4, 8)
    return Properties(Camera.orbit(turn * 360, 10.0, 2.3), SPHERE.vertices * size[:, None, None], texture, background)


def draw(p: Properties) -> torch.Tensor:
    """A perfect renderer: every factor is written in its own pixels, the azimuth as sine and cosine."""
    image = p.background[:, :3].clone()
    angle = torch.deg2rad(p.camera.azimuth)
    size = p.shape.norm(dim=-1).mean(-1)
    for column, value in enumerate((angle.sin() / 2 + 0.5, angle.cos() / 2 + 0.5, size, p.texture.mean((1, 2, 3)))):
        image[:, :, :, column] = value[:, None, None]
    return image


def azimuth_of(images: torch.Tensor) -> torch.Tensor:
    sine, cosine = (2 * images[:, 0, 0, column] - 1 for column in (0, 1))
    return torch.rad2deg(torch.atan2(sine, cosine))


def mask(images: torch.Tensor) -> torch.Tensor:
    half = torch.zeros(len(images), 1, SIDE, SIDE)
    half[..., : SIDE // 2] = 1
    return half


ENCODER = PropertyEncoder(
    lambda images, masks: Mesh(
        SPHERE.vertices * images[:, 0, 0, 2][:, None, None],
        SPHERE.faces,
        SPHERE.face_uvs,
        images[:, 0, 0, 3][:, None, None, None].expand(-1, 3, 4, 8),
    ),
    mask,
    lambda images, masks: Camera.orbit(azimuth_of(images), 10.0, 2.3),
)


@pytest.fixture
def pair():
    rng = torch.Generator().manual_seed(0)
    return tuple(scene(torch.rand(6, 4, generator=rng)) for _ in range(2))


def test_sweep_of_a_perfect_renderer_has_no_error(pair):
    sweep = azimuth_sweep(draw, pair[0], azimuth_of, angles=36, progress=False)
    assert sweep.target.shape == sweep.measured.shape == (36, 6)
    assert sweep.error.max() < 0.05 and sweep.correlation == pytest.approx(1.0, abs=1e-5)


def test_sweep_reports_an_offset_as_error_but_not_as_lack_of_correlation(pair):
    numbers = azimuth_sweep(draw, pair[0], lambda images: azimuth_of(images) + 8, angles=12, progress=False).numbers()
    assert numbers["median_error"] == pytest.approx(8.0, abs=0.1) == numbers["offset"]
    assert numbers["p90_error"] == pytest.approx(8.0, abs=0.1)
    assert numbers["correlation"] == pytest.approx(1.0, abs=1e-4) == numbers["concentration"]


def test_sweep_changes_nothing_but_the_azimuth(pair):
    target = []

    def record(p):
        target.append(p)
        return draw(p)

    azimuth_sweep(record, pair[0], azimuth_of, angles=3, progress=False)
    assert len(target) == 3
    for i, p in enumerate(target):
        torch.testing.assert_close(p.camera.azimuth, torch.full((6,), 120.0 * i))
        assert p.camera.elevation.std() == 0 and p.camera.distance.std() == 0
        assert torch.equal(p.shape, pair[0].shape) and torch.equal(p.texture, pair[0].texture)


def test_elevation_sweep_finds_the_gain_of_a_renderer(pair):
    """A renderer that answers half of every degree, and one that answers none."""
    target = torch.tensor([5.0, 10.0, 20.0])
    half = elevation_sweep(lambda p: 0.5 * p.camera.elevation + 7, pair[0], lambda angles: angles, target, azimuths=4)
    assert half.target.shape == half.measured.shape == (3, 4 * 6)
    assert half.gain == pytest.approx(0.5) and half.correlation == pytest.approx(1.0)
    noise = torch.Generator().manual_seed(0)
    none = elevation_sweep(lambda p: torch.rand(len(p), generator=noise), pair[0], lambda angles: angles, target)
    assert abs(none.gain) < 0.05 and abs(none.correlation) < 0.3


def test_sweep_numbers_of_a_renderer_that_cannot_turn():
    target = (torch.arange(36) * 10.0)[:, None].expand(36, 2)
    numbers = AzimuthSweep(target, torch.zeros(36, 2)).numbers()
    assert numbers["correlation"] == 0.0 and numbers["median_error"] == pytest.approx(90.0)
    assert numbers["concentration"] == pytest.approx(0.0, abs=1e-6)


def test_swaps_of_a_perfect_renderer_move_exactly_the_swapped_factor(pair):
    report = swap_report(draw, ENCODER, *pair, progress=False)
    torch.testing.assert_close(report.moved, torch.eye(4), atol=1e-3, rtol=0)
    assert all(ratio < 1e-3 for ratio in report.ratios.values()) and tuple(report.ratios) == FACTORS


def test_a_renderer_that_ignores_the_texture_fails_that_swap_only(pair):
    source, donor = pair
    report = swap_report(lambda p: draw(p.replace(texture=source.texture)), ENCODER, source, donor, progress=False)
    assert report.ratios["texture"] > 100 and max(report.ratios[f] for f in FACTORS if f != "texture") < 1e-3


def test_half_way_is_a_ratio_of_one(pair):
    source, donor = pair

    def half(p):
        return draw(p.replace(texture=(source.texture + donor.texture) / 2))

    report = swap_report(half, ENCODER, source, donor, progress=False)
    assert report.ratios["texture"] == pytest.approx(1.0, abs=1e-4)
    assert report.moved[2, 2].item() == pytest.approx(0.5, abs=1e-4) and math.isfinite(report.moved.sum())


def test_every_source_needs_a_donor(pair):
    with pytest.raises(ValueError, match="donor"):
        swap_report(draw, ENCODER, pair[0], pair[1][:3], progress=False)
