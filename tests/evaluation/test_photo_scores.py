"""Real photographs are measured rightly: on pictures whose object, camera and mask are known."""

import csv
import math
from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.data.photo_sets import read_photo_set
from ganverse_nb.data.pictures import write_picture
from ganverse_nb.evaluation.photo_scores import score_photo_set
from ganverse_nb.evaluation.silhouettes import box_normalised, other_sides_iou, pairs_of_sides
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.inverse_graphics.camera_head import CameraReading
from ganverse_nb.inverse_graphics.domain import Verdict
from ganverse_nb.inverse_graphics.framing import Framing
from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
from ganverse_nb.inverse_graphics.windows import Pose
from ganverse_nb.render.renderer import render
from ganverse_nb.segmentation.detections import Detections, bounding_boxes
from ganverse_nb.segmentation.segmenter import Segmenter

AZIMUTH = torch.tensor([20.0, 80.0, 140.0, 200.0, 260.0, 320.0])
RESOLUTION = 64
OFF = 12.0  # degrees by which the fake head misreads


def block(count: int = 1) -> Mesh:
    """A long body that is no figure of revolution and looks different from every side."""
    sphere = uv_sphere()
    x, y, z = sphere.vertices[0].unbind(-1)
    wedge = torch.stack([0.18 * x, 0.2 * y - 0.12 * z * (y > 0), 0.5 * z + 0.1 * x], -1)
    return Mesh(wedge[None].expand(count, -1, -1), sphere.faces)


class Red(Segmenter):
    """The red pixels are one object."""

    def __init__(self):
        super().__init__("car", "red pixels")

    def to(self, device):
        return self

    def _segment(self, images):
        mask = (images[:, :1] - images[:, 1:2] > 0.4).float()
        there = mask.flatten(1).amax(1)
        return Detections(mask, there.long(), there, bounding_boxes(mask[:, 0]))


class Domain:
    """Lets pictures in whose blue background is dark."""

    def judge(self, sight, model):
        return [Verdict(0.0, 1.0, {}, "" if picture[2, 0, 0] < 0.5 else "too bright") for picture in sight.images]


class Head:
    """Reads the azimuth that the background's green has written down, wrong by 12 degrees."""

    def azimuth(self, images):
        return images[:, 1, 0, 0] * 360 + OFF

    def read(self, images, masks):
        azimuth, logits = self.azimuth(images), torch.zeros(len(images), 24)
        logits[torch.arange(len(images)), (azimuth / 15).round().long() % 24] = 20.0
        rest = Pose(azimuth, azimuth * 0 + 10, azimuth * 0 + 2.3, torch.zeros(len(images), 2))
        return CameraReading(logits, torch.zeros_like(logits), rest, 30.0)

    def __call__(self, images, masks):
        return self.read(images, masks).camera()


@pytest.fixture(scope="module")
def reconstructor():
    model = torch.nn.Module()
    model.network, model.head, model.resolution = lambda i, m: textured(len(i)), Head(), RESOLUTION
    model.cameras = SimpleNamespace(azimuth=torch.zeros(1))
    anywhere = Framing(torch.zeros(1), torch.tensor([[0.0, 0.5, 1.0]]), torch.full((1, 2), 0.5), away=1.0)
    return Reconstructor(model, Red(), Domain(), anywhere)


