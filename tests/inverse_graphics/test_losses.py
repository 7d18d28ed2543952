import pytest
import torch

from ganverse_nb.geometry.overlap import soft_iou
from ganverse_nb.inverse_graphics.losses import color_loss, iou_loss


def square(left, right):
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., left:right] = 1
    return mask


def test_iou_of_overlapping_squares():
    assert soft_iou(square(0, 4), square(2, 6)).item() == pytest.approx(1 / 3, abs=1e-5)
    assert soft_iou(square(0, 4), square(0, 4)).item() == pytest.approx(1, abs=1e-5)
    assert soft_iou(square(0, 4), square(4, 8)).item() == 0


def test_iou_of_soft_masks_is_sum_ab_over_sum_a_plus_b_minus_ab():
    a, b = torch.rand(2, 3, 1, 4, 4, dtype=torch.float64)
    wanted = [(x * y).sum() / (x + y - x * y).sum() for x, y in zip(a, b, strict=True)]
    assert torch.allclose(soft_iou(a, b), torch.stack(wanted), atol=1e-5)
    assert iou_loss(a, b).item() == pytest.approx(1 - torch.stack(wanted).mean().item(), abs=1e-5)


def test_iou_gradient_is_the_finite_difference():
    generator = torch.Generator().manual_seed(0)
    a = torch.rand(2, 1, 4, 4, dtype=torch.float64, generator=generator).requires_grad_()
    b = torch.rand(2, 1, 4, 4, dtype=torch.float64, generator=generator)
    assert torch.autograd.gradcheck(lambda x: iou_loss(x, b), a)


def test_color_counts_inside_the_mask_only_and_over_the_whole_picture():
    image, rendered, mask = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8), square(0, 2)
    assert color_loss(rendered, image, mask).item() == pytest.approx(2 / 8)
    rendered[..., :2] = 0.0
    assert color_loss(rendered, image, mask).item() == 0
