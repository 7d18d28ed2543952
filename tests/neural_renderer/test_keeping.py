"""Backgrounds kept, photographs kept, and both renderers turning, on the toy world's renderer."""

import pytest
import torch
from PIL import Image

from ganverse_nb.neural_renderer.compose import keep_background
from ganverse_nb.neural_renderer.pivotal import tuned_to
from ganverse_nb.neural_renderer.properties import mask_out
from ganverse_nb.neural_renderer.renderer import KeptProperties, Renderer
from ganverse_nb.neural_renderer.turning import turning_pictures

SIDE = 32


@pytest.fixture
def disc():
    """[1, 1, SIDE, SIDE], a disc in the middle."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    return ((x - 15.5) ** 2 + (y - 15.5) ** 2 < 36).float()[None, None]


def test_a_kept_background_is_the_given_one_to_the_bit_outside_and_the_render_inside(disc):
    wall, rendered = torch.full((1, 3, SIDE, SIDE), 0.8), torch.full((1, 3, SIDE, SIDE), 0.9) * (1 - disc) + 0.2 * disc
    wall[..., 5] = 0.3  # a pole
    kept = keep_background(rendered, disc, torch.cat([wall, torch.ones(1, 1, SIDE, SIDE)], 1))
    around = torch.nn.functional.max_pool2d(disc, 3, 1, 1) < 0.5
    assert torch.equal(kept[around.expand_as(kept)], wall[around.expand_as(kept)])  # a brighter render adds nothing
    inside = (disc > 0.5).expand_as(kept)
    assert torch.equal(kept[inside], rendered[inside])


def test_what_nobody_knows_of_a_background_stays_as_it_was_rendered(disc):
    hole = disc.roll(8, 3)
    rendered = torch.full((1, 3, SIDE, SIDE), 0.5)
    kept = keep_background(rendered, disc, mask_out(torch.full((1, 3, SIDE, SIDE), 0.8), hole))
    assert torch.equal(kept[hole.expand_as(kept) > 0.5], rendered[hole.expand_as(kept) > 0.5])
    assert float(kept[0, 0, 1, 1]) == pytest.approx(0.8)


def test_the_shadow_beside_the_object_falls_on_the_kept_background(disc):
    rendered = torch.full((1, 3, SIDE, SIDE), 0.8)
    rendered[:, :, 21:24] = 0.4  # a shadow below the disc
    kept = keep_background(rendered, disc, torch.full((1, 4, SIDE, SIDE), 0.6).index_fill(1, torch.tensor(3), 1.0))
    assert kept[0, 0, 22, 15] < 0.5 and kept[0, 0, 2, 15] == 0.6 and kept[0, 0, 30, 15] == 0.6


@pytest.fixture
def properties(world):
    data = world.training_set()[0]
    return data.dataset.properties(torch.tensor([9]))


def test_a_tuned_renderer_shows_the_picture_and_holds_the_other_views(model, properties):
    torch.manual_seed(0)
    before = {k: v.clone() for k, v in model.generator.state_dict().items()}
    with torch.no_grad():
        plain = model.synthesize(properties)
        image = (plain + 0.3 * torch.rand(1, 3, 1, 1)).clamp(0, 1)
        turned = properties.replace(camera=properties.camera.replace(azimuth=properties.camera.azimuth + 180))
        there = model.synthesize(turned)
    tuned = tuned_to(model, properties, image, steps=90)
    with torch.no_grad():
        own, behind = tuned.synthesize(properties), tuned.synthesize(turned)
    assert (own - image).abs().mean() < 0.3 * (plain - image).abs().mean()
    assert (behind - there).abs().mean() < 0.7 * (plain - image).abs().mean()
    assert all(torch.equal(before[k], v) for k, v in model.generator.state_dict().items())
    assert not any(p.requires_grad for p in [*tuned.generator.parameters(), *tuned.mapping.parameters()])
    with pytest.raises(ValueError, match=r"one picture \[1, 3, 16, 16\]"):
        tuned_to(model, properties, image[..., :8])


def test_what_is_changed_of_a_kept_picture_is_rendered_by_its_own_renderer(model, properties):
    renderer = Renderer(model)
    image = (model.synthesize(properties) + 0.2).clamp(0, 1).detach()[0]
    kept = renderer.encode(image, keep=True)
    assert isinstance(kept, KeptProperties) and isinstance(kept[0], KeptProperties)
    plain = renderer.encode(image)
    assert not isinstance(plain, KeptProperties)
    first, second = (renderer.edit(p, scale=1.1).image for p in (kept, plain))
    torch.testing.assert_close(first, kept.tuned.synthesize(renderer.edit(kept, scale=1.1).properties))
    assert (first - second).abs().mean() > 0.01


def test_both_renderers_turn_beside_each_other(model, properties, tmp_path):
    frames = turning_pictures(model, properties, views=6, size=SIDE)
    assert frames.shape == (6, 3, SIDE, 2 * SIDE)
    torch.testing.assert_close(frames[0][:, 0, -1], torch.ones(3))  # DIB-R's, on white
    assert (frames[0] - frames[3]).abs().mean() > 0.001
    path = tmp_path / "turn.gif"
    Renderer(model).save_turntable(properties, path, views=6)
    with Image.open(path) as movie:
        assert (movie.n_frames, movie.size) == (6, (512, 256))
    with pytest.raises(ValueError, match="is a .gif file"):
        Renderer(model).save_turntable(properties, tmp_path / "turn.mp4")
