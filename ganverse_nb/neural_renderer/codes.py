"""The GAN's codes as StyleGAN-R learns them: its flat styles, a view code and a content code."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.gan.generator import Generator


@dataclass(frozen=True)
class Codes:
    """w* in its two halves: `view` [N, Dv] and `content` [C, Dc]. Flat styles are a view code, then a content code."""

    view: Tensor
    content: Tensor

    def styles(self, content: Tensor, view: Tensor) -> Tensor:
        """[B, Dv + Dc] of those rows."""
        return torch.cat([self.view[view], self.content[content]], 1)


def view_dims(generator: Generator, k: int) -> int:
    """How many of the flat styles belong to the view code (layers whose w index is below k); they are the first ones.

    Raises:
        ValueError: k leaves no layer to the view or none to the content.
    """
    inside = [layer.size for layer in generator.layers if layer.w_index < k]
    if not inside or len(inside) == len(generator.layers):
        raise ValueError(f"The split layer {k} must leave at least one layer to the view and one to the content.")
    return sum(inside)


@torch.no_grad()
def exact_codes(generator: Generator, view_w: Tensor, content_w: Tensor, k: int) -> Codes:
    """Codes of view_w [N, w_dim] (layers below k) and content_w [C, w_dim] (the others), each where its w lies."""
    split = view_dims(generator, k)
    return Codes(flat_styles(generator, view_w)[:, :split], flat_styles(generator, content_w)[:, split:])


def flat_styles(generator: Generator, w: Tensor) -> Tensor:
    """The same w [B, w_dim] in every layer -> all styles in one row, [B, sum(style_dims)]."""
    return torch.cat(generator.styles(w), 1)
