"""Pictures of blocks."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.gan.layers import block_pictures


@pytest.mark.parametrize("own", [False, True])
def test_block_pictures_apply_the_last_or_their_own_torgb_to_repeated_channel_sums(generator, own):
    styles = torch.cat(generator.styles(torch.randn(2, generator.num_ws, 10)), 1)
    pictures = block_pictures(generator, styles, own)
    assert [(r, tuple(p.shape)) for r, p in pictures] == [(r, (2, 3, r, r)) for r in (4, 8, 16)]
    parts = generator.split_styles(styles)
    for block, ((_, picture), features) in enumerate(zip(pictures, generator.block_features(parts), strict=True)):
        torgb, style = (generator.torgbs[block], parts[(1, 4, 7)[block]]) if own else (generator.torgbs[-1], parts[-1])
        repeated = features.sum(1, keepdim=True).repeat(1, style.shape[1], 1, 1)
        rgb = torgb(repeated, style, None)
        for mine, theirs in zip(picture, rgb, strict=True):
            assert mine.min() >= 0 and mine.max() <= 1
            inside = (mine > 0) & (mine < 1)
            joint = torch.stack([mine[inside], theirs[inside]])
            assert torch.corrcoef(joint)[0, 1] > 0.99999  # the same up to scale and offset


def test_block_features_end_in_the_picture(generator):
    parts = generator.split_styles(generator.styles(torch.randn(2, generator.num_ws, 10)))
    last = generator.block_features(parts, "none")[-1]
    rgb = [
        generator.torgbs[i](f, parts[j], None)
        for i, (f, j) in enumerate(zip(generator.block_features(parts, "none"), (1, 4, 7), strict=True))
    ]
    from ganverse_nb.gan.ops import upsample

    image = upsample(upsample(rgb[0]) + rgb[1]) + rgb[2]
    torch.testing.assert_close(image, generator.synthesis(parts, None))
    assert last.shape == (2, 8, 16, 16)
