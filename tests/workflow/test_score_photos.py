"""`ganverse score-photos`: rows on the screen, in a file and in the run; what is wrong is one sentence."""

import pytest

from ganverse_nb.categories import own_category
from ganverse_nb.data.pictures import write_picture
from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
from ganverse_nb.runtime.files import read_json
from ganverse_nb.studio.photos import make_photos
from ganverse_nb.workflow import cli
from ganverse_nb.workflow.run import open_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four of the studio's cars with their true masks and azimuths, two of them called one object; and a bird."""
    root = tmp_path_factory.mktemp("photos")
    photos = make_photos("car", 4, seed=3, resolution=96)
    lines = ["file,mask,category,object,azimuth_deg,source"]
    for k in range(4):
        write_picture(photos.image()[k], root / f"{k}.png")
        write_picture(photos.masks[k].float().expand(3, -1, -1), root / f"{k}_mask.png")
        lines.append(f"{k}.png,{k}_mask.png,car,car{k // 2},{float(photos.camera.azimuth[k])},studio")
    (root / "masks.csv").write_text("\n".join([*lines, "0.png,0_mask.png,bird,,,studio"]))
    return root


def test_the_shipped_networks_are_measured_without_a_run(folder, tmp_path, capsys):
    places = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "rows.json")]
    asked = ["score-photos", "--dataset", "folder-with-masks", str(folder), "--category", "car"]
    assert cli.main([*asked, *places]) == 0
    said, written = capsys.readouterr().out, read_json(tmp_path / "rows.json")
    assert not (tmp_path / "runs").exists()
    rows = {row["key"]: row for row in written["rows"]}
    assert rows["car.real.studio.photographs"]["ours"] == 4
    assert 0.8 < rows["car.real.studio.iou_refined"]["ours"] <= 1 and rows["car.real.studio.mask_iou"]["ours"] > 0.7
    assert rows["car.real.studio.iou_refined"]["unit"] == "given masks"
    assert all(key in said for key in rows) and "wrote" in said
    assert written["masks"] == "given" and written["networks"] == "shipped, car"
    assert "--category car" in rows["car.real.studio.let_in"]["command"]


def test_a_run_keeps_its_rows(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ganverse_nb.workflow.stages.reconstructor", lambda run: Reconstructor.from_pretrained("car"))
    places = ["--runs", str(tmp_path / "runs"), "--figures", str(tmp_path / "figures"), "--profile", "smoke"]
    asked = ["score-photos", "--dataset", "folder-with-masks", str(folder), "--category", "car", "--limit", "2"]
    assert cli.main([*asked, "--masks", "own", *places]) == 0
    run = open_run("smoke", "car", 0, tmp_path / "runs", tmp_path / "figures")
    keys = {row.key: row for row in run.rows()}
    assert keys["car.real.studio.photographs_own_masks"].ours == 2
    assert keys["car.real.studio.iou_refined_own_masks"].profile == "smoke"
    assert "car.real.studio.iou_refined_own_masks" in capsys.readouterr().out


def test_a_run_of_ones_own_category_is_measured_on_photographs_of_what_it_shows(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("ganverse_nb.workflow.stages.reconstructor", lambda run: Reconstructor.from_pretrained("car"))
    asked = ["score-photos", "--dataset", "folder-with-masks", str(folder), "--category", "car", "--limit", "2"]
    places = {"runs": tmp_path / "runs", "figures": tmp_path / "figures"}
    own = open_run("smoke", own_category("old_car", plural="old cars", images=str(folder)), 0, **places)
    assert cli.main([*asked, "--run", str(own.directory)]) == 0
    assert {row.key for row in own.rows()} >= {"old_car.real.studio.photographs", "old_car.real.studio.iou_refined"}


def test_a_run_of_another_category_of_the_package_is_refused(folder, tmp_path, capsys):
    run = open_run("smoke", "bird", 0, tmp_path / "runs", tmp_path / "figures")
    asked = ["score-photos", "--dataset", "folder-with-masks", str(folder), "--category", "car"]
    assert cli.main([*asked, "--run", str(run.directory)]) == 2
    assert "has learned birds; these photographs show car" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dataset", "imagenet"], "No reader knows the set 'imagenet'"),
        (["--dataset", "carvana"], "train is missing; unpack train.zip"),
        (["--dataset", "folder-with-masks"], "shows bird, car; choose one with --category"),
        (["--dataset", "folder-with-masks", "--category", "horse"], "has no photographs of 'horse'"),
        (["--dataset", "folder-with-masks", "--category", "car", "--limit", "0"], "--limit 0"),
        (["--dataset", "folder-with-masks", "--category", "car", "--masks", "best"], "given or own, not 'best'"),
    ],
)
def test_bad_input_is_one_sentence(folder, tmp_path, capsys, arguments, words):
    assert cli.main(["score-photos", str(folder), "--runs", str(tmp_path), *arguments]) == 2
    err = capsys.readouterr().err
    assert words in err and err.startswith("ganverse: ") and err.count("\n") == 1
