"""Scores of variants, and the pictures that are shown of them."""

import json
import math
import statistics

import pytest
import torch

from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.evaluation.ablation import VariantScores, gan_example, median_and_worst_of, photo_example
from ganverse_nb.evaluation.alignment import Similarity
from ganverse_nb.evaluation.spread import table
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.inverse_graphics.network import repeat_mesh
from ganverse_nb.render.renderer import render
from ganverse_nb.studio.ground_truth_views import VIEWS, make_ground_truth_views
from tests.certain import CertainHead

BINS = torch.arange(12)
CAMERA = Camera.orbit(30.0 * BINS, 10.0)


def variant_scores(novel=0.9, chamfer=(0.01, 0.02, 0.09), gauge=None):
    photos = {"chamfer": torch.tensor(chamfer), "iou": torch.tensor([0.8, 0.7, math.nan])}
    gauge = gauge or Similarity.identity()
    return VariantScores(0.95, novel, 0.1, torch.tensor([0.5, math.nan, 0.7]), photos, gauge)


class Oracle(torch.nn.Module):
    """Stands for a model that always answers with one mesh, and knows the cameras of the view codes."""

    def __init__(self, mesh):
        super().__init__()
        self.resolution = 64
        self.network = lambda images, masks: repeat_mesh(mesh, len(images))
        self.head = CertainHead(lambda images, masks: CAMERA[[0] * len(images)])
        self.cameras = lambda view: CAMERA[view]
        self.cameras.azimuth = torch.zeros(1)


def body():
    sphere = uv_sphere()
    vertices = sphere.vertices * torch.tensor([0.2, 0.16, 0.5])
    return Mesh(vertices, sphere.faces, sphere.face_uvs, torch.full((1, 3, 8, 16), 0.25))


def turntable(keep=None):
    """3 contents (2 held out), all the same body, under 12 view codes."""
    output = render(repeat_mesh(body(), 12), CAMERA, 64)
    images = (output.rgb * 255).round().byte()[None].repeat(3, 1, 1, 1, 1)
    masks = output.mask.byte()[None].repeat(3, 1, 1, 1, 1)
    keep = torch.ones(3, 12, dtype=torch.bool) if keep is None else keep
    return MultiViewDataset(images, masks, keep, BINS, test_contents=2)


def test_scores_survive_saving(tmp_path):
    gauge = Similarity(1.1, torch.eye(3, dtype=torch.float64)[[2, 1, 0]], torch.tensor([0.1, 0.2, 0.3]).double())
    scores = variant_scores(gauge=gauge)
    scores.save(tmp_path / "scores.json")
    json.loads((tmp_path / "scores.json").read_text(), parse_constant=pytest.fail)  # NaN is no JSON
    loaded = VariantScores.load(tmp_path / "scores.json")
    assert loaded.numbers() == scores.numbers()
    for name in ("per_picture", "photos"):
        a, b = getattr(loaded, name), getattr(scores, name)
        pairs = [(a[k], b[k]) for k in b] if name == "photos" else [(a, b)]
        assert all(torch.equal(x.nan_to_num(-1), y.nan_to_num(-1)) for x, y in pairs)
    points = torch.rand(5, 3, generator=torch.Generator().manual_seed(0)).double()
    assert torch.equal(loaded.gauge(points), gauge(points))


def test_the_numbers_are_medians_over_photographs_and_their_table_mean_and_sample_spread_over_seeds():
    numbers = variant_scores().numbers()
    assert numbers["photo_chamfer"] == pytest.approx(0.02) and numbers["novel_view_iou"] == 0.9
    assert numbers["photo_novel_view_iou"] == pytest.approx(0.75)
    novel = [0.90, 0.92, 0.97]
    results = [{"variant": "full", "seed": s, "rows": variant_scores(n).rows()} for s, n in enumerate(novel)]
    results.append({"variant": "other", "seed": 0, "rows": variant_scores(math.nan).rows()})
    cells = table(results, ["full", "other"])
    assert cells["novel_view_iou"]["full"].mean == pytest.approx(0.93)
    assert cells["novel_view_iou"]["full"].deviation == pytest.approx(statistics.stdev(novel))
    assert statistics.stdev(novel) == pytest.approx(math.sqrt((0.03**2 + 0.01**2 + 0.04**2) / 2))
    assert "other" not in cells["novel_view_iou"]  # not measured
    assert cells["photo_chamfer"]["full"].deviation == 0


