"""Cases by rank, and reconstructions of unusual objects, where the answer is known."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.evaluation import failures
from ganverse_nb.evaluation.examples import at_ranks
from ganverse_nb.evaluation.failures import reconstruct_kinds
from ganverse_nb.studio.out_of_distribution import ood_photos


def test_ranks_go_from_the_best_to_the_worst():
    errors = torch.tensor([0.3, float("nan"), 0.1, 0.5, 0.2, 0.4])
    assert at_ranks(errors, (0.0, 0.25, 0.5, 1.0)) == [2, 4, 0, 3]
    assert at_ranks(errors[:3], (0.0, 0.1, 0.9, 1.0)) == [2, 0]
    for wrong, shares in ((torch.tensor([float("nan")]), (0.5,)), (errors, (1.5,))):
        with pytest.raises(ValueError, match="ranks from 0 to 1"):
            at_ranks(wrong, shares)


def test_unusual_objects_are_compared_with_their_true_shapes(monkeypatch):
    kinds = ood_photos("car", 2, seed=1, resolution=64)
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
