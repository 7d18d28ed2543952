"""The network that reads cameras off photographs: what it reads, how it is trained, and its say beside the head's."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from ganverse_nb.data.pictures import as_image
from ganverse_nb.geometry.angles import angular_distance
from ganverse_nb.inverse_graphics import photo_camera_training
from ganverse_nb.inverse_graphics.camera_head import CameraReading
from ganverse_nb.inverse_graphics.photo_camera import (
    FILE,
    TRUST,
    Opinion,
    PhotoCameraConfig,
    load_photo_camera,
    read_photo_camera,
)
from ganverse_nb.inverse_graphics.photo_camera_training import (
    WEIGHTS,
    Views,
    likeliest,
    score_views,
    train_photo_camera,
)
from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
from ganverse_nb.inverse_graphics.windows import Pose
from ganverse_nb.runtime.checkpoints import STATE
from ganverse_nb.segmentation.cutout import Cutout
from ganverse_nb.studio.photos import make_photos

TINY = PhotoCameraConfig(
    categories=("car", "bird"), resolution=64, channels=(8, 8, 16, 16), code=16, steps=4, batch=3, bf16=False,
    held_out=2, evaluate_every=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def photos():
    return [make_photos(kind, 12, 5, 64, edition=2) for kind in TINY.categories]


def test_cameras_of_fresh_photos_are_read():
    photos = make_photos("car", 64, 90210, 128, edition=2)
    camera = load_photo_camera("car")
    found = score_views(camera, "car", Views.of(photos))
    assert found["azimuth_error_deg"] < 6 and found["within_15"] > 0.85 and found["flipped"] < 0.1
    assert camera.provenance["command"].startswith("ganverse train-camera")


def test_a_photographs_size_and_place_do_not_matter():
    reconstructor = Reconstructor.from_pretrained("car")
    photos = make_photos("car", 6, 11, 128, edition=2)
    pictures = [as_image(image) for image in photos.image()]
    masks = [mask[0].numpy() > 0 for mask in photos.masks]
    near = reconstructor.see(pictures, [Cutout.of_mask(mask) for mask in masks]).opinion
    large = torch.nn.functional.pad(photos.image(), (70, 20, 10, 30), mode="replicate")
    moved = torch.nn.functional.pad(photos.masks, (70, 20, 10, 30))
    cutouts = [Cutout.of_mask(mask[0].numpy() > 0) for mask in moved]
    far = reconstructor.see([as_image(image) for image in large], cutouts).opinion
    assert angular_distance(likeliest(near), likeliest(far)).max() < 5
    assert (near.elevation - far.elevation).abs().max() < 2


def reading(azimuth: float, sure: float = 6.0) -> CameraReading:
    logits = torch.zeros(1, 24)
    logits[0, round(azimuth / 15) % 24] = sure
    pose = Pose(torch.tensor([azimuth]), torch.tensor([10.0]), torch.tensor([2.0]), torch.zeros(1, 2))
    return CameraReading(logits, torch.zeros(1, 24), pose, 30.0)


def test_the_opinion_counts_more_than_the_head_and_what_the_head_says_is_still_tried():
    head, other = reading(0.0), reading(180.0)
    together = Opinion(other.logits, other.offsets, torch.tensor([30.0])).beside(head)
    tried = together.hypotheses(3).azimuth
    assert abs(float(tried[0])) == pytest.approx(180, abs=1e-3) and 0.0 in tried.abs().round().tolist()
    assert float(together.rest.elevation) == pytest.approx(TRUST * 30 + (1 - TRUST) * 10)
    p = together.logits.softmax(1)[0]
    assert float(p[12] / p[0]) == pytest.approx(TRUST / (1 - TRUST), rel=0.05)
    assert torch.equal(together.rest.distance, head.rest.distance)


def test_only_whole_objects_are_learned_from():
    photos = make_photos("car", 8, 3, 64, edition=2)
    masks = photos.masks.clone()
    masks[0] = 0
    masks[1, :, :, 0] = 1
    masks[2] = 0
    masks[2, :, 30:34, 30:34] = 1
    assert len(Views.of(replace(photos, masks=masks))) == len(Views.of(photos)) - 3


def test_an_interrupted_training_ends_like_an_uninterrupted_one(photos, tmp_path, monkeypatch):
    train_photo_camera(photos, TINY, tmp_path / "whole", 3)
    step = photo_camera_training._step

    def interrupted(*args):
        if args[-1] == 3:
            raise KeyboardInterrupt
        return step(*args)

    monkeypatch.setattr(photo_camera_training, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_photo_camera(photos, TINY, tmp_path / "parts", 3)
    assert not (tmp_path / "parts" / WEIGHTS).exists() and (tmp_path / "parts" / STATE).exists()
    monkeypatch.undo()
    with pytest.raises(ValueError, match="other settings"):
        train_photo_camera(photos, replace(TINY, lr=0.5), tmp_path / "parts", 3)
    train_photo_camera(photos, TINY, tmp_path / "parts", 3)
    one, other = (load_file(tmp_path / name / WEIGHTS) for name in ("whole", "parts"))
    assert all(torch.equal(one[k], other[k]) for k in one) and not (tmp_path / "parts" / STATE).exists()


def test_what_cannot_be_read_or_learned_is_a_sentence(photos, tmp_path):
    assert load_photo_camera("lamp") is None and load_photo_camera("car", "none") is None
    with pytest.raises(ValueError, match="reads cameras of car, horse, bird, not of lamp"):
        load_photo_camera("lamp", str(FILE))
    with pytest.raises(FileNotFoundError, match="train-camera"):
        read_photo_camera(tmp_path / "none.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(FILE.read_bytes()[:1000])
    with pytest.raises(ValueError, match="train-camera"):
        read_photo_camera(tmp_path / "torn.safetensors")
    with pytest.raises(ValueError, match="photos each of whole car, bird are needed"):
        train_photo_camera(photos[::-1], TINY, tmp_path, 0)


def test_the_command_photographs_every_category_and_trains(tmp_path, monkeypatch, capsys):
    from ganverse_nb.inverse_graphics import photo_camera
    from ganverse_nb.workflow import cli

    few = replace(TINY, photos=12, steps=1)
    monkeypatch.setattr(photo_camera, "PhotoCameraConfig", lambda **of: few if not of else PhotoCameraConfig(**of))
    places = ["--runs", str(tmp_path / "runs"), "--figures", str(tmp_path / "figures")]
    assert cli.main(["train-camera", "--profile", "smoke", *places]) == 0
    path = capsys.readouterr().out.split("trained: ")[1].splitlines()[0]
    trained = load_photo_camera("bird", path)
    assert trained.provenance["command"].startswith("ganverse train-camera") and trained.config.steps == 1
