import torch

from ganverse_nb.inverse_graphics.augmentation import badly_cut, photographed
from ganverse_nb.runtime.draws import Draws

HALF = torch.zeros(200, 1, 64, 64)
HALF[..., 12:52, 8:56] = 1


def pictures():
    images = torch.full((200, 3, 64, 64), 0.6)
    images[..., 30:40] = 0.05  # a dark stripe
    return images


def draws(seed):
    return Draws(torch.Generator().manual_seed(seed))


def test_the_same_numbers_give_the_same_pictures():
    a, b = (photographed(pictures(), HALF, draws(3)) for _ in range(2))
    c, d = (badly_cut(pictures(), HALF, draws(3)) for _ in range(2))
    assert torch.equal(a, b) and torch.equal(c, d)


def test_photographs_vary_in_brightness_and_stay_pictures():
    seen = photographed(pictures(), HALF, draws(0))
    mean = seen.mean((1, 2, 3))
    assert seen.min() >= 0 and seen.max() <= 1 and mean.std() > 0.1
    stripe = (seen[..., 40:50].mean((1, 2, 3)) - seen[..., 31:39].mean((1, 2, 3))).float()
    assert (stripe > 0.05).float().mean() > 0.9  # what is dark stays dark


def test_masks_are_ragged_lose_dark_parts_and_pieces_and_never_most_of_themselves():
    masks = badly_cut(pictures(), HALF, draws(0))
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    kept = (masks * HALF).sum((1, 2, 3)) / HALF.sum((1, 2, 3))
    assert kept.min() > 0.5 and (kept < 0.9).float().mean() > 0.1
    untouched = (masks == HALF).flatten(1).all(1).float().mean()
    assert 0.2 < untouched < 0.45
    stripe = masks[:, 0, 20:44, 31:39].mean((1, 2))
    assert ((stripe < 0.1) & (kept > 0.6)).sum() > 10
    assert ((masks * (1 - HALF)).sum((1, 2, 3)) > 50).sum() > 20  # grown ones
