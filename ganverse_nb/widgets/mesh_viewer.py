"""Meshes to turn with the mouse: plotly's Mesh3d, coloured from the texture, with its wireframe.

The figures need no running Python: their buttons work in JupyterLab and in exported HTML alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio
import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, vertex_normals
from ganverse_nb.render.texture import sample_texture

SPLITS = 3  # each edge of a face is cut into this many, so that colours are finer than faces
LIFT = 0.002  # world units by which the wires stand off the surface, or they would sink into it
WIRE = "#222222"
MODES = {"surface": (True, False), "both": (True, True), "wireframe": (False, True)}


class Figure(go.Figure):
    """A figure that shows itself in JupyterLab and in exported HTML, without a network.

    JupyterLab draws what plotly's own type describes; a page exported from the notebook knows HTML only, so the figure
    brings that too, with the 5 MB of plotly's program.
    """

    def _ipython_display_(self) -> None:
        from IPython.display import display

        bundle = pio.renderers["plotly_mimetype"].to_mimebundle(self.to_dict())
        display(bundle | {"text/html": self.to_html(full_html=False, include_plotlyjs=True)}, raw=True)


@dataclass(frozen=True)
class ColoredTriangles:
    """points [N, 3] with colors [N, 3] in [0, 1], triangles [M, 3] into them; edges [E, 2, 3] of the wireframe."""

    points: Tensor
    colors: Tensor
    triangles: Tensor
    edges: Tensor

    def moved(self, by: Sequence[float]) -> ColoredTriangles:
        """The same somewhere else, `by` (x, y, z) world units."""
        offset = torch.tensor(by, dtype=self.points.dtype)
        return replace(self, points=self.points + offset, edges=self.edges + offset)


@torch.no_grad()
def colored_triangles(mesh: Mesh, splits: int = SPLITS) -> ColoredTriangles:
    """The faces of one textured mesh, each cut into splits^2, with the texture's colour at every corner.

    Raises:
        ValueError: several meshes, or one without a texture.
    """
    if len(mesh) != 1 or mesh.texture is None or mesh.face_uvs is None:
        raise ValueError(f"A viewer shows one textured mesh, got a batch of {len(mesh)}; pick one, as in mesh[0].")
    weights, pattern = face_pattern(splits)
    corners = mesh.vertices[0, mesh.faces]  # [F, 3, 3]
    points = torch.einsum("nc,fcd->fnd", weights, corners)
    uv = torch.einsum("nc,fcd->fnd", weights, mesh.face_uvs)
    colors = sample_texture(mesh.texture, uv[None])[0].permute(1, 2, 0)
    first = torch.arange(len(mesh.faces))[:, None, None] * len(weights)
    triangles = (first + pattern).reshape(-1, 3)
    return ColoredTriangles(points.reshape(-1, 3), colors.reshape(-1, 3).clamp(0, 1), triangles, mesh_edges(mesh))


@torch.no_grad()
def painted_triangles(mesh: Mesh, colors: Tensor) -> ColoredTriangles:
    """The faces of one mesh with a colour [V, 3] in [0, 1] per vertex, as the studio knows it.

    Raises:
        ValueError: several meshes, or another number of colours than vertices.
    """
    if len(mesh) != 1 or colors.shape != mesh.vertices.shape[1:]:
        raise ValueError(
            f"One mesh needs a colour for each of its vertices, got a batch of {len(mesh)} with "
            f"{mesh.vertices.shape[1]} vertices and colours {tuple(colors.shape)}."
        )
    return ColoredTriangles(mesh.vertices[0], colors.clamp(0, 1), mesh.faces, mesh_edges(mesh))


def mesh_edges(mesh: Mesh) -> Tensor:
    """[E, 2, 3] every edge of one mesh once, lifted off its surface by `LIFT`."""
    lifted = mesh.vertices[0] + LIFT * vertex_normals(mesh.vertices, mesh.faces)[0]
    sides = torch.cat([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    return lifted[sides.sort(1).values.unique(dim=0)]


def face_pattern(splits: int) -> tuple[Tensor, Tensor]:
    """Barycentric weights [n, 3] of the points of a triangle with edges cut into `splits`, and triangles [m, 3]."""
    places = [(i, j) for i in range(splits + 1) for j in range(splits + 1 - i)]
    index = {place: number for number, place in enumerate(places)}
    weights = torch.tensor([[1 - (i + j) / splits, i / splits, j / splits] for i, j in places])
    triangles = []
    for i, j in places:
        if i + j < splits:
            triangles.append((index[i, j], index[i + 1, j], index[i, j + 1]))
        if i + j < splits - 1:
            triangles.append((index[i + 1, j], index[i + 1, j + 1], index[i, j + 1]))
    return weights, torch.tensor(triangles)


def mesh_figure(mesh: Mesh, title: str = "", azimuth: float = 40.0, elevation: float = 18.0) -> Figure:
    """One textured mesh as an interactive figure, seen from `azimuth` and `elevation` at first.

    Buttons switch between surface, wireframe and both.

    Raises:
        ValueError: several meshes, or one without a texture.
    """
    return _with_buttons(scene_figure(_traces(colored_triangles(mesh)), title, azimuth, elevation))


def mesh_beside_truth(
    mesh: Mesh, true: Mesh, true_colors: Tensor, title: str = "", azimuth: float = 40.0, elevation: float = 12.0
) -> Figure:
    """The prediction above the true mesh, in one scale: the mouse turns both at once.

    Args:
        mesh: one textured mesh.
        true: one mesh without a texture, with `true_colors` [V, 3] in [0, 1] of its vertices.

    Raises:
        ValueError: several meshes, no texture, or another number of colours than vertices.
    """
    predicted, truth = colored_triangles(mesh), painted_triangles(true, true_colors)
    height = max(float(part.points[:, 1].max() - part.points[:, 1].min()) for part in (predicted, truth))
    apart = 0.7 * height
    parts = {"predicted": predicted.moved((0, apart, 0)), "true": truth.moved((0, -apart, 0))}
    figure = scene_figure([trace for part in parts.values() for trace in _traces(part)], title, azimuth, elevation)
    labels = []
    for name, part in parts.items():
        x, y, z = _plotly_axes(torch.stack([part.points.mean(0), part.points.amax(0)]))
        labels.append({"text": name, "x": x[0], "y": y[0], "z": z[1] + 0.2 * height, "showarrow": False})
    figure.update_layout(scene_annotations=labels, height=520)
    return _with_buttons(figure)


def scene_figure(traces: Sequence[Any], title: str, azimuth: float, elevation: float) -> Figure:
    """Traces in plotly's axes without any frame, seen from there at first.

    plotly draws z upwards, so its axes are this package's (z, x, y): both systems are right-handed.
    """
    right, up, ahead = (2.1 * Camera.orbit(azimuth, elevation, 1.0).position[0]).tolist()
    eye = {"x": ahead, "y": right, "z": up}
    hidden = {"visible": False}
    figure = Figure(list(traces))
    figure.update_layout(
        scene={"aspectmode": "data", "xaxis": hidden, "yaxis": hidden, "zaxis": hidden, "camera": {"eye": eye}},
        margin={"l": 0, "r": 0, "t": 40 if title else 0, "b": 0},
        title=title or None,
        width=560,
        height=400,
        showlegend=False,
    )
    return figure


def surface_trace(parts: ColoredTriangles) -> go.Mesh3d:
    """The triangles in their colours."""
    x, y, z = _plotly_axes(parts.points)
    i, j, k = (parts.triangles[:, corner].numpy().astype("int32") for corner in range(3))
    pixels = (parts.colors * 255).round().byte()
    colors = [f"rgb({r},{g},{b})" for r, g, b in pixels.tolist()]
    light = {"ambient": 0.85, "diffuse": 0.25, "specular": 0.05}
    return go.Mesh3d(x=x, y=y, z=z, i=i, j=j, k=k, vertexcolor=colors, lighting=light, hoverinfo="skip")


def line_trace(lines: Tensor, color: str, width: float = 1.5, **options: Any) -> go.Scatter3d:
    """Broken lines [L, P, 3] through P points each, as one trace."""
    gaps = torch.full_like(lines[:, :1], torch.nan)
    x, y, z = _plotly_axes(torch.cat([lines, gaps], 1).reshape(-1, 3))
    line = {"color": color, "width": width}
    return go.Scatter3d(x=x, y=y, z=z, mode="lines", line=line, hoverinfo="skip", **options)


def _traces(parts: ColoredTriangles) -> list[Any]:
    return [surface_trace(parts), line_trace(parts.edges, WIRE, visible=False)]


def _with_buttons(figure: Figure) -> Figure:
    """Buttons for the pairs of surface and wires that the figure consists of."""
    pairs = len(figure.data) // 2
    buttons = [
        {"label": name, "method": "restyle", "args": [{"visible": list(shown) * pairs}]}
        for name, shown in MODES.items()
    ]
    place = {"type": "buttons", "direction": "right", "x": 0, "y": 0, "xanchor": "left", "yanchor": "bottom"}
    figure.update_layout(updatemenus=[{**place, "buttons": buttons, "active": 0, "showactive": True}])
    return figure


def _plotly_axes(points: Tensor) -> tuple[Any, Any, Any]:
    """Points [N, 3] as plotly's x, y and z: this package's z, x and y."""
    x, y, z = points.detach().float().numpy().astype("float32").T
    return z, x, y
