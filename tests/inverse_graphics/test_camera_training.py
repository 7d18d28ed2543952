import pytest
import torch

from ganverse_nb.data.crops import boxes
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics.camera_head import CameraReading
from ganverse_nb.inverse_graphics.camera_training import (
    filling,
    learned_pose,
    random_renders,
    reading_loss,
    seen_at,
    varied,
)
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.network import repeat_mesh
from ganverse_nb.inverse_graphics.windows import Pose
from ganverse_nb.render.renderer import render
from ganverse_nb.runtime.draws import Draws


def dice(seed=0):
    return Draws(torch.Generator().manual_seed(seed))


def test_learned_pose_is_the_learned_camera():
    cameras = LearnableCameras(torch.tensor([1, 4, 7]))
    with torch.no_grad():
        cameras.shift.normal_(std=0.05)
        cameras.elevation.add_(torch.tensor([-0.05, 0.0, 0.2]))
    view, mirrored = torch.tensor([2, 0, 2]), torch.tensor([False, True, True])
    a, b = learned_pose(cameras, view, mirrored).camera(cameras.fov), cameras(view, mirrored)
    assert torch.allclose(a.position, b.position, atol=1e-5) and torch.allclose(a.target, b.target, atol=1e-6)


def test_a_filling_camera_shows_the_box_as_asked_for(world):
    mesh = repeat_mesh(world.lump(), 3)
    share = torch.tensor([0.5, 0.7, 0.9])
    offset = torch.tensor([[0.08, 0.0], [-0.05, 0.08], [0.0, 0.0]])
    angles = torch.tensor([10.0, 120.0, 260.0]), torch.tensor([0.0, 20.0, 45.0])
    shown = render(mesh, filling(mesh, *angles, torch.tensor([1.5, 3.0, 5.0]), share, offset), 256)
    center, side = boxes(shown.mask)
    assert side.numpy() == pytest.approx(share.numpy(), abs=0.03)  # near by, a move changes the perspective a little
    assert ((center - 0.5) * torch.tensor([1, -1])).numpy() == pytest.approx(offset.numpy(), abs=0.02)


def test_the_pose_of_another_field_of_view_shows_almost_the_same(world):
    mesh = repeat_mesh(world.lump(), 2)
    where = torch.tensor([80.0, 200.0]), torch.tensor([5.0, 30.0]), torch.tensor([5.0, 4.0])
    camera = filling(mesh, *where, torch.tensor([0.6, 0.8]), torch.zeros(2, 2))
    pose = seen_at(camera, 30.0)
    a, b = render(mesh, camera, 64), render(mesh, pose.camera(30.0), 64)
    assert not torch.allclose(camera.fov, torch.full((2,), 30.0), atol=5) and hard_iou(a.mask, b.mask).min() > 0.78


def test_random_renders_come_from_everywhere_with_the_cameras_they_say(world):
    mesh = repeat_mesh(world.lump(), 400)
    images, masks, pose = random_renders(mesh, 32, (0.0, 40.0), 30.0, dice())
    assert torch.histc(pose.azimuth, 8, -180, 180).min() > 25
    assert pose.elevation.min() >= 0 and pose.elevation.max() <= 40 and (pose.elevation > 18).float().mean() > 0.3
    center, side = boxes(masks)
    assert side.min() > 0.4 and side.max() < 1 and (center - 0.5).abs().max() < 0.2
    shown = render(mesh, pose.camera(30.0), 32)  # of the plain lumps: close, not equal
    assert hard_iou(shown.mask, masks).mean() > 0.7 and float((images * (1 - masks)).abs().max()) == 0
    again = random_renders(mesh, 32, (0.0, 40.0), 30.0, dice())
    assert torch.equal(again[0], images) and torch.equal(again[2].azimuth, pose.azimuth)


def test_varied_meshes_stay_symmetric_and_keep_their_faces(world):
    meshes = varied(repeat_mesh(world.lump(), 50), dice())
    x = meshes.vertices[..., 0]
    assert torch.allclose(x.amax(1), -x.amin(1), atol=1e-3)
    size = meshes.vertices.amax(1) - meshes.vertices.amin(1)
    assert (size.std(0) / size.mean(0)).min() > 0.04 and len(meshes) == 50


def test_reading_loss_is_smallest_for_the_truth():
    pose = Pose(torch.tensor([50.0, 355.0]), torch.tensor([5.0, 20.0]), torch.tensor([2.0, 2.5]), torch.zeros(2, 2))

    def reading(azimuth, elevation):
        logits, offsets = torch.full((2, 24), -12.0), torch.zeros(2, 24)
        for row, angle in enumerate(azimuth):
            place = angle / 15
            for k, share in ((int(place), 1 - place % 1), (int(place) + 1, place % 1)):
                logits[row, k % 24] = torch.tensor(share + 1e-6).log()
                offsets[row, k % 24] = place - k
        rest = Pose(pose.azimuth, torch.tensor(elevation), pose.distance, pose.shift)
        return CameraReading(logits, offsets, rest, 30.0)

    truth = reading_loss(reading([50.0, 355.0], [5.0, 20.0]), pose)
    turned = reading_loss(reading([60.0, 355.0], [5.0, 20.0]), pose)
    higher = reading_loss(reading([50.0, 355.0], [15.0, 20.0]), pose)
    assert truth["head_offset"] < 1e-6 and truth["head_rest"] < 1e-6
    assert turned["head_azimuth"] > truth["head_azimuth"] + 0.2 and higher["head_rest"] > 0.02
