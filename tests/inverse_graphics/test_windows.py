import pytest
import torch

from ganverse_nb.data.crops import boxes
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics.network import repeat_mesh
from ganverse_nb.inverse_graphics.windows import Pose, Window
from ganverse_nb.render.renderer import render

POSE = Pose(
    torch.tensor([20.0, 140.0, 250.0, 330.0]),
    torch.full((4,), 12.0),
    torch.full((4,), 2.6),
    torch.tensor([[0.1, 0.0], [0.0, 0.05], [-0.1, -0.05], [0.0, 0.0]]),
)


def test_a_window_shows_what_its_pose_sees(world):
    mesh = repeat_mesh(world.lump(), 4)
    plain = render(mesh, POSE.camera(30.0), 64)
    share, offset = torch.tensor([0.5, 0.6, 0.7, 0.8]), 0.05 * torch.tensor([[1, 0], [0, 1], [-1, 1], [0, 0]])
    window = Window.around(plain.mask, share, offset)
    images, masks = window.cut(plain.rgb, plain.mask)
    center, side = boxes(masks)
    assert side == pytest.approx(share, abs=1.5 / 64)
    assert ((center - 0.5) * torch.tensor([1, -1])).numpy() == pytest.approx(offset.numpy(), abs=1.5 / 64)
    moved = render(mesh, window.inside(POSE, 30.0).camera(30.0), 64)
    assert hard_iou(moved.mask, masks).min() > 0.87 and hard_iou(plain.mask, masks).min() < 0.8
    both = (moved.mask * masks).expand_as(images) > 0
    assert (images - moved.rgb).abs()[both].mean() < 0.05


def test_outside_undoes_inside():
    window = Window(torch.tensor([0.5, 1.2, 0.8, 1.0]), torch.randn(4, 2, generator=torch.Generator().manual_seed(0)))
    back = window.outside(window.inside(POSE, 30.0), 30.0)
    for name, value in POSE.__dict__.items():
        assert torch.allclose(getattr(back, name), value, atol=1e-6), name


def test_the_whole_picture_as_a_window_changes_nothing(world):
    plain = render(world.lump(), POSE.camera(30.0)[[0]], 64)
    images, masks = Window(torch.ones(1), torch.zeros(1, 2)).cut(plain.rgb, plain.mask)
    assert torch.equal(masks, plain.mask) and torch.allclose(images, plain.rgb * plain.mask, atol=1e-5)


def test_an_empty_mask_has_no_window():
    with pytest.raises(ValueError, match="empty mask"):
        Window.around(torch.zeros(1, 1, 8, 8), 0.7)


def test_poses_are_joined_in_order():
    assert POSE.joined(POSE).azimuth.tolist() == [20, 140, 250, 330] * 2 and POSE.joined(POSE).shift.shape == (8, 2)
