"""Where reconstruction is good and where it fails, by measured scores: Figures H and O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.evaluation.reconstruction import compare, score_photos
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.inverse_graphics.inference import reconstruct
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.network import repeat_mesh
from ganverse_nb.studio.photos import Photos


@dataclass(frozen=True)
class HeldOut:
    """One picture of each of n held-out contents, and what was made of it.

    Attributes:
        images: [n, 3, R, R]; mesh, camera: n predictions, and the optimised cameras of the pictures' view codes.
        overlap: [n] mean IoU with the masks of the content's other views; NaN where none was kept.
    """

    images: Tensor
    mesh: Mesh
    camera: Camera
    overlap: Tensor


@torch.no_grad()
def held_out_overlap(model: InverseGraphicsModel, dataset: MultiViewDataset, seed: int = 0) -> HeldOut:
    """One kept picture, drawn at random, of every held-out content, and the overlap in all of its other views.

    Raises:
        ValueError: no held-out content has a kept picture.
    """
    contents = dataset.test_contents[dataset.keep[dataset.test_contents].any(1)]
    if len(contents) == 0:
        raise ValueError("No held-out content has a picture that passed the mask filter.")
    kept = dataset.keep[contents]
    view = torch.multinomial(kept.float(), 1, generator=torch.Generator().manual_seed(seed))[:, 0]
    images, masks = dataset.batch(contents, view)
    mesh, overlap = model.network(images, masks), []
    for row, content in enumerate(contents):
        others = kept[row].clone()
        others[view[row]] = False
        other = others.nonzero().flatten()
        if len(other) == 0:
            overlap.append(torch.tensor(torch.nan))
            continue
        shown = dataset.batch(content.expand(len(other)), other)
        overlap.append(compare(repeat_mesh(mesh[row], len(other)), model.bank(other), *shown)[:, 0].mean())
    return HeldOut(images, mesh, model.bank(view), torch.stack(overlap))


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
