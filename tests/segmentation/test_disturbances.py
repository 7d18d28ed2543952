"""Lettering behind objects and shadows below them: neither touches an object."""

import pytest
import torch

from ganverse_nb.segmentation import disturbances
from ganverse_nb.segmentation.disturbances import lettered, shadowed


@pytest.fixture
def boxes(monkeypatch) -> tuple[torch.Tensor, torch.Tensor]:
    """Grey grounds with objects in the middle; every picture is disturbed."""
    monkeypatch.setattr(disturbances, "LETTERED_SHARE", 1.0)
    monkeypatch.setattr(disturbances, "SHADOW_SHARE", 1.0)
    objects = torch.zeros(24, 1, 64, 64)
    objects[:, :, 28:40, 16:48] = 1
    return torch.full((24, 3, 64, 64), 0.5), objects


def test_letters_stand_behind_the_object_and_most_of_them_close_to_its_upper_edge(boxes):
    ground, objects = boxes
    found = lettered(ground, objects, torch.Generator().manual_seed(0))
    changed = (found - ground).abs().amax(1, keepdim=True) > 0.05
    assert not changed[objects > 0].any() and found.min() >= 0 and found.max() <= 1
    assert changed.flatten(1).any(1).float().mean() > 0.7
    rows = changed.float().mean((0, 1, 3))
    assert rows[16:28].mean() > 2 * rows[52:].mean()
    again = lettered(ground, objects, torch.Generator().manual_seed(0))
    assert torch.equal(found, again)


def test_a_shadow_lies_below_and_only_darkens(boxes):
    ground, objects = boxes
    found = shadowed(ground, objects, torch.Generator().manual_seed(0))
    darker = (ground - found).mean((0, 1))
    assert (found <= ground).all() and (found >= 0).all()
    assert darker[40:43, 20:44].mean() > 0.05 and darker[:26].max() < 0.01 and darker[56:].max() < 0.01


def test_nothing_happens_to_pictures_that_no_die_chooses(boxes, monkeypatch):
    monkeypatch.setattr(disturbances, "LETTERED_SHARE", 0.0)
    monkeypatch.setattr(disturbances, "SHADOW_SHARE", 0.0)
    ground, objects = boxes
    for disturbed in (lettered, shadowed):
        assert torch.equal(disturbed(ground, objects, torch.Generator().manual_seed(0)), ground)
