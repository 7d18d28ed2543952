"""The styles w* that the mapping network has to hit, and fresh pictures made from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.gan.generator import Generator
from ganverse_nb.neural_renderer.bank import CHUNK, Pictures


@dataclass(frozen=True)
class Codes:
    """w* in its two halves: `view` [N, Dv] and `content` [C, Dc]; the flat styles are one after the other."""

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
    """Codes of view_w [N, w_dim] (layers below k) and content_w [C, w_dim] (the others)."""
    split = view_dims(generator, k)
    return Codes(flat_styles(generator, view_w)[:, :split], flat_styles(generator, content_w)[:, split:])


def flat_styles(generator: Generator, w: Tensor) -> Tensor:
    """The same w [B, w_dim] in every layer -> all styles in one row, [B, sum(style_dims)]."""
    w = w.to(generator.const.device)
    return torch.cat(generator.styles(w[:, None].expand(-1, generator.num_ws, -1)), 1)


@torch.no_grad()
def fresh_pictures(
    generator: Generator,
    codes: Codes,
    mask: Callable[[Tensor], Tensor],
    count: int,
    side: int,
    *,
    views_each: int = 2,
    psi: float = 0.8,
    minimum_mask: float = 0.1,
    seed: int = 0,
    progress: bool = True,
) -> tuple[Codes, Pictures]:
    """New contents in random chosen views: "we sample viewpoint codes among the chosen viewpoints, and sample the
    remaining dimensions" (section 3.3). The dataset's few hundred contents alone would be learned by heart.

    Args:
        generator: the frozen teacher.
        codes: its chosen view codes and the content codes so far.
        mask: pictures [B, 3, R, R] -> masks [B, 1, R, R].
        count: number of new contents.
        side: width and height of the pictures.
        psi: truncation of the new contents.
        minimum_mask: pictures whose mask is smaller than this share are dropped, as in the dataset.

    Returns:
        `codes` with the new contents appended, and the new pictures, numbered accordingly.
    """
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn(count, generator.z_dim, generator=rng).to(generator.const.device)
    w = generator.truncate(generator.mapping(z), psi)
    split = codes.view.shape[1]
    first = len(codes.content)
    codes = Codes(codes.view, torch.cat([codes.content, flat_styles(generator, w)[:, split:]]))
    content = torch.arange(first, first + count).repeat_interleave(views_each)
    view = torch.randint(len(codes.view), content.shape, generator=rng)
    images, masks = [], []
    for rows in tqdm(torch.arange(len(content)).split(CHUNK), desc="fresh pictures", disable=not progress):
        made = generator.squares(codes.styles(content[rows], view[rows]), side)
        images.append((made * 255).round().byte().cpu())
        masks.append((mask(made) > 0.5).byte().cpu())
    pictures = Pictures(torch.cat(images), torch.cat(masks), content, view)
    good = pictures.masks.float().mean((1, 2, 3)) >= minimum_mask
    return codes, Pictures(pictures.images[good], pictures.masks[good], content[good], view[good])
