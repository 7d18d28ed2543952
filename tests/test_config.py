"""Profiles, overrides, and the sentences for what does not exist."""

import dataclasses
import json
from dataclasses import replace

import pytest

from ganverse_nb.categories import CATEGORIES, own_category
from ganverse_nb.config import PROFILES, as_json, auto_r1_gamma, load_config
from ganverse_nb.gan.generator import block_resolutions


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_are_frozen_and_survive_json(profile):
    config = load_config(profile, "car", seed=3)
    assert (config.profile, config.category, config.seed) == (profile, "car", 3)
    assert json.loads(json.dumps(as_json(config)))["inverse"]["steps"] == config.inverse.steps
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 4


def test_the_paper_profile_holds_the_papers_numbers():
    """Section 4 and appendix C; where ours is an improvement, it is off."""
    car, horse, bird = (load_config("paper", category) for category in ("car", "horse", "bird"))
    assert [c.multiview.contents for c in (car, horse, bird)] == [6000, 1000, 1000]
    assert car.multiview.minimum_mask == 0.10 and car.views.split_layer == 4
    f, r = car.inverse, car.stylegan_r
    assert (f.weight_iou, f.weight_color, f.weight_laplacian, f.weight_flatten) == (3, 20, 5, 5)
    assert (f.weight_movement, f.weight_perceptual, f.perceptual_after, f.perceptual_backbone) == (
        2.5,
        0.5,
        3000,
        "lpips",
    )
    assert (f.lr, f.pairs, f.steps) == (1e-4, 16, 200_000)
    assert not any((f.symmetric_shape, f.symmetric_texture, f.mirror_pictures, f.decay_lr))
    assert f.initial_elevation == 0.0 and f.perceptual_pictures == 2 * f.pairs
    assert (r.finetune_lr, r.generator_lr, r.batch, r.warmup_steps, r.finetune_steps) == (1e-5, 1e-5, 16, 700, 2500)
    assert r.view_share == 144 / 2048 and r.weight_anchor == r.weight_code == r.weight_camera == 0
    assert (r.view_rest, r.view_harmonics, r.keep_best, r.weight_entropy, r.gate_lr_multiplier) == (
        "mean",
        1,
        False,
        1,
        1,
    )
    assert r.camera_jitter == r.hide_probability == r.entropy_ramp == r.clip_gradients == 0 and r.warmup_decay_from == 1
    assert (car.gan.resolution, car.resolution, horse.resolution) == (512, 256, 256)
    assert not car.has_studio and load_config("mini").has_studio and load_config("gpu").has_studio
    assert load_config("gpu").resolution == 128


def test_overrides_change_one_setting():
    plain, changed = load_config("mini"), load_config("mini", inverse__steps=10, gan__channels=[8, 8, 4])
    assert changed.inverse == dataclasses.replace(plain.inverse, steps=10)
    assert changed.gan.channels == (8, 8, 4)
    assert dataclasses.replace(changed, inverse=plain.inverse, gan=plain.gan) == plain


def test_whole_numbers_are_accepted_for_real_settings():
    lr = load_config("mini", inverse__lr=1).inverse.lr
    assert lr == 1.0 and isinstance(lr, float)


