"""Data sets of other people's photographs: told apart, refused, and their cameras found again."""

import pytest
from PIL import Image

from ganverse_nb.data import real_photos
from ganverse_nb.data.annotated import BAD_FIT, FEW_POINTS
from ganverse_nb.data.real_photos import read_real_photos
from ganverse_nb.data.studio_keypoints import annotate_keypoints
from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.studio.photos import make_photos
from ganverse_nb.workflow import experiments
from ganverse_nb.workflow.run import open_run

PARTS = ("back", "beak", "belly", "breast", "crown", "left eye", "right eye", "tail", "throat")  # some of CUB's 15
BIRDS, TEST, SIZE = 24, 4, 64


@pytest.fixture(scope="module")
def photos():
    return make_photos("bird", BIRDS, 11)


@pytest.fixture(scope="module")
def cub(photos, tmp_path_factory):
    """Studio birds in a folder laid out as CUB-200-2011; the last are the test set."""
    root = tmp_path_factory.mktemp("cub") / "CUB_200_2011"
    clicked = annotate_keypoints(photos, noise=0.0, missed=0.0)
    tables = {"images": [], "bounding_boxes": [], "train_test_split": [], "parts/parts": [], "parts/part_locs": []}
    tables["parts/parts"] = [f"{k} {part}" for k, part in enumerate(PARTS, 1)]
    for i in range(BIRDS):
        key, name = i + 1, f"001.Duck/Duck_{i + 1}.jpg"
        for folder, picture in (
            ("images", photos.images[i].permute(1, 2, 0)),
            ("segmentations", 255 * photos.masks[i, 0]),
        ):
            path = (root / folder / name).with_suffix(".jpg" if folder == "images" else ".png")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture.numpy()).save(path, quality=95)
        rows, columns = (photos.masks[i, 0].amax(axis).nonzero().flatten() for axis in (1, 0))
        left, top = int(columns[0]), int(rows[0])
        box = f"{left} {top} {int(columns[-1]) - left + 1} {int(rows[-1]) - top + 1}"
        tables["images"].append(f"{key} {name}")
        tables["bounding_boxes"].append(f"{key} {box}")
        tables["train_test_split"].append(f"{key} {int(i < BIRDS - TEST)}")
        for k, part in enumerate(PARTS, 1):
            name = part.replace(" ", "_")
            column = clicked.keypoint_names.index(name) if name in clicked.keypoint_names else None
            x, y = (0.0, 0.0) if column is None else (SIZE * clicked.points[i, column]).tolist()
            seen = 0 if column is None else int(clicked.visible[i, column])
            tables["parts/part_locs"].append(f"{key} {k} {x} {y} {seen}")
    (root / "parts").mkdir()
    for table, lines in tables.items():
        (root / f"{table}.txt").write_text("\n".join(lines) + "\n")
    return root


def test_the_cameras_of_birds_are_found_by_the_studios_mean_bird(cub, photos, tmp_path, monkeypatch):
    """Within what one shape for all birds, seven points near its middle plane and a long lens allow."""
    run = open_run("smoke", "bird", runs=tmp_path, figures=tmp_path, settings={"photo_model.photographs": str(cub)})
    monkeypatch.setattr(experiments, "segmenter", lambda run: None)  # drawn masks come with the photographs
    train, test = experiments.annotated_photos(run), experiments.annotated_photos(run, test=True)
    assert len(train) + train.removed[FEW_POINTS] + train.removed[BAD_FIT] == BIRDS - TEST
    assert len(train) >= 15 and 1 <= len(test) <= TEST
    off = wrap_degrees(train.camera.azimuth - photos.camera.azimuth[train.index]).abs()
    assert off.median() < 16 and (off < 30).float().mean() > 0.9
    assert experiments.true_shapes(run, train, 2) is None and not (run.directory / "train_photos").exists()


def test_folders_of_others_and_of_another_category_are_said_in_a_sentence(cub, tmp_path):
    with pytest.raises(FileNotFoundError, match="neither Annotations/ nor parts/parts.txt; .* CUB_200_2011 or nabirds"):
        read_real_photos(tmp_path, "bird", "train", 32, None, 0.01)
    with pytest.raises(ValueError, match="CUB_200_2011 has birds, and this run is of category 'car'"):
        read_real_photos(cub, "car", "train", 32, None, 0.01)


def test_birds_with_bills_are_nabirds(cub, tmp_path, monkeypatch):
    (tmp_path / "parts").mkdir()
    names = (cub / "parts" / "parts.txt").read_text()
    (tmp_path / "parts" / "parts.txt").write_text(names.replace("beak", "bill"))

    class Read(Exception):
        pass

    def read(root, split, resolution, segmenter):
        raise Read(root)

    monkeypatch.setattr(real_photos, "read_nabirds", read)
    with pytest.raises(Read):
        read_real_photos(tmp_path, "bird", "train", 32, None, 0.01)


def test_where_there_is_neither_studio_nor_data_set_the_baseline_says_so(tmp_path):
    run = open_run("paper", "horse", runs=tmp_path, figures=tmp_path)
    with pytest.raises(ValueError, match="no photographs of category 'horse' .* photo_model.photographs says where"):
        experiments.annotated_photos(run)
