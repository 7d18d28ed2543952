"""One table of all that a configuration needs from outside, with the command that gets each."""

import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from ganverse_nb.categories import CATEGORIES, own_category
from ganverse_nb.config import load_config
from ganverse_nb.gan.annotation import ViewAnnotation
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.workflow import cli
from ganverse_nb.workflow.configuration import run_config, run_directory
from ganverse_nb.workflow.needs import check_needs, missing, needs
from ganverse_nb.workflow.options import chosen, meant


@pytest.fixture(autouse=True)
def nothing_here(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_packages_own_profile_lacks_nothing(category, tmp_path, capsys):
    found = needs(load_config("mini", category), tmp_path)
    assert not missing(found) and {"GAN", "view codes", "masks", "disk"} <= {need.name for need in found}
    check_needs(load_config("mini", category), tmp_path)
    assert capsys.readouterr().out == ""  # nothing to say


def test_all_that_the_paper_lacks_is_said_at_once(tmp_path, capsys, monkeypatch):
    import torch

    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10**12}))
    assert cli.main(["check", "--profile", "paper"]) == 1
    table = capsys.readouterr().out
    rows = {line.split("  ")[0].strip(): line for line in table.splitlines() if not line.startswith(" ")}
    for name, size in {"GAN": "some hundred MB", "masks": "177 MB", "VGG16": "528 MB", "disk": "61.3 GB"}.items():
        assert size in rows[name], rows[name]
    assert f"{tmp_path}/gans/stylegan2-car-config-e.safetensors" in rows["GAN"]
    assert "39 view codes" in rows["labels"] and "missing for notebook 05" in rows["photographs"]
    for got in ("--profile paper --category car --seed 0", "coco", "vgg16"):
        assert f"-> ganverse fetch-weights {got}\n" in table
    assert "missing: GAN, labels, masks, VGG16; next: ganverse fetch-weights" in table

    with pytest.raises(ExpectedError, match="missing: GAN, labels, masks, VGG16; the table above"):
        check_needs(run_config("paper", "car", 0, "runs"))
    check_needs(run_config("paper", "car", 0, "runs"), refuse=False)
    assert cli.main(["reproduce", "--profile", "paper"]) == 2
    assert not Path("runs").exists() or not list(Path("runs").rglob("config.json"))
    labels = ViewAnnotation(torch.randn(4, 8), 4, tmp_path / "runs" / "car-paper-seed0" / "labelled_views.safetensors")
    labels.label(3)
    Path("gans").mkdir()
    Path("gans/stylegan2-car-config-e.safetensors").write_bytes(b"0" * 10**6)
    names = [need.name for need in missing(needs(run_config("paper", "car", 0, "runs")))]
    assert names == ["masks", "VGG16"]


def test_a_gan_and_a_segmenter_of_the_run_are_trained_first(tmp_path):
    config = load_config("gpu", "car", 3, {"segmenter.weights": "trained"})
    told = {need.name: need for need in needs(config, tmp_path)}
    means = f"--profile gpu --category car --seed 3 --set segmenter.weights=trained --runs {tmp_path}"
    assert told["GAN"].command == f"ganverse train-gan {means}"
    assert told["masks"].command == f"ganverse train-segmenter {means}"
    assert [need.name for need in missing(list(told.values()))] == ["GAN", "masks"]


SETTINGS = [
    {},
    {"gan.network": "trained", "segmenter.weights": "trained"},
    {"views.codes": "my codes.safetensors", "segmenter.weights": "coco"},
    {"inverse.perceptual_backbone": "lpips"},
]


@pytest.mark.parametrize("profile", ["mini", "gpu", "paper"])
@pytest.mark.parametrize("given", SETTINGS)
def test_every_command_of_the_table_is_one_and_means_the_same_configuration(profile, given):
    config = run_config(profile, "horse", 2, "elsewhere", given)
    commands = [need.command for need in needs(config, "elsewhere") if need.command.startswith("ganverse ")]
    for command in commands:
        for one in command.split(", or "):
            if "FILE" in one or not one.startswith("ganverse "):
                continue
            options = cli._parser().parse_args(shlex.split(one)[1:])
            if options.command.__name__ != "_fetch_weights" or not options.names:
                assert chosen(options) == config and str(meant(options)[-1]) == "elsewhere"
    assert profile == "mini" and not given or commands


def test_view_codes_are_written_where_they_are_looked_for():
    config = run_config("mini", "car", 0, "runs", {"views.codes": "my codes.safetensors"})
    (need,) = (need for need in needs(config) if need.name == "view codes")
    options = cli._parser().parse_args(shlex.split(need.command)[1:])
    assert not need.here and str(options.output) == config.views.codes


def test_cocos_network_is_no_mask_of_what_coco_has_no_word_for(tmp_path):
    (tmp_path / "mug.toml").write_text('name = "mug"\n')
    config = run_config("mini", tmp_path / "mug.toml", 0, "runs", {"segmenter.weights": "coco"})
    (need,) = (need for need in needs(config) if need.name == "masks")
    assert not need.here and "nobody can cut these objects out yet" in need.what


@pytest.mark.parametrize("profile", ["mini", "full", "paper"])
def test_pictures_of_ones_own_bring_their_masks_in_every_profile(profile, tmp_path):
    picture = Image.new("RGBA", (80, 80))
    picture.paste((200, 0, 0, 255), (20, 20, 60, 60))
    for index in range(3):
        picture.save(tmp_path / f"{index}.png")
    config = run_config(profile, own_category("mug", images=str(tmp_path)), 0, "runs")
    (need,) = (need for need in needs(config) if need.name == "masks")
    assert need.here and "your masked pictures" in need.what


def test_a_dataset_that_was_interrupted_has_its_room_already(tmp_path, monkeypatch):
    config = run_config("mini", "car", 0, "runs", {"multiview.contents": 20})
    wanted = 20 * 40 * 4 * 64**2  # contents, views, bytes of a pixel, pixels
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=wanted // 2))
    partial = run_directory(config, tmp_path) / "multiview.partial"
    partial.mkdir(parents=True)
    with (partial / "images.npy").open("wb") as file:
        file.truncate(2 * wanted)  # whose room is not taken
    (partial / "other").write_bytes(bytes(2 * wanted))
    for taken, here in ((0, False), (wanted, True)):
        with (partial / "masks.npy").open("wb") as file:
            file.write(bytes(taken))
        (need,) = (need for need in needs(config, tmp_path) if need.name == "disk")
        assert need.here == here and ("GB of it are taken" in need.what) == here


def test_doctor_adds_the_table_where_a_profile_is_named(capsys, monkeypatch):
    monkeypatch.setattr("ganverse_nb.workflow.doctor.examine", lambda directory: iter(()))
    assert cli.main(["doctor"]) == 0 and capsys.readouterr().out == ""
    assert cli.main(["doctor", "--profile", "paper"]) == 1
    assert "COCO's Mask R-CNN" in capsys.readouterr().out
