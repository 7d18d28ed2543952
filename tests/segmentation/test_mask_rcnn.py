import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torchvision.models.detection import MaskRCNN_ResNet50_FPN_V2_Weights, maskrcnn_resnet50_fpn_v2

from ganverse_nb.categories import Category
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.runtime import downloads
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.tensors import read_tensors
from ganverse_nb.segmentation import mask_rcnn
from ganverse_nb.segmentation.composites import compose, empty_scenes
from ganverse_nb.segmentation.detections import bounding_boxes, keep
from ganverse_nb.segmentation.mask_rcnn import COCO, MaskRCNNSegmenter, bundled_path, coco_label, load_segmenter
from ganverse_nb.segmentation.network import WholePictures
from ganverse_nb.segmentation.segmenter import Segmenter
from ganverse_nb.segmentation.training import evaluate
from ganverse_nb.studio.cars import BODY_TYPES
from ganverse_nb.studio.photos import Photos, join, make_photos


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return load_segmenter("car")


@pytest.fixture(scope="module")
def photos() -> Photos:
    """Never trained on; eight of every body type."""
    return join([make_photos("car", 8, 4242 + k, body_type=body) for k, body in enumerate(BODY_TYPES)])


def test_masks_of_unseen_photos_of_every_body_type(segmenter: Segmenter, photos: Photos) -> None:
    found = segmenter.segment(photos.image())
    by_type = hard_iou(found.mask, photos.masks.float()).view(len(BODY_TYPES), 8).mean(1)
    assert by_type.mean() >= 0.93, dict(zip(BODY_TYPES, by_type.tolist()))
    assert by_type.min() >= 0.90, dict(zip(BODY_TYPES, by_type.tolist()))
    assert (found.count == 1).float().mean() >= 0.95
    assert evaluate(segmenter, photos)["iou"] == pytest.approx(by_type.mean().item(), abs=1e-6)


