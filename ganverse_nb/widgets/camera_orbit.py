"""The cameras of the view codes around the object, before and after they were optimised (section 3.2)."""

from __future__ import annotations

import plotly.graph_objects as go
import torch
from torch import Tensor

from ganverse_nb.figures.style import BLUE, GREY, ORANGE
from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.views import frustum
from ganverse_nb.widgets.mesh_viewer import Figure, colored_triangles, line_trace, scene_figure, surface_trace

DEPTH = 0.28  # world units from a camera to the picture that is drawn of it
ARC = 12  # points on each way from before to after


def camera_orbits(before: Camera, after: Camera, mesh: Mesh | None = None, title: str = "") -> Figure:
    """Every camera as a pyramid, before and after, and the way between: an interactive figure.

    The legend hides and shows either; a camera's angles appear where the mouse stands.

    Args:
        before, after: the same N cameras in the same order.
        mesh: one textured mesh to stand in the middle.

    Raises:
        ValueError: different numbers of cameras.
    """
    if len(before) != len(after):
        raise ValueError(f"camera_orbits: {len(before)} cameras before and {len(after)} after; give the same ones.")
    traces = [] if mesh is None else [surface_trace(colored_triangles(mesh, 2))]
    traces.append(line_trace(ways(before, after), GREY, 2.0, name="moved", showlegend=True))
    for name, camera, color in (("coarse labels", before, ORANGE), ("optimised", after, BLUE)):
        traces.append(line_trace(pyramids(camera), color, 2.5, name=name, legendgroup=name, showlegend=True))
        traces.append(_stations(camera, name, color))
    figure = scene_figure(traces, title, azimuth=30.0, elevation=38.0)
    figure.update_layout(width=640, height=520, showlegend=True)
    figure.update_layout(legend={"x": 0.01, "y": 0.99, "bgcolor": "rgba(255,255,255,0.7)"})
    return figure


def pyramids(camera: Camera) -> Tensor:
    """[N, 11, 3] for each camera one line over all edges of its pyramid, the sides of the picture included."""
    return frustum(camera, DEPTH)[:, [0, 1, 2, 0, 3, 4, 0, 1, 4, 3, 2]]


def ways(before: Camera, after: Camera) -> Tensor:
    """[N, 12, 3] from where each camera stood to where it stands, the shorter way around the object."""
    turn = wrap_degrees(after.azimuth - before.azimuth)
    places = []
    for step in torch.linspace(0, 1, ARC).tolist():
        elevation, distance, target = (
            torch.lerp(getattr(before, name), getattr(after, name), step)
            for name in ("elevation", "distance", "target")
        )
        azimuth = before.azimuth + step * turn
        places.append(Camera.orbit(azimuth, elevation, distance, before.fov, target).position)
    return torch.stack(places, 1)


def _stations(camera: Camera, name: str, color: str) -> go.Scatter3d:
    """A dot where each camera stands, with its angles in words."""
    x, y, z = camera.position.detach().float().numpy().T
    angles = zip(camera.azimuth.tolist(), camera.elevation.tolist(), camera.distance.tolist())
    words = [
        f"view {i}, {name}: azimuth {a % 360:.0f}°, elevation {e:.0f}°, distance {d:.2f}"
        for i, (a, e, d) in enumerate(angles)
    ]
    marker = {"size": 2.5, "color": color}
    options = {"hovertext": words, "hoverinfo": "text", "legendgroup": name, "showlegend": False}
    return go.Scatter3d(x=z, y=x, z=y, mode="markers", marker=marker, **options)
