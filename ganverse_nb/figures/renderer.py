"""Figures of the renderer itself: what a pixel knows, the soft silhouette, where its gradient pushes, a mesh fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ganverse_nb.figures.gan import outlined
from ganverse_nb.figures.grid import picture_grid, seen_from
from ganverse_nb.figures.style import BLUE, GREEN, GREY, LIGHT, ORANGE, RED, plot_figure, styled
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import soft_iou
from ganverse_nb.render.fitting import MeshFit
from ganverse_nb.render.renderer import RenderOutput, render
from ganverse_nb.render.shots import plain
from ganverse_nb.render.silhouette import CUT

MASK_COLOR = (0.9, 0.62, 0.0)
LONGEST = 0.11  # of the picture's side: the longest arrow


def zbuffer(output: RenderOutput, picture: Tensor) -> Figure:
    """What each pixel knows of one object: its face, where on it, how far away; and the `picture` [1, 3, R, R] of it.

    Faces have random colours; the three weights of the corners are red, green and blue; near is dark.
    """
    seen, depth = output.mask[0], output.depth[0]
    random = torch.Generator().manual_seed(1)
    palette = 0.15 + 0.8 * torch.rand(int(output.face_index.max()) + 1, 3, generator=random)
    faces = palette[output.face_index[0].clamp(min=0)].permute(2, 0, 1)
    near, far = depth[seen > 0].min(), depth.max()
    parts = {
        "face_index": faces,
        "barycentric": output.fragments.barycentric[0].permute(2, 0, 1),
        f"depth: {near:.2f} to {far:.2f}": (0.1 + 0.75 * (depth - near) / (far - near)).expand(3, -1, -1),
        "normals": 0.5 + 0.5 * output.normals[0],
        "picture": picture[0],
    }
    row = [(part * seen + 1 - seen).detach() for part in parts.values()]
    return picture_grid([row], column_labels=list(parts), size=256)


def soft_silhouettes(mesh: Mesh, camera: Camera, sigmas: Sequence[float], resolution: int = 64) -> Figure:
    """One object's mask, and its soft silhouette for every sigma; below, a corner of each enlarged."""
    outputs = [render(mesh, camera, resolution, sigma=sigma) for sigma in sigmas]
    pictures = [outputs[0].mask[0], *(output.silhouette[0].detach() for output in outputs)]
    rows, columns = pictures[0][0].nonzero().unbind(1)
    side = resolution // 4
    top = int(rows[columns == columns.max()].min()) - side // 2
    left = min(int(columns.max()) - side // 2, resolution - side)
    top = max(0, min(top, resolution - side))
    reach = [(sigma * torch.tensor(1 / CUT).log()).sqrt() * resolution / 2 for sigma in sigmas]
    labels = ["mask", *(f"σ = {sigma:.2g}\nreach {float(r):.1f} px" for sigma, r in zip(sigmas, reach))]
    close = [picture[:, top : top + side, left : left + side] for picture in pictures]
    return picture_grid([pictures, close], row_labels=["", "enlarged"], column_labels=labels, size=256)


def descent(mesh: Mesh, camera: Camera, mask: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """Vertices of one mesh in the picture of one camera, and where L_IOU pushes them: both [V, 2], x right, y down.

    The push is minus the gradient of 1 - IoU of the soft silhouette with `mask` [1, 1, R, R], as the movement of the
    vertex in the picture; its unit is arbitrary.
    """
    vertices = mesh.vertices.detach().requires_grad_()
    output = render(Mesh(vertices, mesh.faces), camera, mask.shape[-1], sigma=sigma)
    (gradient,) = torch.autograd.grad(1 - soft_iou(output.silhouette, mask).mean(), vertices)
    with torch.no_grad():
        step = 1e-3 / gradient.norm(dim=-1).max().clamp(min=1e-12)
        here, there = camera.to_image(vertices), camera.to_image(vertices - step * gradient)
        return here[0], (there - here)[0] * 1e3


@styled
def silhouette_gradient(mesh: Mesh, camera: Camera, mask: Tensor, sigmas: Sequence[float]) -> Figure:
    """The soft silhouette over the mask that it should have, and an arrow for each vertex that this moves.

    Grey: the silhouette; orange: the outline of `mask` [1, 1, R, R]. Arrows of one picture have one scale, up to
    a longest.
    """
    size = mask.shape[-1]
    figure = plot_figure(3.1 * len(sigmas), 3.4)
    for axes, sigma in zip(figure.subplots(1, len(sigmas), squeeze=False)[0], sigmas):
        silhouette = render(mesh, camera, size, sigma=sigma).silhouette[0, 0].detach()
        axes.imshow(1 - 0.55 * silhouette, cmap="gray", vmin=0, vmax=1, extent=(0, 1, 1, 0), interpolation="nearest")
        centers = (torch.arange(size) + 0.5) / size
        axes.contour(centers, centers, mask[0, 0], levels=[0.5], colors=[ORANGE], linewidths=1.4)
        place, push = descent(mesh, camera, mask, sigma)
        length = push.norm(dim=1)
        moved = length > 0.05 * length.max()
        place, push, length = place[moved], push[moved], length[moved]
        push = push * (LONGEST / length.clamp(min=float(length.quantile(0.95))))[:, None]
        axes.quiver(*place.T, *push.T, color=BLUE, angles="xy", scale_units="xy", scale=1, width=0.006, zorder=3)
        axes.set(xlim=(0, 1), ylim=(1, 0), xticks=[], yticks=[], aspect="equal")
        axes.set_title(f"σ = {sigma:.2g}: {int(moved.sum())} vertices move", fontweight="normal")
        for spine in axes.spines.values():
            spine.set(visible=True, color=LIGHT)
    return figure


def fit_steps(fit: MeshFit, camera: Camera, masks: Tensor, steps: Sequence[int], size: int = 192) -> Figure:
    """The mesh after some steps, seen by the cameras that it is fitted for, with the outlines of the masks."""
    meshes, rows = fit.at(list(steps)), []
    for view in range(len(camera)):
        mask = F.interpolate(masks[view : view + 1], (size // 2, size // 2), mode="bilinear")[0]
        shots = plain(meshes, camera[view], size // 2)
        target = (1 - 0.75 * masks[view]).expand(3, -1, -1)
        rows.append([target, *(outlined(shot, (mask > 0.5).float(), MASK_COLOR) for shot in shots)])
    labels = [seen_from(a, e) for a, e in zip(camera.azimuth, camera.elevation)]
    columns = ["mask", *(f"step {step}" for step in steps)]
    return picture_grid(rows, row_labels=labels, column_labels=columns, column_groups=[1], size=size)


@styled
def fit_curves(iou: Mapping[str, Tensor], chamfer: Mapping[int, float], shown: Sequence[int] = ()) -> Figure:
    """Overlap after every step, [S + 1] by whose views, and Chamfer distance after some; `shown` steps are marked."""
    figure = plot_figure(8.4, 2.5)
    left, right = figure.subplots(1, 2)
    for color, (name, values) in zip((BLUE, RED, GREEN), iou.items()):
        left.plot(range(len(values)), values.tolist(), color=color, label=f"{name}: {float(values[-1]):.3f}")
    for step in shown:
        left.axvline(step, color=GREY, lw=0.6, ls=":", zorder=0)
    left.set(xlabel="step", title="IoU", ylim=(None, 1.0))
    left.legend(loc="lower right")
    right.plot(list(chamfer), list(chamfer.values()), color=BLUE, marker="o", ms=3)
    right.set(xlabel="step", title="Chamfer-L1 to the true mesh (of the length)", ylim=(0, None))
    for axes in (left, right):
        _grid(axes)
    return figure


def _grid(axes: Axes) -> None:
    axes.grid(axis="y")
    axes.set_xlim(0, None)


def fit_unseen(fitted: Mesh, truth: Mesh, camera: Camera, size: int = 256) -> Figure:
    """The fitted mesh above the true one, from sides that no mask has shown; with the overlap of their silhouettes."""
    overlap = soft_iou(render(fitted, camera, size).mask, render(truth, camera, size).mask).tolist()
    rows = [list(plain(mesh, camera, size)) for mesh in (fitted, truth)]
    columns = [seen_from(a, e) for a, e in zip(camera.azimuth, camera.elevation)]
    notes = {(0, column): f"IoU {value:.2f}" for column, value in enumerate(overlap)}
    return picture_grid(rows, row_labels=["fitted", "true"], column_labels=columns, notes=notes, size=size)
