"""Eq 1 in pictures: each term of the loss where it comes from, with its value and its weight."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from matplotlib import colormaps
from matplotlib.figure import Figure
from torch import Tensor

from ganverse_nb.evaluation.loss_terms import ExplainedLoss
from ganverse_nb.figures.grid import picture_grid
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, corners
from ganverse_nb.render.renderer import render
from ganverse_nb.render.shots import SUPERSAMPLING
from ganverse_nb.render.texture import interpolate

TERMS = {
    "iou": "$L_{IOU}$",
    "color": "$L_{col}$",
    "perceptual": "$L_{percept}$",
    "laplacian": "$L_{lap}$",
    "flatten": "$L_{sm}$",
    "movement": "$L_{mov}$",
}
BOTH, MASK_ONLY, RENDER_ONLY = (0.82, 0.82, 0.82), (0.9, 0.62, 0.0), (0.0, 0.45, 0.7)
PALETTE = "magma_r"  # from nothing, which is white, to the largest value of a column


def loss_terms(losses: Mapping[str, ExplainedLoss], size: int = 192) -> Figure:
    """One row for each state of the network: picture, prediction, and every term of Eq 1 where it comes from.

    The overlap is grey, what only the mask covers orange, what only the render covers blue. The other terms run from
    white to black, on the picture or on the predicted mesh, in one scale for each column. Each says value x weight.
    """
    shares = {name: _shares(loss) for name, loss in losses.items()}
    largest = {term: max(float(share[term].quantile(0.995)) for share in shares.values()) for term in list(TERMS)[1:]}
    rows, notes = [], {}
    for row, (name, loss) in enumerate(losses.items()):
        pictures = [loss.image[0], (loss.output.rgb * loss.output.mask + 1 - loss.output.mask)[0]]
        for column, term in enumerate(TERMS, len(pictures)):
            notes[row, column] = f"{loss.values[term]:.2g} × {loss.weights[term]:g}"
            if term == "iou":
                pictures.append(_overlap(loss.mask[0], loss.output.silhouette[0]))
                continue
            scaled = (shares[name][term] / max(largest[term], 1e-12)).clamp(0, 1)
            on_mesh = scaled.ndim == 1
            pictures.append(_painted(loss.mesh, loss.camera, scaled, size) if on_mesh else _heat(scaled[0]))
        rows.append(pictures)
    labels = [f"{name}\nloss {loss.total:.2f}" for name, loss in losses.items()]
    columns = ["picture", "prediction", *TERMS.values()]
    return picture_grid(rows, row_labels=labels, column_labels=columns, notes=notes, column_groups=[2, 5], size=size)


def _shares(loss: ExplainedLoss) -> dict[str, Tensor]:
    """Where every term but the overlap comes from: [1, R, R] of the picture, or [V] of the mesh."""
    inside = (loss.mask * loss.output.mask)[0]
    return {
        "color": (loss.output.rgb - loss.image).abs().mean(1) * inside,
        "perceptual": loss.perceptual[0],
        "laplacian": loss.laplacian.sqrt(),
        "flatten": loss.flatten.sqrt(),
        "movement": loss.movement.sqrt(),
    }


def _overlap(mask: Tensor, silhouette: Tensor) -> Tensor:
    """[3, R, R] of two masks [1, R, R]."""
    parts = {BOTH: mask * silhouette, MASK_ONLY: mask * (1 - silhouette), RENDER_ONLY: (1 - mask) * silhouette}
    painted = sum((torch.tensor(color)[:, None, None] * part for color, part in parts.items()), torch.zeros(3, 1, 1))
    return painted + 1 - sum(parts.values(), torch.zeros(1, 1, 1))


def _heat(values: Tensor) -> Tensor:
    """Colours [3, ...] of values [...] in [0, 1]."""
    colors = torch.from_numpy(colormaps[PALETTE](values.numpy())[..., :3]).float().movedim(-1, 0)
    return 1 - (1 - colors) * (10 * values).clamp(max=1)  # the palette's own lightest colour is not white


def _painted(mesh: Mesh, camera: Camera, values: Tensor, size: int) -> Tensor:
    """[3, size, size] the mesh in the colours of its vertices' values [V], shaded a little so that its shape shows."""
    output = render(Mesh(mesh.vertices, mesh.faces), camera, size * SUPERSAMPLING)
    at_corners = corners(_heat(values).T[None], mesh.faces)
    colors = interpolate(at_corners.contiguous(), output.fragments).permute(0, 3, 1, 2)
    facing = (output.normals * camera.axes()[:, 2, :, None, None]).sum(1, keepdim=True).clamp(min=0)
    picture = colors * (0.7 + 0.3 * facing) * output.mask + 1 - output.mask
    return F.avg_pool2d(picture, SUPERSAMPLING)[0]
