"""Pictures of what the generator's blocks hold (appendix B)."""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.gan.generator import Generator


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
