"""A folder of pictures of a fourth thing, all the way by the command line: file, GAN, masks, views, mesh, edit."""

import numpy as np
import pytest
import trimesh
from PIL import Image

from benchmarks.stand_ins import write_official
from ganverse_nb.categories import find_category, own_category
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.runtime.files import read_json
from ganverse_nb.workflow import cli
from ganverse_nb.workflow.commands import prepare
from ganverse_nb.workflow.run import reopen_run
from tests.jugs import photograph_jugs

TINY = {
    "gan.resolution": 16,
    "gan.channels": "[24,24,24]",
    "gan.z_dim": 16,
    "gan.w_dim": 16,
    "gan.mapping_layers": 2,
    "gan.images": 1600,
    "gan.batch": 16,
    "gan.path_length_batch": 4,
    "gan.bfloat16": "false",
    "segmenter.working_size": 32,
    "segmenter.widths": "[8,16,16,16]",
    "segmenter.fine_channels": 8,
    "segmenter.coarse_channels": 16,
    "segmenter.mask_channels": 8,
    "segmenter.steps": 70,
    "segmenter.batch": 8,
    "segmenter.held_out": 8,
    "segmenter.lr": 0.005,
    "segmenter.bf16": "false",
    "views.contents": 3,
    "views.candidates": 16,
    "multiview.contents": 10,
    "multiview.test_contents": 4,
    "inverse.texture_size": "[16,32]",
}
SETTINGS = [part for name, value in TINY.items() for part in ("--set", f"{name}={value}")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return photograph_jugs(tmp_path_factory.mktemp("jugs") / "jugs", 400)


def last(capsys):
    """The last line that a command printed."""
    return capsys.readouterr().out.strip().splitlines()[-1]


def test_from_a_folder_of_pictures_to_a_mesh(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))  # no weights of others
    assert cli.main(["new-category", "jug", "--images", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "400 pictures" in said and "masks: alpha channel" in said
    assert said.endswith("next: ganverse check --category jug.toml\n")
    file = tmp_path / "jug.toml"
    file.write_text(file.read_text().replace("views = 24", "views = 6"))
    common = ["--category", "jug.toml", "--profile", "smoke", *SETTINGS]
    assert cli.main(["check", *common]) == 0
    said = capsys.readouterr().out
    assert "all is here" in said and "MISSING" not in said and "a segmenter trained on your masked pictures" in said

    photo = sorted(folder.glob("*.png"))[0]
    assert cli.main(["reconstruct", str(photo), *common]) == 2  # nothing is trained in passing
    assert "train it first with `ganverse train-" in capsys.readouterr().err
    assert cli.main(["train-gan", *common]) == 0
    assert last(capsys) == "next: ganverse reproduce --run runs/jug-smoke-seed0"
    run = ["--run", "runs/jug-smoke-seed0"]  # knows the settings from here on
    assert cli.main(["train-segmenter", *run]) == 0
    directory = tmp_path / "runs" / "jug-smoke-seed0"
    stages = {path.name: path.stat().st_mtime_ns for path in directory.iterdir() if path.is_dir()}
    assert {"gan_images", "gan", "segmenter_pictures", "segmenter"} <= set(stages)
    prepare(reopen_run(directory))  # as `reproduce` begins: all is there
    assert {name: (directory / name).stat().st_mtime_ns for name in stages} == stages

    assert cli.main(["reconstruct", str(photo), *run, "--force", "--out", "jug.glb"]) == 0
    told = capsys.readouterr().out
    assert "wrote jug.glb" in told and "masked pictures of one's own" not in told and "next: ganverse edit" in told
    mesh = trimesh.load(tmp_path / "jug.glb", force="mesh")
    assert len(mesh.faces) == 1280 and np.isfinite(mesh.vertices).all() and mesh.extents.min() > 0.05
    views = ViewCodes.load(directory / "view_codes" / "views.safetensors")
    assert len(views) == 6 and "unknown" in views.provenance["unknown"]
    assert (views.azimuth.diff() > 0).all() and views.split_layer >= 1
    notes = read_json(directory / "manifest.json")["notes"]
    assert "masked pictures of one's own" in notes["segmenter"] and "way round" in notes["view codes"]
    assert notes["template"].startswith("an ellipsoid fitted to the masks")

    assert cli.main(["edit", str(photo), "--fit", "--category", "jug", "--azimuth", "90"]) == 0  # the only run of jugs
    assert Image.open("edited.png").size == (16, 16)
    assert "next: ganverse reconstruct" in last(capsys)


def test_what_a_folder_tells_and_what_it_does_not(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for number, (mode, size) in enumerate([("RGB", (40, 20)), ("L", (20, 40)), ("P", (30, 30)), ("RGBA", (24, 24))]):
        Image.new(mode, size).save(mixed / f"{number}.png")
    (mixed / "torn.png").write_bytes(b"torn")
    assert cli.main(["new-category", "box", "--images", "mixed"]) == 0
    said = capsys.readouterr().out
    assert "5 pictures, 1 of them unreadable" in said and "sizes: 24 x 24 to 30 x 30" in said
    assert "masks: none beside them" in said and "fewer than 1000" in said
    for arguments, words in (
        (["new-category", "box", "--images", "mixed"], "box.toml is there already"),
        (["new-category", "car", "--images", "mixed"], "a category of the studio"),
        (["new-category", "Box", "--images", "mixed"], "small letters"),
        (["new-category", "tin", "--images", "nowhere"], "There is no folder nowhere"),
        (["config", "--category", "tin"], "new-category tin --images FOLDER"),
        (["reproduce", "--category", "box.toml"], "missing: masks"),
        (["train-segmenter", "--category", "box.toml"], "holds 0 pictures with a mask"),
    ):
        assert cli.main(arguments) == 2, arguments
        err = capsys.readouterr().err.splitlines()[-1]
        assert words in err and err.startswith("ganverse: "), err
    assert cli.main(["check", "--category", "box.toml", "--set", "segmenter.weights=coco"]) == 1
    assert "nobody can cut these objects out yet" in capsys.readouterr().out  # COCO has no word for boxes


def test_who_brings_a_network_instead_of_pictures_is_led_to_what_it_lacks(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert cli.main(["new-category", "chair"]) == 0
    following = "ganverse check --category chair.toml --profile paper --set gan.network=FILE"
    assert capsys.readouterr().out == f"wrote chair.toml\nnext: {following}\n"
    assert find_category(tmp_path / "chair.toml") == own_category(
        "chair", plural="chairs", source=str(tmp_path / "chair.toml")
    )
    assert following.split(" check ")[1] in (tmp_path / "chair.toml").read_text().splitlines()[0]
    write_official(tmp_path / "gan.safetensors", "config-f", 256, False, share=32)
    assert cli.main(following.replace("FILE", "gan.safetensors").split()[1:]) == 1
    told = {line.split()[0]: line.split()[1] for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert (told["GAN"], told["masks"], told["VGG16"]) == ("here", "MISSING", "MISSING")
