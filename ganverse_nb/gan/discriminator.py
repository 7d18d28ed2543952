"""The residual StyleGAN2 discriminator, whose features also serve as a perceptual metric."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganverse_nb.gan.generator import FullyConnected, block_resolutions
from ganverse_nb.gan.ops import ACTIVATION_GAIN, activate, at_least_float32, downsampling_conv2d
from ganverse_nb.runtime.placement import at_home

HALF = math.sqrt(0.5)


class EqualisedConv(nn.Module):
    """Convolution with W ~ N(0, 1) used at gain 1 / sqrt(fan_in); `down` filters and halves the resolution first.

    `gain` multiplies weights and bias: leaky ReLU is positively homogeneous, so sqrt(2) (activation) and sqrt(1/2)
    (residual sum) move here and cost nothing.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        active: bool,
        down: bool = False,
        gain: float = 1.0,
        filtered: bool = True,
    ):
        super().__init__()
        self.filtered = filtered
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if active else None
        self.gain = gain * (ACTIVATION_GAIN if active else 1.0)
        self.weight_gain = self.gain / math.sqrt(inputs * size * size)
        self.active, self.down = active, down

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * self.weight_gain
        bias = None if self.bias is None else (self.bias * self.gain).to(x.dtype)
        if self.down:
            y = downsampling_conv2d(x, weight, bias, self.filtered)
        else:
            y = F.conv2d(x, weight.to(x.dtype), bias, padding=weight.shape[2] // 2)
        return activate(y) if self.active else y


class Block(nn.Module):
    """[B, I, H, W] -> [B, O, H/2, W/2]: (conv0, conv1 down) and a linear skip, both times sqrt(1/2), summed."""

    def __init__(self, inputs: int, outputs: int, filtered: bool = True):
        super().__init__()
        self.conv0 = EqualisedConv(inputs, inputs, 3, active=True)
        self.conv1 = EqualisedConv(inputs, outputs, 3, active=True, down=True, gain=HALF, filtered=filtered)
        self.skip = EqualisedConv(inputs, outputs, 1, active=False, down=True, gain=HALF, filtered=filtered)

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.conv1(self.conv0(x))


def minibatch_deviation(x: Tensor, group: int = 4) -> Tensor:
    """Append one channel: the mean over features of the deviation within groups of samples i, i + N/group, ...

    Raises:
        ValueError: the batch is not a multiple of the group size.
    """
    n, c, h, w = x.shape
    group = min(group, n)
    if n % group:
        raise ValueError(f"Minibatch deviation needs a batch that is a multiple of {group}, got {n}.")
    y = at_least_float32(x).view(group, n // group, c, h, w)
    y = y - y.mean(0)
    y = (y.square().mean(0) + 1e-8).sqrt().mean((1, 2, 3))  # [n / group]
    y = y.view(-1, 1, 1, 1).repeat(group, 1, h, w)
    return torch.cat([x, y.to(x.dtype)], 1)


class Discriminator(nn.Module):
    """StyleGAN2 residual discriminator.

    Args:
        resolution: side of the square picture.
        channels: feature channels at 4, 8, ... `resolution` pixels (the generator's).
        filtered: FIR-filter before every halving, as the official network does.
    """

    def __init__(self, resolution: int, channels: Sequence[int], filtered: bool = True):
        super().__init__()
        block_resolutions(resolution, channels)
        self.resolution, self.channels, self.filtered = resolution, tuple(channels), filtered
        self.fromrgb = EqualisedConv(3, channels[-1], 1, active=True)
        widths = list(reversed(channels))
        self.blocks = nn.ModuleList(Block(a, b, filtered) for a, b in zip(widths[:-1], widths[1:], strict=True))
        self.conv = EqualisedConv(channels[0] + 1, channels[0], 3, active=True)
        self.fc = FullyConnected(channels[0] * 16, channels[0], active=True)
        self.out = FullyConnected(channels[0], 1)

    def forward(self, images: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Pictures [B, 3, R, R] in [-1, 1] -> logits [B] (float32)."""
        return self.judge(self.trunk(images, dtype)[-1])

    @at_home
    def judge(self, features: Tensor) -> Tensor:
        """The last features of `trunk` [B, C, 4, 4] -> logits [B] (float32)."""
        x = self.conv(minibatch_deviation(features))
        return self.out(self.fc(at_least_float32(x.flatten(1)))).squeeze(1)

    @at_home
    def trunk(self, images: Tensor, dtype: torch.dtype = torch.float32) -> list[Tensor]:
        """Pictures [B, 3, R, R] in [-1, 1] -> features [B, C, R, R], [B, C, R/2, R/2], ... [B, C, 4, 4]."""
        x = self.fromrgb(images.to(dtype).contiguous(memory_format=torch.channels_last))
        features = [x]
        for block in self.blocks:
            features.append(block(features[-1]))
        return features

    def features(self, images: Tensor) -> list[Tensor]:
        """Perceptual features of pictures [B, 3, R, R] in [0, 1]: [B, C, R, R], [B, C, R/2, R/2], ... [B, C, 4, 4]."""
        if images.shape[-1] != self.resolution or images.shape[-2] != self.resolution:
            raise ValueError(f"This discriminator sees {self.resolution} px pictures, got {tuple(images.shape)}.")
        return self.trunk(images * 2.0 - 1.0)
