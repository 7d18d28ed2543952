"""Appendix K: what the light head adds, what it leaves alone, and that it finds a light that can be found."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ganverse_nb.config import InverseGraphicsConfig, load_config
from ganverse_nb.evaluation.light import dominant_direction
from ganverse_nb.geometry.angles import angle_between
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import join_meshes
from ganverse_nb.inverse_graphics import training
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.light_variants import light_settings
from ganverse_nb.inverse_graphics.losses import albedo_prior
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.network import InverseGraphicsNetwork, repeat_mesh
from ganverse_nb.inverse_graphics.training import Trainer, new_model, train_inverse_graphics
from ganverse_nb.render.light import lamp, white_light
from ganverse_nb.render.renderer import render

SHORT = replace(
    InverseGraphicsConfig(),
    pairs=2,
    steps=4,
    perceptual_after=4,
    robust_steps=2,
    head_steps=2,
    texture_size=(32, 64),
    light=True,
)


def network(**settings):
    torch.manual_seed(0)
    return InverseGraphicsNetwork(texture_size=(32, 64), **settings)


def test_it_is_off_in_every_profile_and_changes_nothing_there(world):
    for profile in ("smoke", "mini", "gpu", "paper"):
        inverse = load_config(profile).inverse
        assert not inverse.light and inverse.weight_albedo_prior == 0
    assert load_config("paper").light.weight_albedo_prior == 0
    images, masks = world.dataset.batch(torch.tensor([0, 1]), torch.tensor([2, 3]))
    without, with_light = network(), network(light=True)
    names = {name for name in with_light.state_dict() if name not in without.state_dict()}
    assert names == {"light_head.linear.weight", "light_head.linear.bias"}
    assert all(torch.equal(v, with_light.state_dict()[k]) for k, v in without.state_dict().items())
    mesh, light = without.predict(images, masks)
    assert light is None
    lit_mesh, light = with_light.predict(images, masks)
    assert torch.equal(mesh.vertices, lit_mesh.vertices) and torch.equal(mesh.texture, lit_mesh.texture)
    assert torch.equal(light, white_light(images).expand(2, -1))
    camera = Camera.orbit(torch.tensor([20.0, 70.0]), 10.0)
    plain, lit = render(mesh, camera, 64).rgb, render(mesh, camera, 64, light=light).rgb
    assert torch.allclose(plain, lit, atol=1e-5), "a white room leaves colours as they are"


def random_lamps(count, seed):
    """Lights from anywhere in the upper half, over a weak white room."""
    direction = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))
    direction = torch.nn.functional.normalize(direction * torch.tensor([1.0, 0.5, 1.0]) + 1e-3, dim=1)
    direction[:, 1] = direction[:, 1].abs()
    return direction, 0.4 * white_light(direction) + lamp(direction, 0.6)


def test_lights_that_can_be_found_are_found(world):
    """Known objects in unknown light, each seen from three sides: the head learns where the light comes from."""
    model, count, views = network(light=True).eval(), 5, 3
    direction, light = random_lamps(count, 1)
    lumps = join_meshes([world.true_mesh(k, 1) for k in range(count)])
    camera = Camera.orbit(torch.tensor([20.0, 140.0, 260.0]).repeat_interleave(count), 25.0, 2.2)
    pictures = render(lumps, camera[:count], 64, light=light)
    lumps = join_meshes([lumps] * views)
    shown = render(lumps, camera, 32, light=light.repeat(views, 1)).rgb
    with torch.no_grad():
        code = model.encoder(pictures.rgb, pictures.mask)
    optimizer = torch.optim.Adam(model.light_head.parameters(), lr=5e-3)
    for _ in range(80):
        found = render(lumps, camera, 32, light=model.light_head(code).repeat(views, 1)).rgb
        optimizer.zero_grad()
        (found - shown).square().mean().backward()
        optimizer.step()
    with torch.no_grad():
        predicted = model.predict(pictures.rgb, pictures.mask)[1]
    error = angle_between(dominant_direction(predicted), direction)
    above = angle_between(torch.tensor([0.0, 1.0, 0.0]).expand_as(direction), direction)
    assert error.max() < 8 and above.mean() > 40
    assert (predicted - light).norm(dim=1).mean() < 0.1 * light.norm(dim=1).mean()


def test_the_light_belongs_to_the_object_and_is_that_of_all_its_views(world, tmp_path):
    config = replace(SHORT, weight_perceptual=0.0)
    trainer = Trainer(world.dataset, config, tmp_path, None, 0, "cpu", False)
    mesh, camera = world.true_mesh(0, 2), Camera.orbit(world.azimuth[[1, 3, 4, 0]], 12.0, 2.3)
    direction, light = random_lamps(2, 3)
    shown = render(repeat_mesh(mesh, 2), camera, 64, light=light.repeat(2, 1))
    right = trainer.terms(mesh, camera, shown.rgb, shown.mask, light)
    wrong = trainer.terms(mesh, camera, shown.rgb, shown.mask, light.flip(0))
    assert right["color"] < 1e-6 and wrong["color"] > 0.005
    assert trainer.terms(mesh, camera, shown.rgb, shown.mask)["color"] > 0.005, "without a light"


def test_a_training_with_light_leaves_a_model_with_light(world, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "LOG_EVERY", 1)
    config = replace(SHORT, weight_perceptual=0.0, weight_albedo_prior=2.0)
    cameras = LearnableCameras.of(Camera.orbit(world.azimuth, 12.0, 2.3))
    model = train_inverse_graphics(world.dataset, config, tmp_path, cameras=cameras)
    assert '"albedo_prior"' in (tmp_path / "metrics.jsonl").read_text()
    loaded = InverseGraphicsModel.load(tmp_path / "model.safetensors")
    images, masks = world.dataset.batch(torch.tensor([0]), torch.tensor([1]))
    light = loaded.network.predict(images, masks)[1]
    assert torch.equal(light, model.network.predict(images, masks)[1])
    assert not torch.equal(light, white_light(light)), "it has moved"
    without = new_model(world.dataset, replace(config, light=False), 0)
    assert without.network.light_head is None


def test_flat_paint_costs_nothing_and_light_in_the_texture_does():
    flat = torch.full((1, 3, 16, 32), 0.4)
    assert albedo_prior(flat) == 0
    shaded = flat * torch.linspace(0.5, 1.5, 16)[:, None]
    assert albedo_prior(shaded) == pytest.approx(0.4 / 15, rel=1e-4)
    assert albedo_prior(shaded.roll(5, -1)) == pytest.approx(float(albedo_prior(shaded)))


def test_the_trials_differ_in_the_light_alone():
    variants = light_settings(load_config("mini"))
    assert list(variants) == ["none", "light", "prior"]
    assert [t.light for t in variants.values()] == [False, True, True]
    plain = {replace(t, light=False, weight_albedo_prior=0.0) for t in variants.values()}
    assert len(plain) == 1 and plain.pop().head_steps == 0
    assert variants["prior"].weight_albedo_prior > 0 == variants["light"].weight_albedo_prior
    assert list(light_settings(load_config("paper"))) == ["none", "light"]
