"""CUB-200-2011 and NABirds, in folders laid out as theirs and made here."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from ganverse_nb.data.cub import read_cub
from ganverse_nb.data.nabirds import read_nabirds
from ganverse_nb.segmentation.detections import Detections
from ganverse_nb.segmentation.mask_rcnn import bounding_boxes

PARTS = ("beak", "left eye", "tail")
NABIRDS_PARTS = ("bill", "left eye", "tail")
BOX = (20, 30, 40, 24)  # left, top, width, height
MARKS = ((25.0, 40.0, 1), (0.0, 0.0, 0), (58.0, 52.0, 1))


def make(root, ids, names, first_part, parts=PARTS):
    """Three birds, red ellipses on white; the last is the test set."""
    (root / "parts").mkdir(parents=True)
    number = {part: k + first_part for k, part in enumerate(parts)}
    tables = {"images": [], "bounding_boxes": [], "train_test_split": [], "parts/parts": [], "parts/part_locs": []}
    tables["parts/parts"] = [f"{k} {part}" for part, k in number.items()]
    for key, name, train in zip(ids, names, (1, 1, 0), strict=True):
        picture = Image.new("RGB", (100, 80), "white")
        left, top, width, height = BOX
        ImageDraw.Draw(picture).ellipse((left, top, left + width - 1, top + height - 1), fill=(210, 30, 30))
        path = root / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, quality=95)
        drawn = Image.fromarray(((np.asarray(picture)[..., 1] < 128) * 255).astype(np.uint8))
        mask = root / "segmentations" / name
        mask.parent.mkdir(parents=True, exist_ok=True)
        drawn.save(mask.with_suffix(".png"))
        tables["images"].append(f"{key} {name}")
        tables["bounding_boxes"].append(f"{key} {left}.0 {top}.0 {width}.0 {height}.0")
        tables["train_test_split"].append(f"{key} {train}")
        marks = zip(number.values(), MARKS, strict=True)
        tables["parts/part_locs"] += [f"{key} {part} {x} {y} {seen}" for part, (x, y, seen) in marks]
    for name, lines in tables.items():
        (root / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="module")
def cub(tmp_path_factory):
    names = [f"001.Albatross/Albatross_{k}.jpg" for k in (1, 2, 3)]
    return make(tmp_path_factory.mktemp("cub") / "CUB_200_2011", ["1", "2", "3"], names, 1)


@pytest.fixture(scope="module")
def nabirds(tmp_path_factory):
    ids = ["0000139e-21dc-4d0c-bfe1", "0000d9fc-4e02-4c06-a0af", "00019306-9d83-4334-b255"]
    root = make(tmp_path_factory.mktemp("na") / "nabirds", ids, [f"0817/{key}.jpg" for key in ids], 0, NABIRDS_PARTS)
    shutil.rmtree(root / "segmentations")
    return root


class RedThings:
    def segment(self, images):
        mask = (images[:, 1:2] < 0.5).float()
        mask[1:] = 0  # finds nothing in the second
        count = mask.flatten(1).amax(1).long()
        return Detections(mask, count, count.float(), bounding_boxes(mask[:, 0]))


def check(photos, size):
    """Masks are the ellipse in its box, keypoints where they were marked."""
    assert photos.keypoint_names == ("beak", "left_eye", "tail")
    assert photos.visible.tolist() == [[True, False, True]] * len(photos)
    side, middle = 40 * 1.1, torch.tensor([40.0, 42.0])
    wanted = 0.5 + (torch.tensor([[25.0, 40.0], [58.0, 52.0]]) - middle) / side
    assert torch.allclose(photos.points[:, [0, 2]].float(), wanted.expand(len(photos), 2, 2), atol=1e-5)
    share = photos.masks.float().mean((1, 2, 3))
    assert torch.allclose(share, torch.tensor(torch.pi / 4 * 40 * 24 / side**2), atol=0.02)
    red = (photos.images[:, :1] > 128) & (photos.images[:, 1:2] < 128)
    assert ((red == photos.masks.bool()).float().mean()) > 0.97
    assert photos.images.shape[1:] == (3, size, size)


def test_cub_is_read_with_its_drawn_masks(cub):
    train, test = read_cub(cub, "train", 48), read_cub(cub, "test", 32)
    assert train.files == ("001.Albatross/Albatross_1.jpg", "001.Albatross/Albatross_2.jpg")
    assert test.files == ("001.Albatross/Albatross_3.jpg",) and test.removed == {"empty mask": 0}
    check(train, 48)
    check(test, 32)
    assert len(read_cub(cub, "train", 16, limit=1)) == 1


def test_masks_beside_the_folder_are_found_too(cub, tmp_path):
    copy = shutil.copytree(cub, tmp_path / "CUB_200_2011")
    shutil.move(copy / "segmentations", tmp_path / "segmentations")
    assert len(read_cub(copy, "test", 16)) == 1


def test_nabirds_is_read_with_masks_of_a_segmenter(nabirds):
    photos = read_nabirds(nabirds, "train", 48, RedThings())
    assert photos.files == ("0817/0000139e-21dc-4d0c-bfe1.jpg",)
    assert photos.removed == {"mask of another object": 1}
    check(photos, 48)


def replace_line(name, old, new):
    return lambda root: (root / name).write_text((root / name).read_text().replace(old, new, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: (root / "images.txt").unlink(), "images.txt is missing; unpack CUB_200_2011.tgz"),
        (lambda root: (root / "parts" / "part_locs.txt").unlink(), "part_locs.txt is missing; unpack"),
        (lambda root: shutil.rmtree(root / "segmentations"), "segmentations is missing; unpack segmentations.tgz"),
        (lambda root: (root / "images/001.Albatross/Albatross_3.jpg").unlink(), "Albatross_3.jpg is missing"),
        (replace_line("bounding_boxes.txt", "3 20.0 30.0", "3 20.0 x"), "bounding_boxes.txt has '20.0 x 40.0 24.0'"),
        (replace_line("bounding_boxes.txt", "3 20.0", "9 20.0"), "picture 3 .* has no box"),
        (replace_line("train_test_split.txt", "2 1", "2"), "Line 2 of .*train_test_split.txt has 1 columns and 2"),
        (replace_line("parts/part_locs.txt", "1 3", "1 16"), "part_locs.txt names the part 16 of picture 1"),
        (
            lambda root: Image.new("L", (9, 9)).save(root / "segmentations/001.Albatross/Albatross_3.png"),
            "Albatross_3.png has 9 x 9 pixels and its photograph 100 x 80",
        ),
    ],
)
def test_missing_and_wrong_pieces_are_said_in_a_sentence(cub, tmp_path, change, message):
    copy = shutil.copytree(cub, tmp_path / "CUB_200_2011")
    change(copy)
    with pytest.raises((FileNotFoundError, ValueError), match=message) as caught:
        read_cub(copy, "test", 16)
    assert "\n" not in str(caught.value)


def test_other_splits_are_refused(cub):
    with pytest.raises(ValueError, match="'train' or 'test', not 'val'"):
        read_cub(cub, "val", 16)
