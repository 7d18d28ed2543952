"""The ablation study's figures show what was measured, by variant and view."""

import torch

from ganverse_nb import figures as fig
from ganverse_nb.evaluation.ablation import Example
from ganverse_nb.evaluation.captions import CAPTIONS
from ganverse_nb.evaluation.spread import Cell
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from tests.figures.figure_checks import texts


def test_the_table_has_mean_and_sample_deviation_of_every_variant():
    cells = {
        "novel_view_iou": {"full": Cell({0: 0.9, 1: 0.92, 2: 0.94}), "no_multiview": Cell({0: 0.8})},
        "photo_chamfer": {"full": Cell({0: 0.0211, 1: 0.0213})},
    }
    shown = texts(fig.ablation_table(cells, ["full", "no_multiview"]))
    assert "Mean ± standard deviation over trainings of the seeds 0, 1, 2" in shown
    row = shown.index("full (2 views per step)")
    assert shown[row + 1 : row + 3] == ["0.920 ± 0.020", "0.0212 ± 0.0001"]
    row = shown.index("w.o. M. V. (1 view per step)")
    assert shown[row + 1 : row + 3] == ["0.800", "–"]
    assert {"GAN, held-out objects", "photographs, against the truth"} < set(shown)


def test_examples_have_a_row_of_pictures_and_one_per_arm_with_its_overlaps():
    sphere = uv_sphere()
    mesh = Mesh(0.4 * sphere.vertices, sphere.faces, sphere.face_uvs, torch.full((1, 3, 8, 16), 0.5))
    camera = Camera.orbit(torch.tensor([0.0, 90.0, 200.0]))
    overlap = {"full": torch.tensor([0.91, 0.92, 0.93]), "no_perceptual": torch.tensor([0.81, 0.82, 0.83])}
    example = Example(torch.rand(3, 3, 64, 64), [90.0, 200.0], dict.fromkeys(overlap, (mesh, camera)), overlap)
    figure = fig.ablation_examples({"median": example, "worst": example}, size=64)
    shown = texts(figure)
    assert [t for t in shown if t.startswith("IoU")][:6] == [f"IoU 0.{n}" for n in (91, 92, 93, 81, 82, 83)]
    assert [t for t in shown if t.endswith("°")] == ["+90°", "+200°"] * 2
    assert [t for t in shown if t in ("full", "w.o. P.")] == ["full", "w.o. P."] * 2
    picture = figure.axes[0].get_images()[0].get_array()
    shape = picture[64 + 3 : 2 * 64 + 3, -64:]  # of the first variant, in the last column
    assert (shape == 255).any() and (shape < 200).any()
    assert (picture[:64, -64:] == 255).all()  # the true shape is not known


def test_captions_exist():
    assert {"figure_6_ablation", "figure_p_ablation", "ablation_table"} <= set(CAPTIONS)
