from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ganverse_nb.config import SegmenterConfig
from ganverse_nb.runtime import demand
from ganverse_nb.runtime.checkpoints import METRICS, STATE, read_metrics
from ganverse_nb.runtime.errors import DivergedError
from ganverse_nb.segmentation import training
from ganverse_nb.segmentation.composites import compose
from ganverse_nb.segmentation.mask_rcnn import load_segmenter
from ganverse_nb.segmentation.training import MARGIN, WEIGHTS, targets, train_segmenter
from ganverse_nb.studio.photos import Photos, make_photos

TINY = SegmenterConfig(
    working_size=64, widths=(8, 8, 8, 16), fine_channels=8, coarse_channels=16, mask_channels=8,
    steps=4, batch=4, bf16=False, held_out=4, evaluate_every=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def photos() -> Photos:
    return make_photos("car", 32, 5)


def test_an_interrupted_training_ends_like_an_uninterrupted_one(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_segmenter(photos, TINY, tmp_path / "whole", 3)
    step = training._step

    def interrupted(*args):
        if args[-1] == 3:
            raise KeyboardInterrupt
        return step(*args)

    monkeypatch.setattr(training, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_segmenter(photos, TINY, tmp_path / "parts", 3)
    assert not (tmp_path / "parts" / WEIGHTS).exists() and (tmp_path / "parts" / STATE).exists()
    monkeypatch.undo()
    with pytest.raises(ValueError, match="other settings .segmenter.lr .* there, 0.5 now"):
        train_segmenter(photos, replace(TINY, lr=0.5), tmp_path / "parts", 3)
    resumed = train_segmenter(photos, TINY, tmp_path / "parts", 3)

    whole, parts = load_file(tmp_path / "whole" / WEIGHTS), load_file(tmp_path / "parts" / WEIGHTS)
    assert all(torch.equal(whole[k], parts[k]) for k in whole)
    assert (tmp_path / "whole" / METRICS).read_text() == (tmp_path / "parts" / METRICS).read_text()
    assert not (tmp_path / "parts" / STATE).exists()
    assert resumed.provenance["seed"] == 3 and resumed.provenance["photos"] == 28


def test_a_finished_training_is_loaded_and_another_refused(photos: Photos, tmp_path: Path) -> None:
    config = replace(TINY, steps=1)
    train_segmenter(photos, config, tmp_path, 3)
    before = (tmp_path / WEIGHTS).stat().st_mtime_ns
    again = train_segmenter(photos, config, tmp_path, 3)
    assert (tmp_path / WEIGHTS).stat().st_mtime_ns == before
    assert again.segment(photos.image()[:2]).mask.shape == (2, 1, 64, 64)
    for other in (
        lambda: train_segmenter(photos, config, tmp_path, 4),
        lambda: train_segmenter(photos, TINY, tmp_path, 3),
    ):
        with pytest.raises(ValueError, match="other settings"):
            other()


def test_a_segmenter_is_for_what_its_photos_show(tmp_path: Path) -> None:
    birds = train_segmenter(make_photos("bird", 16, 5), replace(TINY, steps=1), tmp_path, 3)
    assert birds.category == "bird" and load_segmenter("bird", tmp_path / WEIGHTS).category == "bird"
    with pytest.raises(ValueError, match="is a segmenter for bird, not for car"):
        load_segmenter("car", tmp_path / WEIGHTS)


def test_a_damaged_state_is_named(photos: Photos, tmp_path: Path) -> None:
    (tmp_path / STATE).write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="damaged"):
        train_segmenter(photos, TINY, tmp_path, 3)


def test_a_training_whose_losses_are_not_finite_stops_at_the_last_finite_state(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = training._step

    def breaks(*args):
        return {"loss_mask": float("nan")} if args[-1] == 2 else step(*args)

    monkeypatch.setattr(training, "_step", breaks)
    told = r"segmenter diverged: loss_mask is not finite at step 3 \(.*still holds step 2\).* a lower segmenter.lr"
    with pytest.raises(DivergedError, match=told):
        train_segmenter(photos, TINY, tmp_path, 3)
    assert not (tmp_path / WEIGHTS).exists()
    assert [line["step"] for line in read_metrics(tmp_path / METRICS, "segmenter")] == [2]


def test_a_state_that_a_kill_left_beside_the_finished_weights_is_removed(photos: Photos, tmp_path: Path) -> None:
    config = replace(TINY, steps=1)
    train_segmenter(photos, config, tmp_path, 3)
    (tmp_path / STATE).write_bytes(b"left")
    train_segmenter(photos, config, tmp_path, 3)
    assert not (tmp_path / STATE).exists()


def test_too_few_photos_are_named(photos: Photos, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="held out"):
        train_segmenter(photos[:4], TINY, tmp_path, 3)


def test_it_learns(photos: Photos, tmp_path: Path) -> None:
    config = replace(TINY, steps=120, evaluate_every=40, lr=5e-3)
    train_segmenter(photos, config, tmp_path, 3)
    log = read_metrics(tmp_path / METRICS, "segmenter")
    assert [line["step"] for line in log] == [40, 80, 120]
    assert log[-1]["loss_mask"] < 0.8 * log[0]["loss_mask"]
    assert log[-1]["iou"] > 0.5 and log[-1]["single"] > 0.5


def test_targets_hold_every_instance(photos: Photos) -> None:
    pictures = compose(photos.images, photos.masks, 24, torch.Generator().manual_seed(0))
    for picture, target in zip(pictures.masks, targets(pictures, 128)):
        there = picture.flatten(1).any(1)
        assert len(target["boxes"]) == len(target["labels"]) == len(target["masks"]) == there.sum()
        for mask, box in zip(target["masks"], target["boxes"]):
            row, column = (mask > 0.5).nonzero(as_tuple=True)
            left, top, right, bottom = box.tolist()
            assert left <= column.min() and column.max() < right and top <= row.min() and row.max() < bottom
            assert column.min() - left <= MARGIN + 1 and bottom - row.max() <= MARGIN + 2


def test_what_a_training_will_take_is_told_and_changes_nothing(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = replace(TINY, steps=2)
    train_segmenter(photos, config, tmp_path / "silent", 3)
    assert "of the disk" not in capsys.readouterr().err
    monkeypatch.setattr(demand, "TOLD", 1)
    train_segmenter(photos, config, tmp_path / "told", 3)
    assert "The segmenter: about " in capsys.readouterr().err
    one, other = (load_file(tmp_path / name / WEIGHTS) for name in ("silent", "told"))
    assert all(torch.equal(one[name], other[name]) for name in one)
