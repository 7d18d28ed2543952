"""The variants: what each changes, and what it leaves as it is."""

from dataclasses import fields, replace

import pytest
import torch

from ganverse_nb.config import PROFILES, load_config
from ganverse_nb.inverse_graphics.ablation import KEYPOINT_VARIANT, VARIANTS, variant_settings
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.training import Trainer, train_inverse_graphics

MINI = load_config("mini")


def settings(variant, **changes):
    """A variant at the size of a test, without features."""
    short = load_config("mini", inverse__pairs=2, ablation__steps=6)
    return replace(variant_settings(short, variant), weight_perceptual=0.0, texture_size=(32, 64), **changes)


def step_of(dataset, config, tmp_path):
    """What one step of a training compares: the trainer, and (mesh, camera, images, masks)."""
    trainer = Trainer(dataset, config, tmp_path, None, 0, "cpu", False)
    seen, terms = [], trainer.terms
    trainer.terms = lambda *compared: seen.append(compared) or terms(*compared)
    trainer.network_step()
    trainer.terms = terms
    return trainer, seen[0][:4]  # there is no light


def taught(trainer, mesh, camera, images, masks):
    """[B, V, 3] gradient of Eq 1 in the vertices of every prediction, and the same of the textures."""
    leaf = replace(
        mesh, vertices=mesh.vertices.detach().requires_grad_(), texture=mesh.texture.detach().requires_grad_()
    )
    terms = trainer.terms(leaf, camera.detach(), images, masks)
    return torch.autograd.grad(3 * terms["iou"] + 20 * terms["color"], [leaf.vertices, leaf.texture])


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_changes_what_it_says_at_as_many_steps_and_renders(variant):
    full, changed = variant_settings(MINI, "full"), variant_settings(MINI, variant)
    differing = {f.name for f in fields(full) if getattr(full, f.name) != getattr(changed, f.name)}
    wanted = {
        "no_multiview": {"pairs", "views_per_object"},
        "four_views": {"pairs", "views_per_object"},
        "no_perceptual": {"weight_perceptual"},
        "fixed_cameras": {"camera_lr"},
    }
    assert differing == wanted.get(variant, set())
    assert changed.pairs * changed.views_per_object == 16 and changed.steps == 1200
    share = MINI.inverse.perceptual_after / MINI.inverse.steps
    assert changed.perceptual_after == round(share * 1200) and changed.head_steps == 0


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profiles_arms_can_be_trained(profile):
    config = load_config(profile)
    assert set(config.ablation.variants) <= set(VARIANTS) and config.ablation.variants[0] == "full"
    assert (
        len(
            {
                (c := variant_settings(config, variant)).pairs * c.views_per_object
                for variant in config.ablation.variants
            }
        )
        == 1
    )


def test_what_cannot_be_trained_is_said():
    with pytest.raises(ValueError, match="Unknown variant 'half'.*no_multiview"):
        variant_settings(MINI, "half")
    with pytest.raises(ValueError, match="6 renders.*4 views; change inverse.pairs"):
        variant_settings(load_config("mini", inverse__pairs=3), "four_views")


def test_the_default_training_samples_as_it_always_did(world):
    """The pairs of Eq 2, drawn in the order that trainings before the setting drew them in."""
    dataset, config = world.dataset, MINI.inverse
    assert config.views_per_object == 2
    shots = dataset.sample_views(config.pairs, config.views_per_object, torch.Generator().manual_seed(7))
    generator = torch.Generator().manual_seed(7)
    content = torch.randint(4, (config.pairs,), generator=generator)
    views = torch.multinomial(torch.ones(config.pairs, 6), 2, generator=generator)
    assert torch.equal(shots.content, content) and torch.equal(torch.stack(shots.views, 1), views)


def test_without_multiview_no_picture_or_camera_of_another_view_teaches_a_prediction(world, tmp_path):
    trainer, (mesh, camera, images, masks) = step_of(world.dataset, settings("no_multiview"), tmp_path)
    assert len(mesh) == len(camera) == len(images) == 4
    before = taught(trainer, mesh, camera, images, masks)
    turned = camera.replace(azimuth=torch.cat([camera.azimuth[:1], camera.azimuth[1:] + 25.0]))
    others = torch.cat([images[:1], images[1:].roll(1, 0).flip(-1)]), torch.cat([masks[:1], masks[1:].roll(1, 0)])
    after = taught(trainer, mesh, turned, *others)
    for old, new in zip(before, after, strict=True):
        assert old[0].abs().max() > 0
        assert torch.allclose(old[0], new[0], atol=1e-7)
        assert not torch.allclose(old[1], new[1], atol=1e-5)  # their own pictures do


@pytest.mark.parametrize(("variant", "views"), [("full", 2), ("four_views", 4)])
def test_views_of_an_object_share_one_shape_and_texture_and_all_teach_it(world, tmp_path, variant, views):
    trainer, (mesh, camera, images, masks) = step_of(world.dataset, settings(variant), tmp_path)
    count = len(mesh)
    assert count == 4 // views and len(camera) == len(images) == 4
    stored = world.dataset.images.float() / 255
    for b in range(count):
        same = images[b::count]  # all views of prediction b
        contents = set()
        for picture in same:
            away = torch.stack([(stored - p).abs().flatten(2).amax(2) for p in (picture, picture.flip(-1))])
            found = (away.amin(0) == 0).nonzero()
            assert len(found) == 1
            contents.add(tuple(found[0].tolist()))
        assert len(contents) == views and len({content for content, _ in contents}) == 1
    before = taught(trainer, mesh, camera, images, masks)
    for view in range(views):
        masks_then, images_then = masks.clone(), images.clone()
        masks_then[view * count] = masks[view * count].flip(-1).roll(8, -2)
        images_then[view * count] = 1 - images[view * count]
        after = taught(trainer, mesh, camera, images_then, masks_then)
        assert all((old[0] - new[0]).abs().max() > 1e-6 for old, new in zip(before, after, strict=True))


def test_fixed_cameras_stay_and_others_move(world, tmp_path):
    start = LearnableCameras(world.dataset.azimuth_bin)
    for variant, stays in (("fixed_cameras", True), (KEYPOINT_VARIANT, False)):
        model = train_inverse_graphics(world.dataset, settings(variant), tmp_path / variant)
        same = [torch.equal(a, b) for a, b in zip(model.cameras.parameters(), start.parameters(), strict=True)]
        assert all(same) if stays else not any(same)
