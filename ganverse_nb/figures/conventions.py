"""The drawing of docs/conventions.md; `python -m ganverse_nb.figures.conventions docs/conventions.png` makes it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ganverse_nb.figures.style import BLACK, BLUE, DPI, GREEN, GREY, LIGHT, ORANGE, PURPLE, RED, SKY, styled
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.render.renderer import render
from ganverse_nb.runtime.files import atomic_path
from ganverse_nb.studio.cars import sample_cars
from ganverse_nb.studio.photos import photograph_orbit
from ganverse_nb.studio.scene import sample_scenes

SIDES = {0: "the front", 90: "its left side", 180: "the rear", 270: "its right side"}
AXES = {"x": ((1.0, 0.0, 0.0), RED), "y": ((0.0, 1.0, 0.0), GREEN), "z": ((0.0, 0.0, 1.0), BLUE)}
QUARTERS = {"rear": PURPLE, "right": SKY, "front": ORANGE, "left": RED}  # of the sphere, in the order of u
FOV, SIZE, VIEW = 30.0, 512, 256  # degrees; pixels of the large picture and of the four views


@styled
def conventions() -> Figure:
    """World axes and azimuths, the four views, rows and columns of a picture, the sphere's texture coordinates."""
    figure = Figure((9.6, 7.0), dpi=DPI, facecolor="white")
    _world(figure.add_axes((0.005, 0.42, 0.52, 0.54)))
    for k, (azimuth, side) in enumerate(SIDES.items()):
        corner = (0.545 + 0.227 * (k % 2), 0.705 - 0.29 * (k // 2))
        axes = figure.add_axes((*corner, 0.22, 0.225))
        camera = Camera.orbit(float(azimuth), 10.0, 2.05, FOV)
        axes.imshow(_car(camera, VIEW)[0], interpolation="bilinear")
        _compass(axes, camera)
        axes.set(xticks=[], yticks=[])
        axes.set_title(f"azimuth {azimuth}°: {side}", fontweight="normal", pad=3)
        for spine in axes.spines.values():
            spine.set(visible=True, color=LIGHT)
    _pixels(figure.add_axes((0.075, 0.075, 0.265, 0.22)))
    _texture(figure.add_axes((0.49, 0.075, 0.285, 0.22)))
    _sphere(figure.add_axes((0.80, 0.045, 0.2, 0.27)))
    titles = {(0.01, 0.965): "World and cameras", (0.545, 0.965): "What the cameras see"}
    titles |= {
        (0.01, 0.36): "A picture of H = 4 rows and W = 6 columns",
        (0.43, 0.36): "Texture, and where it is on the sphere",
    }
    for (x, y), words in titles.items():
        figure.text(x, y, words, fontweight="bold", fontsize=10)
    return figure


def _car(camera: Camera, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A studio car on white [size, size, 3], and its coverage [size, size], both in [0, 1]."""
    random = torch.Generator().manual_seed(3)
    photos = photograph_orbit(sample_cars(1, random, "sedan"), sample_scenes(1, random), camera, 2 * size)
    mask = photos.masks.float()
    picture = F.avg_pool2d(photos.images.float() / 255 * mask + 1 - mask, 2)
    return picture[0].permute(1, 2, 0).numpy(), F.avg_pool2d(mask, 2)[0, 0].numpy()


def _world(axes: Axes) -> None:
    camera = Camera.orbit(38.0, 27.0, 4.3, FOV)

    def place(*points: Tensor) -> np.ndarray:
        """[N, 2] of points [3] or [N, 3] in pixels of the picture, x to the right, y down."""
        return (camera.to_image(torch.cat([point.reshape(-1, 3) for point in points])[None])[0] * SIZE).numpy()

    def arrow(start: Tensor, end: Tensor, color: str, width: float = 1.6, order: float = 4) -> None:
        (a, b) = place(start, end)
        style = {"arrowstyle": "-|>", "color": color, "linewidth": width, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", b, a, arrowprops=style, zorder=order)

    angle = torch.linspace(0, 2 * torch.pi, 361)
    ring = 0.95 * torch.stack([angle.sin(), torch.zeros_like(angle), angle.cos()], -1)
    axes.plot(*place(ring).T, color=GREY, linewidth=1, zorder=1)
    picture, coverage = _car(camera, SIZE)
    axes.imshow(np.dstack([picture, coverage]), zorder=2, interpolation="bilinear")
    near = (ring @ camera.axes()[0, 2]) > 0
    axes.plot(*np.where(near.numpy()[:, None], place(ring), np.nan).T, color=GREY, linewidth=1, zorder=3)
    for azimuth in SIDES:
        where = Camera.orbit(float(azimuth), 0.0, 0.95).position[0]
        (point,) = place(where)
        axes.plot(*point, "o", color=BLACK, markersize=5, zorder=5)
        arrow(where, 0.85 * where, BLACK, 1.2, 5)
        ((x, y),) = place(1.15 * where)
        axes.text(x, y, f"{azimuth}°", ha="center", va="center", fontweight="bold", zorder=6)
    for name, (direction, color) in AXES.items():
        end = 0.64 * torch.tensor(direction)
        arrow(torch.zeros(3), end, color, 2.2, 6)
        ((x, y),) = place(1.13 * end)
        axes.text(x, y, name, color=color, fontsize=12, fontweight="bold", ha="center", va="center", zorder=7)
    low, high = place(ring).min(0), place(ring).max(0)
    axes.set(
        xlim=(low[0] - 45, high[0] + 45),
        ylim=(high[1] + 42, place(torch.tensor([0.0, 0.82, 0.0]))[0, 1]),
        aspect="equal",
    )
    axes.set_axis_off()


def _compass(axes: Axes, camera: Camera) -> None:
    """The two world axes that lie across the view, in the lower left corner."""
    right, up = camera.axes()[0, :2]
    corner = VIEW * np.array([0.24, 0.95])
    for name, (direction, color) in AXES.items():
        way = np.array([float(right @ torch.tensor(direction)), -float(up @ torch.tensor(direction))])
        if np.hypot(*way) > 0.5:
            style = {"arrowstyle": "-|>", "color": color, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", tuple(corner + 0.12 * VIEW * way), tuple(corner), arrowprops=style)
            x, y = corner + 0.152 * VIEW * way
            axes.text(x, y, name, color=color, fontweight="bold", ha="center", va="center")


def _pixels(axes: Axes) -> None:
    rows, columns = 4, 6
    for i in range(rows):
        for j in range(columns):
            shade = ORANGE if (i, j) == (1, 4) else "white"
            axes.add_patch(Rectangle((j, i), 1, 1, facecolor=shade, edgecolor=GREY, linewidth=0.7))
            axes.plot(j + 0.5, i + 0.5, ".", color=GREY, markersize=2)
    centre = "centre of row 1, column 4: x / w = 1/2, y / w = 1/4"
    axes.text(columns / 2, rows + 0.62, centre, ha="center", va="top", fontsize=8)
    axes.set(xlim=(0, columns), ylim=(rows, 0), xticks=np.arange(columns) + 0.5, yticks=np.arange(rows) + 0.5)
    axes.set(xticklabels=range(columns), yticklabels=range(rows), aspect="auto")
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False, pad=1)
    axes.set_ylabel("row i", labelpad=2)
    axes.set_xlabel("column j", labelpad=2)
    axes.xaxis.set_label_position("top")
    for spine in axes.spines.values():
        spine.set_visible(False)
    for x, y, words, ha, va in (
        (0, rows + 0.1, "x / w = −1", "left", "top"),
        (columns, rows + 0.1, "x / w = 1", "right", "top"),
        (columns + 0.1, 0, "y / w = 1", "left", "top"),
        (columns + 0.1, rows, "y / w = −1", "left", "bottom"),
    ):
        axes.text(x, y, words, ha=ha, va=va, fontsize=8)


def _picture() -> Tensor:
    """[1, 3, 128, 256] texture: a colour for each side, darker below, with lines every eighth of u and v."""
    colors = torch.tensor([[int(c[k : k + 2], 16) / 255 for k in (1, 3, 5)] for c in QUARTERS.values()])
    u, v = (torch.arange(256) + 0.5) / 256, 1 - (torch.arange(128) + 0.5) / 128
    side = ((u * 4 + 0.5).long() % 4)[None].expand(128, 256)
    picture = colors[side].permute(2, 0, 1) * (0.45 + 0.55 * v)[:, None]
    lines = ((u * 8 + 0.02) % 1 < 0.04)[None] | ((v * 8 + 0.04) % 1 < 0.08)[:, None]
    return torch.where(lines, 0.6 * picture + 0.4, picture)[None]


def _texture(axes: Axes) -> None:
    axes.imshow(_picture()[0].permute(1, 2, 0).numpy(), extent=(0, 1, 0, 1), aspect="auto", interpolation="nearest")
    for k, name in enumerate([*QUARTERS, "rear"]):
        x, ha = min(max(k / 4, 0.015), 0.985), ("left", "center", "center", "center", "right")[k]
        axes.text(x, 0.66, name, ha=ha, va="center", fontweight="bold", color="white", fontsize=8)
    axes.set(xticks=[0, 0.5, 1], yticks=[0, 1], xticklabels=["0", "u = 1/2", "1"], yticklabels=["v = 0", "v = 1"])
    axes.tick_params(length=2, pad=2)
    axes.plot(0, 0, "o", color=BLACK, markersize=5, clip_on=False, zorder=5)
    axes.text(0.03, 0.08, "origin", color="white", fontsize=8)
    axes.annotate("row 0, top of the sphere", (0.5, 1), (0.5, 1.04), ha="center", va="bottom", fontsize=8)


def _sphere(axes: Axes) -> None:
    sphere = uv_sphere()
    mesh = Mesh(0.5 * sphere.vertices, sphere.faces, sphere.face_uvs, _picture())
    camera = Camera.orbit(45.0, 18.0, 2.4, FOV)
    output = render(mesh, camera, SIZE, background=torch.ones(3))
    axes.imshow(F.avg_pool2d(output.rgb, 2)[0].permute(1, 2, 0).numpy())
    half = SIZE / 2
    for words, where in {"front": (0.12, 0.1, 0.48), "left": (0.48, 0.1, 0.12)}.items():
        point = camera.to_image(torch.tensor([[where]]))[0, 0] * half
        axes.text(float(point[0]), float(point[1]), words, color="white", fontweight="bold", fontsize=8, ha="center")
    axes.set_axis_off()


if __name__ == "__main__":
    with atomic_path(Path(sys.argv[1])) as partial:
        conventions().savefig(partial, dpi=DPI)
