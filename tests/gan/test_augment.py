"""DiffAugment: what each change does, its gradients, its randomness."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.gan.augment import DRAWS, augment, parse_policy

ALL = ("color", "translation", "cutout")


def uniform(batch, seed=0):
    return torch.rand(batch, DRAWS, generator=torch.Generator().manual_seed(seed))


def pictures(batch, size=16, dtype=torch.float32):
    return torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(1), dtype=dtype) * 2 - 1


def test_policies_are_read_and_unknown_ones_refused():
    assert parse_policy("") == () and parse_policy("color, cutout") == ("color", "cutout")
    with pytest.raises(ValueError, match="'colour'.*color, translation, cutout"):
        parse_policy("colour")
    images = pictures(4)
    assert augment(images, (), uniform(4)) is images
    with pytest.raises(ValueError, match="7 random numbers per picture"):
        augment(images, ALL, uniform(3))


@pytest.mark.parametrize("policy", [("color",), ("translation",), ("cutout",), ALL])
def test_gradients_and_their_gradients_are_those_of_finite_differences(policy):
    images = pictures(2, 8, torch.float64).requires_grad_()
    change = lambda x: augment(x, policy, uniform(2))  # noqa: E731
    assert torch.autograd.gradcheck(change, images, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: change(x).pow(3), images, fast_mode=True)


def test_colour_changes_brightness_saturation_and_contrast_each_by_its_number():
    images, middle = pictures(1), torch.full((1, DRAWS), 0.5)
    torch.testing.assert_close(augment(images, ("color",), middle), images)

    def changed(column, value):
        numbers = middle.clone()
        numbers[:, column] = value
        return augment(images, ("color",), numbers)

    torch.testing.assert_close(changed(0, 0.9), images + 0.4)
    torch.testing.assert_close(changed(1, 0.0), images.mean(1, keepdim=True).expand_as(images))
    doubled = changed(1, 1.0)
    torch.testing.assert_close(doubled.mean(1), images.mean(1))
    torch.testing.assert_close(doubled - doubled.mean(1, keepdim=True), 2 * (images - images.mean(1, keepdim=True)))
    halved = changed(2, 0.0)
    torch.testing.assert_close(halved - halved.mean(), 0.5 * (images - images.mean()))
    torch.testing.assert_close(halved.mean(), images.mean())


def test_colour_leaves_the_mean_over_many_draws():
    images = pictures(1).expand(4000, -1, -1, -1)
    shift = augment(images, ("color",), uniform(4000)).mean((1, 2, 3)) - images[0].mean()
    assert shift.abs().max() <= 0.5 + 1e-5 and shift.mean().abs() < 0.02  # 4 deviations of the mean
    assert float(shift.std()) == pytest.approx(12**-0.5, abs=0.01)


def test_translation_moves_content_by_whole_pixels_and_fills_with_zeros():
    images = pictures(600) + 3.0  # nowhere zero
    moved = augment(images, ("translation",), uniform(600))
    seen = set()
    for before, after in zip(images, moved):
        there = after[0] != 0
        rows, columns = there.any(1).nonzero().squeeze(1), there.any(0).nonzero().squeeze(1)
        down = int(rows[0]) or int(rows[-1]) - 15
        right = int(columns[0]) or int(columns[-1]) - 15
        expected = torch.zeros_like(before)
        height, width = 16 - abs(down), 16 - abs(right)
        top, left = max(down, 0), max(right, 0)
        expected[:, top : top + height, left : left + width] = before[
            :, max(-down, 0) : max(-down, 0) + height, max(-right, 0) : max(-right, 0) + width
        ]
        assert torch.equal(after, expected)
        seen.add((down, right))
    assert seen == {(a, b) for a in range(-2, 3) for b in range(-2, 3)}


def test_cutout_removes_a_square_of_half_the_side_anywhere():
    images = pictures(4000, 16) + 3.0
    cut = augment(images, ("cutout",), uniform(4000))
    hole = cut[:, 0] == 0
    assert torch.equal(cut[:, :, :, :].masked_fill(hole[:, None], 7.0), images.masked_fill(hole[:, None], 7.0))
    area = hole.sum((1, 2))
    assert int(area.max()) == 64 and int(area.min()) == 16  # the centre lies in the picture, the square may not
    side = (4 + 5 + 6 + 7 + 9 * 8 + 7 + 6 + 5) / 16  # mean over the centre's places 0..15
    assert float(area.float().mean()) == pytest.approx(side**2, rel=0.02)
    assert (hole.float().mean(0) > 0).all()


def test_the_numbers_decide_everything():
    images = pictures(8)
    assert torch.equal(augment(images, ALL, uniform(8, 3)), augment(images, ALL, uniform(8, 3)))
    assert not torch.equal(augment(images, ALL, uniform(8, 3)), augment(images, ALL, uniform(8, 4)))
    one_by_one = torch.cat([augment(images[i : i + 1], ALL, uniform(8)[i : i + 1]) for i in range(8)])
    torch.testing.assert_close(one_by_one, augment(images, ALL, uniform(8)))
