"""Pictures of new contents, beside those of the multi-view dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from ganverse_nb.gan.generator import Generator
from ganverse_nb.neural_renderer.codes import Codes, flat_styles
from ganverse_nb.neural_renderer.data import CHUNK, Pictures
from ganverse_nb.runtime.arrays import Rows, filled
from ganverse_nb.runtime.tensors import checksum, weights_of

FRESH = "fresh"  # directory of a training
FRESH_SEED = 104_729  # added to a run's seed, with which the dataset's contents would come again, held-out ones too
VIEWS_EACH = 2


@torch.no_grad()
def fresh_pictures(
    generator: Generator,
    codes: Codes,
    mask: Callable[[Tensor], Tensor],
    count: int,
    side: int,
    directory: Path,
    *,
    views_each: int = VIEWS_EACH,
    psi: float = 0.8,
    minimum_mask: float = 0.1,
    seed: int = 0,
    progress: bool = True,
) -> tuple[Codes, Pictures]:
    """New contents in random chosen views: "we sample viewpoint codes among the chosen viewpoints, and sample the
    remaining dimensions" (section 3.3). Training on the dataset's few hundred contents alone would overfit to them.

    Args:
        generator: the frozen teacher.
        codes: its chosen view codes and the content codes so far.
        mask: pictures [B, 3, R, R] -> masks [B, 1, R, R].
        count: number of new contents.
        side: width and height of the pictures.
        directory: where they are painted once, and kept on disk as long as the networks and codes are the same.
        psi: truncation of the new contents.
        minimum_mask: pictures whose mask is smaller than this share are dropped, as in the dataset.

    Returns:
        `codes` with the new contents appended, and the new pictures, numbered accordingly.
    """
    rng = torch.Generator().manual_seed(seed + FRESH_SEED)
    z = torch.randn(count, generator.z_dim, generator=rng).to(generator.const.device)
    w = generator.truncate(generator.mapping(z), psi)
    split = codes.view.shape[1]
    first = len(codes.content)
    codes = Codes(codes.view, torch.cat([codes.content, flat_styles(generator, w)[:, split:]]))
    content = torch.arange(first, first + count).repeat_interleave(views_each)
    view = torch.randint(len(codes.view), content.shape, generator=rng)

    def paint(rows: Tensor) -> dict[str, Tensor]:
        made = generator.squares(codes.styles(content[rows], view[rows]), side)
        masks = (mask(made) > 0.5).byte()
        return {"images": (made * 255).round().byte(), "masks": masks, "shares": masks.float().mean((1, 2, 3))}

    picture, place = torch.empty(4, side, side, dtype=torch.uint8), directory / FRESH
    kept = filled(
        place,
        len(content),
        {"images": picture[:3], "masks": picture[3:], "shares": torch.empty(())},
        paint,
        {
            "networks": [weights_of(generator), weights_of(mask)],
            "codes": checksum({"view": codes.view.cpu(), "content": codes.content.cpu(), "shown": view}, {}),
        },
        chunk=CHUNK,
        what="fresh pictures",
        remedy=f"delete {place} and run the same command again",
        progress=progress,
        anew=True,
    )
    good = (kept["shares"] >= minimum_mask).nonzero().flatten()
    images, masks = (Rows((kept[name], (good,))) for name in ("images", "masks"))
    return codes, Pictures(images, masks, content[good], view[good])