def test_pictures_of_ones_own_have_a_name_of_their_own_and_an_automatic_r1_weight():
    cat = own_category("my_cats2")
    config = load_config("mini", cat)
    assert config.category == "my_cats2" and config.kind is cat and not config.has_studio
    assert config.gan.r1_gamma == pytest.approx(0.3) == auto_r1_gamma(64, 32)  # that of studio photos
    assert load_config("mini", cat, gan__batch=16).gan.r1_gamma == auto_r1_gamma(64, 16)
    assert load_config("mini", cat, gan__r1_gamma=2).gan.r1_gamma == 2.0
    assert load_config("mini", cat).gan.pair_weight == 0.0 < load_config("mini", "car").gan.pair_weight
    assert load_config("mini", cat, gan__pair_weight=2).gan.pair_weight == 2.0
    assert auto_r1_gamma(128, 64) == pytest.approx(load_config("gpu").gan.r1_gamma) == pytest.approx(0.6)
    assert auto_r1_gamma(128, 32) == pytest.approx(load_config("full").gan.r1_gamma) == pytest.approx(1.2)
    whole, begun = load_config("full", cat).gan, load_config("full").gan
    assert begun.frozen_below and not begun.path_length_weight  # of a network that begins with the one of 64 px
    assert not whole.frozen_below and whole.path_length_weight and whole.images > begun.images


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_takes_a_category_of_ones_own(profile):
    mug = own_category("mug", symmetry="none", pose="free", masks=(0.2, 0.7), truncation=0.6, views=12)
    config, car = load_config(profile, mug), load_config(profile, "car")
    assert (config.gan.network, config.views.codes, config.views.views) == ("trained", "suggested", 12)
    assert (config.multiview.minimum_mask, config.multiview.maximum_mask) == (0.2, 0.7)
    assert config.multiview.truncation == 0.6 and config.inverse.template == ()
    assert not any((config.inverse.symmetric_shape, config.inverse.symmetric_texture, config.inverse.mirror_pictures))
    assert config.inverse.elevations[0] < car.inverse.elevations[0] and config.inverse.steps == car.inverse.steps
    block_resolutions(config.gan.resolution, config.gan.channels)


@pytest.mark.parametrize(
    ("arguments", "overrides", "words"),
    [
        (("huge",), {}, ["huge", "smoke", "mini"]),
        (("mini", "boat"), {}, ["boat", "car"]),
        (("mini",), {"inverse__stepz": 1}, ["inverse.stepz", "steps"]),
        (("mini",), {"nothing__steps": 1}, ["nothing.steps", "inverse"]),
        (("mini",), {"inverse": 1}, ["'inverse'", "inverse.steps"]),
        (("mini",), {"inverse__steps__more": 1}, ["inverse.steps.more"]),
        (("mini",), {"inverse__steps": "many"}, ["inverse.steps", "int", "many"]),
        (("mini",), {"inverse__steps": 1.5}, ["inverse.steps", "int", "1.5"]),
        (("mini",), {"inverse__steps": True}, ["inverse.steps", "int", "True"]),
        (("mini",), {"gan__channels": ["a"]}, ["gan.channels", "int", "a"]),
    ],
)
def test_what_does_not_exist_is_named_in_one_sentence(arguments, overrides, words):
    with pytest.raises(ValueError) as caught:
        load_config(*arguments, **overrides)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize("profile", ["smoke", "mini", "gpu"])
@pytest.mark.parametrize("category", ["horse", "bird"])
def test_slim_animals_are_kept(profile, category):
    config, car = load_config(profile, category), load_config(profile, "car")
    assert config.multiview.minimum_mask < car.multiview.minimum_mask == 0.1
    assert config.ablation == car.ablation  # keypoints come with all three
    assert load_config("paper", category).multiview.minimum_mask == 0.1  # as the paper has it


def test_wings_take_the_pose_regressor_longer_and_tamer_contents():
    steps = {category: load_config("mini", category).views.regressor_steps for category in CATEGORIES}
    assert steps["horse"] == steps["car"] and steps["bird"] == 3 * steps["car"]
    truncation = {category: load_config("mini", category).multiview.truncation for category in CATEGORIES}
    assert truncation["bird"] < truncation["horse"] == truncation["car"] == 1.0
    assert load_config("paper", "bird").views.regressor_steps == 0


def test_a_shorter_training_keeps_the_share_of_the_perceptual_term():
    config = load_config("mini").inverse
    shorter = config.lasting(config.steps // 5)
    assert shorter.perceptual_after / shorter.steps == pytest.approx(config.perceptual_after / config.steps, abs=1e-3)
    assert shorter.robust_steps == config.robust_steps // 5
    lasting = {key: getattr(config, key) for key in ("steps", "perceptual_after", "robust_steps")}
    assert replace(shorter, **lasting) == config
