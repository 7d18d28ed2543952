"""Errors of light on cases whose answer is known."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.evaluation import light as module
from ganverse_nb.evaluation.light import (
    aligned,
    dominant_direction,
    fit_light,
    from_mean,
    overhead_error,
    predict_light,
    score_light,
    seen_by,
    shading_of,
    true_light,
)
from ganverse_nb.geometry.angles import angle_between
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.inverse_graphics.camera_head import CameraHead
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.network import InverseGraphicsNetwork
from ganverse_nb.render.light import lamp, sh_shading, white_light
from ganverse_nb.studio.lit import LitPhotos, make_lit_photos


def about_y(directions, degrees):
    a = math.radians(degrees)
    turn = torch.tensor([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    return directions @ turn.T


def test_a_known_turn_of_the_light_is_that_angle():
    flat = torch.nn.functional.normalize(torch.tensor([[1.0, 0, 0.5], [0.0, 0, -1], [0.3, 0, 0.1]]), dim=1)
    light = 0.5 * white_light(flat) + lamp(flat)
    for degrees in (0.0, 25.0, 90.0, 179.0):
        turned = 0.9 * white_light(flat) + lamp(about_y(flat, degrees), 0.4)
        angle = angle_between(dominant_direction(light), dominant_direction(turned))
        assert angle.tolist() == pytest.approx([degrees] * 3, abs=0.05)
    assert torch.allclose(dominant_direction(light), flat, atol=1e-5)
    assert dominant_direction(white_light(flat)).isnan().all()


def test_one_light_for_all_has_no_spread():
    same = torch.tensor([[0.0, 0.6, 0.8]]).expand(4, -1)
    assert from_mean(same).max() < 1e-3
    cross = torch.tensor([[0.6, 0.8, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.8, 0.6], [0.0, 0.8, -0.6]])
    assert from_mean(cross).tolist() == pytest.approx([math.degrees(math.acos(0.8))] * 4, abs=1e-3)


def test_a_camera_that_turns_with_the_light_sees_the_same():
    direction = torch.tensor([[0.6, 0.64, 0.48]])
    here, there = Camera.orbit(20.0, 15.0), Camera.orbit(110.0, 15.0)
    assert torch.allclose(seen_by(here, direction), seen_by(there, about_y(direction, 90.0)), atol=1e-5)


def test_one_factor_is_free_and_no_more():
    true = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    where = torch.ones(2, 1, 8, 8)
    where[..., 4:] = 0
    darker = true * torch.tensor([0.3, 2.0])[:, None, None, None]
    darker[..., 4:] = 7.0  # not looked at
    assert torch.allclose(aligned(darker, true, where)[..., :4], true[..., :4], atol=1e-5)
    tinted = true * torch.tensor([0.5, 1.0, 1.0])[None, :, None, None]
    assert (aligned(tinted, true, where) - true)[..., :4].abs().mean() > 0.05


def test_nine_coefficients_are_found_again_from_their_shading():
    normals = torch.nn.functional.normalize(torch.randn(300, 3, generator=torch.Generator().manual_seed(1)), dim=1)
    light = white_light(normals) + 0.3 * torch.randn(4, 9, generator=torch.Generator().manual_seed(2))
    shading = sh_shading(normals.expand(4, -1, -1), light)[..., 0]
    assert torch.allclose(fit_light(normals, shading), light, atol=1e-4)


@pytest.fixture(scope="module")
def lit():
    return make_lit_photos("car", 6, seed=3)


def test_the_light_of_a_scene_comes_from_between_its_sun_and_straight_above(lit):
    direction = dominant_direction(true_light(lit))
    above = torch.tensor([0.0, 1.0, 0.0]).expand_as(direction)
    to_sun, to_above = angle_between(direction, lit.scene["sun"]), angle_between(direction, above)
    whole = angle_between(lit.scene["sun"], above)
    assert (to_sun < 0.6 * whole).all()
    assert torch.allclose(to_sun + to_above, whole, atol=3)
    assert torch.allclose(overhead_error(lit), to_above, atol=1e-3)


class TruthTeller:
    """Stands for a network: the unlit colours and the normals of the pictures are what they truly are."""

    def __init__(self, lit, factor=1.0, turn=0.0):
        albedo, _, known = lit.intrinsic()
        self.output = SimpleNamespace(rgb=factor * albedo, mask=known, normals=normals_of(lit))
        self.camera, self.turn, self.lit = lit.photos.camera, turn, lit

    def install(self, monkeypatch):
        light = true_light(self.lit)
        light[:, [3, 1, 2]] = about_y(light[:, [3, 1, 2]], self.turn)
        monkeypatch.setattr(module, "reconstruct", lambda *_: (None, self.camera))
        monkeypatch.setattr(module, "render", lambda *_: self.output)
        monkeypatch.setattr(module, "predict_light", lambda *_: light)


def normals_of(lit):
    """[N, 3, R, R] of the true surfaces, towards the camera."""
    from ganverse_nb.render.renderer import render

    mesh = lit.photos.mesh()
    normals = render(mesh, lit.photos.camera, lit.photos.images.shape[-1]).normals
    return normals


def test_who_tells_the_truth_has_no_error_and_its_scale_does_not_matter(lit, monkeypatch):
    TruthTeller(lit, factor=0.37).install(monkeypatch)
    scores = score_light(None, lit, lit.photos.masks.float())
    assert scores.albedo.max() < 1e-5 and scores.direction.max() < 0.1
    assert scores.shading.max() < 0.12, "nine coefficients are nearly enough for these scenes"
    assert torch.allclose(scores.contrast, scores.true_contrast, atol=0.12)
    TruthTeller(lit, turn=90.0).install(monkeypatch)
    turned = score_light(None, lit, lit.photos.masks.float())
    assert (turned.shading > 1.5 * scores.shading).all() and (turned.direction > 5).all()
    assert torch.allclose(turned.spread, turned.true_spread, atol=0.05), "all turned alike"


def test_a_network_without_light_has_a_white_room_and_its_errors(lit):
    torch.manual_seed(0)
    model = InverseGraphicsModel(
        InverseGraphicsNetwork(), CameraHead(), LearnableCameras(torch.zeros(2, dtype=torch.int64))
    )
    images, masks = lit.photos.image(), lit.photos.masks.float()
    assert torch.equal(predict_light(images, masks, model), white_light(images).expand(6, -1))
    scores = score_light(model, lit, masks)
    assert scores.direction.isnan().all() and scores.contrast.max() < 1e-4
    assert math.isnan(scores.medians()["direction"])
    mean = (scores.true_contrast * 0.4 < scores.shading) & (scores.shading < 1.2 * scores.true_contrast)
    assert mean.all(), "a constant is wrong by the spread of the truth"


def test_there_is_no_light_where_there_is_no_surface():
    normals = torch.zeros(1, 3, 2, 2)
    normals[:, 1, 0] = 1.0
    shading = shading_of(normals, lamp(torch.tensor([[0.0, 1.0, 0.0]])))
    assert shading[0, 0, 0].min() > 0.9 and shading[0, 0, 1].abs().max() == 0
    assert shading_of(-normals, lamp(torch.tensor([[0.0, 1.0, 0.0]]))).min() >= 0


def test_lit_photographs_without_any_surface_are_not_measured(lit, monkeypatch):
    teller = TruthTeller(lit)
    teller.output.mask = torch.zeros_like(teller.output.mask)
    teller.install(monkeypatch)
    assert score_light(None, LitPhotos(lit.photos, lit.scene), lit.photos.masks.float()).albedo.isnan().all()
