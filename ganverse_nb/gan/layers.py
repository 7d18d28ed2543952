"""What the generator's layers do: the split into view and content code, and pictures of the blocks (appendix B)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ganverse_nb.gan.generator import Generator


class CodeSplit(NamedTuple):
    """Where the flat styles [B, S] (the paper's w*) divide.

    Attributes:
        split_layer: k; the layers whose w index is below k belong to the view code, ToRGB layers included.
        view: number of style dimensions of the view code: `styles[:, :view]`.
        content: number of the others: `styles[:, view:]`.
        view_main, content_main: the same, counted as the paper does: all convolutions and the last ToRGB only.
            2048 and 3008 for the 512 px network of `fmap_base` 8192 at k = 4.
    """

    split_layer: int
    view: int
    content: int
    view_main: int
    content_main: int


def view_content_split(generator: Generator, k: int) -> CodeSplit:
    """The style dimensions of the view code (section 3.1) when it has the first `k` layers.

    Raises:
        ValueError: k leaves no layer to the view or none to the content.
    """
    if not 1 <= k < generator.num_ws:
        raise ValueError(f"The split layer must be 1..{generator.num_ws - 1} for this network, got {k}.")
    last = generator.layers[-1]
    main = [layer for layer in generator.layers if layer.kind == "conv" or layer is last]
    view = sum(layer.size for layer in generator.layers if layer.w_index < k)
    view_main = sum(layer.size for layer in main if layer.w_index < k)
    total_main = sum(layer.size for layer in main)
    return CodeSplit(k, view, sum(generator.style_dims) - view, view_main, total_main - view_main)


def mix(view_w: Tensor, content_w: Tensor, k: int, num_ws: int) -> Tensor:
    """w_plus [B, num_ws, w_dim]: `view_w` [B, w_dim] in the layers below `k`, `content_w` [B, w_dim] in the others.

    Raises:
        ValueError: shapes differ or k is not in 0..num_ws.
    """
    if view_w.shape != content_w.shape or view_w.dim() != 2:
        raise ValueError(f"Both codes must be [B, w_dim], got {tuple(view_w.shape)} and {tuple(content_w.shape)}.")
    if not 0 <= k <= num_ws:
        raise ValueError(f"The split layer must be 0..{num_ws} for this network, got {k}.")
    w_plus = content_w[:, None].repeat(1, num_ws, 1)
    w_plus[:, :k] = view_w[:, None]
    return w_plus


def blend(a: Tensor, b: Tensor, amounts: Sequence[float]) -> Tensor:
    """w_plus [B, num_ws, w_dim] between codes a and b [B, w_dim], layer by layer: style mixing with shares.

    Args:
        amounts: for each of the num_ws layers how much of `b` it gets; 0 is `a`, 1 is `b`.

    Raises:
        ValueError: shapes differ, or no amounts.
    """
    if a.shape != b.shape or a.dim() != 2 or not amounts:
        raise ValueError(
            f"blend needs two codes [B, w_dim] and an amount for each layer, got {tuple(a.shape)}, {tuple(b.shape)} "
            f"and {len(amounts)} amounts."
        )
    return torch.lerp(a[:, None], b[:, None], a.new_tensor(amounts)[None, :, None])


@torch.no_grad()
def block_pictures(generator: Generator, styles: Tensor, own_colours: bool = False) -> list[tuple[int, Tensor]]:
    """The features of every block as pictures (figure A): [(resolution r, [B, 3, r, r] in [0, 1]), ...].

    As in appendix B: the features are summed over channels, the sum is repeated to as many channels as the last block
    has, and the last ToRGB turns it into colour; with `own_colours` the block's own ToRGB does. The paper leaves the
    scale open; here each picture is stretched so that its 1st and 99th percentiles become 0 and 1.
    """
    parts = generator.split_styles(styles)
    pictures = []
    for block, features in enumerate(generator.block_features(parts)):
        weight, bias = generator.torgb_weight(block if own_colours else -1, parts)  # summed over the repeated channels
        rgb = features.sum(1, keepdim=True) * weight[:, :, None, None] + bias[:, None, None]
        flat = rgb.flatten(1)
        low, high = (torch.quantile(flat, q, dim=1)[:, None, None, None] for q in (0.01, 0.99))
        pictures.append((features.shape[-1], ((rgb - low) / (high - low).clamp_min(1e-8)).clamp(0.0, 1.0)))
    return pictures
