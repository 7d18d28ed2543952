"""The package's network for photographs, and its training."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from ganverse_nb.data.pictures import as_image
from ganverse_nb.runtime.checkpoints import METRICS, STATE, read_metrics
from ganverse_nb.segmentation import photo_training
from ganverse_nb.segmentation.mask_rcnn import PHOTOGRAPHS, load_segmenter, photo_weights
from ganverse_nb.segmentation.photo_network import PhotoNetwork
from ganverse_nb.segmentation.photo_segmenter import PhotoSegmenter, PhotoSegmenterConfig
from ganverse_nb.segmentation.photo_training import PHASE, WEIGHTS, train_photo_segmenter
from ganverse_nb.studio.photos import make_photos

TINY = PhotoSegmenterConfig(
    categories=("car", "bird"), widths=(8, 8, 16, 16, 16), steps=4, batch=4, bf16=False, held_out=2, evaluate_every=2
)


@pytest.fixture(scope="module")
def photos():
    return [make_photos(kind, 10, 5, 64, edition=2) for kind in TINY.categories]


@pytest.fixture(scope="module")
def scenes():
    return torch.randint(0, 255, (3, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("category", ["car", "bird"])
def test_photographs_of_both_editions_are_cut_out_and_told_apart(category):
    segmenter = load_segmenter(category, PHOTOGRAPHS)
    other = load_segmenter("bird" if category == "car" else "car", PHOTOGRAPHS)
    for edition in (1, 2):
        some = make_photos(category, 6, 4242, 128, edition=edition)
        found = [segmenter.cut_out(as_image(image)) for image in some.image()]
        truth = [mask[0].numpy() > 0 for mask in some.masks]
        overlap = [(c.mask & t).sum() / (c.mask | t).sum() for c, t in zip(found, truth, strict=True)]
        assert sum(c.count == 1 for c in found) >= 5 and sorted(overlap)[2] > 0.8, (edition, overlap)
        own, others = (one.log_odds(some.image(), some.masks.float()) for one in (segmenter, other))
        assert (own > others).sum() >= 5, (own, others)


def test_mirrored_pictures_have_mirrored_masks():
    segmenter, images = load_segmenter("car", PHOTOGRAPHS), make_photos("car", 3, 7, 128, edition=2).image()
    inside, seam = segmenter.probabilities(images)
    mirrored = segmenter.probabilities(images.flip(-1))
    torch.testing.assert_close(mirrored[0].flip(-1), inside, atol=1e-4, rtol=0)
    torch.testing.assert_close(mirrored[1].flip(-1), seam, atol=1e-4, rtol=0)
    assert segmenter.segment(torch.zeros(0, 3, 64, 64)).mask.shape == (0, 1, 64, 64)


def test_pictures_of_any_shape_are_taken():
    segmenter, (image,) = load_segmenter("car", PHOTOGRAPHS), make_photos("car", 1, 3, 128).image()
    wide = torch.nn.functional.pad(image[None], (40, 133, 0, 0), mode="replicate")
    found, plain = segmenter.segment(wide), segmenter.segment(image[None])
    assert found.mask.shape == (1, 1, 128, 301) and found.count.tolist() == [1]
    assert (found.box - plain.box - torch.tensor([40.0, 0, 40, 0])).abs().max() < 8


def test_who_cuts_out_photographs_is_a_setting():
    assert photo_weights("car") == photo_weights("horse", "bundled") == PHOTOGRAPHS
    assert photo_weights("lamp") == "auto" and photo_weights("car", "coco") == "coco"
    assert photo_weights("car", "coco", "rembg") == "rembg"


def test_the_network_sees_the_whole_picture():
    torch.manual_seed(0)
    network = PhotoNetwork(2, (8, 8, 16, 16, 16)).eval()
    picture = torch.rand(1, 3, 128, 128)
    logits, seam = network(picture)
    assert logits.shape == (1, 3, 128, 128) and seam.shape == (1, 1, 128, 128) and network.step == 32
    other = picture.clone()
    other[..., :16, :16] = 1 - other[..., :16, :16]
    assert not torch.equal(network(other)[0][..., -8:, -8:], logits[..., -8:, -8:])


def test_an_interrupted_training_ends_like_an_uninterrupted_one(photos, scenes, tmp_path, monkeypatch):
    whole = train_photo_segmenter(photos, scenes, TINY, tmp_path / "whole", 3)
    step = photo_training._step

    def interrupted(*args):
        if args[-1] == 3:
            raise KeyboardInterrupt
        return step(*args)

    monkeypatch.setattr(photo_training, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_photo_segmenter(photos, scenes, TINY, tmp_path / "parts", 3)
    assert not (tmp_path / "parts" / WEIGHTS).exists() and (tmp_path / "parts" / STATE).exists()
    monkeypatch.undo()
    with pytest.raises(ValueError, match="other settings .segmenter.lr .* there, 0.5 now"):
        train_photo_segmenter(photos, scenes, replace(TINY, lr=0.5), tmp_path / "parts", 3)
    train_photo_segmenter(photos, scenes, TINY, tmp_path / "parts", 3)
    one, other = (load_file(tmp_path / name / WEIGHTS) for name in ("whole", "parts"))
    assert all(torch.equal(one[k], other[k]) for k in one)
    assert [line["step"] for line in read_metrics(tmp_path / "parts" / METRICS, PHASE)] == [2, 4]
    assert whole.provenance["photos"] == 16 and not (tmp_path / "parts" / STATE).exists()


def test_it_learns(photos, scenes, tmp_path):
    config = replace(TINY, steps=90, cycles=1, evaluate_every=30, batch=8, lr=1e-2)
    train_photo_segmenter(photos, scenes, config, tmp_path, 3)
    log = read_metrics(tmp_path / METRICS, PHASE)
    assert log[-1]["overlap"] < 0.95 * log[0]["overlap"] and log[-1]["pixels"] < 0.8 * log[0]["pixels"]


def test_other_photographs_than_the_settings_name_are_refused(photos, scenes, tmp_path):
    with pytest.raises(
        ValueError, match="photos each of car, bird are needed, in that order; got 10 of bird, 10 of car"
    ):
        train_photo_segmenter(photos[::-1], scenes, TINY, tmp_path, 0)


def test_another_category_and_a_damaged_file_are_sentences(photos, scenes, tmp_path):
    from ganverse_nb.segmentation.photo_segmenter import load_photo_segmenter

    with pytest.raises(ValueError, match="is a segmenter for car, horse, bird, not for lamp"):
        load_photo_segmenter("lamp", path_of_the_package())
    (tmp_path / "torn.safetensors").write_bytes(path_of_the_package().read_bytes()[:1000])
    with pytest.raises(ValueError, match="train-segmenter --photographs"):
        load_photo_segmenter("car", tmp_path / "torn.safetensors")


def path_of_the_package():
    from ganverse_nb.segmentation.mask_rcnn import bundled_path

    return bundled_path(PHOTOGRAPHS)


def test_the_command_photographs_every_category_and_trains(tmp_path, monkeypatch, capsys):
    from ganverse_nb.segmentation import photo_segmenter
    from ganverse_nb.workflow import cli

    few = replace(TINY, categories=("car", "bird"), photos=4, scenes=2, steps=1, resolution=64)
    monkeypatch.setattr(photo_segmenter, "PhotoSegmenterConfig", lambda: few)
    places = ["--runs", str(tmp_path / "runs"), "--figures", str(tmp_path / "figures")]
    assert cli.main(["train-segmenter", "--photographs", "--profile", "smoke", *places]) == 0
    path = capsys.readouterr().out.split("trained: ")[1].splitlines()[0]
    trained = load_segmenter("bird", path)
    assert trained.provenance["command"].startswith("ganverse train-segmenter --photographs")
    assert trained.provenance["photos"] == 4 and trained.category == "bird"


def test_an_animals_part_taken_for_another_ones_belongs_to_it_but_makes_the_animal_doubtful():
    """The network takes the front of a horse for a bird, as it does with photographs."""

    class Painted(torch.nn.Module):
        step = 4

        def __init__(self):
            super().__init__()
            self.place = torch.nn.Parameter(torch.zeros(()))  # that tells the device

        def forward(self, images):
            logits = torch.full((len(images), 4, *images.shape[-2:]), -9.0)
            logits[:, 0] = 0.0
            left, right = (torch.zeros(images.shape[-2:], dtype=torch.bool) for _ in range(2))
            left[40:80, 24:64] = right[40:80, 64:104] = True
            logits[:, 3, left] = logits[:, 2, right] = 9.0
            half = len(images) // 2
            logits[half:] = logits[half:].flip(-1)
            return logits, logits[:, :1] - 99

    picture, names = torch.rand(1, 3, 128, 128), ("car", "horse", "bird")
    horse, car = (PhotoSegmenter(Painted(), names, kind, "painted") for kind in ("horse", "car"))
    found = horse.segment(picture)
    assert found.count.tolist() == [1] and found.mask.sum() == 40 * 80
    assert car.segment(picture).count.tolist() == [0]
    odds = horse.log_odds(picture, found.mask)
    assert -0.1 < float(odds) < 0.1  # half of it is a horse
