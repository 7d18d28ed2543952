"""What the notebooks report, on worlds whose numbers are known."""

from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.evaluation.metrics import ShapeError
from ganverse_nb.evaluation.reconstruction import PhotoScores
from ganverse_nb.evaluation.scorecard import (
    PhotoReport,
    azimuth_reader,
    camera_errors,
    clear_photos,
    held_out_in_one_view,
    held_out_pairs,
    held_out_properties,
    mean_shape,
    read_views,
    score_test_photos,
)
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.pose import Pose
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.segmentation.detections import Detections
from ganverse_nb.studio.cars import TYPE_NAMES
from ganverse_nb.studio.photos import make_photos
from tests.certain import CertainHead

CONTENTS, VIEWS, SIDE = 5, 4, 16
TRUE = torch.tensor([10.0, 80.0, 190.0, 285.0])  # where the pictures of each view are taken from
BINS = torch.tensor([0, 3, 6, 9])


class Reader:
    """A pose regressor that finds the azimuth written in the red channel, in turns."""

    def pose(self, images):
        return Pose(images[:, 0].mean((1, 2)) * 360, torch.ones(len(images)), torch.full((len(images),), 14.0))


def written(azimuth):
    """Pictures of one colour, uint8 [..., 3, SIDE, SIDE], in whose red the azimuth is written."""
    red = (azimuth / 360 * 255).round().byte()
    return red[..., None, None, None].expand(*azimuth.shape, 3, SIDE, SIDE).contiguous()


def infer(images, masks):
    """Shapes as large as the content's green channel, here equal to red."""
    sphere = uv_sphere()
    vertices = sphere.vertices * (0.2 + images[:, 1].mean((1, 2)))[:, None, None]
    return Mesh(vertices, sphere.faces, sphere.face_uvs, torch.full((len(images), 3, 4, 8), 0.5))


def model(azimuth=TRUE):
    cameras = LearnableCameras(BINS)
    cameras.azimuth.data = torch.deg2rad(azimuth)
    return SimpleNamespace(network=infer, cameras=cameras)


@pytest.fixture
def dataset():
    images = written(TRUE.expand(CONTENTS, VIEWS))
    masks = torch.zeros(CONTENTS, VIEWS, 1, SIDE, SIDE, dtype=torch.uint8)
    masks[..., 4:12, 4:12] = 1
    keep = torch.ones(CONTENTS, VIEWS, dtype=torch.bool)
    return MultiViewDataset(images, masks, keep, BINS, test_contents=3)


# ---- views and cameras