def test_the_median_and_the_worst_are_chosen_by_the_mean_over_the_variants():
    one = torch.tensor([0.9, 0.2, 0.8, 0.7, math.nan])
    other = torch.tensor([0.3, 0.9, 0.9, 0.8, 0.0])  # means 0.6, 0.55, 0.85, 0.75
    assert median_and_worst_of([one, other]) == {"median": 3, "worst": 1}
    assert median_and_worst_of([one]) == {"median": 2, "worst": 1}
    with pytest.raises(ValueError, match="no number"):
        median_and_worst_of([torch.full((3,), math.nan)])


def test_an_example_of_the_gan_shows_the_input_first_and_other_views_from_all_around():
    example = gan_example({"full": Oracle(body())}, turntable(), 12 + 3)  # second held-out content, view 3
    assert torch.equal(example.pictures[0], turntable().batch(torch.tensor([2]), torch.tensor([3]))[0][0])
    assert example.turns == [60.0, 150.0, 210.0, 300.0] and len(example.pictures) == 5
    mesh, camera = example.meshes["full"]
    assert len(mesh) == 1 and camera.azimuth.tolist() == pytest.approx([90.0, 150.0, 240.0, 300.0, 30.0], abs=1e-3)
    assert (example.overlap["full"] > 0.99).all()


def test_few_other_views_are_shown_once_each_and_none_is_an_error():
    keep = torch.zeros(3, 12, dtype=torch.bool)
    keep[1, [2, 5, 9]] = True
    keep[2, 4] = keep[0, 0] = True
    example = gan_example({"full": Oracle(body())}, turntable(keep), 1)
    assert example.turns == [120.0, 270.0] and len(example.pictures) == 3
    with pytest.raises(ValueError, match="only one of its content"):
        gan_example({"full": Oracle(body())}, turntable(keep), 3)


def test_a_photographs_example_is_seen_in_the_true_world():
    """A prediction that is the true mesh, in a world half as large and moved: its gauge brings it back."""
    truth = make_ground_truth_views("car", 2, seed=3)
    gauge = Similarity(2.0, torch.eye(3, dtype=torch.float64), torch.tensor([0.1, 0.0, -0.2]).double())
    one = truth.photos[1:2].mesh()
    away = (one.vertices - gauge.translation.float()) / 2
    mesh = Mesh(away, one.faces, torch.zeros(len(one.faces), 3, 2), torch.full((1, 3, 2, 2), 0.5))
    masks = truth.photos.masks.float()
    models, gauges = {"full": Oracle(mesh), "wrong": Oracle(mesh)}, {"full": gauge, "wrong": Similarity.identity()}
    example = photo_example(models, gauges, (truth, masks), 1)
    assert len(example.pictures) == 5 and example.turns == [45.0, 135.0, 225.0, 315.0]
    assert torch.equal(example.pictures[0], truth.photos.image()[1])
    seen = truth.views[torch.tensor([VIEWS + 1])]
    inside = seen.masks[0].bool().expand(3, -1, -1)
    assert torch.equal(example.pictures[1][inside], seen.image()[0][inside])
    assert (example.pictures[1][~inside] == 1).all()
    assert (example.overlap["full"] > 0.9).all() and (example.overlap["wrong"] < 0.6).all()
    assert torch.allclose(example.meshes["full"][0].vertices.float(), one.vertices, atol=1e-5)
