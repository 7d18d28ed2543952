"""The mesh that plotly shows is the mesh: same surface, same colours, same sense of rotation."""

import numpy as np
import pytest
import torch

from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.widgets import mesh_beside_truth, mesh_figure
from ganverse_nb.widgets.mesh_viewer import LIFT, MODES, colored_triangles, face_pattern, mesh_edges, painted_triangles


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


def test_the_wireframe_has_every_edge_once_just_above_the_surface(mesh):
    """A closed surface of F triangles has 3 F / 2 edges; those of a sphere stand off it along its radius."""
    edges = mesh_edges(mesh)
    assert edges.shape == (3 * len(mesh.faces) // 2, 2, 3)
    height = edges.norm(dim=-1) - 1
    assert height.min() > 0.5 * LIFT and height.max() < 1.01 * LIFT
    lines = mesh_figure(mesh).data[1]
    assert len(lines.x) == 3 * len(edges) and np.isnan(np.asarray(lines.x)[2::3].astype(float)).all()


def test_buttons_show_surface_wireframe_or_both(mesh):
    figure = mesh_figure(mesh)
    buttons = {button.label: button.args[0]["visible"] for button in figure.layout.updatemenus[0].buttons}
    assert buttons == {name: list(shown) for name, shown in MODES.items()}
    assert figure.data[0].visible in (None, True) and figure.data[1].visible is False  # as the first button says


def test_the_truth_stands_below_the_prediction_in_one_scale(mesh):
    half = Mesh(0.5 * mesh.vertices, mesh.faces)
    colors = torch.rand(mesh.vertices.shape[1], 3, generator=torch.Generator().manual_seed(0))
    figure = mesh_beside_truth(mesh, half, colors)
    predicted, wires, true, _ = figure.data
    up = [np.asarray(trace.z, dtype=float) for trace in (predicted, true)]
    assert up[1].max() < up[0].min() and np.ptp(up[0]) == pytest.approx(2 * np.ptp(up[1]), abs=1e-5)
    assert np.nanmax(np.asarray(wires.z, dtype=float)) == pytest.approx(up[0].max() + LIFT, abs=1e-4)
    r, g, b = (colors[7] * 255).round().byte().tolist()
    assert true.vertexcolor[7] == f"rgb({r},{g},{b})" and len(true.vertexcolor) == len(colors)
    assert [label.text for label in figure.layout.scene.annotations] == ["predicted", "true"]
    assert all(len(button.args[0]["visible"]) == 4 for button in figure.layout.updatemenus[0].buttons)


def test_every_vertex_of_the_truth_has_a_color(mesh):
    with pytest.raises(ValueError, match="a colour for each of its vertices"):
        painted_triangles(mesh, torch.zeros(5, 3))


def test_it_shows_itself_in_jupyterlab_and_in_exported_html_without_a_network(mesh, monkeypatch):
    shown, figure = [], mesh_figure(mesh)
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))
    figure._ipython_display_()  # as a notebook does
    assert len(shown[0]["application/vnd.plotly.v1+json"]["data"]) == len(figure.data) == 2
    page = shown[0]["text/html"]
    assert 'src="http' not in page and len(page) > 3e6  # plotly's program is in it
    assert all(f'"label":"{name}"' in page for name in MODES)
