from __future__ import annotations

import math

import pytest
import torch

from ganverse_nb.geometry.camera import FAR, NEAR, Camera


@pytest.mark.parametrize(
    ("azimuth", "elevation", "where"),
    [(0, 0, (0, 0, 2)), (90, 0, (2, 0, 0)), (180, 0, (0, 0, -2)), (270, 0, (-2, 0, 0)), (0, 90, (0, 2, 0))],
)
def test_convention_camera_position(azimuth: float, elevation: float, where: tuple) -> None:
    """Azimuth 0 stands before the front (+z), 90 on the object's left (+x); elevation lifts it towards +y."""
    camera = Camera.orbit(azimuth, elevation, 2.0)
    torch.testing.assert_close(camera.position, torch.tensor([where], dtype=torch.float32), atol=1e-6, rtol=0)


def test_convention_degrees_and_formula() -> None:
    """Position = target + d (cos el sin az, sin el, cos el cos az), in degrees."""
    camera = Camera.orbit(30.0, 20.0, 3.0, target=(0.1, 0.2, 0.3))
    az, el = math.radians(30), math.radians(20)
    wanted = [0.1 + 3 * math.cos(el) * math.sin(az), 0.2 + 3 * math.sin(el), 0.3 + 3 * math.cos(el) * math.cos(az)]
    torch.testing.assert_close(camera.position, torch.tensor([wanted]))


def test_convention_view_space() -> None:
    """x to the right of the picture, y up, looking down -z: from the front, +x of the world is on the right."""
    view = Camera.orbit(0.0, 0.0, 2.0).to_view(torch.eye(3)[None])[0]
    torch.testing.assert_close(view, torch.tensor([[1.0, 0, -2], [0, 1, -2], [0, 0, -1]]), atol=1e-6, rtol=0)


def test_convention_clip_space() -> None:
    """OpenGL: w is the view depth, z/w runs from -1 at the near plane to 1 at the far one, y/w = 1 at fov / 2."""
    camera = Camera.orbit(0.0, 0.0, 2.0, fov=30.0)
    clip = camera.to_clip(torch.tensor([[[0, 0, 2 - NEAR], [0, 0, 2 - FAR], [0, 2 * math.tan(math.radians(15)), 0]]]))[
        0
    ]
    torch.testing.assert_close(clip[:, 3], torch.tensor([NEAR, FAR, 2.0]), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(clip[:2, 2] / clip[:2, 3], torch.tensor([-1.0, 1.0]), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(clip[2, 1] / clip[2, 3], torch.tensor(1.0))


def test_convention_picture_coordinates() -> None:
    """(0, 0) is the top left corner: from the front +x lands right of the middle and +y above it."""
    image = Camera.orbit(0.0).to_image(torch.tensor([[[0.0, 0, 0], [0.3, 0, 0], [0, 0.3, 0]]]))[0]
    torch.testing.assert_close(image[0], torch.tensor([0.5, 0.5]))
    assert image[1, 0] > 0.5 and image[2, 1] < 0.5


def test_aspect_widens_the_view() -> None:
    camera = Camera.orbit(20.0, 10.0)
    square, wide = (camera.to_image(torch.tensor([[[0.2, 0.1, 0.3]]]), aspect)[0, 0] for aspect in (1.0, 2.0))
    torch.testing.assert_close(wide - 0.5, (square - 0.5) * torch.tensor([0.5, 1.0]))


def test_axes_are_a_rotation_even_at_the_poles() -> None:
    camera = Camera.orbit(
        torch.rand(50, generator=torch.Generator().manual_seed(0)) * 720 - 360, torch.linspace(-90, 90, 50)
    )
    product = camera.axes() @ camera.axes().transpose(-1, -2)
    torch.testing.assert_close(product, torch.eye(3).expand(50, 3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.linalg.det(camera.axes()), torch.ones(50))


@pytest.mark.parametrize("name", ["azimuth", "elevation", "distance", "fov", "target"])
def test_clip_gradients_are_finite_differences(name: str) -> None:
    values = {"azimuth": [33.0], "elevation": [12.0], "distance": [2.1], "fov": [31.0], "target": [[0.1, 0.0, -0.1]]}
    parts = {k: torch.tensor(v, dtype=torch.float64) for k, v in values.items()}
    points = torch.randn(1, 5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    given = parts[name].requires_grad_()
    assert torch.autograd.gradcheck(lambda p: Camera.orbit(**(parts | {name: p})).to_clip(points), (given,))


def test_orbit_repeats_scalars_and_indexes() -> None:
    camera = Camera.orbit(torch.tensor([0.0, 90.0, 180.0]), 10.0)
    assert len(camera) == 3 and camera.elevation.tolist() == [10.0] * 3
    assert camera[1].azimuth.tolist() == [90.0] and len(camera[[0, 2]]) == 2 and len(camera[1:]) == 2
    again = Camera.join([camera[1:], camera[:1]])
    assert again.azimuth.tolist() == [90.0, 180.0, 0.0] and again.target.shape == (3, 3)


def test_bad_cameras_are_named() -> None:
    with pytest.raises(ValueError, match="batch sizes differ.*'azimuth': 2.*'elevation': 3"):
        Camera.orbit(torch.zeros(2), torch.zeros(3))
    with pytest.raises(ValueError, match="distance holds a value that is not finite"):
        Camera.orbit(0.0, 0.0, float("nan"))
