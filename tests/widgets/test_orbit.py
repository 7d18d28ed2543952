"""The orbit dashboard, driven as a front end and as a notebook drive it, without a kernel."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.widgets import OrbitDashboard, OrbitState, mesh_renderer


class Counter:
    """A renderer that remembers what it was asked for and paints it in the state's colours."""

    def __init__(self):
        self.states = []

    def __call__(self, state):
        self.states.append(state)
        return np.full((4, 4, 3), [state.azimuth_deg % 256, state.elevation_deg % 256, state.subject], np.uint8)


def shown(dashboard):
    return np.asarray(Image.open(io.BytesIO(dashboard.picture.value)))[0, 0].tolist()


@pytest.fixture
def render():
    return Counter()


def test_it_begins_with_a_picture(render):
    dashboard = OrbitDashboard(render, state=OrbitState(azimuth_deg=40, elevation_deg=10))
    assert render.states == [OrbitState(0, 40, 10)] and shown(dashboard) == [40, 10, 0]


def test_a_slider_renders_once_and_changes_one_thing(render):
    dashboard = OrbitDashboard(render, ["a", "b"])
    dashboard.azimuth.value = 120
    assert dashboard.state == OrbitState(0, 120, 15) and shown(dashboard)[0] == 120
    dashboard.elevation.set_state({"value": 30})  # as the front end does it
    dashboard.subject.value = 1
    assert dashboard.state == OrbitState(1, 120, 30) and shown(dashboard) == [120, 30, 1]
    assert len(render.states) == 4
    assert "azimuth 120°, elevation 30°" in dashboard.status.value


def test_an_error_is_shown_kept_and_raised(render):
    dashboard = OrbitDashboard(render)

    def fail(state):
        raise ValueError("no mesh")

    dashboard.render, before = fail, dashboard.state
    with pytest.raises(ValueError, match="no mesh"):
        dashboard.azimuth.value = 90
    assert dashboard.errors == ["ValueError: no mesh"] and dashboard.status.value == dashboard.errors[0]
    assert dashboard.state == before


def test_a_choice_is_offered_among_several_only(render):
    alone, many = OrbitDashboard(render), OrbitDashboard(render, ["a", "b"])
    assert alone.subject not in alone.children and many.subject in many.children
    assert not any(type(child).__name__ == "Output" for child in many.children)


def test_controls_can_be_found_in_a_browser(render):
    dashboard = OrbitDashboard(render)
    for name in ("azimuth", "elevation", "subject", "picture", "status"):
        assert f"gv-{name}" in getattr(dashboard, name)._dom_classes


def test_the_mesh_turns_with_the_azimuth():
    """Azimuth 0 sees the front (the middle of the texture), 180 the rear (its border)."""
    sphere = uv_sphere()
    texture = torch.zeros(2, 3, 4, 8)
    texture[0, 0, :, 2:6] = 1  # red front
    texture[0, 2, :, [0, 1, 6, 7]] = 1  # blue rear
    texture[1, 1] = 1
    meshes = Mesh(0.4 * sphere.vertices.expand(2, -1, -1), sphere.faces, sphere.face_uvs, texture)
    render = mesh_renderer(meshes, size=32)
    front, rear = (render(OrbitState(0, azimuth, 0)) for azimuth in (0, 180))
    assert front.shape == (32, 32, 3) and front.dtype == np.uint8
    assert front[16, 16].tolist() == [255, 0, 0] and rear[16, 16].tolist() == [0, 0, 255]
    assert render(OrbitState(1, 0, 0))[16, 16].tolist() == [0, 255, 0]
    assert (front[0] == 255).all()
