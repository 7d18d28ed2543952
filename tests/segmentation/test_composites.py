import pytest
import torch

from ganverse_nb.segmentation import composites
from ganverse_nb.segmentation.composites import compose, degrade, empty_scenes


@pytest.fixture
def discs() -> tuple[torch.Tensor, torch.Tensor]:
    """White discs on black: a picture that is its own mask."""
    at = torch.arange(64) + 0.5
    radius = torch.tensor([12.0, 15.0, 18.0])[:, None, None]
    mask = (((at - 32) ** 2)[None, :, None] + ((at - 32) ** 2)[None, None] < radius**2)[:, None].to(torch.uint8)
    return mask.expand(-1, 3, -1, -1) * 255, mask


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_masks_move_with_their_objects(discs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composites, "degrade", lambda images, generator: images)
    monkeypatch.setattr(composites, "EMPTY_SHARE", 0.0)
    pictures = compose(*discs, 32, rng())
    white, masked = pictures.images[:, :1] > 0.5, pictures.masks.sum(1, keepdim=True) > 0.5
    assert (white == masked).float().mean() > 0.999
    assert set(pictures.count.tolist()) == {1, 2}


def test_instances_show_and_never_overlap(discs) -> None:
    pictures = compose(*discs, 64, rng(1))
    assert pictures.masks.sum(1).max() == 1
    area = pictures.masks.mean((2, 3))
    assert ((area == 0) | (area >= composites.VISIBLE_PIXELS)).all()
    assert set(pictures.count.tolist()) == {0, 1, 2}
    assert pictures.images.min() >= 0 and pictures.images.max() <= 1


def test_pictures_depend_on_the_generator_only(discs) -> None:
    first, again, other = (compose(*discs, 4, rng(seed)) for seed in (5, 5, 6))
    torch.manual_seed(1)
    assert torch.equal(first.images, again.images) and torch.equal(first.masks, again.masks)
    assert not torch.equal(first.images, other.images)


def test_colours_change_and_shapes_stay() -> None:
    picture = torch.full((16, 3, 64, 64), 0.3)
    picture[:, :, 20:40, 20:40] = 0.7
    changed = degrade(picture, rng())
    inside, outside = changed[:, :, 25:35, 25:35].mean((1, 2, 3)), changed[:, :, :15].mean((1, 2, 3))
    assert (inside > outside + 0.15).all()
    assert inside.std() > 0.02


def test_blur_keeps_the_mean_and_softens() -> None:
    picture = torch.zeros(2, 3, 33, 33)
    picture[:, :, 16, 16] = 1
    soft = composites.blur(picture, torch.tensor([0.5, 1.0]))
    assert torch.allclose(soft.sum((2, 3)), torch.ones(2, 3), atol=1e-5)
    assert soft[0, 0].max() > soft[1, 0].max()
    spread = (soft[1, 0] * ((torch.arange(33) - 16.0) ** 2)).sum()
    assert spread == pytest.approx(1.0, abs=0.05)  # variance = sigma^2


def test_empty_scenes_are_pictures() -> None:
    scenes = empty_scenes(3, rng(), resolution=48)
    assert scenes.shape == (3, 3, 48, 48) and scenes.min() >= 0 and scenes.max() <= 1
    assert scenes.std() > 0.05
