"""The mesh that plotly shows is the mesh: same surface, same colours, same sense of rotation."""

import numpy as np
import pytest
import torch

from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.widgets import mesh_figure
from ganverse_nb.widgets.mesh_viewer import colored_triangles, face_pattern


@pytest.fixture
def mesh():
    sphere = uv_sphere()
    texture = torch.zeros(1, 3, 2, 8)
    texture[:, 0, 0] = 1  # red above, blue below
    texture[:, 2, 1] = 1
    return Mesh(sphere.vertices, sphere.faces, sphere.face_uvs, texture)


@pytest.mark.parametrize("splits", [1, 2, 3])
def test_a_cut_face_is_the_face(splits):
    weights, triangles = face_pattern(splits)
    corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    points = weights @ corners
    a, b, c = points[triangles].unbind(1)
    double_area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert len(triangles) == splits**2 and torch.allclose(weights.sum(1), torch.ones(len(weights)))
    assert torch.allclose(double_area, torch.full_like(double_area, 1 / splits**2))  # all turn the same way


def test_colors_come_from_the_texture(mesh):
    parts = colored_triangles(mesh, 2)
    top, bottom = parts.points[:, 1] > 0.8, parts.points[:, 1] < -0.8
    assert torch.allclose(parts.colors[top], torch.tensor([1.0, 0, 0]).expand(int(top.sum()), 3))
    assert torch.allclose(parts.colors[bottom], torch.tensor([0, 0, 1.0]).expand(int(bottom.sum()), 3))
    assert len(parts.triangles) == 4 * len(mesh.faces)


def test_plotly_axes_keep_the_handedness(mesh):
    surface = mesh_figure(mesh).data[0]
    points = np.stack([surface.x, surface.y, surface.z], 1).astype(float)
    a, b, c = (points[np.asarray(index)] for index in (surface.i, surface.j, surface.k))
    outward = np.einsum("ij,ij->i", np.cross(b - a, c - a), (a + b + c) / 3)
    assert (outward > -1e-9).all() and outward.sum() > 0
    assert np.ptp(points[:, 2]) == pytest.approx(2, abs=1e-5)
    assert len(surface.vertexcolor) == len(points)


def test_it_is_seen_from_the_asked_azimuth(mesh):
    eye = mesh_figure(mesh, azimuth=90.0, elevation=0.0).layout.scene.camera.eye
    assert (eye.x, eye.y, eye.z) == pytest.approx((0, 2.1, 0), abs=1e-5)  # plotly's y is the object's left, +x


def test_one_textured_mesh_at_a_time(mesh):
    pair = Mesh(mesh.vertices.expand(2, -1, -1), mesh.faces, mesh.face_uvs, mesh.texture.expand(2, -1, -1, -1))
    bare = Mesh(mesh.vertices, mesh.faces)
    for wrong in (pair, bare):
        with pytest.raises(ValueError, match="A viewer shows one textured mesh"):
            mesh_figure(wrong)
