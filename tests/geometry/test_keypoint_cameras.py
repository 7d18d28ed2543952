"""Known cameras come back from the keypoints they show."""

import pytest
import torch

from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.keypoint_cameras import LONG_LENS, fit_cameras

SHAPE = torch.randn(10, 3, generator=torch.Generator().manual_seed(3)) * torch.tensor([0.2, 0.15, 0.4])


def scene(count, fov, distance, seed=0):
    """Cameras all around, the keypoints they see, and which of these are visible (at least five)."""
    rng = torch.Generator().manual_seed(seed)
    draw = lambda low, high: low + (high - low) * torch.rand(count, generator=rng)  # noqa: E731
    target = 0.05 * torch.randn(count, 3, generator=rng)
    camera = Camera.orbit(draw(0, 360), draw(-5, 40), distance * draw(0.9, 1.1), fov, target)
    visible = torch.rand(count, len(SHAPE), generator=rng) < 0.5
    visible[:, :5] = True
    return camera, camera.to_image(SHAPE[None]), visible


@pytest.mark.parametrize(("fov", "distance"), [(30.0, 2.1), (LONG_LENS, 40.0)])
def test_exact_keypoints_give_the_exact_camera(fov, distance):
    camera, points, visible = scene(40, fov, distance)
    fit = fit_cameras(points.where(visible[..., None], torch.tensor(torch.nan)), visible, SHAPE, fov)
    assert wrap_degrees(fit.camera.azimuth - camera.azimuth).abs().max() < 0.05
    assert (fit.camera.elevation - camera.elevation).abs().max() < 0.05
    again = fit.camera.to_image(SHAPE[None])
    assert (again - points).abs().max() < 2e-4  # of the hidden keypoints too
    assert fit.error.max() < 1e-9
    assert torch.equal(fit.camera.fov, camera.fov)


def test_noise_in_the_keypoints_becomes_the_error_and_little_of_the_angles():
    camera, points, visible = scene(200, 30.0, 2.1)
    visible[:] = True
    noise = 0.01
    points = points + noise * torch.randn(points.shape, generator=torch.Generator().manual_seed(1))
    fit = fit_cameras(points, visible, SHAPE, 30.0)
    left = 2 * noise**2 * (2 * len(SHAPE) - 5) / (2 * len(SHAPE))  # five parameters take their share of the noise
    assert float(fit.error.mean()) == pytest.approx(left, rel=0.1)
    assert wrap_degrees(fit.camera.azimuth - camera.azimuth).abs().median() < 2


def test_keypoints_of_nothing_fit_badly():
    _, points, visible = scene(20, 30.0, 2.1)
    good = fit_cameras(points, visible, SHAPE, 30.0).error
    mixed = fit_cameras(points.flip(1), visible.flip(1), SHAPE, 30.0).error
    assert mixed.median() > 1e-3 > 100 * good.max()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p, v, s: (p, v & (torch.arange(10) < 3), s), "Photograph 0 has 3 visible keypoints"),
        (lambda p, v, s: (p[:, :4], v, s), "must go together"),
        (lambda p, v, s: (p, v, s[:, :2]), "must go together"),
    ],
)
def test_what_cannot_be_fitted_is_said_in_a_sentence(change, message):
    _, points, visible = scene(3, 30.0, 2.1)
    with pytest.raises(ValueError, match=message):
        fit_cameras(*change(points, visible, SHAPE))
