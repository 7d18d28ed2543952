"""A real step of inverse graphics at the sizes of the mini profile, and the share of rendering in it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganverse_nb.config import load_config
from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.gan.checkpoint import load_discriminator
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.inverse_graphics.network import repeat_mesh
from ganverse_nb.inverse_graphics.perceptual import perceptual_features
from ganverse_nb.inverse_graphics.training import Trainer
from ganverse_nb.render.renderer import render
from ganverse_nb.runtime.precision import has_bfloat16
from ganverse_nb.runtime.threads import one_thread
from ganverse_nb.studio.cars import sample_cars
from ganverse_nb.studio.photos import photograph_orbit
from ganverse_nb.studio.scene import sample_scenes

VIEWS, CONTENTS = 6, 6


@cache
def _dataset() -> MultiViewDataset:
    """Studio cars from six sides: the pictures' content does not matter for the time, how much they cover does."""
    camera = Camera.orbit(torch.arange(VIEWS) * (360.0 / VIEWS), 12.0, 2.1)
    images, masks = [], []
    for seed in range(CONTENTS):
        random = torch.Generator().manual_seed(seed)
        photos = photograph_orbit(sample_cars(1, random), sample_scenes(1, random), camera)
        images.append(photos.images)
        masks.append(photos.masks)
    keep = torch.ones(CONTENTS, VIEWS, dtype=torch.bool)
    return MultiViewDataset(torch.stack(images), torch.stack(masks), keep, torch.arange(VIEWS) * 2, test_contents=1)


def training_step(perceptual: bool) -> tuple[Callable[[], object], Callable[[], Tensor]]:
    """(a whole step of `Trainer`, the rendering of such a step: 16 pictures with silhouette, forward and backward)."""
    config = load_config("mini").inverse
    features = perceptual_features(load_discriminator("car"), "discriminator") if perceptual else None
    trainer = Trainer(_dataset(), config, Path(tempfile.gettempdir()), features, 0, "cpu", True)
    trainer.step = config.perceptual_after if perceptual else 0
    objects = torch.arange(config.pairs)
    images, masks = trainer.dataset.batch(objects % (CONTENTS - 1), objects % VIEWS)
    with torch.no_grad():
        mesh = repeat_mesh(trainer.model.network(images, masks), 2)
        camera = trainer.model.cameras(torch.arange(2 * config.pairs) % VIEWS)
    leaf = lambda t: t.detach().float().requires_grad_()  # noqa: E731
    mesh = Mesh(leaf(mesh.vertices), mesh.faces, mesh.face_uvs, leaf(mesh.texture))
    camera = Camera(**{name: leaf(value) for name, value in camera.__dict__.items()})

    leaves = [mesh.vertices, mesh.texture, *(t for t in camera.__dict__.values())]

    def rendering() -> Tensor:
        for t in leaves:
            t.grad = None
        output = render(mesh, camera, trainer.dataset.resolution, sigma=trainer.sigma())
        loss = output.rgb.sum() + output.silhouette.square().sum()
        loss.backward()
        return loss.detach()

    def alone(work: Callable[[], Any]) -> Callable[[], Any]:
        """As the training does it, see `one_thread`."""

        def run() -> Any:
            with one_thread(has_bfloat16()):
                return work()

        return run

    return alone(trainer.network_step), alone(rendering)
