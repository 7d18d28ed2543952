import pytest
import torch

from ganverse_nb.geometry.angles import angle_error
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.geometry.views import orbit_around
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.losses import color_loss, iou_loss
from ganverse_nb.inverse_graphics.network import repeat_mesh
from ganverse_nb.render.renderer import render


def test_all_that_new_cameras_know_is_the_azimuth_bin():
    camera = LearnableCameras(torch.tensor([0, 3, 11]), elevation=8.0, distance=2.3)()
    assert torch.allclose(camera.azimuth, torch.tensor([0.0, 90.0, 330.0]), atol=1e-4)
    assert torch.allclose(camera.elevation, torch.full((3,), 8.0))
    assert torch.allclose(camera.distance, torch.full((3,), 2.3)) and camera.target.abs().max() == 0


def test_convention_shift_moves_the_camera_right_and_up_so_the_object_left_and_down():
    shift = torch.tensor([[0.1, 0.05]] * 4)
    camera = orbit_around(
        torch.tensor([0.0, 70.0, 180.0, 300.0]), torch.full((4,), 20.0), torch.full((4,), 2.0), 30.0, shift
    )
    seen = camera.to_image(torch.zeros(1, 1, 3))[:, 0]
    assert (seen[:, 0] < 0.45).all() and (seen[:, 1] > 0.52).all()
    assert torch.allclose(seen, seen[:1].expand(4, 2), atol=1e-5)  # the same from every side


def test_convention_the_camera_of_a_mirrored_picture_shows_the_mirrored_object(world):
    cameras = LearnableCameras(torch.tensor([2, 5]))
    with torch.no_grad():
        cameras.shift.copy_(torch.tensor([[0.05, 0.02], [-0.03, 0.04]]))
    view, mesh = torch.tensor([0, 1]), repeat_mesh(world.lump(), 2)
    plain = render(mesh, cameras(view, torch.tensor([False, False])), 64)
    mirrored = render(mesh, cameras(view, torch.tensor([True, True])), 64)
    assert hard_iou(plain.mask, mirrored.mask.flip(-1)).min() > 0.97  # the faces' diagonals are not mirrored
    assert (plain.rgb - mirrored.rgb.flip(-1)).abs().mean() < 5e-3
    assert hard_iou(plain.mask, mirrored.mask).max() < 0.8


def test_cameras_are_recovered_from_pictures_of_a_known_object(world):
    truth = Camera.orbit(world.azimuth, torch.tensor([5.0, 12.0, 16.0, 10.0, 20.0, 8.0]), 2.35)
    mesh = repeat_mesh(world.lump(), len(world.azimuth))
    with torch.no_grad():
        wanted = render(mesh, truth, 64)
    bins = (world.azimuth / 30).round().long() % 12
    cameras = LearnableCameras(bins)
    optimizer = torch.optim.Adam(cameras.parameters(), lr=0.015)
    before = angle_error(cameras().azimuth.detach(), world.azimuth, align=False)
    for step in range(90):
        output = render(mesh, cameras(), 64, sigma=1 / 7000 if step < 45 else 2e-5)
        inside = wanted.mask * output.mask
        loss = 3 * iou_loss(output.silhouette, wanted.mask) + 20 * color_loss(output.rgb, wanted.rgb, inside)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = angle_error(cameras().azimuth.detach(), world.azimuth, align=False)
    assert before.mean > 8 and after.mean < 1.5
    assert (cameras().elevation - truth.elevation).abs().mean() < 2


def test_bad_bins_are_refused():
    with pytest.raises(ValueError, match=r"0\.\.11"):
        LearnableCameras(torch.tensor([0, 12]))
    with pytest.raises(ValueError, match=r"0\.\.11"):
        LearnableCameras(torch.tensor([0.0, 30.0]))
    with pytest.raises(ValueError, match="at least one"):
        LearnableCameras(torch.tensor([], dtype=torch.int64))
