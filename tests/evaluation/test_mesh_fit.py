"""A fit against the object its masks are of."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.evaluation.mesh_fit import score_fit
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.render.fitting import MeshFit


def test_a_ball_that_grows_to_the_true_size_is_scored_on_its_way():
    ball, sizes = uv_sphere(), (0.25, 0.4, 0.5)
    true = Mesh(0.5 * ball.vertices, ball.faces)
    vertices = torch.cat([size * ball.vertices for size in sizes])
    fit = MeshFit(Mesh(vertices[:1], ball.faces), vertices, torch.zeros(3))
    errors = score_fit(fit, true, Camera.orbit(torch.tensor([0.0, 60.0, 120.0])), every=2)
    assert errors.iou.shape == (3,) and errors.views.tolist() == [1.0, 1.0, 1.0]
    assert errors.iou.tolist()[:2] == pytest.approx([0.25, 0.64], abs=0.04)  # as areas, or a little less: perspective
    assert list(errors.chamfer) == [0, 2]
    assert errors.chamfer[0] == pytest.approx(0.25, abs=0.01) and errors.chamfer[2] < 0.02
