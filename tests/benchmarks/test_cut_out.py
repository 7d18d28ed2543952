"""What is surely cut out comes to stand in the middle of its picture, at one height; what is not is left out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.own_category.cut_out import GROUND, HEIGHT, SIDE, Look, on_ground, outline


def box(left: int, top: int, right: int, bottom: int) -> torch.Tensor:
    inside = torch.zeros(SIDE, SIDE)
    inside[top:bottom, left:right] = 1.0
    return inside


def look(plain: torch.Tensor, wide: torch.Tensor | None = None) -> Look:
    red = torch.tensor([0.9, 0.1, 0.1])[:, None, None] * plain
    return Look(red, torch.stack([plain, plain if wide is None else wide]))


def test_an_object_is_set_in_the_middle_at_one_height():
    seen = look(box(5, 30, 45, 50))
    mask = outline(seen)
    assert mask is not None and np.array_equal(mask, seen.inside[0].bool().numpy())
    picture, alpha = on_ground(seen, mask)
    rows, columns = np.nonzero((alpha > 0.5).numpy())
    assert np.ptp(rows) + 1 == pytest.approx(HEIGHT * SIDE, abs=1)
    assert np.ptp(columns) + 1 == pytest.approx(2 * HEIGHT * SIDE, abs=1.5)
    assert rows.mean() == pytest.approx(SIDE / 2 - 0.5, abs=0.6)
    assert columns.mean() == pytest.approx(SIDE / 2 - 0.5, abs=0.6)
    assert torch.allclose(picture[:, 0, 0], torch.tensor(GROUND))
    assert torch.allclose(picture[:, SIDE // 2, SIDE // 2], torch.tensor([0.9, 0.1, 0.1]), atol=1e-3)


@pytest.mark.parametrize(
    "seen",
    [
        look(torch.zeros(SIDE, SIDE)),
        look(box(5, 30, 45, 50), box(25, 30, 64, 50)),  # two looks, two objects
        look(box(2, 10, 22, 40) + box(40, 10, 60, 40)),  # neither is the object
        look(box(0, 0, 64, 40)),  # cut off
        look(box(30, 30, 40, 40)),  # small
        look(box(5, 10, 12, 60) + box(12, 50, 50, 60)),  # far from convex
        look(0.6 * box(5, 30, 45, 50)),  # not sure
    ],
)
def test_what_is_not_surely_whole_is_left_out(seen):
    assert outline(seen) is None


def test_what_would_be_mush_is_left_out():
    assert on_ground(look(box(2, 28, 62, 38)), box(2, 28, 62, 38).bool().numpy()) is not None
    assert on_ground(look(box(20, 28, 42, 38)), box(20, 28, 42, 38).bool().numpy()) is None