def test_answers_are_consistent(segmenter: Segmenter, photos: Photos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenter, "at_once", 7)
    found = segmenter.segment(photos.image()[:20])
    monkeypatch.undo()
    assert found.mask.shape == (20, 1, 64, 64) and set(found.mask.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(found.box, bounding_boxes(found.mask[:, 0]))
    assert ((found.score >= 0.5) == (found.count > 0)).all()
    whole = segmenter.segment(photos.image()[:20])
    assert torch.equal(found.count, whole.count)
    assert (found.mask == whole.mask).float().mean() > 0.9999  # kernels round differently for other batch sizes


def test_two_cars_are_two_and_empty_scenes_are_none(segmenter: Segmenter, photos: Photos) -> None:
    rng = torch.Generator().manual_seed(7)
    pictures = compose(photos.images, photos.masks, 64, rng)
    two = pictures.images[pictures.count == 2]
    verdict = keep(segmenter.segment(two))
    assert len(two) > 10
    assert verdict.reasons["more than one instance"] >= 0.6 * len(two)  # many hide most of each other
    empty = keep(segmenter.segment(empty_scenes(16, rng)))
    assert empty.reasons["no instance"] >= 15


def test_mirrored_pictures_have_mirrored_masks(segmenter: Segmenter, photos: Photos) -> None:
    images = photos.image()[::4]
    straight, mirrored = segmenter.segment(images), segmenter.segment(images.flip(3))
    assert hard_iou(mirrored.mask, straight.mask.flip(3)).mean() > 0.95


def test_larger_pictures_keep_their_size(segmenter: Segmenter) -> None:
    photo = make_photos("car", 2, 99, resolution=160)
    found = segmenter.segment(photo.image())
    assert found.mask.shape == (2, 1, 160, 160)
    assert hard_iou(found.mask, photo.masks.float()).min() > 0.85


class Answers(nn.Module):
    """A network that finds five things in the first picture and nothing in the second."""

    def __init__(self) -> None:
        super().__init__()
        self.transform = WholePictures(64, 128, [0.5] * 3, [0.25] * 3)
        self.boxes = torch.tensor(
            [[8.0, 8, 24, 24], [32, 32, 56, 48], [33, 33, 56, 48], [0, 0, 64, 64], [4, 40, 20, 60]]
        )
        self.scores = torch.tensor([0.6, 0.9, 0.8, 0.99, 0.4])
        self.labels = torch.tensor([3, 3, 3, 8, 3])
        self.weight = torch.nn.Parameter(torch.zeros(1))  # whose device is the network's

    def forward(self, images: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        found = {"boxes": self.boxes, "scores": self.scores, "labels": self.labels, "masks": torch.ones(5, 1, 28, 28)}
        return [found, {k: v[:0] for k, v in found.items()}]


def test_counts_the_category_above_the_threshold_once() -> None:
    found = MaskRCNNSegmenter(Answers(), 3, "car", "answers").segment(torch.zeros(2, 3, 32, 32))  # half its size
    assert found.count.tolist() == [2, 0]
    assert found.score.tolist() == [pytest.approx(0.9), 0.0]
    assert found.box.tolist() == [[16, 16, 28, 24], [0, 0, 0, 0]]
    assert found.mask.sum((1, 2, 3)).tolist() == [12 * 8, 0]


def test_no_pictures_are_no_detections(segmenter: Segmenter) -> None:
    assert len(segmenter.segment(torch.zeros(0, 3, 64, 64))) == 0


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (torch.zeros(3, 64, 64), "B, 3, H, W"),
        (torch.zeros(1, 1, 64, 64), "B, 3, H, W"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), "uint8"),
        (torch.full((1, 3, 64, 64), 200.0), r"\[0, 1\]"),
        (torch.full((1, 3, 64, 64), -1.0), r"\[0, 1\]"),
        (torch.full((1, 3, 64, 64), float("nan")), r"\[0, 1\]"),
    ],
)
def test_bad_pictures_are_named(segmenter: Segmenter, images: torch.Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        segmenter.segment(images)


def test_auto_is_the_bundled_one(segmenter: Segmenter) -> None:
    assert bundled_path("car").stat().st_size < 10e6
    assert bundled_path("car").name in segmenter.source
    assert {"command", "seed", "steps", "held_out"} <= set(segmenter.provenance)


def test_coco_is_not_downloaded_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(ExpectedError, match=f"fetch-weights.*{COCO.url}.*segmenter.weights=bundled"):
        load_segmenter("car", "coco")
    monkeypatch.setattr(mask_rcnn, "bundled_path", lambda category: tmp_path / "none.safetensors")
    with pytest.raises(ExpectedError, match=COCO.url):
        load_segmenter("horse")
    assert not list(tmp_path.rglob("*.pth"))


def test_coco_has_the_size_and_place_that_torchvision_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    known = MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1
    assert round(known.meta["_file_size"]) == COCO.megabytes
    assert COCO.path == tmp_path / "hub" / "checkpoints" / known.url.rsplit("/", 1)[1]


def test_coco_segments_when_its_weights_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    COCO.path.parent.mkdir(parents=True)
    with torch.random.fork_rng():
        state = maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None).state_dict()
    # one number for each tensor: a small file in the place of a large one
    torch.save({name: tensor.flatten()[0].clone().expand(tensor.shape) for name, tensor in state.items()}, COCO.path)
    with pytest.raises(ExpectedError, match="damaged"):
        load_segmenter("car", "coco")
    monkeypatch.setattr(downloads, "sha256", lambda path: COCO.hash_prefix)
    found = load_segmenter("car", "coco")
    assert found.label == 3 and "COCO" in found.source
    assert found.segment(torch.rand(1, 3, 32, 32)).mask.shape == (1, 1, 32, 32)


def test_bad_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with pytest.raises(FileNotFoundError, match="train-segmenter"):
        load_segmenter("car", path)
    path.write_bytes(bundled_path("car").read_bytes()[:1000])
    with pytest.raises(ValueError, match="damaged"):
        load_segmenter("car", path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="is no segmenter"):
        load_segmenter("car", path)
    with safe_open(bundled_path("car"), "pt") as file:
        save_file({"a": torch.zeros(1)}, path, file.metadata())
    with pytest.raises(ValueError, match="another version"):
        load_segmenter("car", path)
    tensors, facts = read_tensors(bundled_path("car"), "segmenter", "look")
    settings = {name: value for name, value in json.loads(facts["config"]).items() if name != "steps"}
    save_file(tensors, path, facts | {"config": json.dumps(settings)})
    with pytest.raises(ValueError, match="x.safetensors does not hold a usable segmenter .'steps' is missing"):
        load_segmenter("car", path)
    with pytest.raises(ValueError, match="for car, not for horse"):
        load_segmenter("horse", bundled_path("car"))
    with pytest.raises(ExpectedError, match="knows 'lamp'.*train-segmenter --masks.*coco = .*airplane, apple.*zebra"):
        load_segmenter("lamp")


def test_every_word_of_coco_is_known() -> None:
    assert [coco_label(name) for name in ("car", "bird", "horse")] == [3, 16, 19]
    assert coco_label("cup") == coco_label(Category("mug", coco="cup")) == 47
    assert coco_label("teddy_bear") == coco_label(Category("bear2", coco="teddy bear")) == 88
    with pytest.raises(ExpectedError, match="COCO has no word 'mugs'"):
        coco_label(Category("mug", coco="mugs"))
