from __future__ import annotations

import math

import pytest
import torch

from ganverse_nb.geometry.losses import flatten_loss
from ganverse_nb.geometry.mesh import Mesh, detail_of, detailed_sphere, face_normals, uv_sphere, vertex_normals


@pytest.mark.parametrize(("detail", "vertices", "faces"), [(1, 642, 1280), (2, 2562, 5120)])
def test_sphere_has_the_papers_size_or_more_and_is_closed(detail: int, vertices: int, faces: int) -> None:
    sphere = detailed_sphere(detail)
    assert sphere.vertices.shape == (1, vertices, 3) and sphere.faces.shape == (faces, 3)
    assert detail_of(vertices) == detail and (detail > 1 or torch.equal(sphere.vertices, uv_sphere().vertices))
    torch.testing.assert_close(sphere.vertices.norm(dim=-1), torch.ones(1, vertices))
    sides = torch.cat([sphere.faces[:, [0, 1]], sphere.faces[:, [1, 2]], sphere.faces[:, [2, 0]]])
    backwards = {(b, a) for a, b in sides.tolist()}
    assert len(backwards) == len(sides) and backwards == {(a, b) for a, b in sides.tolist()}


@pytest.mark.parametrize("vertices", [0, 2, 641, 643, 1282])
def test_no_sphere_has_other_numbers_of_vertices(vertices: int) -> None:
    with pytest.raises(ValueError, match=rf"sphere of 642, 2562, 5762, \.\.\. vertices, not {vertices}\."):
        detail_of(vertices)


def test_convention_faces_wind_counter_clockwise_from_outside() -> None:
    sphere = uv_sphere()
    centers = sphere.vertices[:, sphere.faces].mean(2)
    assert ((face_normals(sphere.vertices, sphere.faces) * centers).sum(-1) > 0).all()


def test_convention_sphere_texture_coordinates() -> None:
    """u = 1/2 is the front (+z) and grows towards +x; v = 0 is the bottom (-y) and v = 1 the top."""
    sphere = uv_sphere()
    corner, uv = sphere.vertices[0][sphere.faces], sphere.face_uvs
    flat = (corner[..., 1].abs() < 0.999) & torch.ones_like(uv[..., 0], dtype=torch.bool)
    longitude = torch.atan2(corner[..., 0], corner[..., 2])
    turned = torch.remainder(uv[..., 0] - longitude / (2 * math.pi) - 0.5 + 0.5, 1.0) - 0.5
    assert turned[flat].abs().max() < 1e-5
    torch.testing.assert_close(uv[..., 1], torch.asin(corner[..., 1].clamp(-1, 1)) / math.pi + 0.5, atol=1e-3, rtol=0)


def test_no_face_is_stretched_across_the_seam() -> None:
    width = uv_sphere().face_uvs[..., 0].amax(1) - uv_sphere().face_uvs[..., 0].amin(1)
    assert width.max() <= 1 / 32 + 1e-6


def test_normals_of_a_sphere_point_outwards() -> None:
    sphere = uv_sphere()
    normals = vertex_normals(sphere.vertices, sphere.faces)
    assert (normals * sphere.vertices).sum(-1).min() > 0.99
    area = face_normals(sphere.vertices, sphere.faces).norm(dim=-1).sum() / 2
    assert abs(area - 4 * math.pi) < 0.02 * 4 * math.pi


def test_indexing_keeps_topology() -> None:
    mesh = Mesh(torch.randn(3, 4, 3), torch.tensor([[0, 1, 2]]), None, torch.rand(3, 3, 2, 2))
    assert len(mesh[1]) == 1 and mesh[1].texture.shape == (1, 3, 2, 2) and mesh[[0, 2]].faces is mesh.faces


@pytest.mark.parametrize("size", [1e-12, 1e-6, 1e8])
def test_a_mesh_of_any_size_has_its_normals(size: float) -> None:
    sphere = uv_sphere(6, 8)
    found = vertex_normals(size * sphere.vertices, sphere.faces)
    torch.testing.assert_close(found, vertex_normals(sphere.vertices, sphere.faces), atol=1e-5, rtol=0)
    bends = flatten_loss(size * sphere.vertices, sphere.faces)
    torch.testing.assert_close(bends, flatten_loss(sphere.vertices, sphere.faces), atol=0, rtol=1e-4)


def test_a_texture_that_all_share_is_each_ones() -> None:
    mesh = Mesh(torch.randn(3, 4, 3), torch.tensor([[0, 1, 2]]), None, torch.rand(1, 3, 2, 2))
    assert torch.equal(mesh[2].texture, mesh.texture) and torch.equal(mesh[[0, 1]].texture, mesh.texture)


def test_a_single_mesh_has_shared_faces() -> None:
    own = Mesh(torch.zeros(1, 4, 3), torch.tensor([[[0, 1, 2]]]), torch.zeros(1, 1, 3, 2))
    assert own.faces.shape == (1, 3) and own.face_uvs.shape == (1, 3, 2)
    two = Mesh(torch.zeros(2, 4, 3), torch.tensor([[[0, 1, 2]], [[1, 2, 3]]]))
    assert two.faces.shape == (2, 1, 3) and two[1].faces.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vertices": torch.zeros(4, 3)}, r"vertices must be \[B, V, 3\], got \(4, 3\)"),
        ({"faces": torch.zeros(2, 3)}, r"faces must be \[F, 3\] int64, got \(2, 3\) torch.float32"),
        ({"face_uvs": torch.zeros(2, 3, 2)}, r"face_uvs must be \[F, 3, 2\], got \(2, 3, 2\)"),
        ({"texture": torch.zeros(1, 4, 2, 2)}, r"texture must be \[B, 3, Ht, Wt\]"),
    ],
)
def test_bad_meshes_are_named(change: dict, message: str) -> None:
    parts = {"vertices": torch.zeros(1, 4, 3), "faces": torch.tensor([[0, 1, 2]])}
    with pytest.raises(ValueError, match=message):
        Mesh(**(parts | change))
