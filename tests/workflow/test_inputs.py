"""Which GAN and which view codes a run uses, and what is said where there are none."""

import re
import shutil
from functools import partial

import pytest
import torch

from ganverse_nb.config import load_config
from ganverse_nb.gan.annotation import ViewAnnotation
from ganverse_nb.gan.beginning import check_beginning
from ganverse_nb.gan.checkpoint import bundled
from ganverse_nb.gan.training import check_frozen
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.workflow import cli, stages
from ganverse_nb.workflow.inputs import check_bundled, labelled_views, teacher_file
from ganverse_nb.workflow.next_steps import after
from ganverse_nb.workflow.run import open_run
from ganverse_nb.workflow.view_labels import view_annotation

SMALL = {
    "views.regressor_steps": 4,
    "views.views": 6,
    "views.tiers": [],
    "views.candidates": 24,
    "views.contents": 3,
    "photos.train": 64,
    "photos.test": 4,
    "gan.resolution": 64,
}


@pytest.fixture
def opened(tmp_path):
    return lambda profile, **settings: open_run(
        profile,
        "car",
        0,
        tmp_path / "runs",
        tmp_path / "figures",
        {k.replace("__", "."): v for k, v in settings.items()},
    )


def test_the_bundled_network_is_the_default(opened):
    run = opened("mini")
    assert teacher_file(run) == bundled("car", "teacher")
    assert stages.split_layer(run) == stages.view_codes(run).split_layer == ViewCodes.load("car").split_layer
    check_bundled(run.config)


def test_the_network_of_128_px_is_asked_for_by_its_name(opened):
    run = opened("full", gan__network="bundled-128")
    check_bundled(run.config)
    assert teacher_file(run) == bundled("car", "teacher-128") and stages.teacher(run).resolution == 128


def test_a_network_of_128_px_that_the_package_lacks_is_one_command_away(opened, monkeypatch, tmp_path):
    monkeypatch.setattr("ganverse_nb.gan.checkpoint.WEIGHTS", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"`ganverse train-gan --profile full --from car --category car` makes"):
        check_bundled(load_config("full", "car"))
    monkeypatch.undo()
    config = load_config("full", "car").gan
    check_beginning("car", config)  # as that command begins
    check_frozen(config, "car")
    after_it = after("train-gan", opened("full"), bundled("car", "teacher-128"))  # its views are the package's
    options = re.fullmatch(r"next: ganverse (check --run \S+ --runs elsewhere --set gan\.network=\S+)", after_it)
    monkeypatch.chdir(tmp_path)
    assert options and cli.main(options[1].split()) == 0


def test_the_packages_networks_of_128_px_are_meant_by_the_profile(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    options = cli._parser().parse_args(["reconstruct", "photo.jpg", "--profile", "full"])
    assert cli._networks(options) == "car-128" and not any(tmp_path.iterdir())
    again = after("reconstruct", "car-128", "photo.jpg")
    assert again == "next: ganverse edit photo.jpg --category car --profile full --azimuth 120 --fit"
    assert cli._networks(cli._parser().parse_args(again.split()[2:])) == "car-128"
    assert after("score-photos", "car") == "next: ganverse reproduce --category car --only 12"


def test_a_run_uses_the_gan_it_trained_and_says_so_where_it_has_none(opened):
    run = opened("mini", gan__network="trained", inverse__steps=7)
    with pytest.raises(ExpectedError, match=f"train it first with `ganverse train-gan --run {run.directory}`"):
        stages.teacher(run)
    run.stage("gan", lambda directory: shutil.copy(bundled("car", "teacher"), directory))
    assert teacher_file(run) == run.directory / "gan" / "teacher.safetensors"
    assert torch.equal(stages.teacher(run).const, stages.teacher(opened("smoke")).const)
    check_bundled(opened("gpu").config)


def test_a_file_is_used_and_recorded(opened, tmp_path):
    copy = tmp_path / "elsewhere.safetensors"
    run = opened("mini", gan__network=str(copy))
    with pytest.raises(FileNotFoundError, match=r"elsewhere.*gan\.network.*fetch-gan"):
        stages.teacher(run)
    shutil.copy(bundled("car", "teacher"), copy)
    stages.teacher(run)
    assert run.manifest["weights"]["car/teacher"]["file"] == "elsewhere.safetensors"


def test_labelled_view_codes_are_those_of_notebook_02(opened):
    run = opened("paper")
    assert stages.split_layer(run) == 4  # before anything is labelled
    with pytest.raises(ExpectedError, match="notebook 02"):
        stages.view_codes(run)
    labels = ViewAnnotation(torch.randn(3, 8), 4, labelled_views(run))
    for azimuth_bin in (0, 5, 9):
        labels.label(azimuth_bin)
    views = stages.view_codes(run)
    assert views.azimuth_bin.tolist() == [0, 5, 9] and views.split_layer == 4
    assert run.manifest["weights"]["car/views"]["file"] == labelled_views(run).name


def test_what_is_labelled_is_suggested_once_and_labels_from_elsewhere_stay(opened, monkeypatch):
    run = opened("smoke", views__codes="labelled", views__views=3)
    labels = view_annotation(run)
    assert len(labels) == 3 and labels.split_layer == 2 and labels.current == 0
    monkeypatch.setattr("ganverse_nb.workflow.view_labels.suggest_view_codes", None)
    labels.label(4)
    again = view_annotation(run)
    assert torch.equal(again.codes, labels.codes) and again.labels.tolist() == [4, -1, -1]
    ViewCodes.load("car").save(labelled_views(run))
    elsewhere = view_annotation(run)
    assert elsewhere.current is None and torch.equal(elsewhere.codes, ViewCodes.load("car").codes)


def test_the_score_from_which_an_instance_counts_is_a_setting(opened):
    usual, strict = opened("mini"), opened("smoke", segmenter__score=1.0)
    photos = stages.make_photos("car", 6, 5).image()
    found = [stages.segmenter(run).segment(photos).count for run in (usual, strict)]
    assert found[0].sum() == 6 and found[1].sum() == 0
    assert stages.use_weights(strict, "segmenter") == f"1.0 {stages.use_weights(usual, 'segmenter')}"


def test_view_codes_can_be_chosen_by_the_run_itself(opened):
    run = opened("smoke", views__codes="chosen", **{k.replace(".", "__"): v for k, v in SMALL.items()})
    views = stages.view_codes(run)
    assert len(views) == 6 and views.split_layer == run.config.views.split_layer == stages.split_layer(run)
    assert views.provenance["teacher"] == run.manifest["weights"]["car/teacher"]["sha256"]
    assert torch.equal(stages.view_codes(run).codes, views.codes)


@pytest.mark.parametrize(
    "stage",
    [
        stages.test_photos,
        partial(stages.first_test_photos, count=16),
        stages.pose_regressor,
        stages.view_gate,
        stages.gan_kid,
    ],
)
def test_nothing_is_measured_with_studio_photos_where_the_gan_has_seen_others(opened, stage):
    with pytest.raises(ExpectedError, match="profile paper"):
        stage(opened("paper"))
