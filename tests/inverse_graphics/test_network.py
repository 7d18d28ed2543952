import pytest
import torch

from ganverse_nb.config import load_config
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics.network import (
    InverseGraphicsNetwork,
    WrappedConv,
    mean_color,
    repeat_mesh,
)
from ganverse_nb.render.renderer import render


def network(**settings):
    torch.manual_seed(0)
    return InverseGraphicsNetwork(**settings).eval()


def pictures(count=2, size=64):
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(count, 3, size, size, generator=generator)
    masks = torch.zeros(count, 1, size, size)
    masks[..., size // 4 : -size // 4, size // 8 : -size // 8] = 1
    return images, masks


def shaken(model):
    """The model with a shape that is far from its start."""
    with torch.no_grad():
        model.shape_head[-1].bias.normal_(std=0.1)
        model.texture_decoder.to_rgb.conv.weight.normal_(std=0.3)
    return model


def test_it_starts_at_the_ellipsoid_painted_with_the_mean_color_of_the_object():
    model, (images, masks) = network(), pictures()
    images[:, 0] = 0.9
    mesh = model(images, masks)
    assert mesh.vertices.shape == (2, 642, 3) and mesh.texture.shape == (2, 3, 64, 128)
    assert model.offsets(mesh.vertices).abs().max() < 0.02
    assert (mesh.texture.mean((2, 3)) - mean_color(images, masks)).abs().max() < 0.05
    assert mesh.texture.min() >= 0 and mesh.texture.max() <= 1


def test_a_finer_sphere_begins_as_the_same_ellipsoid():
    fine, (images, masks) = network(detail=2), pictures()
    mesh, coarse = fine(images, masks), network()(images, masks)
    assert mesh.vertices.shape == (2, 2562, 3) and mesh.texture.shape == coarse.texture.shape
    assert InverseGraphicsNetwork(**fine.settings).template.shape == (2562, 3)
    camera = Camera.orbit(torch.tensor([30.0, 100.0]), 10.0)
    assert hard_iou(render(mesh, camera, 64).mask, render(coarse, camera, 64).mask).min() > 0.97
    mirror = fine.mirror
    assert torch.allclose(mesh.vertices[:, mirror] * torch.tensor([-1.0, 1.0, 1.0]), mesh.vertices, atol=1e-5)


def test_the_background_is_not_seen():
    model, (images, masks) = shaken(network()), pictures()
    other = torch.where(masks > 0, images, torch.rand(3)[:, None, None])
    a, b = model(images, masks), model(other, masks)
    assert torch.allclose(a.vertices, b.vertices, atol=1e-6) and torch.allclose(a.texture, b.texture, atol=1e-6)


def test_the_object_is_seen():
    model, (images, masks) = shaken(network()), pictures()
    a, b = model(images, masks), model(1 - images, masks)
    assert not torch.allclose(a.vertices, b.vertices, atol=1e-5)
    assert (a.texture - b.texture).abs().mean() > 1e-3


def test_symmetric_predictions_look_mirrored_from_the_mirrored_side():
    model = shaken(network())
    mesh = model(*pictures(1))
    mirrored = mesh.vertices[:, model.mirror] * torch.tensor([-1.0, 1.0, 1.0])
    assert torch.allclose(mesh.vertices, mirrored, atol=1e-5)
    assert torch.equal(mesh.texture, mesh.texture.flip(-1))
    left = render(mesh, Camera.orbit(torch.tensor([35.0]), 10.0), 64)
    right = render(mesh, Camera.orbit(torch.tensor([-35.0]), 10.0), 64)
    assert hard_iou(left.mask, right.mask.flip(-1)) > 0.95  # the faces' diagonals are not mirrored
    inside = (left.mask * right.mask.flip(-1)).expand_as(left.rgb) > 0
    assert (left.rgb - right.rgb.flip(-1)).abs()[inside].mean() < 0.02


def test_symmetry_can_be_turned_off():
    model = shaken(network(symmetric_shape=False, symmetric_texture=False))
    mesh = model(*pictures(1))
    mirrored = mesh.vertices[:, model.mirror] * torch.tensor([-1.0, 1.0, 1.0])
    assert (mesh.vertices - mirrored).abs().max() > 0.01
    assert (mesh.texture - mesh.texture.flip(-1)).abs().max() > 0.01


def test_convolutions_run_on_around_the_object():
    torch.manual_seed(0)
    conv, x = WrappedConv(2, 3, wrap=True), torch.randn(1, 2, 6, 8)
    assert torch.allclose(conv(x.roll(3, -1)), conv(x).roll(3, -1), atol=1e-6)


def test_other_resolutions_and_texture_sizes():
    model = network(resolution=128, texture_size=(32, 64))
    mesh = model(*pictures(1, 128))
    assert mesh.texture.shape == (1, 3, 32, 64) and model.resolution == 128
    with pytest.raises(ValueError, match="128 x 128"):
        model(*pictures(1, 64))
    with pytest.raises(ValueError, match="power of two"):
        network(resolution=96)
    with pytest.raises(ValueError, match="divisible"):
        network(texture_size=(60, 120))


def test_gradients_reach_every_parameter_and_the_picture():
    model, (images, masks) = shaken(network()), pictures()
    images.requires_grad_()
    mesh = model(images, masks)
    (mesh.vertices.square().sum() + mesh.texture.square().sum()).backward()
    assert images.grad.abs().sum() > 0
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_repeated_meshes_are_the_batch_again_and_again():
    mesh = network()(*pictures(2))
    twice = repeat_mesh(mesh, 2)
    assert torch.equal(twice.vertices[2:], mesh.vertices) and torch.equal(twice.texture[:2], mesh.texture)


def test_the_papers_network_deforms_a_sphere_and_smooths_nothing():
    """Profile `paper`: what we add to its shape head is off."""
    config = load_config("paper").inverse
    network = InverseGraphicsNetwork(
        texture_size=(32, 64),
        template=config.template,
        smoothing=config.smoothing,
        symmetric_shape=config.symmetric_shape,
        symmetric_texture=config.symmetric_texture,
    )
    assert torch.allclose(network.template.norm(dim=1), torch.full((642,), 0.5), atol=1e-6)
    images, masks = torch.rand(2, 3, 64, 64), torch.ones(2, 1, 64, 64)
    raw = network.shape_head(network.encoder(images, masks)).view(2, -1, 3)
    assert torch.allclose(network(images, masks).vertices, network.template + raw, atol=1e-6)
