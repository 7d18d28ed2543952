"""The losses of StyleGAN2: non-saturating logistic loss, R1, path length regularisation."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Mean of softplus(-D(G(z)))."""
    return F.softplus(-fake_logits).mean()


def discriminator_loss(fake_logits: Tensor, real_logits: Tensor) -> Tensor:
    """Mean of softplus(D(G(z))) + mean of softplus(-D(x))."""
    return F.softplus(fake_logits).mean() + F.softplus(-real_logits).mean()


def r1_penalty(real_logits: Tensor, real_images: Tensor) -> Tensor:
    """Mean over samples of |grad_x D(x)|^2; multiply by gamma / 2. `real_images` must require gradients."""
    (gradient,) = torch.autograd.grad(real_logits.sum(), real_images, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


def path_lengths(images: Tensor, w_plus: Tensor, y: Tensor) -> Tensor:
    """|J_w^T y| / sqrt(H W) per sample [B], squares summed over w and averaged over layers.

    `images` [B, 3, H, W] in [-1, 1] must be a function of `w_plus` [B, layers, w_dim]; `y` ~ N(0, 1), like `images`.
    """
    scale = math.sqrt(images.shape[2] * images.shape[3])
    (gradient,) = torch.autograd.grad((images * (y / scale)).sum(), w_plus, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()
