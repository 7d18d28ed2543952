"""Resampling and activation of StyleGAN2.

StyleGAN2 filters every change of resolution with the FIR kernel outer([1,3,3,1])/64. Each form here was the fastest of
several equal ones on a CPU in bfloat16 (forward and backward, channels_last): the filter runs as a depthwise
convolution of stride 1, and what strides is the dense convolution beside it.
"""

from __future__ import annotations

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

ACTIVATION_GAIN = math.sqrt(2.0)
ACTIVATION_SLOPE = 0.2


def fir_kernel() -> Tensor:
    """outer([1,3,3,1]) / 64, [4, 4], sum 1."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(taps, taps) / 64.0


@cache
def _fir(device: torch.device) -> Tensor:
    return fir_kernel().to(device)  # once: a copy to a GPU in every call waits, and cannot be part of a CUDA graph


def fir(x: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """Filter every channel: [B, C, H, W] -> [B, C, H + 2 padding - 3, W + 2 padding - 3]."""
    channels = x.shape[1]
    kernel = (_fir(x.device) * gain).to(x.dtype).expand(channels, 1, 4, 4).contiguous()
    return F.conv2d(x, kernel, padding=padding, groups=channels)


def upsampling_conv2d(x: Tensor, weight: Tensor) -> Tensor:
    """Zero-stuffed transposed 3x3 convolution with stride 2, then FIR with gain 4: [B, I, H, W] -> [B, O, 2H, 2W]."""
    return fir(F.conv_transpose2d(x, weight.transpose(0, 1).to(x.dtype), stride=2), padding=1, gain=4.0)


def downsampling_conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, filtered: bool = True) -> Tensor:
    """FIR (if `filtered`), then a 3x3 or 1x1 convolution with stride 2: [B, I, H, W] -> [B, O, H/2, W/2]."""
    size = weight.shape[2]
    if not filtered:
        return F.conv2d(x, weight.to(x.dtype), bias, stride=2, padding=size // 2)
    return F.conv2d(fir(x, padding=(size + 1) // 2), weight.to(x.dtype), bias, stride=2)


def upsample(images: Tensor) -> Tensor:
    """Zero-stuffing, FIR with gain 4, pad (2, 1): [B, C, H, W] -> [B, C, 2H, 2W].

    [1,3,3,1]/4 on a zero-stuffed signal is bilinear interpolation between zero-padded neighbours.
    """
    padded = F.pad(images, (1, 1, 1, 1))
    return F.interpolate(padded, scale_factor=2.0, mode="bilinear", align_corners=False)[..., 2:-2, 2:-2]


def activate(x: Tensor) -> Tensor:
    """lrelu(0.2); the gain of sqrt(2) is folded into what comes before (leaky ReLU is positively homogeneous)."""
    return F.leaky_relu(x, ACTIVATION_SLOPE)


def activate_(x: Tensor) -> Tensor:
    """`activate` in place."""
    return F.leaky_relu(x, ACTIVATION_SLOPE, inplace=True)


def at_least_float32(x: Tensor) -> Tensor:
    """bfloat16 and float16 become float32; float32 and float64 stay."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
