"""A mesh to turn with the mouse: plotly's Mesh3d, coloured from the texture."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go
import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.render.texture import sample_texture

SPLITS = 3  # each edge of a face is cut into this many, so that colours are finer than faces


@dataclass(frozen=True)
class ColoredTriangles:
    """points [N, 3] with colors [N, 3] in [0, 1], triangles [M, 3] into them."""

    points: Tensor
    colors: Tensor
    triangles: Tensor


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
    return ColoredTriangles(points.reshape(-1, 3), colors.reshape(-1, 3).clamp(0, 1), (first + pattern).reshape(-1, 3))


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


def mesh_figure(mesh: Mesh, title: str = "", azimuth: float = 40.0, elevation: float = 18.0) -> go.Figure:
    """One textured mesh as an interactive figure, seen from `azimuth` and `elevation` at first.

    plotly draws z upwards, so its axes are this package's (z, x, y): both systems are right-handed.

    Raises:
        ValueError: several meshes, or one without a texture.
    """
    parts = colored_triangles(mesh)
    z, x, y = (parts.points[:, axis].numpy().astype("float32") for axis in (2, 0, 1))
    i, j, k = (parts.triangles[:, corner].numpy().astype("int32") for corner in range(3))
    pixels = (parts.colors * 255).round().byte()
    colors = [f"rgb({r},{g},{b})" for r, g, b in pixels.tolist()]
    light = {"ambient": 0.85, "diffuse": 0.25, "specular": 0.05}
    surface = go.Mesh3d(x=z, y=x, z=y, i=i, j=j, k=k, vertexcolor=colors, lighting=light, hoverinfo="skip")
    right, up, ahead = (2.1 * Camera.orbit(azimuth, elevation, 1.0).position[0]).tolist()
    eye = {"x": ahead, "y": right, "z": up}
    hidden = {"visible": False}
    figure = go.Figure(surface)
    figure.update_layout(
        scene={"aspectmode": "data", "xaxis": hidden, "yaxis": hidden, "zaxis": hidden, "camera": {"eye": eye}},
        margin={"l": 0, "r": 0, "t": 30 if title else 0, "b": 0},
        title=title or None,
        width=520,
        height=380,
    )
    return figure
