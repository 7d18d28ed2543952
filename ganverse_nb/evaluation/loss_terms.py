"""Eq 1 on one picture, taken apart: every term's value, and where on the picture or the mesh it comes from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.config import InverseGraphicsConfig
from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.gan.viewpoints import BIN_DEGREES
from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.losses import edge_bends, topology, vertex_laplacian
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.inverse_graphics.losses import loss_terms
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.perceptual import Features, perceptual_loss
from ganverse_nb.render.renderer import RenderOutput, render


@dataclass(frozen=True)
class ExplainedLoss:
    """Eq 1 for one picture and its prediction, in the view of the picture.

    Attributes:
        values: of every term, by the names of the weights, and `weights` of the same names.
        image, mask: [1, 3, R, R] and [1, 1, R, R] what was to be explained.
        output: the render of the prediction, which is `mesh` under `camera`.
        perceptual: [1, 1, R, R] the distance of features at each place.
        laplacian, flatten, movement: [V] what each vertex adds; an edge's share goes to the corners of its faces.
    """

    values: dict[str, float]
    weights: dict[str, float]
    image: Tensor
    mask: Tensor
    output: RenderOutput
    mesh: Mesh
    camera: Camera
    perceptual: Tensor
    laplacian: Tensor
    flatten: Tensor
    movement: Tensor

    @property
    def total(self) -> float:
        """The loss: the sum of all terms, each times its weight."""
        return sum(self.weights[name] * value for name, value in self.values.items())


def example_picture(dataset: MultiViewDataset, azimuth: float = 60.0) -> tuple[int, int]:
    """Content and view of a held-out picture that the filter kept: the first of those labelled nearest to `azimuth`."""
    content, view = dataset.kept_pictures(dataset.test_contents)
    label = BIN_DEGREES * dataset.azimuth_bin[view].float()
    nearest = int(wrap_degrees(label - azimuth).abs().argmin())
    return int(content[nearest]), int(view[nearest])


@torch.no_grad()
def explain_loss(
    model: InverseGraphicsModel,
    dataset: MultiViewDataset,
    config: InverseGraphicsConfig,
    features: Features,
    content: int,
    view: int,
) -> ExplainedLoss:
    """Predict one object from one of its pictures, and compute what the training computes of it (Eq 1).

    The silhouette is as soft as it is when a training begins, whether the model is trained or not.

    Args:
        content, view: of the picture, which should be one that the filter kept.
    """
    views = torch.tensor([view])
    image, mask = dataset.batch(torch.tensor([content]), views)
    mesh, light = model.network.predict(image, mask)
    camera, offsets = model.cameras(views).detach(), model.network.offsets(mesh.vertices)
    output = render(mesh, camera, dataset.resolution, sigma=config.sigma[0], light=light)
    terms = loss_terms(output, image, mask, mesh, offsets)
    inside = mask * output.mask
    terms["perceptual"] = perceptual_loss(features, output.rgb, image, inside)
    return ExplainedLoss(
        {name: float(value) for name, value in terms.items()},
        {name: float(getattr(config, f"weight_{name}")) for name in terms},
        image,
        mask,
        output,
        mesh,
        camera,
        features.distance_map(output.rgb * inside, image * inside),
        vertex_laplacian(offsets, mesh.faces)[0],
        _at_vertices(edge_bends(mesh.vertices, mesh.faces)[0], mesh),
        offsets.square().sum(-1)[0],
    )


def _at_vertices(bends: Tensor, mesh: Mesh) -> Tensor:
    """[V] mean of the edges' values [P] over the corners of their two faces."""
    count = mesh.vertices.shape[1]
    corners = mesh.faces[topology(mesh.faces, count).face_pairs].flatten(1)  # [P, 6]
    total = bends.new_zeros(count).index_add(0, corners.flatten(), bends.repeat_interleave(corners.shape[1]))
    return total / torch.bincount(corners.flatten(), minlength=count).clamp(min=1)
