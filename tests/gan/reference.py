"""StyleGAN2 written out slowly, from its definition: grouped per-sample weights, zero-stuffing, full filters."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.gan.discriminator import Block, Discriminator, EqualisedConv
from ganverse_nb.gan.generator import FullyConnected, Generator, ModulatedConv, ToRGB

FIR = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])).double() / 64


def upfirdn(x: Tensor, up: int = 1, down: int = 1, pad: tuple[int, int] = (0, 0), gain: float = 1.0) -> Tensor:
    """Insert zeros, pad both axes by (before, after), convolve with the FIR kernel, keep every `down`-th sample."""
    b, c, h, w = x.shape
    stuffed = x.new_zeros(b, c, h * up, w * up)
    stuffed[:, :, ::up, ::up] = x
    padded = F.pad(stuffed, (*pad, *pad)).reshape(b * c, 1, h * up + sum(pad), w * up + sum(pad))
    y = F.conv2d(padded, (FIR * gain).to(x.dtype)[None, None])
    return y.view(b, c, *y.shape[2:])[:, :, ::down, ::down]


def linear(layer: FullyConnected, x: Tensor) -> Tensor:
    y = x @ (layer.weight * layer.bias_gain / math.sqrt(layer.weight.shape[1])).T + layer.bias_gain * layer.bias
    return lrelu(y) if layer.active else y


def lrelu(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.2 * x) * math.sqrt(2)


def mapping(network: Generator, z: Tensor) -> Tensor:
    x = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
    for layer in network.mapping.layers:
        x = linear(layer, x)
    return x


def modulated(layer: ModulatedConv, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
    b, i, h, w = x.shape
    o = layer.weight.shape[0]
    weight = layer.weight[None] * style[:, None, :, None, None]
    weight = weight / (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    if layer.up:
        y = F.conv_transpose2d(
            x.reshape(1, b * i, h, w), weight.transpose(1, 2).reshape(b * i, o, 3, 3), stride=2, groups=b
        ).view(b, o, 2 * h + 1, 2 * w + 1)
        y = upfirdn(y, pad=(1, 1), gain=4.0)
    else:
        y = F.conv2d(x.reshape(1, b * i, h, w), weight.view(b * o, i, 3, 3), padding=1, groups=b).view(b, o, h, w)
    return lrelu(y + layer.noise_strength * noise + layer.bias[:, None, None])


def torgb(layer: ToRGB, x: Tensor, style: Tensor) -> Tensor:
    modulated = x * (style / math.sqrt(style.shape[1]))[:, :, None, None]
    return F.conv2d(modulated, layer.weight[:, :, None, None], layer.bias)


def synthesis(network: Generator, styles: list[Tensor], noise: list[Tensor]) -> Tensor:
    convs, torgbs, maps = iter(network.convs), iter(network.torgbs), iter(noise)
    x = network.const[None].expand(len(styles[0]), -1, -1, -1)
    image = torch.zeros(())
    for index, style in enumerate(styles):
        if index % 3 == 1:  # conv, torgb, then (conv up, conv, torgb) again and again
            rgb = torgb(next(torgbs), x, style)
            image = rgb if image.dim() == 0 else upfirdn(image, up=2, pad=(2, 1), gain=4.0) + rgb
        else:
            x = modulated(next(convs), x, style, next(maps))
    return image


def conv(layer: EqualisedConv, x: Tensor) -> Tensor:
    weight = layer.weight / math.sqrt(layer.weight[0].numel())
    size = weight.shape[2]
    if layer.down:
        pad = 2 if size == 3 else 1
        y = F.conv2d(upfirdn(x, pad=(pad, pad)), weight, stride=2)
    else:
        y = F.conv2d(x, weight, padding=size // 2)
    return y if layer.bias is None else lrelu(y + layer.bias[:, None, None])


def discriminate(network: Discriminator, images: Tensor) -> Tensor:
    x = conv(network.fromrgb, images)
    for block in network.blocks:
        assert isinstance(block, Block)
        x = math.sqrt(0.5) * conv(block.skip, x) + math.sqrt(0.5) * conv(block.conv1, conv(block.conv0, x))
    n, deviation = len(x), torch.zeros(len(x), 1, *x.shape[2:], dtype=x.dtype)
    for first in range(n // 4):
        group = list(range(first, n, n // 4))
        deviation[group] = (x[group].var(0, unbiased=False) + 1e-8).sqrt().mean()
    x = conv(network.conv, torch.cat([x, deviation], 1))
    return linear(network.out, linear(network.fc, x.flatten(1)))[:, 0]
