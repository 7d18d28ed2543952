"""`ganverse fetch-weights`, and whose permission a download has; local files stand for the published ones."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from pathlib import Path

import pytest

from ganverse_nb.config import load_config
from ganverse_nb.runtime.downloads import Weights
from ganverse_nb.runtime.files import read_json
from ganverse_nb.segmentation.rembg_network import NETWORKS
from ganverse_nb.workflow import cli, weights
from ganverse_nb.workflow.options import settings
from ganverse_nb.workflow.run import open_run

CATALOGUE = dict(weights.WEIGHTS)  # before `published` takes its place
NAMED = {"coco": "COCO", "vgg16": "VGG16", "inception": "INCEPTION"}  # those of torch's cache; rembg keeps its own


@pytest.fixture(autouse=True)
def published(tmp_path, monkeypatch):
    """Three small files in the place of the published ones; torch's cache is empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "published").mkdir()
    for name, constant in NAMED.items():
        content = name.encode()
        file = tmp_path / "published" / f"{name}-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        file.write_bytes(content)
        small = dataclasses.replace(weights.WEIGHTS[name], url=file.as_uri())
        monkeypatch.setitem(weights.WEIGHTS, name, small)
        monkeypatch.setattr(weights, constant, small)
    return weights.WEIGHTS


def test_a_profile_of_our_own_networks_needs_nothing(capsys):
    assert cli.main(["fetch-weights"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "nothing to download"


def test_what_the_paper_s_profile_needs_is_brought_after_one_question(published, capsys, monkeypatch):
    def fetch(name, directory, say):
        say(f"address of {name}")
        return directory / "official.pkl"

    monkeypatch.setattr(weights, "fetch_gan", fetch)
    monkeypatch.setattr(weights, "import_gan", lambda source, target: (target, {}))
    command = ["fetch-weights", "--profile", "paper"]
    assert cli.main(command) == 2  # nobody can be asked
    out, err = capsys.readouterr()
    assert [line.split(":")[0] for line in out.splitlines()] == ["missing"] * 3
    assert f"COCO's Mask R-CNN (177 MB), goes to {published['coco'].path}" in out and "(528 MB)" in out
    assert "non-commercial" in out and f"goes to {Path.cwd()}/gans/stylegan2-car-config-e.safetensors" in out
    assert err == "ganverse: Nothing was downloaded: answer with y, or give the same command with --yes.\n"
    assert not published["coco"].path.exists()

    questions = []
    monkeypatch.setattr(weights, "agreed", lambda question: questions.append(question) or True)
    assert cli.main(command) == 0
    assert questions == ["Download 705 MB and NVIDIA's network?"]
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()[3:]] == [
        "fetched",
        "fetched",
        "address of car",
        "fetched",
        "next",
    ]
    assert published["coco"].path.read_bytes() == b"coco" and published["vgg16"].find()
    Path("gans").mkdir()
    Path("gans/stylegan2-car-config-e.safetensors").touch()
    assert cli.main(command) == 0 and len(questions) == 1
    said = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert said == ["here", "here", "here", "nothing to download", "next"]


def test_one_can_be_asked_for_by_name(published, capsys):
    assert cli.main(["fetch-weights", "inception", "--yes"]) == 0
    assert published["inception"].find() and not published["coco"].find()
    assert "fetched: Inception, for FID" in capsys.readouterr().out
    assert cli.main(["fetch-weights", "resnet"]) == 2
    assert "No weights 'resnet'; there are coco, vgg16, inception" in capsys.readouterr().err


def test_a_gan_that_nobody_publishes_is_said(capsys):
    assert cli.main(["fetch-weights", "--profile", "paper", "--category", "bird", "--yes"]) == 0
    assert f"by hand: the GAN, {Path.cwd()}/gans/bird.safetensors: nobody publishes it" in capsys.readouterr().out


def test_without_a_network_it_is_one_sentence(published, capsys, tmp_path):
    Path(published["vgg16"].url.removeprefix("file://")).unlink()
    assert cli.main(["fetch-weights", "vgg16", "--yes"]) == 2
    err = capsys.readouterr().err
    assert "could not be downloaded" in err and err.count("\n") == 1
    assert not list((tmp_path / "torch").rglob("*.pth*"))


@pytest.mark.parametrize("allowed", [True, False])
def test_a_reproduction_brings_what_is_named_before_it_begins(published, monkeypatch, allowed):
    monkeypatch.setattr(weights, "agreed", lambda question: False)
    weights.offer_weights(load_config("paper", settings={"weights.download": allowed}))
    assert (published["coco"].find() is not None) == (published["vgg16"].find() is not None) == allowed
    assert published["inception"].find() is None


def test_a_person_is_asked_before_a_reproduction_begins(published, monkeypatch):
    monkeypatch.setattr(weights, "agreed", lambda question: "COCO" in question)
    weights.offer_weights(load_config("paper"))
    assert published["coco"].find() and not published["vgg16"].find()


def test_a_permission_belongs_to_no_run(tmp_path):
    """A run goes on whether downloads are allowed or not, and a run of an earlier version too."""
    places = {"runs": tmp_path / "runs", "figures": tmp_path / "figures"}
    run = open_run("smoke", **places)
    assert "weights" not in read_json(run.directory / "config.json")
    again = open_run("smoke", settings={"weights.download": True}, **places)
    assert again.command == run.command and again.config.weights.download


def test_the_option_and_the_setting_are_the_same():
    parse = cli._parser().parse_args
    yes, by_setting = ["reconstruct", "car.png", "--yes"], ["edit", "car.png", "--set", "weights.download=true"]
    for arguments in yes, by_setting:
        assert settings(parse(arguments)) == {"weights.download": True}
    assert settings(parse(["reproduce"])) == {}


def test_the_catalogue_has_hashes():
    assert set(CATALOGUE) == {*NAMED, *NETWORKS}
    for name, known in CATALOGUE.items():
        assert isinstance(known, Weights) and known.url.startswith("https://"), name
        if name in NETWORKS:
            continue  # rembg checks what it downloads
        assert re.fullmatch("[0-9a-f]{8}", known.hash_prefix) and known.megabytes > 50, name
