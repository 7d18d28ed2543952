"""What a generator's layers hold at one pixel of its picture: its hypercolumn (Hariharan et al. 2015).

Linear maps of it tell parts of objects apart in every picture that the network makes (Xu and Zheng, "Linear Semantics
in Generative Adversarial Networks", 2021). They are computed at each layer's own size and then enlarged, which comes to
the same, so that nobody needs all features of all pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.gan.generator import Generator

COARSEST = 32  # pixels; what the layers before know of a place is worth little where outlines are drawn
LARGEST = 64  # pixels that features are learned from
ROUND = 8  # pictures at a time


class Hypercolumns:
    """The features of a generator's convolutions, each channel with the mean 0, and each layer with the same weight.

    Args:
        generator: whose.
        w_plus: [N, num_ws, w_dim] codes of pictures by which channels are scaled.

    Attributes:
        layers: which of the generator's convolutions: those of at least `COARSEST` pixels, and of the last two sizes.
        side: rows and columns of the maps of `features`: the generator's, or `LARGEST`.
        channels: of each layer.
    """

    def __init__(self, generator: Generator, w_plus: Tensor) -> None:
        self.generator = generator
        sizes = [2 ** (2 + (number + 1) // 2) for number in range(2 * len(generator.channels) - 1)]
        coarsest = min(COARSEST, generator.resolution // 2)
        self.layers = [number for number, size in enumerate(sizes) if size >= coarsest]
        self.side = min(generator.resolution, LARGEST)
        self.channels = [generator.channels[(number + 1) // 2] for number in self.layers]
        found = [self._layers(part) for part in w_plus.split(ROUND)]
        self._mean, self._scale = [], []
        for k, count in enumerate(self.channels):
            values = torch.cat([part[k].transpose(0, 1).flatten(1) for part in found], 1)
            self._mean.append(values.mean(1)[:, None, None])
            self._scale.append((values.std(1)[:, None, None] + 1e-3) * count**0.5)

    @torch.no_grad()
    def _layers(self, w_plus: Tensor, full: bool = False) -> list[Tensor]:
        every = self.generator.conv_features(self.generator.styles(w_plus))
        kept = [every[number] for number in self.layers]
        return kept if full else [F.adaptive_avg_pool2d(f, min(f.shape[-1], self.side)) for f in kept]

    def features(self, w_plus: Tensor) -> list[Tensor]:
        """[N, num_ws, w_dim] -> for each layer [N, C, r, r]; those larger than `side` averaged down to it."""
        parts = zip(*(self._scaled(self._layers(part)) for part in w_plus.split(ROUND)), strict=True)
        return [torch.cat(layer) for layer in parts]

    def _scaled(self, layers: Sequence[Tensor]) -> list[Tensor]:
        return [(f - m) / s for f, m, s in zip(layers, self._mean, self._scale, strict=True)]

    def at(self, features: Sequence[Tensor], picture: Tensor, place: Tensor) -> Tensor:
        """[P, sum of channels]: the hypercolumns at places [P, 2] (x, y, shares of the square) of pictures [P]."""
        found = []
        for layer in features:
            size = layer.shape[-1]
            at = (place * size - 0.5).clamp(0, size - 1)
            low = at.floor().clamp(max=max(size - 2, 0)).long()
            high, part = (low + 1).clamp(max=size - 1), (at - low).clamp(0, 1)
            values = torch.zeros(len(place), layer.shape[1], device=layer.device)
            for x, across in ((low[:, 0], 1 - part[:, 0]), (high[:, 0], part[:, 0])):
                for y, down in ((low[:, 1], 1 - part[:, 1]), (high[:, 1], part[:, 1])):
                    values += layer[picture, :, y, x] * (across * down)[:, None]
            found.append(values)
        return torch.cat(found, 1)

    def linear(self, features: Sequence[Tensor], weight: Tensor, bias: Tensor, side: int | None = None) -> Tensor:
        """[N, 1, side, side]: weight [sum of channels] x hypercolumn + bias, of every pixel."""
        side = side or self.side
        total = bias.reshape(1, 1, 1, 1)
        for layer, part in zip(features, weight.split(self.channels), strict=True):
            found = torch.einsum("nchw,c->nhw", layer, part)[:, None]
            if found.shape[-1] != side:
                found = F.interpolate(found, (side, side), mode="bilinear", align_corners=False)
            total = total + found
        return total

    def scores(self, w_plus: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """`linear` of pictures by their codes, as large as the generator makes them: [N, 1, R, R]."""
        resolution = self.generator.resolution
        every = (self._scaled(self._layers(part, full=True)) for part in w_plus.split(ROUND))
        return torch.cat([self.linear(features, weight, bias, resolution) for features in every])
