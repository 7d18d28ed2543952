"""Photographs of mugs on tables: the folder that a user brings, and, kept apart from it, some whose truth is known.

    python -m benchmarks.own_category.photograph mugs --count 2000

writes `mugs/mug_00000.png` ... with their outlines in `mugs/masks/`, and nothing else: no camera, no mesh, no label.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from benchmarks.own_category.mugs import make_mug
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.render.renderer import render

SIDE, FINE = 64, 4  # pixels of a photograph, and how many rays each has per side
FOV = 30.0


@dataclass(frozen=True)
class Photograph:
    """One photograph and its truth: rgb [3, R, R] and mask [1, R, R] in [0, 1], the mesh and the camera."""

    rgb: Tensor
    mask: Tensor
    mesh: Mesh
    camera: Camera


def photograph(rng: np.random.Generator, side: int = SIDE, mesh: Mesh | None = None) -> Photograph:
    """A mug (or the given mesh) from any side, 5 to 35 degrees above the horizon, in the light of one lamp."""
    mesh = mesh or make_mug(rng)
    target = torch.tensor([[*rng.uniform(-0.03, 0.03, 3)]], dtype=torch.float32)
    camera = Camera.orbit(rng.uniform(0, 360), rng.uniform(5, 35), rng.uniform(1.95, 2.35), FOV, target)
    fine = side * FINE
    seen = render(mesh, camera, fine)
    sun, color = _light(rng)
    place, on_table = _table_seen(camera, mesh, fine)
    ground = _ground(rng, camera, place, on_table)
    lit_share = 1 - _shadow(mesh, sun, place) * on_table
    backward = camera.axes()[0, 2]
    normals = seen.normals[0].permute(1, 2, 0)
    albedo = seen.rgb[0].permute(1, 2, 0)
    ambient = rng.uniform(0.35, 0.55)
    diffuse = ambient * (0.8 + 0.2 * normals[..., 1:2]) + (normals @ sun).clamp_min(0)[..., None] * color
    half = F.normalize(sun + backward, dim=0)
    gloss = rng.uniform(0, 0.5) * (normals @ half).clamp_min(0)[..., None] ** rng.uniform(15, 90)
    lit = albedo * diffuse + gloss
    mask = seen.mask[0].permute(1, 2, 0)
    picture = mask * lit + (1 - mask) * ground * (ambient + lit_share * color * sun[1].clamp_min(0.3) * 0.9)
    noise = torch.from_numpy(rng.standard_normal((3, side, side))).float() * rng.uniform(0, 0.012)
    small = F.avg_pool2d(picture.clamp(0, 1).permute(2, 0, 1)[None], FINE)[0] + noise
    return Photograph(small.clamp(0, 1), F.avg_pool2d(seen.mask, FINE)[0], mesh, camera)


def _light(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """The direction to the lamp [3], and its colour [3]."""
    around, above = rng.uniform(0, 2 * math.pi), math.radians(rng.uniform(25, 70))
    sun = [math.cos(above) * math.sin(around), math.sin(above), math.cos(above) * math.cos(around)]
    warm = rng.uniform(-0.08, 0.08)
    strength = rng.uniform(0.55, 0.8)
    return torch.tensor(sun, dtype=torch.float32), strength * torch.tensor([1 + warm, 1.0, 1 - warm])


def _table_seen(camera: Camera, mesh: Mesh, side: int) -> tuple[Tensor, Tensor]:
    """Where each pixel's ray meets the table that the mug stands on: x and z [R, R, 2], and if it does [R, R, 1]."""
    tangent = math.tan(math.radians(FOV / 2))
    grid = (torch.arange(side) + 0.5) / side * 2 - 1
    right, up, backward = camera.axes()[0]
    rays = grid[None, :, None] * tangent * right - grid[:, None, None] * tangent * up - backward
    far = (mesh.vertices[0, :, 1].min() - camera.position[0, 1]) / rays[..., 1:2].clamp_max(-1e-3)
    return camera.position[0, [0, 2]] + far * rays[..., [0, 2]], ((rays[..., 1:2] < -1e-3) & (far < 6)).float()


def _ground(rng: np.random.Generator, camera: Camera, place: Tensor, on_table: Tensor) -> Tensor:
    """What is behind the mug [R, R, 3]: a table, plain, of boards or woven, before a wall."""
    x, z = place.unbind(-1)
    turn = rng.uniform(0, 2 * math.pi)
    a, b = x * math.cos(turn) + z * math.sin(turn), z * math.cos(turn) - x * math.sin(turn)
    tone = torch.from_numpy(rng.uniform(0.3, 0.9) * (1 + rng.uniform(-0.18, 0.18, 3))).float()
    kind = rng.choice(["plain", "boards", "woven"], p=[0.55, 0.3, 0.15])
    pattern = torch.zeros_like(x)
    if kind == "boards":
        board = (a / rng.uniform(0.25, 0.5)).floor()
        pattern = 0.12 * torch.sin(board * 12.9898) + 0.05 * torch.sin(14 * a + 1.5 * torch.sin(3 * b + board))
    elif kind == "woven":
        step = rng.uniform(0.12, 0.25)
        pattern = 0.12 * torch.sin(math.pi * a / step) * torch.sin(math.pi * b / step)
    far = (place - camera.position[0, [0, 2]]).norm(dim=-1)  # where a pattern would be finer than the pixels
    table = tone * (1 + pattern * torch.exp(-((far / 5) ** 4)))[..., None]
    wall = torch.from_numpy(rng.uniform(0.3, 0.95) * (1 + rng.uniform(-0.1, 0.1, 3))).float()
    return on_table * table + (1 - on_table) * wall


def _shadow(mesh: Mesh, sun: Tensor, place: Tensor) -> Tensor:
    """[R, R, 1] the share of the lamp's light that the mug keeps from the table."""
    vertices = mesh.vertices[0]
    foot = vertices[vertices[:, 1] < vertices[:, 1].min() + 0.01]
    radius = float((foot - foot.mean(0)).norm(dim=1).max())
    away = -F.normalize(sun[[0, 2]], dim=0)
    x, z = (place - foot.mean(0)[[0, 2]]).unbind(-1)
    along, across = x * away[0] + z * away[1], z * away[0] - x * away[1]
    length = 0.6 / max(float(sun[1] / sun[[0, 2]].norm()), 0.5)
    beyond = (along.clamp_min(0) - length * 0.8).clamp_min(0) + (-along).clamp_min(0)
    return 0.75 * torch.exp(-((across.abs() / (1.1 * radius)) ** 4) - (beyond / radius) ** 2)[..., None]


def write_photographs(folder: Path, count: int, seed: int) -> None:
    """Writes `count` photographs of different mugs, and their outlines beside them; those that are there stay."""
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    for number in tqdm(range(count), desc="photographs"):
        path = folder / f"mug_{number:05d}.png"
        if path.exists():
            continue
        taken = photograph(np.random.default_rng([seed, number]))
        outline = (taken.mask[0] >= 0.5).byte().mul(255)
        Image.fromarray(outline.numpy()).save(folder / "masks" / path.name)
        Image.fromarray(taken.rgb.mul(255).round().byte().permute(1, 2, 0).numpy()).save(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write_photographs(arguments.folder, arguments.count, arguments.seed)
