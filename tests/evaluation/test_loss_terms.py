"""Eq 1 on one picture: the terms are the training's own, and their parts on mesh and picture add up to them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.config import InverseGraphicsConfig
from ganverse_nb.evaluation.loss_terms import explain_loss
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.losses import edge_bends, flatten_loss, laplacian_loss, movement_loss
from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.geometry.overlap import soft_iou
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.losses import color_loss
from ganverse_nb.inverse_graphics.perceptual import DiscriminatorFeatures, perceptual_loss
from ganverse_nb.inverse_graphics.training import new_model
from ganverse_nb.render.renderer import render


@pytest.fixture(scope="module")
def explained():
    """An untrained model on a picture of a coloured ball, with features of a random discriminator."""
    camera, ball = Camera.orbit(30.0, 8.0), uv_sphere()
    torch.manual_seed(0)
    shot = render(type(ball)(0.3 * ball.vertices, ball.faces, ball.face_uvs, torch.rand(1, 3, 8, 16)), camera, 64)
    dataset = SimpleNamespace(resolution=64, batch=lambda content, view: (shot.rgb, shot.mask))
    config = InverseGraphicsConfig()
    model = new_model(dataset, config, 0, LearnableCameras.of(camera, learned=True)).eval()
    with torch.no_grad():
        for parameter in model.network.shape_head.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape))
    features = DiscriminatorFeatures(Discriminator(64, (8, 8, 8, 8, 8)), bf16=False)
    return explain_loss(model, dataset, config, features, 0, 0), model, features


def test_every_term_is_the_trainings_and_has_its_weight(explained):
    loss, model, features = explained
    offsets, output = model.network.offsets(loss.mesh.vertices), loss.output
    inside = loss.mask * output.mask
    assert loss.values == pytest.approx(
        {
            "iou": 1 - float(soft_iou(output.silhouette, loss.mask)),
            "color": float(color_loss(output.rgb, loss.image, inside)),
            "laplacian": float(laplacian_loss(offsets, loss.mesh.faces)),
            "flatten": float(flatten_loss(loss.mesh.vertices, loss.mesh.faces)),
            "movement": float(movement_loss(offsets)),
            "perceptual": float(perceptual_loss(features, output.rgb, loss.image, inside)),
        }
    )
    assert loss.weights == {
        "iou": 3.0, "color": 20.0, "laplacian": 5.0, "flatten": 5.0, "movement": 2.5, "perceptual": 0.5
    }  # fmt: skip
    assert loss.total == pytest.approx(sum(loss.weights[name] * value for name, value in loss.values.items()))
    assert all(value > 0 for value in loss.values.values())


def test_the_parts_add_up(explained):
    loss, _, _ = explained
    assert float(loss.laplacian.mean()) == pytest.approx(loss.values["laplacian"])
    assert float(loss.movement.mean()) == pytest.approx(loss.values["movement"])
    assert float(loss.perceptual.mean()) == pytest.approx(loss.values["perceptual"], rel=1e-4)
    bends = edge_bends(loss.mesh.vertices, loss.mesh.faces)
    assert loss.flatten.shape == loss.movement.shape and 0 < loss.flatten.max() <= bends.max()
