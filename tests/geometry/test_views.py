"""Free and weak-perspective cameras, and the helpers that build views."""

from __future__ import annotations

import math

import pytest
import torch

from ganverse_nb.geometry.camera import FAR, NEAR, Camera, FreeCamera, WeakPerspectiveCamera
from ganverse_nb.geometry.views import frustum, look_at, moved, orbit_around, orbit_of, turntable, view_grid, with_fov

POINTS = torch.randn(1, 6, 3, generator=torch.Generator().manual_seed(0)) * 0.4


def test_look_at_is_the_orbit_camera() -> None:
    orbit = Camera.orbit(torch.tensor([20.0, 200.0]), torch.tensor([-15.0, 40.0]), 2.5, 35.0, (0.1, 0.2, -0.1))
    free = look_at(orbit.position, (0.1, 0.2, -0.1), fov=35.0)
    torch.testing.assert_close(free.axes(), orbit.axes(), atol=1e-5, rtol=0)
    torch.testing.assert_close(free.to_clip(POINTS, 1.5), orbit.to_clip(POINTS, 1.5), atol=1e-4, rtol=1e-4)
    same = FreeCamera.like(orbit)
    assert torch.equal(same.to_clip(POINTS), orbit.to_clip(POINTS)) and torch.equal(same.position, orbit.position)


