"""kaolin's truncated product, as an option beside the exact one."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.render import reference
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.render.renderer import render
from ganverse_nb.render.silhouette import KAOLIN, SIGMA, Truncation, soft_silhouette


def ball(size: int = 40, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Clip vertices, faces and face index of two views of a sphere."""
    sphere = uv_sphere(8, 12)
    clip = Camera.orbit(torch.tensor([10.0, 200.0]), 20.0).to_clip(sphere.vertices * 0.4).to(dtype)
    return clip, sphere.faces, rasterize(clip, sphere.faces, size).face_index


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("truncation", [KAOLIN, Truncation(0.15, 4), Truncation(0.15, 1)])
def test_agrees_with_the_definition(truncation: Truncation, dtype: torch.dtype) -> None:
    clip, faces, face_index = ball()
    ours = soft_silhouette(clip.to(dtype), faces, face_index, 5e-3, truncation=truncation)
    truth = reference.soft_silhouette(clip, faces, face_index, 5e-3, truncation=truncation)
    exact = soft_silhouette(clip, faces, face_index, 5e-3)
    assert (exact - truth).abs().max() > 1e-2  # it does cut something off
    torch.testing.assert_close(ours.double(), truth, atol=1e-5 if dtype == torch.float32 else 1e-12, rtol=0)


def test_gradient_agrees_with_autograd_of_the_definition() -> None:
    clip, faces, face_index = ball()
    grads = []
    for function in (soft_silhouette, reference.soft_silhouette):
        leaf = clip.clone().requires_grad_()
        function(leaf, faces, face_index, 5e-3, truncation=Truncation(0.1, 5)).square().sum().backward()
        grads.append(leaf.grad)
    assert grads[1].abs().max() > 1
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-6, atol=1e-6)


def test_with_room_enough_it_is_the_exact_product() -> None:
    clip, faces, face_index = ball()
    wide = soft_silhouette(clip, faces, face_index, SIGMA, truncation=Truncation(0.2, 10_000))
    exact = soft_silhouette(clip, faces, face_index, SIGMA, cut=1e-30)
    torch.testing.assert_close(wide, exact, atol=1e-12, rtol=0)


def test_the_first_faces_count_not_the_nearest() -> None:
    """Two triangles left of a pixel: with one face per pixel the mask is that of whichever comes first."""
    near = torch.tensor([[-0.5, -0.5, 0, 1], [-0.01, -0.5, 0, 1], [-0.01, 0.5, 0, 1]], dtype=torch.float64)
    clip = torch.cat([near, near - torch.tensor([0.05, 0, 0, 0])])[None]
    face_index = torch.full((1, 1, 1), -1)  # one pixel, its centre in the middle
    values = [
        soft_silhouette(clip, torch.tensor(order), face_index, 1e-2, truncation=Truncation(0.2, 1)).item()
        for order in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]])
    ]
    assert values == pytest.approx([torch.exp(torch.tensor(-(d**2) / 1e-2)).item() for d in (0.01, 0.06)], rel=1e-6)


def test_box_is_closed_below_and_open_above() -> None:
    for shift, seen in ((0.25, False), (-0.25, True)):  # the grown box ends, or begins, at the pixel's centre
        corners = torch.tensor([[0.0, 0.1, 0, 1], [0, -0.1, 0, 1], [-0.5, 0, 0, 1]], dtype=torch.float64)
        corners[:, 0] = corners[:, 0] - 0.25 if shift > 0 else corners[:, 0] + 0.75
        out = soft_silhouette(
            corners[None], torch.tensor([[0, 1, 2]]), torch.full((1, 1, 1), -1), 1.0, truncation=Truncation(0.25, 9)
        )
        assert bool(out > 0) is seen


def test_broken_faces_count_as_nothing_and_take_nobodys_place() -> None:
    clip, faces, face_index = ball(24)
    behind = clip[:, :3] * torch.tensor([1.0, 1, 1, -1], dtype=clip.dtype)
    n = clip.shape[1]
    more = torch.cat([torch.tensor([[0, 0, 0], [3, 3, 4], [n, n + 1, n + 2]]), faces])
    limits = Truncation(0.1, 3)
    alone = soft_silhouette(clip, faces, face_index, 5e-3, truncation=limits)
    assert torch.equal(soft_silhouette(torch.cat([clip, behind], 1), more, face_index, 5e-3, truncation=limits), alone)


def test_render_takes_it() -> None:
    sphere = uv_sphere(6, 9)
    mesh, camera = Mesh(sphere.vertices * 0.4, sphere.faces), Camera.orbit(20.0)
    out = render(mesh, camera, 32, truncation=KAOLIN)
    wanted = soft_silhouette(out.vertices_clip, sphere.faces, out.face_index, truncation=KAOLIN)
    assert torch.equal(out.silhouette, wanted) and not torch.equal(out.silhouette, render(mesh, camera, 32).silhouette)


def test_bad_limits_are_named() -> None:
    for boxlen, knum in ((0.0, 30), (float("nan"), 30), (0.02, 0)):
        with pytest.raises(ValueError, match="boxlen and knum must be positive"):
            Truncation(boxlen, knum)
