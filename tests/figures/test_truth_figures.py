"""Figures of reconstructions against the truth: nothing cropped, what is in them is what was measured."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganverse_nb import figures as fig
from ganverse_nb.evaluation.alignment import Similarity
from ganverse_nb.evaluation.camera_audit import CameraAudit, PoseErrors
from ganverse_nb.evaluation.ground_truth import TruthScores
from ganverse_nb.evaluation.metrics import ShapeError
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.studio.ground_truth_views import VIEWS, make_ground_truth_views
from tests.figures.figure_checks import cropped, texts

COUNT = 9


def scores(best):
    spread = torch.linspace(0, 0.1, COUNT)
    shape = [ShapeError(0.01 + s, (0.3, best - s, 0.9), 1.0, 0.9) for s in spread.tolist()]
    views = best - spread[:, None] - 0.01 * torch.arange(VIEWS)
    nothing = torch.full((COUNT,), torch.nan)
    return TruthScores(
        shape, best - spread, nothing, nothing, [Similarity.identity()] * COUNT, 20 * views, views, 1 - views, views
    )


def test_distributions_name_the_median_of_every_measure():
    figure = fig.truth_distributions({"none": scores(0.7), "gauge": scores(0.8), "similarity": scores(0.9)})
    assert [text.strip() for text in texts(figure)[:6]] == ["0.06"] * 3 + ["0.65", "0.75", "0.85"]
    assert not cropped(figure)


def test_views_are_drawn_by_their_angle_and_from_above():
    figure = fig.truth_by_angle({"a": scores(0.8), "b": scores(0.9)}, "some features")
    lines = figure.axes[0].get_lines()
    assert lines[0].get_xdata().tolist() == [0, 45, 90, 135, 180]
    middle = 0.8 - 0.05 - 0.01 * np.array([0, (1 + 7) / 2, (2 + 6) / 2, (3 + 5) / 2, 4])
    assert lines[0].get_ydata() == pytest.approx(middle, abs=1e-4)
    assert lines[1].get_ydata()[0] == pytest.approx(0.8 - 0.05 - 0.08, abs=1e-4)
    assert not cropped(figure)


def test_examples_show_predictions_where_their_alignment_puts_them():
    truth = make_ground_truth_views("car", 1, seed=2, resolution=32)
    mesh = truth.photos.mesh()
    red = torch.tensor([1.0, 0.0, 0.0])[None, :, None, None].expand(1, 3, 2, 2).contiguous()
    small = Mesh(0.5 * mesh.vertices, mesh.faces, torch.zeros(len(mesh.faces), 3, 2), red)
    known = scores(0.9)
    doubled = Similarity(2.0, torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64))
    one = replace(known, transforms=[doubled] * COUNT)
    figure = fig.truth_examples(truth, small, one, {"median": 0, "worst": 0}, size=160)
    (canvas,) = figure.axes[0].get_images()
    shown = canvas.get_array()[:160].astype(int)
    is_red = (shown[..., 0] > 200) & (shown[..., 1] < 60)
    share = is_red.sum() / (4 * 160 * 160)
    wanted = truth.views.masks[[1, 3, 5, 7]].float().mean().item()
    assert share == pytest.approx(wanted, rel=0.15)
    assert "Chamfer 0.010" in texts(figure) and not cropped(figure)


def test_the_audit_of_cameras_shows_counts_and_errors():
    errors = PoseErrors(*(torch.linspace(-4, 4, COUNT) * s for s in (1, 0.5, 0.01, 1)))
    overlap = {
        name: torch.full((COUNT,), value) for name, value in (("true", 0.8), ("predicted", 0.7), ("refined", 0.9))
    }
    audit = CameraAudit({"predicted": errors, "refined": errors}, overlap, torch.tensor([[5, 1], [2, 7]]), None)
    assert audit.confused == pytest.approx(3 / 15)
    figure = fig.camera_audit(audit)
    assert {"5", "1", "2", "7"} <= set(texts(figure)) and {" 2", " 1", " 0.7", " 0.9"} <= set(texts(figure))
    assert not cropped(figure)
