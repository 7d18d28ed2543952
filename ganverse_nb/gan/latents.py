"""Latent codes: sampled, truncated, given to every layer, split at a layer, mixed; and the pictures of them.

z [B, z_dim] is random, w [B, w_dim] what the mapping network makes of it, w_plus [B, num_ws, w_dim] one w for each
layer. The layers below the split layer k hold the view code, the others the content code (section 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ganverse_nb.gan.generator import Generator

BATCH = 64  # pictures made at a time


def sample_w(generator: Generator, count: int, seed: int | torch.Generator, psi: float = 1.0) -> Tensor:
    """w [count, w_dim] of random z, truncated by `psi`, on the CPU.

    Args:
        seed: of the z, or a random generator on the CPU that draws them.
    """
    rng = torch.Generator().manual_seed(seed) if isinstance(seed, int) else seed
    with torch.no_grad():
        z = torch.randn(count, generator.z_dim, generator=rng)
        return generator.truncate(generator.mapping(z), psi)


def truncate(w: Tensor, average: Tensor, psi: float) -> Tensor:
    """average + psi (w - average): the smaller psi, the more ordinary the object; psi = 1 changes nothing."""
    return w if psi == 1.0 else torch.lerp(average.to(w.dtype), w, psi)


def broadcast(w: Tensor, num_ws: int) -> Tensor:
    """w [B, w_dim] -> w_plus [B, num_ws, w_dim] with the same w in every layer; w_plus [B, num_ws, w_dim] stays."""
    return w[:, None].expand(-1, num_ws, -1) if w.dim() == 2 else w


def mix(view: Tensor, content: Tensor, k: int | Tensor, num_ws: int) -> Tensor:
    """w_plus [B, num_ws, w_dim]: `view` in the layers below `k`, `content` in the others.

    Args:
        view, content: w [B, w_dim] or w_plus [B, num_ws, w_dim] each.
        k: one split layer, or one for each pair [B].

    Raises:
        ValueError: shapes that do not go together, or a k that is not in 0..num_ws.
    """
    first, second = broadcast(view, num_ws), broadcast(content, num_ws)
    if first.shape != second.shape or first.dim() != 3 or first.shape[1] != num_ws:
        shapes = f"{tuple(view.shape)} and {tuple(content.shape)}"
        raise ValueError(f"Both codes must be [B, w_dim] or [B, {num_ws}, w_dim], got {shapes}.")
    if isinstance(k, int) and not 0 <= k <= num_ws:
        raise ValueError(f"The split layer must be 0..{num_ws} for this network, got {k}.")
    below = torch.arange(num_ws, device=first.device) < torch.as_tensor(k, device=first.device).view(-1, 1)
    return torch.where(below[..., None], first, second)


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
def pictures_of(generator: Generator, w: Tensor) -> Tensor:
    """w [B, w_dim] or w_plus [B, num_ws, w_dim] -> pictures [B, 3, H, W] in [0, 1]."""
    return torch.cat([generator.synthesize(generator.styles(part)) for part in w.split(BATCH)])


@torch.no_grad()
def crossed_pictures(generator: Generator, view_w: Tensor, content_w: Tensor, k: int) -> Tensor:
    """Every view code [V, w_dim] with every content code [C, w_dim] -> pictures [V, C, 3, H, W] in [0, 1]."""
    views, contents = len(view_w), len(content_w)
    view, content = view_w.repeat_interleave(contents, 0), content_w.repeat(views, 1)
    return pictures_of(generator, mix(view, content, k, generator.num_ws)).unflatten(0, (views, contents))


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
    check_split(generator, k)
    last = generator.layers[-1]
    main = [layer for layer in generator.layers if layer.kind == "conv" or layer is last]
    view = sum(layer.size for layer in generator.layers if layer.w_index < k)
    view_main = sum(layer.size for layer in main if layer.w_index < k)
    total_main = sum(layer.size for layer in main)
    return CodeSplit(k, view, sum(generator.style_dims) - view, view_main, total_main - view_main)


def check_split(generator: Generator, *layers: int) -> None:
    """ValueError for a split layer that leaves no layer to the view or none to the content."""
    bad = [k for k in layers if not 1 <= k < generator.num_ws]
    if bad:
        raise ValueError(f"Split layer {bad[0]} is not in 1..{generator.num_ws - 1}, the layers of this network.")