def textured(count):
    mesh = block(count)
    return Mesh(mesh.vertices, mesh.faces, uv_sphere().face_uvs, torch.full((count, 3, 8, 8), 0.5))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six photographs of one object; five dark backgrounds, one bright."""
    root = tmp_path_factory.mktemp("photos")
    masks = render(block(6), Camera.orbit(AZIMUTH, 10.0, 2.3), RESOLUTION).mask
    with (root / "masks.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "mask", "category", "object", "azimuth_deg", "source"])
        for k, mask in enumerate(masks):
            ground = torch.tensor([0.0, float(AZIMUTH[k]) / 360, 0.9 if k == 2 else 0.1])[:, None, None]
            red = torch.tensor([1.0, 0.0, 0.0])[:, None, None]
            write_picture(torch.where(mask > 0.5, red, ground), root / f"{k}.png")
            write_picture(mask.expand(3, -1, -1), root / f"{k}_mask.png")
            rows.writerow([f"{k}.png", f"{k}_mask.png", "car", "one", float(AZIMUTH[k]), "test"])
    return root


@pytest.fixture(scope="module")
def measured(reconstructor, folder):
    scores = score_photo_set(reconstructor, read_photo_set("folder-with-masks", folder))
    return {key.removeprefix("real.test."): m for key, m in scores.measurements().items()}


def test_the_segmenter_and_the_verdict_are_counted(measured):
    assert float(measured["mask_single"].value) == 1 and float(measured["mask_iou"].value) > 0.98
    assert float(measured["let_in"].value) == pytest.approx(5 / 6)
    assert measured["photographs"].value == 6 and measured["reconstructed"].value == 1
    assert measured["mask_iou"].unit == "the segmenter's masks" and measured["iou_refined"].unit == "given masks"


def test_azimuths_are_measured_before_and_after_refinement(measured):
    values = {key: float(m.value) for key, m in measured.items()}
    assert values["azimuth_error_predicted_deg"] == pytest.approx(OFF, abs=1.0)  # eight bits of green: 1.4 degrees
    assert values["azimuth_error_predicted_deg_aligned"] < 1
    assert "+1" in measured["azimuth_error_predicted_deg_aligned"].unit  # +11 to +13 degrees
    assert values["azimuth_error_deg"] < 3 and values["within_15"] == 1 and values["flipped"] == 0
    assert values["iou_predicted"] < 0.9 < 0.97 < values["iou_refined"]


def test_the_true_shape_fits_from_every_side(measured):
    """All photographs show one object, so that the mean shape is its shape."""
    own, mean = (float(measured[key].value) for key in ("other_sides_iou", "mean_shape_other_sides_iou"))
    assert own > 0.9 and mean == pytest.approx(own, abs=1e-3)
    assert float(measured["other_sides_gain"].value) == pytest.approx(own - mean, abs=1e-6)


def test_half_a_turn_is_called_flipped(reconstructor, folder, monkeypatch):
    class Turned(Head):
        def azimuth(self, images):
            return super().azimuth(images) - OFF + 180 * (images[:, 2, 0, 0] > 0.5)

    monkeypatch.setattr(reconstructor.model, "head", Turned())
    scores = score_photo_set(reconstructor, read_photo_set("folder-with-masks", folder))
    values = {key: float(m.value) for key, m in scores.measurements().items()}
    assert values["real.test.flipped_predicted"] == pytest.approx(1 / 6)
    assert values["real.test.within_15_predicted"] == pytest.approx(5 / 6)


def test_own_masks_are_told_in_the_names(reconstructor, folder):
    scores = score_photo_set(reconstructor, read_photo_set("folder-with-masks", folder), "own")
    values = {key: float(m.value) for key, m in scores.measurements().items()}
    assert values["real.test.iou_refined_own_masks"] > 0.95 and "real.test.iou_refined" not in values
    assert "real.test.mask_iou" in values


def test_a_set_of_boxes_tells_what_was_found(reconstructor, folder, tmp_path):
    """Boxes in a wide picture, whose square is larger than it: true ones, and one beside the object."""
    lines = ["file,category,object,azimuth_deg,box_left,box_top,box_width,box_height"]
    for k in range(4):
        picture = torch.zeros(3, 60, 120)
        picture[0, 20:40, 30:80] = 1
        picture[2, ::7, ::7] = 0.3  # or the plain ground would count as borders
        write_picture(picture, tmp_path / f"{k}.png")
        lines.append(f"{k}.png,car,one,0,{30 if k else 90},20,50,20")
    (tmp_path / "boxes.csv").write_text("\n".join(lines))
    scores = score_photo_set(reconstructor, read_photo_set("folder-with-masks", tmp_path))
    assert scores.looked.box_iou[1:].min() > 0.95 and scores.looked.box_iou[0] == 0
    (found,) = (m for key, m in scores.measurements().items() if key.endswith(".found"))
    assert float(found.value) == pytest.approx(3 / 4)
    assert scores.masks == "own" and not len(scores.other_sides)


def test_a_set_without_masks_has_none_to_give(reconstructor, tmp_path):
    (tmp_path / "boxes.csv").write_text("file,category\n1.png,car\n")
    write_picture(torch.zeros(3, 64, 64), tmp_path / "1.png")
    photos = read_photo_set("folder-with-masks", tmp_path)
    with pytest.raises(ValueError, match="gives no masks of some photographs"):
        score_photo_set(reconstructor, photos, "given")
    with pytest.raises(ValueError, match="given or own, not 'best'"):
        score_photo_set(reconstructor, photos, "best")
    with pytest.raises(ValueError, match="found no object in any photograph"):
        score_photo_set(reconstructor, photos)


# ---- silhouettes


def test_normalised_silhouettes_have_neither_place_nor_size():
    masks = torch.zeros(4, 1, 80, 80)
    masks[0, 0, 10:30, 5:45] = 1  # 2 : 1
    masks[1, 0, 60:70, 50:70] = 1  # the same, half as large
    masks[2, 0, 5:45, 10:30] = 1  # upright
    normal = box_normalised(masks, 40)
    assert torch.equal(normal[0], normal[1])
    wanted = torch.zeros(40, 40)
    wanted[10:30] = 1
    assert torch.equal(normal[0, 0], wanted) and torch.equal(normal[2, 0], wanted.T)
    assert normal[3].sum() == 0


def test_sides_are_paired_within_an_object():
    pairs = pairs_of_sides(["a", "b", "a", "a", "b", "c"], [0.0, 1.0, 2.0, None, 3.0, 4.0], others=5)
    assert sorted(map(tuple, pairs.tolist())) == [(0, 2), (1, 4), (2, 0), (4, 1)]
    many = pairs_of_sides(["a"] * 10, [0.0] * 10, others=3)
    assert len(many) == 30 and (many[:, 0] != many[:, 1]).all() and len(set(map(tuple, many.tolist()))) == 30


def test_other_sides_know_the_shape_but_not_where_the_world_is_turned_to():
    camera = Camera.orbit(AZIMUTH, 10.0, 2.3)
    silhouettes = box_normalised(render(block(6), camera, 256).mask)
    pairs = pairs_of_sides(["one"] * 6, AZIMUTH.tolist(), others=5)
    right = other_sides_iou(block(6), camera, AZIMUTH, silhouettes, pairs)
    assert len(right) == 30 and right.min() > 0.94
    assert torch.allclose(other_sides_iou(block(6), camera, AZIMUTH + 77, silhouettes, pairs), right)
    flat = Mesh(block(6).vertices * torch.tensor([1.0, 0.5, 1.0]), block().faces)
    wrong = other_sides_iou(flat, camera, AZIMUTH, silhouettes, pairs)
    assert wrong.mean() < right.mean() - 0.2
    near = Camera.orbit(AZIMUTH, 10.0, 1.3)  # from the front all of it is seen, turned to its side it is not
    assert other_sides_iou(block(6), near, AZIMUTH, silhouettes, pairs).min() > 0.85
    assert not math.isnan(float(right.mean()))
