"""Where reconstruction fails: objects of another kind, against their true shapes (Figure O)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.evaluation.reconstruction import score_photos
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.inverse_graphics.inference import reconstruct
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.studio.photos import Photos


@dataclass(frozen=True)
class KindResult:
    """N photographs of one kind of object, cut out by their true masks, and what was made of them.

    Attributes:
        iou: [N] of the mask with the render from the camera head's camera.
        chamfer: [N] distance to the true surface as a share of its longest side, after similarity alignment.
    """

    photos: Photos
    mesh: Mesh
    camera: Camera
    iou: Tensor
    chamfer: Tensor


def reconstruct_kinds(model: InverseGraphicsModel, kinds: Mapping[str, Photos], seed: int = 0) -> dict[str, KindResult]:
    """Reconstruct the photographs of every kind, and compare them with the true shapes.

    The masks are the true ones, so that an object counts that no segmenter finds.

    Raises:
        ValueError: the photographs have another size than the model's pictures.
    """
    results = {}
    for kind, photos in kinds.items():
        images, masks, true = photos.image(), photos.masks.float(), photos.mesh()
        truth = [(vertices, true.faces) for vertices in true.vertices]
        scores = score_photos(model, images, masks, masks, truth, seed)
        chamfer = torch.tensor([error.chamfer_l1 for error in scores.shape])
        results[kind] = KindResult(photos, *reconstruct(images, masks, model), scores.iou, chamfer)
    return results
