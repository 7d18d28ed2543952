"""What the GAN of a user's pictures begins with: the package's network most like them, unless told otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from ganverse_nb.categories import own_category
from ganverse_nb.config import GanConfig
from ganverse_nb.evaluation.kid import sampled_pictures
from ganverse_nb.gan.checkpoint import load_generator, provenance
from ganverse_nb.workflow.commands import train_gan
from ganverse_nb.workflow.gan_start import augmented
from ganverse_nb.workflow.options import POLICY
from ganverse_nb.workflow.run import open_run

SHORT = {"gan.images": 8, "gan.batch": 4, "gan.path_length_batch": 4, "gan.bfloat16": False}


@pytest.fixture(scope="module")
def ponies(tmp_path_factory):
    """Pictures that the package's GAN of horses has made."""
    folder = tmp_path_factory.mktemp("ponies")
    for number, picture in enumerate(sampled_pictures(load_generator("horse"), 24, seed=3)):
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(folder / f"{number}.png")
    return own_category("pony", images=str(folder))


def test_it_begins_with_the_most_alike_whose_pictures_do_not_count(ponies, tmp_path, capsys):
    run = open_run("smoke", ponies, runs=tmp_path, settings=SHORT)
    teacher = train_gan(run)
    told = provenance(teacher)
    assert told["command"].endswith("--from horse") and told["images"] == 8
    assert told["config"]["augment"] == ""  # 24 pictures, each of them shown once at most
    assert told["start"]["images"] == provenance("horse")["images"]
    assert run.manifest["notes"]["GAN"] in capsys.readouterr().out
    assert "most like the pictures, by KID x 10^-3 on own features: horse" in run.manifest["notes"]["GAN"]
    written = teacher.stat().st_mtime_ns
    assert train_gan(run) == teacher and teacher.stat().st_mtime_ns == written  # chosen again, and the same


def test_it_begins_afresh_where_that_is_asked_for(ponies, tmp_path):
    run = open_run("smoke", ponies, runs=tmp_path, settings=SHORT)
    told = provenance(train_gan(run, "fresh"))
    assert "start" not in told and "--from" not in told["command"] and told["images"] == 8


def test_pictures_that_are_shown_often_are_augmented():
    few = GanConfig(images=100_001, augment="auto")
    assert augmented(few, 2000).augment == POLICY and augmented(replace(few, mirror=True), 2000).augment == ""
    assert augmented(few, 2001).augment == "" and augmented(replace(few, augment="color"), 9).augment == "color"


def test_it_begins_afresh_where_no_network_fits(ponies, tmp_path):
    sizes = {"gan.resolution": 16, "gan.channels": [8, 8, 8]}
    run = open_run("smoke", ponies, runs=tmp_path, settings=SHORT | sizes)
    assert "start" not in provenance(train_gan(run))
    assert run.manifest["notes"]["GAN"].startswith("begun with random networks: none of the package's")
