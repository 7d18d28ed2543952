"""Which styles belong to the view, mixing of two codes, pictures of blocks."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.gan.layers import blend, block_pictures, mix, view_content_split


def test_the_split_is_what_changes_with_the_view_code(generator):
    view, other, content = (torch.randn(1, 10) for _ in range(3))
    for k in range(1, generator.num_ws):
        one, two = (torch.cat(generator.styles(mix(v, content, k, generator.num_ws)), 1) for v in (view, other))
        split = view_content_split(generator, k)
        assert ((one != two).all(0) == (torch.arange(one.shape[1]) < split.view)).all()
        assert split.view + split.content == one.shape[1]


def test_torgb_layers_go_with_their_w_index(generator):
    # layers: conv 12 | torgb 12, conv 12 | conv 12 | torgb 12, conv 12 | conv 8 | torgb 8
    assert [view_content_split(generator, k).view for k in range(1, 6)] == [12, 36, 48, 72, 80]
    assert [view_content_split(generator, k).view_main for k in range(1, 6)] == [12, 24, 36, 48, 56]
    assert {
        view_content_split(generator, k).view_main + view_content_split(generator, k).content_main for k in range(1, 6)
    } == {64}


def test_mix_takes_early_layers_from_the_view():
    view, content = torch.randn(3, 5), torch.randn(3, 5)
    w_plus = mix(view, content, 2, 6)
    assert w_plus.shape == (3, 6, 5)
    assert torch.equal(w_plus[:, :2], view[:, None].expand(-1, 2, -1))
    assert torch.equal(w_plus[:, 2:], content[:, None].expand(-1, 4, -1))
    assert torch.equal(mix(view, content, 0, 6)[:, 0], content) and torch.equal(mix(view, content, 6, 6)[:, 5], view)
    with pytest.raises(ValueError, match="0..6"):
        mix(view, content, 7, 6)
    with pytest.raises(ValueError, match=r"\[B, w_dim\]"):
        mix(view, content[:2], 2, 6)


def test_split_must_leave_something_to_both(generator):
    for k in (0, 6):
        with pytest.raises(ValueError, match="1..5"):
            view_content_split(generator, k)


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


def test_blend_mixes_each_layer_by_its_own_amount():
    a, b = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    mixed = blend(a, b, [0.0, 0.25, 1.0])
    assert torch.equal(mixed[:, 0], a) and torch.equal(mixed[:, 2], b)
    torch.testing.assert_close(mixed[:, 1], 0.75 * a + 0.25 * b)
    torch.testing.assert_close(blend(a, b, [0.0, 1.0, 1.0]), mix(a, b, 1, 3))
    for wrong in ((a, b[:2], [1.0]), (a, b, [])):
        with pytest.raises(ValueError, match="an amount for each layer"):
            blend(*wrong)
