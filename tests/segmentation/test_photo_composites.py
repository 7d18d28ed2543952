"""Training pictures of the segmenter of photographs."""

import pytest
import torch
from torch.nn.functional import max_pool2d

from ganverse_nb.segmentation import disturbances, photo_composites
from ganverse_nb.segmentation.composites import Composites
from ganverse_nb.segmentation.photo_composites import Material, compose_photos, degrade_photos
from ganverse_nb.segmentation.photo_training import targets
from ganverse_nb.studio.randomization import SEGMENTER
from ganverse_nb.studio.second.photograph import vacant_scenes


@pytest.fixture
def discs() -> Material:
    """Discs of two categories' colours on black, before blue scenes."""
    at = torch.arange(64) + 0.5
    radius = torch.tensor([12.0, 15.0, 18.0, 14.0])[:, None, None]
    mask = (((at - 32) ** 2)[None, :, None] + ((at - 32) ** 2)[None, None] < radius**2)[:, None].to(torch.uint8)
    labels = torch.tensor([1, 2, 2, 1])
    colours = torch.tensor([[255, 0, 0], [0, 255, 0]], dtype=torch.uint8)[labels - 1]
    scenes = torch.zeros(3, 3, 64, 64, dtype=torch.uint8)
    scenes[:, 2] = 120
    return Material(mask * colours[:, :, None, None], mask, labels, scenes)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_masks_and_labels_are_those_of_what_shows(discs, monkeypatch):
    monkeypatch.setattr(photo_composites, "degrade_photos", lambda images, generator: images)
    monkeypatch.setattr(photo_composites, "PLAIN_SHARE", 0.0)
    monkeypatch.setattr(disturbances, "LETTERED_SHARE", 0.0)  # letters have all colours
    pictures = compose_photos(discs, 48, rng())
    red, green = ((pictures.images[:, c] > 0.5).float() for c in (0, 1))
    for label, seen in ((1, red), (2, green)):
        masked = (pictures.masks * (pictures.labels == label)[:, :, None, None]).sum(1)
        near = (max_pool2d(masked, 7, 1, 3) + max_pool2d(1 - masked, 7, 1, 3)) == 2  # edges are soft
        agree = (masked == seen)[~near]
        assert agree.float().mean() > 0.995 and masked[~near].sum() > 1000  # a bent disc may be thinner than its edge
    assert pictures.masks.sum(1).max() == 1 and set(pictures.count.tolist()) >= {0, 1, 2}


def test_pictures_depend_on_the_generator_only(discs):
    first, again, other = (compose_photos(discs, 4, rng(seed)) for seed in (5, 5, 6))
    assert torch.equal(first.images, again.images) and torch.equal(first.masks, again.masks)
    assert not torch.equal(first.images, other.images)


def test_colours_change_and_stay_in_range():
    picture = torch.full((24, 3, 64, 64), 0.3)
    picture[:, :, 20:40, 20:40] = 0.7
    changed = degrade_photos(picture, rng())
    assert changed.min() >= 0 and changed.max() <= 1
    inside, outside = changed[:, :, 25:35, 25:35].mean((1, 2, 3)), changed[:, :, :15].mean((1, 2, 3))
    assert (inside > outside + 0.08).all() and inside.std() > 0.05


def test_every_pixel_has_its_category_and_seams_lie_between_two():
    masks = torch.zeros(1, 2, 16, 16)
    masks[0, 0, 4:12, 2:8] = masks[0, 1, 4:12, 8:14] = 1
    category, seam = targets(Composites(torch.zeros(1, 3, 16, 16), masks, torch.tensor([[3, 1]])))
    assert category[0, 5].tolist() == [0, 0, 3, 3, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1, 0, 0]
    assert seam[0, 0, 8].nonzero().flatten().tolist() == [6, 7, 8, 9] and seam[0, 0, 0].sum() == 0


def test_a_vacant_scene_is_the_photograph_without_its_object():
    from ganverse_nb.studio.second.photograph import arrange, photograph

    order = arrange("car", 4, rng(3), None, 1, SEGMENTER)
    with_car, without = (photograph(*order, 64, "car", vacant=gone) for gone in (False, True))
    assert with_car.masks.sum() > 0 and without.masks.sum() == 0 and without.depth.sum() == 0
    moved = (with_car.images.float() - without.images.float()).abs().mean(1, keepdim=True)
    assert moved[with_car.masks > 0].mean() > 2 * moved[with_car.masks == 0].mean()
    scenes = vacant_scenes("car", 4, 3, 64, SEGMENTER)
    assert scenes.shape == (4, 3, 64, 64) and scenes.dtype == torch.uint8 and len(scenes.unique()) > 50
