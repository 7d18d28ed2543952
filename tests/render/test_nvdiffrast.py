"""nvdiffrast: its messages, and its layout against a stand-in that follows nvdiffrast's documentation.

Its numbers need CUDA and stand in `test_gpu.py`.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, corners, join_meshes, uv_sphere
from ganverse_nb.render import nvdiffrast
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.render.renderer import render
from ganverse_nb.render.texture import sample_texture

FACES = 2 * 6 * 8  # of the sphere with 6 rings and 8 segments


def stand_in() -> SimpleNamespace:
    """`rasterize`, `interpolate`, `texture` and `antialias` as documented.

    Row 0 at the bottom, (u, v, z/w, id + 1), int32 triangles, ranges of (first, count) faces per image. `texture` reads
    the finest level, `antialias` only checks what it is given.
    """

    def draw(context, position, triangles, size, ranges, grad_db):
        assert triangles.dtype == torch.int32 and position.is_contiguous()
        assert position.ndim == (3 if ranges is None else 2)
        spans = [(0, len(triangles))] * len(position) if ranges is None else ranges.tolist()
        assert ranges is None or (ranges.dtype == torch.int32 and ranges.device.type == "cpu")
        rows = []
        for b, (first, count) in enumerate(spans):
            clip = position[b : b + 1] if ranges is None else position[None]
            seen = rasterize(clip, triangles.long()[first : first + count], size, backend="warp")
            index = torch.where(seen.face_index >= 0, seen.face_index + first + 1, 0)
            own = corners(clip, triangles.long())[0, (index - 1).clamp(min=0)]
            point = (own * seen.barycentric[..., None]).sum(-2)
            z = point[..., 2] / point[..., 3].where(index > 0, 1.0)
            rows.append(torch.cat([seen.barycentric[..., :2], z[..., None], index[..., None]], -1))
        packed = torch.cat(rows).flip(1)
        return packed, torch.ones_like(packed) if grad_db else None

    def interpolate(attributes, packed, triangles, rast_db=None, diff_attrs=None):
        u, v, index = packed[..., :1], packed[..., 1:2], packed[..., 3].long() - 1
        shared = attributes.ndim == 2
        own = torch.stack([(attributes if shared else attributes[b])[triangles.long()[i]] for b, i in enumerate(index)])
        mixed = u * own[..., 0, :] + v * own[..., 1, :] + (1 - u - v) * own[..., 2, :]
        assert (rast_db is None) == (diff_attrs is None)
        slopes = None if rast_db is None else mixed.repeat_interleave(2, -1)
        return mixed * (index >= 0)[..., None], slopes

    def texture(pixels, uv, uv_da, filter_mode, boundary_mode, max_mip_level):
        assert (filter_mode, boundary_mode) == ("linear-mipmap-linear", "wrap") and pixels.is_contiguous()
        assert uv_da.shape == (*uv.shape[:3], 4) and all(side % 2**max_mip_level == 0 for side in pixels.shape[1:3])
        image = pixels.permute(0, 3, 1, 2).flip(2)  # its row 0 is at v = 0
        return sample_texture(image, uv.contiguous()).permute(0, 2, 3, 1)

    def antialias(color, packed, position, triangles):
        assert color.is_contiguous() and packed.is_contiguous() and color.shape[:3] == packed.shape[:3]
        again, _ = draw(None, position.detach(), triangles, tuple(color.shape[1:3]), spans_of(packed, position), False)
        same = again[..., 3] == packed[..., 3]
        assert same.float().mean() > 0.99
        torch.testing.assert_close(packed[same], again[same], atol=1e-3, rtol=0)
        return color * 1.5

    def spans_of(packed, position):
        if position.ndim == 3:
            return None
        count = triangle_count // len(packed)
        return torch.tensor([[b * count, count] for b in range(len(packed))], dtype=torch.int32)

    triangle_count = 2 * FACES
    functions = {"rasterize": draw, "interpolate": interpolate, "texture": texture, "antialias": antialias}
    return SimpleNamespace(**functions, RasterizeCudaContext=lambda device: None)


@pytest.fixture
def in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvdiffrast, "_library", stand_in)
    monkeypatch.setattr(nvdiffrast, "_check_device", lambda clip: None)


def test_convention_its_fragments_are_ours(in_use: None) -> None:
    """Same rows, faces, weights, depth and gradients as Warp's."""
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


def test_different_meshes_go_through_ranges(in_use: None) -> None:
    two = join_meshes(
        [
            replace(uv_sphere(6, 8), texture=torch.rand(1, 3, 8, 8)),
            replace(uv_sphere(3, 4), texture=torch.rand(1, 3, 8, 8)),
        ]
    )
    clip = Camera.orbit(torch.tensor([20.0, 100.0]), 25.0, 5.0).to_clip(two.vertices)
    ours, other = rasterize(clip, two.faces, 20, "warp"), rasterize(clip, two.faces, 20, "nvdiffrast")
    same = ours.face_index == other.face_index
    assert same.float().mean() > 0.99 and (other.face_index[1] >= 0).sum() > 50
    torch.testing.assert_close(ours.barycentric[same], other.barycentric[same], atol=1e-4, rtol=0)
    torch.testing.assert_close(ours.depth[same], other.depth[same], atol=1e-4, rtol=0)


@pytest.mark.parametrize("joined", [False, True])
def test_mipmaps_and_antialiasing_are_options_of_render(in_use: None, joined: bool) -> None:
    """The stand-in reads the finest level: the same picture as ours, then brightened by its antialiasing."""
    texture = 0.5 * torch.rand(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    sphere = uv_sphere(6, 8)
    mesh = Mesh(sphere.vertices.repeat(2, 1, 1), sphere.faces, sphere.face_uvs, texture)
    mesh = join_meshes([mesh[0], mesh[1]]) if joined else mesh
    camera = Camera.orbit(torch.tensor([20.0, 100.0]), 25.0, 5.0)
    plain = render(mesh, camera, 24, backend="warp")
    smooth = render(mesh, camera, 24, backend="warp", mipmaps=True)
    inside = plain.face_index >= 0
    difference = (smooth.rgb - plain.rgb).abs().amax(1)
    assert (difference[inside] < 1e-4).float().mean() > 0.98 and (difference[~inside] == 0).all()
    edged = render(mesh, camera, 24, backend="warp", antialias=True)
    torch.testing.assert_close(edged.rgb, 1.5 * plain.rgb)


def test_mipmaps_and_antialiasing_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvdiffrast, "available", lambda: False)
    sphere = replace(uv_sphere(3, 4), texture=torch.rand(1, 3, 4, 4))
    for option in ("mipmaps", "antialias"):
        with pytest.raises(ImportError, match="nvdiffrast is not installed: it needs a CUDA device and `pip install"):
            render(sphere, Camera.orbit(0.0, distance=5.0), 8, **{option: True})


def test_textures_are_halved_while_they_can_be() -> None:
    assert [nvdiffrast._halvings(*s) for s in ((8, 12), (1, 1), (1, 4), (7, 8), (64, 64))] == [2, 0, 2, 0, 6]


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
