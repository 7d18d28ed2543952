"""Gradients of faces that are thin, tiny, broken, behind the camera or off the picture: right, or exactly zero."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.geometry.views import turntable
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.render.silhouette import KAOLIN, soft_silhouette

GOOD = torch.tensor([[-0.43, -0.41, 0, 1], [0.4, -0.37, 0, 1], [0.05, 0.42, 0, 1]], dtype=torch.float64)
FACE = torch.tensor([[0, 1, 2]])


def scaled(x: float, y: float, shift: float = 0.0) -> torch.Tensor:
    return (GOOD * torch.tensor([x, y, 1, 1]) + torch.tensor([shift, 0.013, 0, 0]))[None]


SEEN = {
    "thin": scaled(1e-3, 1),
    "flat": scaled(1, 1e-3),
    "tiny": scaled(1e-3, 1e-3),
    "half off the picture": scaled(1, 1, 0.97),
    "off the picture, within reach": scaled(0.2, 0.2, 1.15),
    "close to the camera": scaled(1, 1) * torch.tensor([1.0, 1, 1, 0.2]),
    "slanted": scaled(1, 1) * torch.tensor([[1.0, 1, 1, 1], [3, 3, 3, 3], [0.5, 0.5, 0.5, 0.5]]),
}
UNSEEN = {
    "behind": scaled(1, 1) * torch.tensor([1.0, 1, 1, -1]),
    "half behind": scaled(1, 1) * torch.tensor([[1.0, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, -1]]),
    "in the camera's plane": scaled(1, 1) * torch.tensor([1.0, 1, 1, 0]),
    "a line": GOOD[[0, 1, 0]][None],
    "a point": GOOD[[0, 0, 0]][None],
    "far off the picture": scaled(1, 1, 7.0),
}


@pytest.mark.parametrize("truncation", [None, KAOLIN], ids=["exact", "kaolin"])
@pytest.mark.parametrize("name", SEEN)
def test_silhouette_gradients_are_finite_differences(name: str, truncation) -> None:
    clip = SEEN[name].double()
    empty = torch.full((1, 11, 13), -1)
    weights = torch.randn(1, 1, 11, 13, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def loss(vertices: torch.Tensor) -> torch.Tensor:
        return (soft_silhouette(vertices, FACE, empty, 0.03, 1e-12, truncation) * weights).sum()

    leaf = clip.clone().requires_grad_()
    loss(leaf).backward()
    if truncation is None or name != "off the picture, within reach":
        assert leaf.grad.abs().max() > 1e-3
    assert torch.autograd.gradcheck(loss, (clip.clone().requires_grad_(),), eps=1e-7, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("truncation", [None, KAOLIN], ids=["exact", "kaolin"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", UNSEEN)
def test_the_silhouette_of_nothing_is_exactly_zero(name: str, dtype: torch.dtype, truncation) -> None:
    clip = UNSEEN[name].to(dtype).requires_grad_()
    out = soft_silhouette(clip, FACE, torch.full((1, 11, 13), -1), 0.03, truncation=truncation)
    out.sum().backward()
    assert (out == 0).all() and (clip.grad == 0).all()


@pytest.mark.parametrize("name", ["half off the picture", "close to the camera", "slanted", "half behind"])
def test_surface_gradients_are_finite_differences(name: str) -> None:
    """Of barycentrics and depth; a face that reaches behind the camera is seen where it is in front."""
    clip = (SEEN | UNSEEN)[name].double()
    weights = torch.randn(1, 11, 13, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def loss(vertices: torch.Tensor) -> torch.Tensor:
        fragments = rasterize(vertices, FACE, (11, 13))
        return (torch.cat([fragments.barycentric, fragments.depth[..., None]], -1) * weights).sum()

    assert (rasterize(clip, FACE, (11, 13)).face_index == 0).sum() >= 5
    assert torch.autograd.gradcheck(loss, (clip.requires_grad_(),), eps=1e-7, rtol=1e-4, atol=1e-6)


def test_the_way_back_is_the_same_every_time() -> None:
    """Forward and backward bit for bit, exact and truncated, on any number of threads."""
    sphere, threads = uv_sphere(8, 12), torch.get_num_threads()
    for truncation in (None, KAOLIN):
        results = []
        for count in (threads, threads, 2, 3):
            torch.set_num_threads(count)
            clip = turntable(5).to_clip(sphere.vertices * 0.45).detach().requires_grad_()
            fragments = rasterize(clip, sphere.faces, 100)  # pixels enough for several threads
            soft = soft_silhouette(clip, sphere.faces, fragments.face_index, truncation=truncation)
            (soft.square().sum() + fragments.barycentric.square().sum()).backward()
            results.append((soft.detach(), fragments.barycentric.detach(), clip.grad))
        torch.set_num_threads(threads)
        for other in results[1:]:
            assert all(torch.equal(a, b) for a, b in zip(results[0], other))
