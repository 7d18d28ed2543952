"""A world of coloured, symmetric lumps seen from known cameras: what the stage must be able to learn."""

import math
from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.inverse_graphics.network import repeat_mesh
from ganverse_nb.render.renderer import render

TRUE_AZIMUTH = torch.tensor([11.0, 49.0, 101.0, 168.0, 222.0, 308.0])  # bins 0, 2, 3, 6, 7, 10


def lump(width: float = 0.2, paint: tuple[float, float, float] = (0.8, 0.2, 0.2)) -> Mesh:
    """A symmetric body, higher behind than in front, dark in front and bright behind."""
    sphere = uv_sphere()
    x, y, z = sphere.vertices[0].unbind(-1)
    vertices = torch.stack([x * width, y * (0.16 + 0.06 * (z < 0)), z * 0.5], -1)[None]
    u, v = torch.meshgrid((torch.arange(64) + 0.5) / 64, (torch.arange(32) + 0.5) / 32, indexing="xy")
    around = 2 * math.pi * (u - 0.5)
    shade = 0.25 * around.cos() + 0.15 * (3 * around).cos() + 0.1 * (6 * v).sin()
    texture = (torch.tensor(paint)[:, None, None] - shade).clamp(0, 1)
    return Mesh(vertices, sphere.faces, sphere.face_uvs, texture[None])


def true_lump(content: int) -> Mesh:
    return lump(0.17 + 0.02 * content, tuple(0.5 + 0.25 * math.sin(2.0 * content + c) for c in range(3)))


def lump_dataset() -> MultiViewDataset:
    """5 lumps (1 held out) in 6 views; each view code's label is off by up to 12 degrees."""
    images, masks = [], []
    camera = Camera.orbit(TRUE_AZIMUTH, 12.0, 2.3)
    for k in range(5):
        output = render(repeat_mesh(true_lump(k), 6), camera, 64, background=torch.rand(3))
        images.append((output.rgb * 255).round().byte())
        masks.append(output.mask.byte())
    bins = (TRUE_AZIMUTH / 30).round().long() % 12
    return MultiViewDataset(
        torch.stack(images), torch.stack(masks), torch.ones(5, 6, dtype=torch.bool), bins, test_contents=1
    )


@pytest.fixture(scope="session")
def world() -> SimpleNamespace:
    """`lump(width, paint)` makes a Mesh, `dataset` shows five of them (`true_mesh`) from cameras at `azimuth`."""
    true_mesh = lambda content, times: repeat_mesh(true_lump(content), times)  # noqa: E731
    return SimpleNamespace(lump=lump, true_mesh=true_mesh, azimuth=TRUE_AZIMUTH, dataset=lump_dataset())
