"""Median and worst cases by measured scores, where the scores are known."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.evaluation import failures
from ganverse_nb.evaluation.examples import at_ranks
from ganverse_nb.evaluation.failures import held_out_overlap, reconstruct_kinds
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.render.renderer import render
from ganverse_nb.studio.unusual import unusual_photos

AZIMUTH = torch.tensor([0.0, 90.0, 200.0])


def test_ranks_go_from_the_best_to_the_worst():
    errors = torch.tensor([0.3, float("nan"), 0.1, 0.5, 0.2, 0.4])
    assert at_ranks(errors, (0.0, 0.25, 0.5, 1.0)) == [2, 4, 0, 3]
    assert at_ranks(errors[:3], (0.0, 0.1, 0.9, 1.0)) == [2, 0]
    for wrong, shares in ((torch.tensor([float("nan")]), (0.5,)), (errors, (1.5,))):
        with pytest.raises(ValueError, match="ranks from 0 to 1"):
            at_ranks(wrong, shares)


def ball(width):
    sphere = uv_sphere()
    return Mesh(sphere.vertices * torch.tensor([width, 0.2, 0.4]), sphere.faces)


class Teller:
    """Predicts the same ball for every picture."""

    def __init__(self, mesh):
        self.mesh = mesh

    def network(self, images, masks):
        return self.mesh[torch.zeros(len(images), dtype=torch.int64)]

    def bank(self, view):
        return Camera.orbit(AZIMUTH[view], 10.0)


def test_held_out_pictures_are_ranked_by_what_their_other_views_show():
    camera = Camera.orbit(AZIMUTH, 10.0)
    widths = (0.3, 0.2, 0.3, 0.12)  # the first content is of the training
    masks = torch.stack([render(ball(width), camera, 64).mask for width in widths])
    keep = torch.ones(4, 3, dtype=torch.bool)
    keep[2, 1:] = False
    dataset = MultiViewDataset(
        masks.expand(-1, -1, 3, -1, -1).byte(), masks.byte(), keep, torch.tensor([0, 3, 7]), test_contents=3
    )
    result = held_out_overlap(Teller(ball(0.2)), dataset, seed=0)
    assert len(result.images) == 3 == len(result.mesh) == len(result.camera)
    assert result.overlap[0] == pytest.approx(1.0) and result.overlap[2] < 0.9
    assert result.overlap[1].isnan(), "no other view of it was kept"
    assert at_ranks(1 - result.overlap, (0.0, 1.0)) == [0, 2]


def test_unusual_objects_are_compared_with_their_true_shapes(monkeypatch):
    kinds = unusual_photos("car", 2, seed=1, resolution=64)
    truth = {kind: photos.mesh() for kind, photos in kinds.items()}

    def tell(images, masks, model):
        (kind,) = [k for k, photos in kinds.items() if torch.equal(photos.image(), images)]
        assert torch.equal(masks, kinds[kind].masks.float())
        return truth[kind if model == "truth" else "bus"], kinds[kind].camera

    from ganverse_nb.evaluation import reconstruction

    monkeypatch.setattr(reconstruction, "reconstruct", tell)
    monkeypatch.setattr(failures, "reconstruct", tell)
    right, wrong = (reconstruct_kinds(model, kinds) for model in ("truth", "always a bus"))
    assert all(result.chamfer.max() < 0.01 and result.iou.min() > 0.9 for result in right.values())
    assert wrong["bus"].chamfer.max() < 0.01 < 0.03 < wrong["go-kart"].chamfer.min()
    assert wrong["go-kart"].iou.max() < 0.8 and isinstance(kinds["bus"], type(right["bus"].photos))


def test_nothing_held_out_is_an_error():
    empty = SimpleNamespace(test_contents=torch.tensor([0]), keep=torch.zeros(1, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match="mask filter"):
        held_out_overlap(Teller(ball(0.2)), empty)
