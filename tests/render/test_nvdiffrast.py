"""The nvdiffrast backend: its messages, and its layout against a stand-in that follows nvdiffrast's documentation."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.render import nvdiffrast
from ganverse_nb.render.rasterize import rasterize


def stand_in() -> SimpleNamespace:
    """`rasterize` and `interpolate` as documented: row 0 at the bottom, (u, v, z/w, id + 1), int32 triangles."""

    def draw(context, position, triangles, size, grad_db):
        assert triangles.dtype == torch.int32 and position.is_contiguous() and not grad_db
        seen = rasterize(position, triangles.long(), size, backend="warp")
        uv = seen.barycentric[..., :2]
        packed = torch.cat([uv, torch.zeros_like(uv[..., :1]), (seen.face_index + 1)[..., None]], -1)
        return packed.flip(1), None

    def interpolate(attributes, packed, triangles):
        u, v, index = packed[..., :1], packed[..., 1:2], packed[..., 3].long() - 1
        corners = torch.stack([attributes[b][triangles.long()[index[b]]] for b in range(len(index))])
        mixed = u * corners[..., 0, :] + v * corners[..., 1, :] + (1 - u - v) * corners[..., 2, :]
        return mixed * (index >= 0)[..., None], None

    return SimpleNamespace(rasterize=draw, interpolate=interpolate, RasterizeCudaContext=lambda device: None)


def test_convention_its_fragments_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Same rows, faces, weights, depth and gradients as Warp's."""
    monkeypatch.setattr(nvdiffrast, "_library", stand_in)
    monkeypatch.setattr(nvdiffrast, "_check_device", lambda clip: None)
    sphere, results = uv_sphere(), []
    for backend in ("warp", "nvdiffrast"):
        clip = Camera.orbit(torch.tensor([20.0, 100.0]), 25.0).to_clip(sphere.vertices * 0.4 + 0.1).requires_grad_()
        fragments = rasterize(clip, sphere.faces, (20, 32), backend)
        (fragments.barycentric.square().sum() + fragments.depth.square().sum()).backward()
        results.append((fragments, clip.grad))
    (warp, warp_grad), (other, other_grad) = results
    assert (warp.face_index >= 0).any()
    same = warp.face_index == other.face_index  # mirrored rows round differently on an edge
    assert same.float().mean() > 0.995
    torch.testing.assert_close(other.barycentric[same], warp.barycentric[same], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(other.depth[same], warp.depth[same], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(other_grad, warp_grad, atol=2e-2 * warp_grad.abs().max().item(), rtol=0)


def test_convention_rows_are_turned_once() -> None:
    """A rasterizer whose row 0 is the bottom, given the turned clip space, draws our row 0."""
    sphere = uv_sphere(5, 7)
    clip, faces = Camera.orbit(20.0, 25.0).to_clip(sphere.vertices * 0.4 + 0.1).double(), sphere.faces
    turned = rasterize(nvdiffrast.top_row_first(clip), faces, 12).face_index.flip(1)
    assert torch.equal(turned, rasterize(clip, faces, 12).face_index)


def test_asking_for_it_by_name_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvdiffrast, "available", lambda: False)
    with pytest.raises(ImportError, match="nvdiffrast is not installed: it needs a CUDA device and `pip install"):
        rasterize(torch.ones(1, 3, 4), torch.tensor([[0, 1, 2]]), 4, backend="nvdiffrast")


def test_it_is_never_imported_unless_it_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("imported for tensors on the CPU")

    monkeypatch.setattr(nvdiffrast, "_library", refuse)
    monkeypatch.setattr(nvdiffrast, "available", refuse)
    assert rasterize(torch.ones(1, 3, 4), torch.tensor([[0, 1, 2]]), 4).face_index.shape == (1, 4, 4)


def test_it_says_that_it_needs_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvdiffrast, "_library", stand_in)
    with pytest.raises(ValueError, match="nvdiffrast needs float32 on a CUDA device, got torch.float32 on cpu"):
        rasterize(torch.ones(1, 3, 4), torch.tensor([[0, 1, 2]]), 4, backend="nvdiffrast")
