"""Figure 3: the mapping network as a drawing with what this one learned in it."""

from __future__ import annotations

import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle
from torch import Tensor

from ganverse_nb.figures.grid import to_pixels
from ganverse_nb.figures.inverse import letterboxed
from ganverse_nb.figures.style import (
    BLACK,
    CAPTION,
    FACTOR_COLORS,
    FONT,
    GREY,
    LIGHT,
    empty_figure,
    inches_axes,
    styled,
)
from ganverse_nb.gan.generator import StyleLayer
from ganverse_nb.neural_renderer.mapping import CONTENT_FACTORS
from ganverse_nb.neural_renderer.properties import FACTORS, Properties
from ganverse_nb.neural_renderer.renderer import StyleGANR, render_both
from ganverse_nb.render.shots import plain

WIDTH, HEIGHT = 10.0, 4.9
SIDE = 0.82  # of the small pictures
ROWS = dict(zip(FACTORS, (3.95, 2.72, 1.72, 0.72)))  # bottom of each input's picture
NETWORKS = {"camera": "$g_v$  MLP", "shape": "$g_s$  MLP", "texture": "$g_t$  CNN", "background": "$g_b$  CNN"}
SYMBOLS = {"camera": "camera V", "shape": "shape S", "texture": "texture T", "background": "background B"}
STRIP_LEFT, STRIP_WIDTH = 4.15, 3.45  # where the two codes are drawn
CAMERA_DIMS = "#0072B2"
RESTS = {"interpolate": "interpolated between the chosen views", "mean": "the mean of the chosen views"}


@styled
def mapping_network(model: StyleGANR, properties: Properties) -> Figure:
    """Figure 3 with measured numbers: the dimensions that g_v maps from the camera, and the gates.

    The other dimensions of the view code are drawn grey.

    Args:
        properties: of one picture; its parts are drawn on the left, what StyleGAN-R makes of them on the right.

    Raises:
        ValueError: properties of several pictures.
    """
    if len(properties) != 1:
        raise ValueError(f"mapping_network: the drawing shows one picture's properties, got {len(properties)}.")
    figure = empty_figure(WIDTH, HEIGHT)
    axes = inches_axes(figure)
    _inputs(axes, properties)
    sizes = model.mapping.sizes
    view_y, gate_y = ROWS["camera"] + CAPTION + 0.2, 1.05 + CAPTION
    _view_code(axes, model, view_y)
    _content_code(axes, model, gate_y)
    for factor, bottom in ROWS.items():
        middle = bottom + CAPTION + SIDE / 2
        _arrow(axes, (1.98, middle), (2.35, middle))
        _box(axes, 2.35, middle - 0.22, 0.95, 0.44, NETWORKS[factor], FACTOR_COLORS[factor])
        end = view_y + 0.21 if factor == "camera" else gate_y + 0.8 + 0.25 * (1 - CONTENT_FACTORS.index(factor))
        _arrow(axes, (3.3, middle), (STRIP_LEFT - 0.06, end))
    center = 2.62 + CAPTION
    _box(axes, 8.02, center - 0.42, 0.86, 0.84, "StyleGAN\nsynthesis", GREY)
    _arrow(axes, (STRIP_LEFT + STRIP_WIDTH + 0.05, view_y + 0.21), (8.02, center + 0.22))
    _arrow(axes, (STRIP_LEFT + STRIP_WIDTH + 0.05, gate_y + 0.8), (8.02, center - 0.22))
    _arrow(axes, (8.88, center), (9.08, center))
    picture = render_both(model, properties).image[0]
    _picture(axes, picture, 9.08, center - SIDE / 2)
    axes.text(9.08 + SIDE / 2, center - SIDE / 2 - 0.05, "StyleGAN-R", ha="center", va="top")
    share = f"{sizes.camera_dims} of {sizes.view_dims} dimensions mapped from the camera (paper: 144 of 2048)"
    axes.text(STRIP_LEFT, view_y + 0.5, f"view code: {share}", va="bottom", fontsize=FONT - 1)
    axes.text(STRIP_LEFT, view_y - 0.19, f"grey: {RESTS[sizes.rest]}", va="top", fontsize=FONT - 1)
    return figure


def _inputs(axes: Axes, properties: Properties) -> None:
    """The four properties as small pictures with their names."""
    assert properties.texture is not None
    camera = properties.camera
    alpha = properties.background[0, 3:]
    pictures = {
        "shape": plain(properties.mesh(), camera, 192)[0],
        "texture": letterboxed(properties.texture[0]),
        "background": properties.background[0, :3] + (1 - alpha) * 0.93,
    }
    for factor, bottom in ROWS.items():
        y = bottom + CAPTION
        axes.text(1.02, y + SIDE / 2, SYMBOLS[factor].replace(" ", "\n"), ha="right", va="center")
        if factor == "camera":
            _camera(axes, 1.12, y, float(camera.azimuth[0]), float(camera.elevation[0]))
        else:
            _picture(axes, pictures[factor], 1.12, y)


def _camera(axes: Axes, x: float, y: float, azimuth: float, elevation: float) -> None:
    """A camera on its circle round the object, seen from above with the front at the bottom."""
    center, radius = torch.tensor([x + SIDE / 2, y + SIDE / 2]), 0.3
    turn = torch.linspace(0, 2 * torch.pi, 73)
    axes.plot(
        (center[0] + radius * turn.cos()).tolist(), (center[1] + radius * turn.sin()).tolist(), color=LIGHT, lw=1.2
    )
    axes.add_patch(Rectangle((float(center[0]) - 0.06, float(center[1]) - 0.13), 0.12, 0.26, color=GREY, lw=0))
    angle = torch.deg2rad(torch.tensor(azimuth))
    outward = torch.stack([angle.sin(), -angle.cos()])
    sideways = torch.stack([-outward[1], outward[0]])
    place = center + radius * outward
    lens = torch.stack(
        [place - 0.1 * outward, place + 0.06 * outward + 0.08 * sideways, place + 0.06 * outward - 0.08 * sideways]
    )
    axes.add_patch(Polygon(lens.tolist(), color=BLACK, lw=0))
    words = f"{round(azimuth) % 360}°, {elevation:.0f}° up"
    axes.text(float(center[0]), y - 0.02, words, ha="center", va="top", fontsize=FONT - 2.5, color=BLACK)


