"""Codes: sampled, mixed, blended, split into view and content; their pictures."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import blend, broadcast, crossed_pictures, mix, pictures_of, sample_w, view_content_split


def test_sampled_codes_are_the_mapped_and_truncated_draws_of_their_seed(generator):
    z = torch.randn(3, 6, generator=torch.Generator().manual_seed(5))
    w = generator.mapping(z)
    assert torch.equal(sample_w(generator, 3, 5), w)
    assert torch.equal(sample_w(generator, 3, torch.Generator().manual_seed(5)), w)
    assert torch.equal(sample_w(generator, 3, 5, 0.7), torch.lerp(generator.mapping.w_average, w, 0.7))


def test_pictures_of_codes_are_those_of_the_same_code_in_every_layer(generator):
    w = sample_w(generator, 70, 0)  # more than one batch
    w_plus = broadcast(w, generator.num_ws)
    assert w_plus.shape == (70, 6, 10) and broadcast(w_plus, 6) is w_plus
    torch.testing.assert_close(pictures_of(generator, w), generator.synthesize(generator.styles(w_plus)))
    crossed = crossed_pictures(generator, w[:2], w[2:5], 3)
    assert crossed.shape == (2, 3, 3, 16, 16)
    torch.testing.assert_close(crossed[1, 2], pictures_of(generator, mix(w[1:2], w[4:5], 3, 6))[0])


def test_the_generator_samples_and_mixes_by_seed_or_code(generator):
    pictures = generator.sample(seed=4, psi=0.7, count=2)
    w = sample_w(generator, 2, 4, 0.7)
    assert pictures.shape == (2, 3, 16, 16) and torch.equal(pictures, pictures_of(generator, w))
    assert torch.equal(generator.mix(4, 9, k=6), generator.sample(4))
    assert torch.equal(generator.mix(4, 9, k=0), generator.sample(9))
    torch.testing.assert_close(generator.mix(w[:1], w, k=2)[1], generator.mix(w[:1], w[1:], k=2)[0])
    with pytest.raises(ValueError, match="give k"):
        generator.mix(4, 9)
    with pytest.raises(ValueError, match=r"\[B, w_dim\]"):
        generator.mix(w, w[:, :3], k=2)
    with pytest.raises(ValueError, match="at least 1"):
        generator.sample(count=0)


def test_a_bundled_generator_knows_its_split_layer():
    car = Generator.from_pretrained("car")
    assert not car.training and car.split_layer == 2
    assert torch.equal(car.mix(3, 7), car.mix(3, 7, k=2)) and not torch.equal(car.mix(3, 7), car.sample(7))
    with pytest.raises(FileNotFoundError, match="bundled networks"):
        Generator.from_pretrained("teapot")


def test_a_split_layer_for_each_pair():
    view, content = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    each = mix(view, content, torch.tensor([0, 2, 4]), 4)
    for i, k in enumerate((0, 2, 4)):
        assert torch.equal(each[i], mix(view[[i]], content[[i]], k, 4)[0])
    kept = mix(view, each, 1, 4)  # a w_plus keeps what it has in the other layers
    assert torch.equal(kept[:, 1:], each[:, 1:]) and torch.equal(kept[:, 0], view)


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


def test_blend_mixes_each_layer_by_its_own_amount():
    a, b = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    mixed = blend(a, b, [0.0, 0.25, 1.0])
    assert torch.equal(mixed[:, 0], a) and torch.equal(mixed[:, 2], b)
    torch.testing.assert_close(mixed[:, 1], 0.75 * a + 0.25 * b)
    torch.testing.assert_close(blend(a, b, [0.0, 1.0, 1.0]), mix(a, b, 1, 3))
    for wrong in ((a, b[:2], [1.0]), (a, b, [])):
        with pytest.raises(ValueError, match="an amount for each layer"):
            blend(*wrong)
