"""Differences of cameras are what was put in; the gauge goes away, and nothing else does."""

from __future__ import annotations

import pytest
import torch
from scipy.spatial.transform import Rotation

from ganverse_nb.evaluation.camera_initialization import align_cameras, camera_difference, quaternions
from ganverse_nb.geometry.camera import Camera, FreeCamera


@pytest.fixture
def cameras():
    return Camera.orbit(torch.arange(0, 360, 30.0) + 5, torch.linspace(4, 22, 12), torch.linspace(2.0, 2.5, 12))


def test_quaternions_are_scipys():
    rotation = Rotation.random(200, rng=0)
    near_half_turn = Rotation.from_rotvec([[3.14159, 0, 0], [0, 3.1415, 0.001], [0, 0, -3.14], [0, 0, 0]])
    rotation = Rotation.concatenate([rotation, near_half_turn])
    q = quaternions(torch.from_numpy(rotation.as_matrix()))
    theirs = torch.from_numpy(rotation.as_quat(scalar_first=True))
    assert ((q * theirs).sum(-1).abs() - 1).abs().max() < 1e-9 and (q[:, 0] >= 0).all()


def test_axes_and_angles():
    """A turn about a fixed axis by other angles changes the angle alone; another axis changes the axis alone."""

    def turned(axis, degrees):
        rotation = Rotation.from_rotvec(torch.tensor(axis).double().numpy() * degrees, degrees=True).as_matrix()
        return FreeCamera(torch.from_numpy(rotation)[None], torch.zeros(1, 3), torch.full((1,), 30.0))

    more = camera_difference(turned([0.0, 1.0, 0.0], 40.0), turned([0.0, 1.0, 0.0], 47.0))
    assert (more.angle_mean, more.turn_mean) == (pytest.approx(7), pytest.approx(7)) and more.axis_max < 1e-4
    other = camera_difference(turned([0.0, 1.0, 0.0], 60.0), turned([0.0, 0.8, 0.6], 60.0))
    assert other.axis_mean == pytest.approx(36.8699, abs=1e-3) and other.angle_max < 1e-4
    across = camera_difference(turned([0.0, 1.0, 0.0], 179.0), turned([0.0, 1.0, 0.0], 181.0))
    assert across.axis_mean < 1e-4 and across.angle_mean == pytest.approx(2) == across.turn_mean
    none = camera_difference(turned([0.0, 1.0, 0.0], 0.2), turned([1.0, 0.0, 0.0], 20.0))
    assert none.no_axis == 1 and none.axis_mean != none.axis_mean


def test_a_similarity_of_the_world_is_taken_off_and_a_wrong_camera_is_not(cameras):
    world = torch.from_numpy(Rotation.from_euler("xyz", [4, 25, -3], degrees=True).as_matrix()).float()
    moved = FreeCamera(
        cameras.axes() @ world.T, 1.3 * cameras.position @ world.T + torch.tensor([0.1, -0.2, 0.05]), cameras.fov
    )
    assert camera_difference(moved, cameras).turn_mean > 20
    aligned = align_cameras(moved, cameras)
    assert camera_difference(aligned, cameras).turn_max < 1e-2
    assert (aligned.position - cameras.position).norm(dim=-1).max() < 1e-5
    wrong = cameras.replace(azimuth=cameras.azimuth + 12 * (torch.arange(12) == 4))
    left = camera_difference(align_cameras(wrong, cameras), cameras)
    assert left.turn_max == pytest.approx(11, abs=0.5) and left.turn_mean < 2.5


def test_other_numbers_of_cameras_are_refused(cameras):
    with pytest.raises(ValueError, match="the same number of cameras is needed, got 12, 3"):
        camera_difference(cameras, cameras[:3])
    with pytest.raises(ValueError, match="12 cameras cannot be aligned with 3"):
        align_cameras(cameras, cameras[:3])