def test_views_are_read_again_on_fresh_contents():
    torch.manual_seed(0)
    generator = Generator(8, z_dim=4, w_dim=4, mapping_layers=1, channels=(4, 4)).eval().requires_grad_(False)
    zero = torch.zeros(3)
    views = ViewCodes(torch.randn(3, 4), BINS[:3], zero, zero, zero, torch.ones(3, dtype=torch.bool), 2)
    angles = torch.tensor([350.0, 355.0, 0.0, 0.0, 5.0, 10.0, 180.0])  # one content looks the wrong way
    asked = []

    def pose(images):
        asked.append(images)
        return Pose(angles.repeat(len(images) // 7), torch.ones(len(images)), torch.full((len(images),), 14.0))

    readings = read_views(generator, SimpleNamespace(pose=pose), views, contents=7, psi=0.7, seed=0)
    assert readings.azimuth.remainder(360).tolist() == [0, 0, 0] and readings.deviation.tolist() == [5, 5, 5]
    assert (readings.median_deviation, readings.largest_gap) == (5, 360)
    again = read_views(generator, SimpleNamespace(pose=pose), views, contents=7, psi=0.7, seed=1)
    assert not torch.equal(asked[0], asked[1]) and again.median_deviation == 5


def test_camera_errors_compare_labels_and_optimised_cameras_with_readings(dataset):
    errors = camera_errors(model(), dataset, Reader())
    assert torch.allclose(errors.measured, TRUE, atol=1)  # 8 bits
    assert errors.labelled.tolist() == [0, 90, 180, 270]
    assert errors.after.mean < 1 and errors.before.mean > 5


def test_one_rotation_of_all_cameras_is_no_error(dataset):
    turned = camera_errors(model(TRUE + 70), dataset, Reader())
    assert turned.after.mean < 1 and turned.after.offset == pytest.approx(70, abs=1)


def test_views_without_pictures_are_left_out(dataset):
    dataset.keep[:, 2] = False
    errors = camera_errors(model(), dataset, Reader())
    assert errors.labelled.tolist() == [0, 90, 270]
    dataset.keep[:] = False
    with pytest.raises(ValueError, match="Not one picture"):
        camera_errors(model(), dataset, Reader())


def test_the_reader_of_azimuths_gives_degrees():
    assert azimuth_reader(Reader())(torch.full((2, 3, 4, 4), 0.25)).tolist() == [90, 90]


# ---- held-out contents


def test_held_out_properties_come_from_kept_pictures_of_held_out_contents(dataset):
    dataset.keep[2] = torch.tensor([False, False, True, False])
    dataset.keep[3] = False
    properties, images = held_out_properties(model(), dataset, seed=0)
    assert len(properties) == len(images) == 2
    assert properties.camera.azimuth[0].remainder(360) == pytest.approx(190, abs=0.01)
    assert torch.equal(images[0], dataset.images[2, 2].float() / 255)
    assert not properties.camera.azimuth.requires_grad
    fewer, seen = held_out_properties(model(), dataset, limit=1)
    assert len(fewer) == len(seen) == 1 and torch.equal(seen[0], dataset.images[2, 2].float() / 255)
    dataset.keep[2:] = False
    with pytest.raises(ValueError, match="No held-out content"):
        held_out_properties(model(), dataset)


def test_one_view_is_the_nearest_to_three_quarters_that_shows_enough(dataset):
    properties, images = held_out_in_one_view(model(), dataset, 3)
    assert torch.allclose(properties.camera.azimuth, torch.full((3,), 10.0), atol=0.01) or torch.allclose(
        properties.camera.azimuth, torch.full((3,), 80.0), atol=0.01
    )
    dataset.keep[4, :2] = False
    properties, _ = held_out_in_one_view(model(), dataset, 3)
    assert properties.camera.azimuth[0].remainder(360) == pytest.approx(285, abs=0.01)
    dataset.keep[3] = False
    with pytest.raises(ValueError, match="No view was kept of 3"):
        held_out_in_one_view(model(), dataset, 3)


def test_swap_pairs_share_the_view_and_not_the_content(dataset):
    dataset.images[:, :, 1] = torch.arange(CONTENTS, dtype=torch.uint8)[:, None, None, None] * 40
    source, donor = held_out_pairs(model(), dataset, limit=100)
    assert torch.equal(source.camera.azimuth, donor.camera.azimuth) and len(source) == 3 * VIEWS
    assert ((source.shape - donor.shape).abs().amax((1, 2)) > 0.01).all()
    assert len(held_out_pairs(model(), dataset, limit=2)[0]) == 2


# ---- photographs


class TrueMasks:
    """A segmenter that knows the masks of `photos`, and finds nothing in some of them."""

    def __init__(self, photos, missed=()):
        self.photos, self.found = photos, torch.ones(len(photos), dtype=torch.bool)
        self.found[list(missed)] = False

    def segment(self, images):
        mask = self.photos.masks.float() * self.found[:, None, None, None]
        return Detections(mask, self.found.long(), self.found.float(), torch.zeros(len(images), 4))


class Knows(torch.nn.Module):
    """A model that answers with the true cameras and with true-sized boxes of photographs."""

    resolution = 64

    def __init__(self, photos):
        super().__init__()
        self.photos, self.cameras = photos, LearnableCameras(BINS)
        self.head = CertainHead(self.true_camera)

    def true_camera(self, images, masks):
        same = (images[:, None] - self.photos.image()[None]).abs().amax((2, 3, 4)) < 1e-6
        return self.photos.camera[same.float().argmax(1)]

    def network(self, images, masks):
        sphere = uv_sphere()
        body = sphere.vertices * torch.tensor([0.22, 0.19, 0.5])
        return Mesh(body.expand(len(images), -1, -1), sphere.faces, sphere.face_uvs, torch.zeros(len(images), 3, 4, 8))


@pytest.fixture(scope="module")
def photos():
    return make_photos("car", 4, seed=5)


def test_clear_photos_pass_the_filter(photos):
    clear, masks = clear_photos(TrueMasks(photos, missed=[0]), photos, 2)
    assert torch.equal(clear.images, photos.images[1:3]) and torch.equal(masks, photos.masks[1:3].float())
    assert len(clear.mesh()) == len(clear.camera) == 2
    with pytest.raises(ValueError, match="found no object"):
        clear_photos(TrueMasks(photos, missed=range(4)), photos, 2)


def test_a_photo_without_a_found_object_scores_zero(photos):
    report = score_test_photos(Knows(photos), TrueMasks(photos, missed=[1]), photos, meshes=2)
    assert report.found.tolist() == [True, False, True, True]
    assert report.iou[1] == 0 and report.iou[[0, 2, 3]].min() > 0.5
    assert report.azimuth_error.mean < 1e-3
    assert len(report.scores.shape) == 2 and max(e.chamfer_l1 for e in report.scores.shape_as_found) < 0.1
    assert dict(report.rows())["all"]["iou"] == pytest.approx(float(report.iou.mean()))


def test_rows_are_means_of_each_body_type():
    error = [ShapeError(0.1 * n, (0.1, 0.1 * n, 0.3)) for n in range(1, 4)]
    scores = PhotoScores(torch.ones(3), torch.ones(3), error, error[::-1])
    report = PhotoReport(
        torch.tensor([True, False, True, True]),
        torch.tensor([0.8, 0.0, 0.6, 1.0]),
        torch.zeros(3),
        torch.zeros(3),
        scores,
        torch.tensor([0, 0, 1, 1]),
        TYPE_NAMES,
    )
    rows = dict(report.rows())
    assert rows["sedan"]["photos"] == 2 and rows["sedan"]["iou"] == pytest.approx(0.4)
    assert rows["sedan"]["meshes"] == 1 and rows["sedan"]["chamfer"] == pytest.approx(0.1)
    assert rows["hatchback"]["f2"] == pytest.approx(0.25) and rows["hatchback"]["f2_as_found"] == pytest.approx(0.15)
    assert rows["all"]["iou"] == pytest.approx(0.6) and rows["all"]["meshes"] == 3
    assert rows["van"]["photos"] == 0 and rows["van"]["iou"] != rows["van"]["iou"]
    assert all(value != value for value in mean_shape([]).values())