def _view_code(axes: Axes, model: StyleGANR, y: float) -> None:
    """The view code's dimensions as a strip, those that g_v maps from the camera in colour."""
    sizes = model.mapping.sizes
    strip = torch.tensor(to_rgb(LIGHT)).expand(sizes.view_dims, 3).clone()
    strip[model.mapping.camera_dims.cpu()] = torch.tensor(to_rgb(CAMERA_DIMS))
    layers = _layers(model)[0]
    _strip(axes, strip[None], y, 0.42)
    _layer_marks(axes, layers, sizes.view_dims, y)


def _content_code(axes: Axes, model: StyleGANR, y: float) -> None:
    """The gates of every content dimension as a strip, and how they divide up in every layer."""
    gates = model.mapping.gates().detach().cpu()
    sizes, layers = model.mapping.sizes, _layers(model)[1]
    colors = torch.tensor([to_rgb(FACTOR_COLORS[factor]) for factor in CONTENT_FACTORS])
    strip = (gates[:, :, None] * colors[:, None]).sum(0)
    entropy = float(model.mapping.gate_entropy().detach()) / torch.tensor(3.0).log().item()
    _strip(axes, strip[None], y + 0.6, 0.42)
    decided = model.mapping.decided()
    words = f"content code: {sizes.content_dims} dimensions, three gates each"
    axes.text(STRIP_LEFT, y + 1.26, words, va="bottom", fontsize=FONT - 1)
    words = f"{decided['all']:.0%} decided (a gate above 0.9), mean entropy {entropy:.2f} of ln 3"
    axes.text(STRIP_LEFT, y + 1.09, words, va="bottom", fontsize=FONT - 1)
    _layer_marks(axes, layers, sizes.content_dims, y + 0.6)
    start = 0
    for layer in layers:
        x = STRIP_LEFT + STRIP_WIDTH * start / sizes.content_dims
        width = STRIP_WIDTH * layer.size / sizes.content_dims
        bottom = y - 0.62
        for share, color in zip(gates[:, start : start + layer.size].mean(1).tolist(), colors.tolist()):
            axes.add_patch(Rectangle((x + 0.012, bottom), width - 0.024, 0.62 * share, color=color, lw=0))
            bottom += 0.62 * share
        start += layer.size
    axes.text(STRIP_LEFT - 0.06, y - 0.31, "share\nby layer", ha="right", va="center", fontsize=FONT - 2)
    means = dict(zip(CONTENT_FACTORS, gates.mean(1).tolist()))
    x = STRIP_LEFT
    for factor in CONTENT_FACTORS:
        axes.add_patch(Rectangle((x, y - 0.84), 0.12, 0.1, color=FACTOR_COLORS[factor], lw=0))
        axes.text(x + 0.17, y - 0.79, f"{factor} {means[factor]:.0%}", va="center", fontsize=FONT - 1)
        x += 1.15


def _layers(model: StyleGANR) -> tuple[list[StyleLayer], list[StyleLayer]]:
    """The generator's layers whose styles make up the view code, and those of the content code."""
    view: list[StyleLayer] = []
    content: list[StyleLayer] = []
    total = 0
    for layer in model.generator.layers:
        (view if total < model.mapping.sizes.view_dims else content).append(layer)
        total += layer.size
    return view, content


def _layer_marks(axes: Axes, layers: list[StyleLayer], total: int, y: float) -> None:
    """Thin lines between the layers of a strip, and the resolution below its first layer."""
    start, before = 0, ""
    for layer in layers:
        x = STRIP_LEFT + STRIP_WIDTH * start / total
        if start:
            axes.plot([x, x], [y, y + 0.42], color="white", lw=1.0)
        name = layer.name.split(".")[0].removeprefix("b") + " px"
        if name != before:
            axes.text(x, y - 0.03, name, ha="left", va="top", fontsize=FONT - 3, color=GREY)
        before = name
        start += layer.size


def _strip(axes: Axes, colors: Tensor, y: float, height: float) -> None:
    """[1, D, 3] colours over the width of a code."""
    extent = (STRIP_LEFT, STRIP_LEFT + STRIP_WIDTH, y, y + height)
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(colors.numpy(), extent=extent, interpolation="nearest", aspect="auto")
    axes.set(xlim=limits[0], ylim=limits[1])


def _picture(axes: Axes, picture: Tensor, x: float, y: float) -> None:
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(to_pixels(picture, 192), extent=(x, x + SIDE, y, y + SIDE), interpolation="nearest", aspect="auto")
    axes.set(xlim=limits[0], ylim=limits[1])
    axes.add_patch(Rectangle((x, y), SIDE, SIDE, fill=False, edgecolor=LIGHT, lw=0.6))


def _box(axes: Axes, x: float, y: float, width: float, height: float, text: str, color: str) -> None:
    style = "round,pad=0,rounding_size=0.06"
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, facecolor="white", edgecolor=color, lw=1.6))
    axes.text(x + width / 2, y + height / 2, text, ha="center", va="center")


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=9, color="#555555", lw=1.0, shrinkA=1, shrinkB=1)
    )
