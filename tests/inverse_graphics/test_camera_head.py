import torch

from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics.camera_head import (
    CameraHead,
    Pose,
    jitter,
    jitter_pose,
    learned_pose,
    random_pose,
)
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.network import repeat_mesh
from ganverse_nb.render.renderer import render


def poses(count=6):
    cameras = LearnableCameras(torch.tensor([1, 4, 7]))
    with torch.no_grad():
        cameras.elevation.add_(torch.tensor([-0.05, 0.0, 0.2]))
    return cameras, random_pose(cameras, count, torch.Generator().manual_seed(0))


def test_targets_and_camera_are_inverse():
    head, (_, pose) = CameraHead(), poses()
    camera, wanted = (
        head.camera(head.targets(pose.azimuth, pose.elevation, pose.distance, pose.shift)),
        pose.camera(30.0),
    )
    assert torch.allclose(camera.position, wanted.position, atol=1e-4)
    assert torch.allclose(camera.axes(), wanted.axes(), atol=1e-5) and torch.equal(camera.fov, wanted.fov)


def test_azimuth_does_not_depend_on_the_length_of_its_pair():
    head = CameraHead()
    raw = head.targets(torch.tensor([200.0]), torch.tensor([5.0]), torch.tensor([2.0]), torch.zeros(1, 2))
    longer = raw * torch.tensor([3.0, 3.0, 1.0, 1.0, 1.0, 1.0])
    assert torch.allclose(head.camera(raw).position, head.camera(longer).position, atol=1e-5)


def test_random_poses_cover_the_circle_and_a_little_more_than_the_learned_cameras():
    cameras, pose = poses(4000)
    assert torch.histc(pose.azimuth, 12, -180, 180).min() > 250
    elevation = torch.rad2deg(cameras.elevation.detach())
    assert pose.elevation.min() < elevation.min() and pose.elevation.max() > elevation.max()
    assert pose.elevation.min() > elevation.min() - 5 and pose.elevation.max() < elevation.max() + 5


def test_learned_pose_is_the_learned_camera():
    cameras, _ = poses()
    with torch.no_grad():
        cameras.shift.normal_(std=0.05)
    view, mirrored = torch.tensor([2, 0, 2]), torch.tensor([False, True, True])
    a, b = learned_pose(cameras, view, mirrored).camera(cameras.fov), cameras(view, mirrored)
    assert torch.allclose(a.position, b.position, atol=1e-5) and torch.allclose(a.target, b.target, atol=1e-6)


def test_jittered_pictures_show_what_the_jittered_pose_sees(world):
    pose = Pose(
        torch.tensor([20.0, 140.0, 250.0, 330.0]), torch.full((4,), 12.0), torch.full((4,), 2.3), torch.zeros(4, 2)
    )
    mesh = repeat_mesh(world.lump(), 4)
    plain = render(mesh, pose.camera(30.0), 64)
    images, masks, zoom, offset = jitter(plain.rgb, plain.mask, torch.Generator().manual_seed(3), 0.2, 0.2)
    moved = render(mesh, jitter_pose(pose, zoom, offset, 30.0).camera(30.0), 64)
    assert (zoom - 1).abs().max() > 0.05 and offset.abs().max() > 0.05
    assert hard_iou(moved.mask, masks).min() > 0.93
    assert hard_iou(plain.mask, masks).min() < 0.85
    both = (moved.mask * masks).expand_as(images) > 0
    assert (images - moved.rgb).abs()[both].mean() < 0.05


def test_no_jitter_changes_nothing(world):
    plain = render(
        world.lump(), Pose(*(torch.tensor([v]) for v in (20.0, 12.0, 2.3)), torch.zeros(1, 2)).camera(30.0), 64
    )
    images, masks, zoom, offset = jitter(plain.rgb, plain.mask, torch.Generator(), 0.0, 0.0)
    assert torch.equal(masks, plain.mask) and torch.allclose(images, plain.rgb, atol=1e-4)
    assert zoom.item() == 1 and offset.abs().max() == 0
