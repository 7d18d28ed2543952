"""How alike two pictures are: PSNR and SSIM."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW, WINDOW_SIGMA = 11, 1.5  # of SSIM (Wang et al. 2004)
C1, C2 = 0.01**2, 0.03**2


def on_white(images: Tensor, masks: Tensor) -> Tensor:
    """Pictures [B, 3, H, W] with white where masks [B, 1, H, W] are 0."""
    return images * masks + (1 - masks)


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """[B] peak signal-to-noise ratio in dB of pictures [B, 3, H, W] in [0, 1]; infinite for equal ones."""
    return -10 / math.log(10) * (a - b).square().flatten(1).mean(1).log()


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """[B] structural similarity (Wang et al. 2004) of pictures [B, 3, H, W] in [0, 1]: mean over places and channels.

    Gaussian window of 11 pixels and sigma 1.5, places where it fits into the picture.

    Raises:
        ValueError: the pictures are smaller than the window.
    """
    if min(a.shape[-2:]) < WINDOW:
        raise ValueError(f"ssim: pictures must have at least {WINDOW} x {WINDOW} pixels, got {tuple(a.shape)}.")
    at = torch.arange(WINDOW, dtype=a.dtype) - WINDOW // 2
    line = torch.softmax(-at.square() / (2 * WINDOW_SIGMA**2), 0)

    def blur(x: Tensor) -> Tensor:
        flat = x.flatten(0, 1)[:, None]
        return F.conv2d(F.conv2d(flat, line[None, None, None]), line[None, None, :, None])

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    alike = (2 * mean_a * mean_b + C1) * (2 * covariance + C2)
    score = alike / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))
    return score.view(len(a), -1).mean(1)
