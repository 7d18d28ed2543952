"""Pictures of a thing that neither the studio nor the package has: jugs with an alpha channel, built here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.render.renderer import render


def jug(rng: np.random.Generator) -> Mesh:
    """A sphere pressed into a cylinder, with a spout at the front and a band painted round its front half."""
    sphere = uv_sphere()
    ball = sphere.vertices[0] / sphere.vertices[0].norm(dim=1, keepdim=True)
    around = ball[:, [0, 2]].norm(dim=1, keepdim=True)
    cylinder = ball / torch.maximum(around, ball[:, 1:2].abs()).clamp_min(1e-6)
    radius, height = rng.uniform(0.22, 0.3), rng.uniform(0.2, 0.32)
    points = cylinder * torch.tensor([radius, height, radius], dtype=torch.float32)
    front = torch.atan2(ball[:, 0], ball[:, 2])
    points[:, 2] += 0.28 * (-((front / 0.35) ** 2) - (ball[:, 1] / 0.5) ** 2).exp() * (around[:, 0] > 0.3)
    colors = torch.from_numpy(rng.uniform(0.1, 0.9, (2, 3))).float()
    texture = colors[0][None, :, None, None].repeat(1, 1, 16, 32)
    texture[:, :, 4:11, 8:24] = colors[1][:, None, None]
    return replace(sphere, vertices=points[None], texture=texture)


def photograph_jugs(folder: Path, count: int, side: int = 32, seed: int = 0) -> Path:
    """Writes `count` pictures of different jugs from all sides as PNG with alpha; returns the folder."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    light = torch.tensor([[1.3, 0.1, 0.3, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0]])
    for number in range(count):
        camera = Camera.orbit(float(rng.uniform(0, 360)), float(rng.uniform(2, 25)), 2.1)
        output = render(jug(rng), camera, side, light=light)
        color = (output.rgb[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
        alpha = (output.silhouette[0] > 0.5).byte().permute(1, 2, 0).numpy() * 255
        Image.fromarray(np.concatenate([color, alpha], 2), "RGBA").save(folder / f"jug_{number:03d}.png")
    return folder