def test_look_at_puts_target_and_up_where_it_says() -> None:
    camera = look_at((1.0, 2.0, 3.0), (0.5, 0.0, 0.1), (1.0, 0.2, 0.0))
    image = camera.to_image(torch.tensor([[[0.5, 0.0, 0.1], [0.6, 0.02, 0.1]]]))[0]
    torch.testing.assert_close(image[0], torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(image[1, 0], torch.tensor(0.5), atol=1e-5, rtol=0)
    assert image[1, 1] < 0.5


@pytest.mark.parametrize(
    ("degrees", "moved"),
    [((5.0, 0, 0), (0, 1)), ((0, 5.0, 0), (1, 0)), ((0, 0, 0.0), (0, 0))],
)
def test_convention_turning_up_and_left(degrees: tuple, moved: tuple) -> None:
    """Looking up moves the picture's content down (y of the picture grows), looking left moves it right."""
    camera = FreeCamera.like(Camera.orbit(30.0, 10.0)).turned(torch.tensor([degrees]))
    shift = camera.to_image(torch.zeros(1, 1, 3))[0, 0] - 0.5
    wanted = 0.5 * math.tan(math.radians(5)) / math.tan(math.radians(15))
    torch.testing.assert_close(shift, torch.tensor(moved) * wanted, atol=1e-5, rtol=1e-4)


def test_convention_rolling_to_the_left_turns_the_picture_clockwise() -> None:
    camera = FreeCamera.like(Camera.orbit(0.0)).turned(torch.tensor([[0.0, 0.0, 90.0]]))
    x, y = camera.to_image(torch.tensor([[[0.0, 0.3, 0.0]]]))[0, 0]  # what was above the middle
    assert x > 0.6 and y.item() == pytest.approx(0.5, abs=1e-5)  # is now on its right


def test_turning_stays_a_rotation_and_adds_up() -> None:
    camera = FreeCamera.like(Camera.orbit(torch.tensor([30.0, 100.0]), 10.0).detach())
    turn = torch.tensor([[10.0, -30.0, 170.0]])
    axes = camera.turned(turn).axes()
    torch.testing.assert_close(axes @ axes.mT, torch.eye(3).expand(2, 3, 3), atol=1e-5, rtol=0)
    twice = camera.turned(turn / 2).turned(turn / 2)
    torch.testing.assert_close(twice.axes(), axes, atol=1e-5, rtol=0)
    torch.testing.assert_close(camera.turned(turn).turned(-turn).axes(), camera.axes(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("angle", [(0.0, 0.0, 0.0), (20.0, -40.0, 5.0)])
def test_rotation_gradients_are_finite_differences(angle: tuple) -> None:
    camera = look_at(torch.tensor([[1.0, 0.5, 2.0]], dtype=torch.float64))
    points = POINTS.double()
    turn = torch.tensor([angle], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: camera.turned(t).to_clip(points), (turn,))
    eye = torch.tensor([[1.0, 0.5, 2.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda e: look_at(e, up=(0.1, 1.0, 0.0)).to_clip(points), (eye,))


def test_convention_weak_perspective_is_perspective_at_the_targets_plane_and_its_limit() -> None:
    """Same picture for points in the plane through the target; for others, from ever further away."""
    parts = (torch.tensor([25.0]), torch.tensor([15.0]))
    weak, full = WeakPerspectiveCamera.orbit(*parts, 2.3, 30.0), Camera.orbit(*parts, 2.3, 30.0)
    across = torch.tensor([[0.2, 0.1], [-0.3, 0.25]]) @ full.axes()[0, :2]
    torch.testing.assert_close(weak.to_image(across[None]), full.to_image(across[None]), atol=1e-6, rtol=0)
    far = Camera.orbit(
        *(p.double() for p in parts), 1e4, math.degrees(2 * math.atan(2.3 * math.tan(math.pi / 12) / 1e4))
    )
    torch.testing.assert_close(weak.to_image(POINTS), far.to_image(POINTS.double()).float(), atol=1e-3, rtol=0)


def test_convention_weak_perspective_scale() -> None:
    scale = torch.tensor([0.7, 1.8])
    camera = WeakPerspectiveCamera.from_scale(torch.tensor([0.0, 90.0]), 0.0, scale)
    torch.testing.assert_close(camera.scale, scale)
    up = camera.to_image(torch.tensor([[[0.0, 0.1, 0.0], [0.3, 0.1, 0.4]]]))[..., 1]
    torch.testing.assert_close(up, (0.5 - 0.05 * scale)[:, None].expand(2, 2))  # whatever the depth
    clip = camera.to_clip(torch.tensor([[[0.0, 0, 0.2]]]))
    depth = NEAR + (FAR - NEAR) / 2 * (clip[..., 2] / clip[..., 3] + 1)
    torch.testing.assert_close(depth[:, 0], torch.tensor([FAR / 2 - 0.2, FAR / 2]))
    assert isinstance(camera[1], WeakPerspectiveCamera) and isinstance(camera.detach(), WeakPerspectiveCamera)


def test_turntable_and_grid() -> None:
    assert turntable(4, 20.0).azimuth.tolist() == [0, 90, 180, 270]
    grid = view_grid([0, 120, 240], [10, 50])
    assert grid.azimuth.tolist() == [0, 120, 240] * 2 and grid.elevation.tolist() == [10] * 3 + [50] * 3


def test_bad_views_are_named() -> None:
    with pytest.raises(ValueError, match="position must differ from target, and up must not point along"):
        look_at((0.0, 2.0, 0.0))
    with pytest.raises(ValueError, match="position must differ"):
        look_at((0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="look_at: position holds a value that is not finite"):
        look_at((float("nan"), 0.0, 1.0))
    with pytest.raises(ValueError, match="look_at: the batch sizes differ: {'position': 2, 'target': 3"):
        look_at(torch.rand(2, 3), torch.rand(3, 3))
    for fov in (0.0, 180.0, -30.0):
        with pytest.raises(ValueError, match="fov must be between 0 and 180 degrees"):
            look_at((0.0, 0.0, 2.0), fov=fov)
        with pytest.raises(ValueError, match="fov must be between 0 and 180 degrees"):
            Camera.orbit(0.0, fov=fov)
    with pytest.raises(ValueError, match=r"degrees must be \[1 or 1, 3\], got \(3,\)"):
        look_at((0.0, 0.0, 2.0)).turned(torch.zeros(3))
    with pytest.raises(ValueError, match="degrees are torch.float64 on cpu, the camera is torch.float32"):
        look_at((0.0, 0.0, 2.0)).turned(torch.zeros(1, 3).double())
    with pytest.raises(ValueError, match="degrees hold a value that is not finite"):
        look_at((0.0, 0.0, 2.0)).turned(torch.full((1, 3), float("inf")))
    with pytest.raises(ValueError, match="parallel rays has no perspective twin"):
        FreeCamera.like(WeakPerspectiveCamera.orbit(0.0))
    with pytest.raises(ValueError, match=r"rotation \[B, 3, 3\], eye .* got \(3, 3\), \(1, 3\), \(1,\)"):
        FreeCamera(torch.eye(3), torch.zeros(1, 3), torch.ones(1))
    with pytest.raises(ValueError, match="views must be positive, got 0"):
        turntable(0)
    with pytest.raises(ValueError, match="got 0 azimuths and 1 elevations"):
        view_grid([], [1.0])


def test_a_frustum_ends_in_the_corners_of_the_picture() -> None:
    camera = Camera.orbit(torch.tensor([40.0, 200.0]), 20.0, 2.0, fov=35.0, target=(0.1, 0.0, -0.2))
    points = frustum(camera, 0.3, aspect=1.5)
    assert torch.equal(points[:, 0], camera.position)
    corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]).expand(2, -1, -1)
    torch.testing.assert_close(camera.to_image(points[:, 1:], 1.5), corners, atol=1e-5, rtol=0)
    torch.testing.assert_close(-camera.to_view(points)[:, 1:, 2], torch.full((2, 4), 0.3))
    with pytest.raises(ValueError, match="parallel rays"):
        frustum(WeakPerspectiveCamera.from_scale(0.0, 0.0, 1.0))


def test_moved_cameras_see_the_object_as_far_from_the_middle_as_before() -> None:
    camera = orbit_around(
        torch.tensor([20.0, 200.0]),
        torch.tensor([5.0, 30.0]),
        torch.tensor([2.2, 2.5]),
        30.0,
        torch.tensor([[0.1, -0.05]] * 2),
    )
    around = moved(camera, azimuth=75.0, distance=camera.distance / 1.25)
    torch.testing.assert_close(around.azimuth, torch.full((2,), 75.0))
    torch.testing.assert_close(around.elevation, camera.elevation)
    torch.testing.assert_close(around.distance, camera.distance / 1.25)
    before, after = (c.to_view(torch.zeros(1, 1, 3))[:, 0, :2] for c in (camera, around))
    torch.testing.assert_close(before, after, atol=1e-6, rtol=0)
    torch.testing.assert_close(moved(camera).target, camera.target, atol=1e-6, rtol=0)


def test_the_orbit_of_a_camera_gives_it_again() -> None:
    """A target before or behind the centre is the same as another distance."""
    away, beside = torch.tensor([2.0, 3.0]), torch.tensor([[0.1, -0.2], [0.0, 0.3]])
    camera = orbit_around(torch.tensor([30.0, 200.0]), torch.tensor([10.0, -20.0]), away, 30.0, beside)
    distance, shift = orbit_of(camera)
    assert torch.allclose(distance, away, atol=1e-6) and torch.allclose(shift, beside, atol=1e-6)
    ahead = camera.replace(target=camera.target + 0.25 * camera.axes()[:, 2], distance=camera.distance - 0.25)
    distance, shift = orbit_of(ahead)
    again = orbit_around(ahead.azimuth, ahead.elevation, distance, 30.0, shift)
    assert torch.allclose(again.position, ahead.position, atol=1e-6)


def test_another_field_of_view_leaves_what_is_around_the_centre_where_it_is() -> None:
    camera = orbit_around(
        torch.tensor([20.0, 250.0]), torch.tensor([8.0, 25.0]), torch.tensor([5.0, 1.5]), torch.tensor([12.0, 50.0]),
        torch.tensor([[0.1, -0.05], [0.0, 0.2]]),
    )  # fmt: skip
    other = with_fov(camera, 30.0)
    assert other.fov.tolist() == [30.0, 30.0] and other.azimuth.tolist() == camera.azimuth.tolist()
    right, up, _ = camera.axes().unbind(1)
    around = torch.stack([0 * right, 0.3 * right - 0.2 * up, -0.1 * up], 1)  # in the plane through the centre
    before, after = ((clip := c.to_clip(around))[..., :2] / clip[..., 3:] for c in (camera, other))
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)
