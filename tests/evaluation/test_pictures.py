"""PSNR and SSIM of pictures whose difference is known; the rule that chooses examples."""

import math

import pytest
import torch

from ganverse_nb.evaluation.examples import median_and_worst
from ganverse_nb.evaluation.pictures import on_white, psnr, ssim


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_psnr_of_known_noise():
    picture = torch.full((3, 3, 64, 64), 0.5)
    noise = torch.randn(3, 3, 64, 64, generator=rng()) * torch.tensor([0.1, 0.01, 0.0])[:, None, None, None]
    first, second, same = psnr(picture + noise, picture).tolist()
    assert first == pytest.approx(20, abs=0.2) and second == pytest.approx(40, abs=0.2) and same == math.inf


def test_ssim_is_one_for_equal_pictures_and_has_its_closed_form_for_flat_ones():
    a, b = torch.full((1, 3, 16, 16), 0.4), torch.full((1, 3, 16, 16), 0.7)
    noise = torch.rand(1, 3, 32, 32, generator=rng())
    assert ssim(noise, noise).item() == pytest.approx(1, abs=1e-5)
    assert ssim(a, b).item() == pytest.approx((2 * 0.4 * 0.7 + 1e-4) / (0.4**2 + 0.7**2 + 1e-4), abs=1e-4)


def test_ssim_is_the_definition_written_out():
    a, b = torch.rand(2, 1, 1, 11, 11, dtype=torch.float64, generator=rng())
    at = torch.arange(-5.0, 6.0, dtype=torch.float64)
    window = torch.exp(-(at[:, None] ** 2 + at**2) / (2 * 1.5**2))
    window = window / window.sum()
    x, y = a[0, 0], b[0, 0]
    mx, my = (window * x).sum(), (window * y).sum()
    vx, vy, c = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum(), (window * (x - mx) * (y - my)).sum()
    wanted = (2 * mx * my + 1e-4) * (2 * c + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))
    assert ssim(a.expand(1, 3, 11, 11), b.expand(1, 3, 11, 11)).item() == pytest.approx(wanted.item(), abs=1e-9)
    with pytest.raises(ValueError, match="at least 11"):
        ssim(a[..., :8], b[..., :8])


def test_white_is_where_the_mask_is_not():
    mask = torch.tensor([[[[1.0, 0.0]]]])
    assert on_white(torch.full((1, 3, 1, 2), 0.2), mask)[0, 0].tolist() == [[pytest.approx(0.2), 1.0]]


def test_median_and_worst_are_chosen_by_rule():
    assert median_and_worst(torch.tensor([3.0, 1.0, 2.0, 9.0, 5.0])) == (0, 3)
    assert median_and_worst(torch.tensor([4.0, float("nan"), 1.0, 2.0, 3.0])) == (3, 0)  # of four the lower one
    scores = torch.tensor([0.9, 0.2, 0.5])
    assert median_and_worst(-scores) == (2, 1)
    with pytest.raises(ValueError, match="no number"):
        median_and_worst(torch.tensor([float("nan")]))
