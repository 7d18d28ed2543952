"""A fit, watched: a picture every few steps, and a line that says how far it is."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.render.fitting import fit_mesh
from ganverse_nb.render.renderer import render
from ganverse_nb.widgets import FitView


def test_it_shows_every_view_and_the_overlap_while_the_fit_runs():
    ball, camera = uv_sphere(8, 12), Camera.orbit(torch.tensor([0.0, 90.0]))
    masks = render(Mesh(0.45 * ball.vertices, ball.faces), camera, 32).mask
    view, pictures = FitView(masks, camera, every=3), []

    def watch(step, mesh):
        view(step, mesh)
        pictures.append(view.picture.value)

    fit = fit_mesh(masks, camera, Mesh(0.3 * ball.vertices, ball.faces), steps=6, smoothing=1.0, watch=watch)
    assert [a == b for a, b in zip(pictures, pictures[1:])] == [True, True, False, True, True, False]
    shown = np.asarray(Image.open(io.BytesIO(pictures[-1])))
    assert shown.shape == (256, 512, 3)
    orange = (np.abs(shown.astype(int) - [230, 158, 0]).max(-1) < 3).sum()
    assert orange > 100, "no outlines"
    step, overlap = view.status.value.split(", IoU ")
    assert step == "step 6" and float(overlap) == pytest.approx(float(fit.iou[-1]), abs=6e-4)
