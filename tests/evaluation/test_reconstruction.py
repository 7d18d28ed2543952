from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.evaluation.reconstruction import score_dataset, score_photos, score_with_fitted_cameras
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.inverse_graphics.network import repeat_mesh
from ganverse_nb.render.renderer import render
from tests.certain import CertainHead

AZIMUTH = torch.tensor([0.0, 90.0, 200.0])


def body(scale=1.0):
    sphere = uv_sphere()
    vertices = sphere.vertices * torch.tensor([0.2, 0.16, 0.5]) * scale
    return Mesh(vertices, sphere.faces, sphere.face_uvs, torch.full((1, 3, 8, 16), 0.25))


class Oracle(torch.nn.Module):
    """Stands for a model that always answers with one mesh and the true cameras."""

    def __init__(self, mesh, cameras):
        super().__init__()
        self.mesh, self.cameras, self.resolution = mesh, cameras, 64
        self.network = lambda images, masks: repeat_mesh(mesh, len(images))
        self.head = CertainHead(lambda images, masks: cameras)
        self.cameras = SimpleCameras(cameras)


class SimpleCameras(torch.nn.Module):
    def __init__(self, cameras):
        super().__init__()
        self.cameras, self.azimuth = cameras, torch.zeros(1)

    def forward(self, view):
        return self.cameras[view]


@pytest.fixture(scope="module")
def dataset():
    output = render(repeat_mesh(body(), 3), Camera.orbit(AZIMUTH, 10.0), 64)
    images = (output.rgb * 255).round().byte()[None].repeat(2, 1, 1, 1, 1)
    masks = output.mask.byte()[None].repeat(2, 1, 1, 1, 1)
    keep = torch.tensor([[1, 1, 1], [1, 0, 1]]).bool()
    return MultiViewDataset(images, masks, keep, torch.tensor([0, 3, 7]), test_contents=1)


def test_the_truth_scores_one_in_its_own_view_and_in_all_others(dataset):
    scores = score_dataset(Oracle(body(), Camera.orbit(AZIMUTH, 10.0)), dataset, torch.tensor([0, 1]))
    assert scores.same_view == pytest.approx(1) and scores.novel_view == pytest.approx(1)
    assert scores.color < 0.004 and scores.novel_color < 0.004
    assert scores.pictures == 5 and scores.pairs == 3 * 2 + 2 * 1


def test_a_wrong_camera_of_one_view_shows_in_that_view_only(dataset):
    cameras = Camera.orbit(torch.tensor([0.0, 50.0, 200.0]), 10.0)
    scores = score_dataset(Oracle(body(), cameras), dataset, torch.tensor([0]))
    assert scores.per_view[1] < 0.9 and scores.per_view[0] > 0.99 and scores.per_view[2] > 0.99
    assert scores.same_view == pytest.approx(scores.per_view.mean().item(), abs=1e-4)
    assert scores.novel_view == pytest.approx(scores.same_view, abs=1e-4)  # each view is the other of two
    assert scores.per_picture[1] > 0.99 and scores.per_picture[[0, 2]].max() < 0.95  # what the wrong one does not see
    assert scores.per_picture.mean() == pytest.approx(scores.novel_view, abs=1e-4)


def test_fitted_cameras_take_off_what_wrong_cameras_cost_and_nothing_else(dataset):
    contents, turned = torch.tensor([0, 1]), Camera.orbit(AZIMUTH + torch.tensor([5.0, -4.0, 6.0]), 13.0, 2.1)
    before = score_dataset(Oracle(body(), turned), dataset, contents)
    after = score_with_fitted_cameras(Oracle(body(), turned), dataset, contents)
    assert before.novel_view < 0.88 and min(after.same_view, after.novel_view) > 0.97
    wrong = body()
    wrong.vertices[..., 1] *= 2.0  # another shape: no camera makes a car of it
    assert score_with_fitted_cameras(Oracle(wrong, turned), dataset, contents).novel_view < 0.85


def test_a_picture_without_other_views_has_no_score_in_them(dataset):
    lonely = MultiViewDataset(
        dataset.images,
        dataset.masks,
        torch.tensor([[1, 1, 1], [0, 0, 1]]).bool(),
        dataset.azimuth_bin,
        test_contents=1,
    )
    scores = score_dataset(Oracle(body(), Camera.orbit(AZIMUTH, 10.0)), lonely, torch.tensor([0, 1]))
    assert scores.per_picture.isnan().tolist() == [False, False, False, True] and scores.pairs == 6


def test_nothing_kept_is_an_error(dataset):
    empty = SimpleNamespace(keep=torch.zeros(2, 3, dtype=torch.bool), num_views=3)
    with pytest.raises(ValueError, match="mask filter"):
        score_dataset(Oracle(body(), Camera.orbit(AZIMUTH)), empty, torch.tensor([0]))
    with pytest.raises(ValueError, match="mask filter"):
        score_with_fitted_cameras(Oracle(body(), Camera.orbit(AZIMUTH)), empty, torch.tensor([0]))


def test_photographs_are_scored_in_2d_and_3d(dataset):
    images, masks = dataset.batch(torch.zeros(3, dtype=torch.int64), torch.arange(3))
    true = [(body().vertices[0], body().faces)] * 2
    oracle = Oracle(body(), Camera.orbit(AZIMUTH, 10.0))
    good = score_photos(oracle, images, masks, masks, true, points=3000)
    small = score_photos(Oracle(body(0.8), Camera.orbit(AZIMUTH, 10.0)), images, masks, masks, true, points=3000)
    turned = score_photos(Oracle(body(), Camera.orbit(AZIMUTH + 90, 10.0)), images, masks, masks, true, points=3000)
    assert good.iou.min() > 0.92 and turned.iou.max() < 0.8  # of a smaller body, the camera comes nearer
    assert len(good.shape) == 2
    assert good.shape_as_found[0].chamfer_l1 < 0.01 and good.shape_as_found[0].f_score[1] > 0.95
    assert small.shape_as_found[0].chamfer_l1 > 2 * small.shape[0].chamfer_l1  # alignment takes the size off
