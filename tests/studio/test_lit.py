"""What is said about the light of a photograph is what the picture shows."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.studio.categories import CATEGORIES
from ganverse_nb.studio.lit import LitPhotos, make_lit_photos
from ganverse_nb.studio.photos import photograph


@pytest.mark.parametrize("category", CATEGORIES)
def test_colour_times_light_is_the_picture_but_for_gloss_and_edges(category: str) -> None:
    lit = make_lit_photos(category, 18, seed=2)
    albedo, shading, known = lit.intrinsic()
    assert albedo.min() >= 0 and albedo.max() <= 1 and shading[known > 0].min() > 0.1
    inside = -torch.nn.functional.max_pool2d(-known, 3, 1, 1) > 0
    difference = ((albedo * shading).clamp(0, 1) - lit.photos.image()).abs().mean(1, keepdim=True)
    assert difference[inside].median() < 0.04
    flat = (albedo - lit.photos.image()).abs().mean(1, keepdim=True)
    assert difference[inside].mean() < 0.7 * flat[inside].mean(), "the light explains a good part"


def test_light_from_one_side_only_falls_there() -> None:
    one = make_lit_photos("car", 1, seed=1)
    nothing = torch.zeros(1, 3)
    sun = torch.tensor([[0.6, 0.8, 0.0]])
    scene = one.scene | {"sun": sun, "sun_light": torch.ones(1, 3), "sky_light": nothing, "ground": nothing}
    lit = LitPhotos(photograph(one.photos.objects, scene, one.photos.camera), scene)
    axes = torch.cat([torch.eye(3), -torch.eye(3), sun])
    assert lit.arriving(axes)[0].tolist() == pytest.approx([1.25 * c for c in (0.6, 0.8, 0, 0, 0, 0, 1)])


def test_photographs_are_chosen_with_their_scenes() -> None:
    lit = make_lit_photos("car", 5, seed=4, resolution=32)
    chosen = lit[torch.tensor([3, 1])]
    assert torch.equal(chosen.photos.images[0], lit.photos.images[3])
    assert torch.equal(chosen.intrinsic()[1][1], lit.intrinsic()[1][1])
    with pytest.raises(ValueError, match="at least 1"):
        make_lit_photos("car", 0, 0)
