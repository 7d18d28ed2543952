"""The command line: exit codes, one sentence per expected error, a reproduction that survives interrupts."""

import dataclasses
import errno
import functools
import json
import os
import re
import signal
import subprocess
import sys
import time
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image
from torchvision.models import vgg16

from ganverse_nb.config import as_json, load_config
from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.gan.checkpoint import save_networks
from ganverse_nb.gan.generator import Generator
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.domain import Verdict
from ganverse_nb.inverse_graphics.framing import Framing
from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
from ganverse_nb.runtime.errors import DivergedError
from ganverse_nb.runtime.files import plain, read_json, write_json
from ganverse_nb.segmentation.cutout import Cutout
from ganverse_nb.workflow import cli
from ganverse_nb.workflow.locks import exclusive
from ganverse_nb.workflow.notebooks import build_all
from ganverse_nb.workflow.options import settings
from ganverse_nb.workflow.reproduce import Stopwatch, default_jobs, reproduce
from ganverse_nb.workflow.run import open_run
from tests.certain import CertainHead

PARAMETERS = """# %% tags=["parameters"]
profile = "mini"
category = "car"
seed = 0
runs = "../runs"
figures = "../figures"
settings = {}

# %%
from pathlib import Path
from ganverse_nb.workflow.run import open_run

run = open_run(profile, category, seed, runs, figures, settings)

# %%
"""
SMALL = ["--profile", "smoke", "--set", "gan.resolution=16"]
STOPS = (signal.SIGINT, signal.SIGTERM)
# Waits in all but the last attempt to be interrupted, and finds what the earlier ones left.
PATIENT = f"""
import time
def compute(directory):
    before = len(list(directory.glob("checkpoint-*")))
    (directory / f"checkpoint-{{before}}").touch()
    if before < {len(STOPS)}:
        time.sleep(600)
run.stage("slow", compute)
run.record("slow.steps", run.config.inverse.steps, "steps", bar=">= 1")
"""


@pytest.fixture
def notebooks(tmp_path):
    def make(**codes):
        folder = tmp_path / "notebooks"
        (folder / "src").mkdir(parents=True, exist_ok=True)
        for name, code in codes.items():
            (folder / "src" / f"{name[1:]}.py").write_text(PARAMETERS + code)
        build_all(folder)
        return folder

    return make


@pytest.fixture
def places(tmp_path):
    return ["--runs", str(tmp_path / "runs"), "--figures", str(tmp_path / "figures")]


# ---- exit codes and sentences


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["config", "--profile", "huge"], ["huge", "smoke, mini"]),
        (["config", "--category", "boat"], ["boat", "car"]),
        (["config", "--set", "inverse.steps"], ["inverse.steps", "STAGE.KEY=VALUE"]),
        (["config", "--set", "inverse.steps=many"], ["inverse.steps", "many"]),
        (["config", "--set", "seed=1"], ["'seed'", "inverse.steps"]),
        (["reproduce", "--profile", "smoke", "--only", "77"], ["77", "no notebook"]),
        (["reproduce", "--profile", "smoke", "--jobs", "0"], ["--jobs 0", "at least one"]),
    ],
)
def test_bad_input_is_one_sentence(arguments, words, capsys, tmp_path, monkeypatch, notebooks):
    monkeypatch.chdir(tmp_path)
    extra = ["--notebooks", str(notebooks(_00_one="pass"))] if arguments[0] == "reproduce" else []
    assert cli.main(arguments + extra) == 2
    out, err = capsys.readouterr()
    assert not out and err.startswith("ganverse: ") and err.count("\n") == 1
    assert all(word in err for word in words), err


def test_without_a_command_help_is_shown(capsys):
    assert cli.main([]) == 2 and "reproduce" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["dance"], ["config", "--prof", "mini"], ["config", "--seed", "one"]])
def test_wrong_options_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2 and "usage: ganverse" in capsys.readouterr().err


def test_a_bug_keeps_its_traceback(monkeypatch):
    def bug(options):
        raise KeyError("bug")

    monkeypatch.setattr(cli, "_config", bug)
    with pytest.raises(KeyError):
        cli.main(["config"])


def test_the_place_of_an_expected_error_can_be_asked_for():
    with pytest.raises(ValueError, match="huge"):
        cli.main(["--traceback", "config", "--profile", "huge"])


def test_config_prints_what_runs(capsys):
    assert cli.main(["config", "--profile", "smoke", "--seed", "3", "--set", "inverse.steps=5"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == plain(as_json(load_config("smoke", seed=3, inverse__steps=5)))


def test_doctor_says_what_is_wrong(capsys, monkeypatch, tmp_path):
    from ganverse_nb.workflow import doctor

    def broken():
        raise RuntimeError("no\nkernel")

    monkeypatch.setattr(doctor, "_kernel", broken)
    monkeypatch.setattr(doctor, "_weights", lambda folder: "there")
    monkeypatch.setattr(doctor, "CATEGORIES", ("car",))
    assert cli.main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "BAD  kernel" in out and "RuntimeError: no kernel" in out
    assert all(f"ok   {name}" in out for name in ("python", "packages", "torchvision", "renderer", "weights car"))
    assert all(f"-    {name}" in out for name in ("gpu", "nvdiffrast", "extras", "optional weights", "what runs"))
    assert "-    photographs" in out and "rembg" in out
    assert "every notebook for car, profiles smoke, mini, full; gpu lacks GAN; paper lacks GAN, labels" in out
    monkeypatch.setattr(doctor, "CATEGORIES", ("car", "horse"))
    monkeypatch.setattr(doctor, "WEIGHTS", tmp_path)
    write_json(tmp_path / "car" / "keypoints.json", {})
    cli.main(["doctor"])
    assert "every notebook for car, horse (03 after its keypoints are placed for horse)" in capsys.readouterr().out


def test_doctor_says_when_nothing_can_run(monkeypatch, tmp_path):
    from ganverse_nb.workflow import doctor

    monkeypatch.setattr(doctor, "WEIGHTS", tmp_path)
    monkeypatch.setattr(doctor, "MEMORY", 1e18)
    found = {finding.name: finding for finding in doctor.examine(tmp_path)}
    assert found["weights car"].ok is False and "check out the repository again" in found["weights car"].text
    assert found["memory"].ok is False and "1000000000 are asked for" in found["memory"].text
    assert found["what runs"].text.startswith("no notebook before its weights are there")


# ---- pictures


@pytest.fixture
def networks(monkeypatch):
    """Stands in for the trained stages: everything is a sphere seen from the side, its mask the left half."""

    def cut_out(photo):
        mask = np.zeros((photo.height, photo.width), bool)
        mask[:, : photo.width // 2] = np.asarray(photo).mean() > 25  # nothing in a dark picture
        return Cutout.of_mask(mask)

    def judge(sight, model, overlap):
        bright = float(sight.images.mean())
        score, reason = (0.5, "") if bright > 0.9 else (9.0, "no car") if bright > 0.1 else (np.inf, "no instance")
        return [Verdict(score, 2.0, {}, reason)]

    sphere = dataclasses.replace(uv_sphere(), texture=torch.rand(1, 3, 8, 16))
    model = SimpleNamespace(
        resolution=16,
        cameras=LearnableCameras(torch.tensor([0])),
        eval=lambda: None,
        network=lambda image, mask: sphere,
        head=CertainHead(lambda image, mask: Camera.orbit(-90.0, 10.0, 2.3)),
    )
    pictures = torch.zeros(2, 1, 3, 16, 16, dtype=torch.uint8)
    dataset = MultiViewDataset(
        pictures, pictures[:, :, :1] + 1, torch.ones(2, 1, dtype=torch.bool), torch.tensor([0]), test_contents=1
    )
    stages = ModuleType("ganverse_nb.workflow.stages")
    segmenter = SimpleNamespace(
        cut_outs=lambda photos: [cut_out(photo) for photo in photos],
        log_odds=lambda images, masks: None,
        source="half",
        advice="Take rembg.",
    )
    domain = SimpleNamespace(judge=judge)
    framing = Framing.of(dataset, torch.tensor([0.0]))
    stages.reconstructor = lambda run, photos: Reconstructor(model, segmenter, domain, framing)
    monkeypatch.setitem(sys.modules, "ganverse_nb.workflow.stages", stages)
    monkeypatch.setattr("ganverse_nb.workflow.stages", stages, raising=False)


def test_reconstruct_writes_a_mesh(networks, places, tmp_path, capsys):
    Image.new("RGB", (40, 20), "white").save(tmp_path / "car.png")
    assert cli.main(["reconstruct", str(tmp_path / "car.png"), *SMALL, *places]) == 0
    assert len(trimesh.load(tmp_path / "car.glb", force="mesh").faces) == 1280
    said = capsys.readouterr().out
    assert "azimuth 270, elevation 10, distance 2.30" in said and "in domain (score 0.5, limit 2.0)" in said
    assert "mask by half" in said and "rembg" not in said
    turning = [str(tmp_path / "car.png"), "--out", str(tmp_path / "turned.obj")]
    turning += ["--turntable", str(tmp_path / "turn.gif")]
    assert cli.main(["reconstruct", *turning, *SMALL, *places]) == 0
    assert (tmp_path / "turn.gif").read_bytes()[:4] == b"GIF8" and (tmp_path / "turned.obj").exists()
    assert "turn.gif" in capsys.readouterr().out
    assert cli.main(["reconstruct", *turning[:-1], "turn.mp4", *SMALL, *places]) == 2
    assert "must end in .gif" in capsys.readouterr().err


def test_an_obj_leaves_the_photograph_of_its_name_alone(networks, places, tmp_path, capsys):
    photo = tmp_path / "car.png"
    Image.new("RGB", (40, 20), "white").save(photo)
    before, order = photo.read_bytes(), ["--out", str(tmp_path / "car.obj"), *SMALL, *places]
    assert cli.main(["reconstruct", str(photo), *order]) == 0
    assert photo.read_bytes() == before and (tmp_path / "car_texture.png").exists()
    photo.rename(tmp_path / "car_texture.png")
    (tmp_path / "car.obj").unlink()
    (tmp_path / "car.mtl").unlink()
    assert cli.main(["reconstruct", str(tmp_path / "car_texture.png"), *order]) == 2
    assert "there is one already that belongs to no earlier car.obj" in capsys.readouterr().err
    assert [p.read_bytes() for p in tmp_path.glob("car*")] == [before]


def test_a_picture_out_of_domain_is_refused_unless_asked_for(networks, places, tmp_path, capsys):
    Image.new("RGB", (20, 20), (120, 120, 120)).save(tmp_path / "horse.png")
    command = ["reconstruct", str(tmp_path / "horse.png"), *SMALL, *places]
    assert cli.main(command) == 2
    said = capsys.readouterr().err
    assert "horse.png is out of domain: no car (score 9.0, limit 2.0); nothing was" in said
    assert said.endswith("Take rembg.\n") and said.count("rembg") == 1
    assert not (tmp_path / "horse.glb").exists()
    assert cli.main([*command, "--force"]) == 0
    assert (tmp_path / "horse.glb").exists() and "out of domain: no car" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("color", "size", "words"),
    [("black", 16, "out of domain: no instance"), ("white", 1, "only 1 x 1 pixels"), (None, 0, "empty (0 bytes)")],
)
def test_a_picture_that_cannot_be_used_leaves_nothing(networks, places, tmp_path, capsys, color, size, words):
    path = tmp_path / "car.png"
    Image.new("RGB", (size, size), color).save(path) if color else path.touch()
    assert cli.main(["reconstruct", str(path), "--force", *SMALL, *places]) == 2
    err = capsys.readouterr().err
    assert words in err and str(path) in err and err.count("\n") == 1
    assert not (tmp_path / "car.glb").exists()


def test_a_gan_that_cannot_begin_another_is_refused_before_anything_is_photographed(tmp_path, capsys):
    command = ["train-gan", "--profile", "smoke", "--from", "car", "--runs", str(tmp_path / "runs")]
    settings = ["--set", "gan.images=10000000", "--set", "gan.w_dim=12"]
    assert cli.main([*command, *settings]) == 2
    said = capsys.readouterr().err
    assert "The generator of car cannot begin this training: w_dim" in said and said.count("\n") == 1
    assert not list((tmp_path / "runs").rglob("*photos*"))


def test_a_refused_command_leaves_its_place_to_other_settings(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for refused in (["train-gan", "--augment", "foo"], ["score-meshes", "nowhere"], ["train-gan", "--from", "no.pkl"]):
        assert cli.main([*refused, "--profile", "smoke"]) == 2
        assert capsys.readouterr().err.count("\n") == 1 and not list(tmp_path.iterdir()), refused


def test_the_settings_of_a_run_hold_in_another_folder_too(tmp_path, capsys):
    run = open_run("smoke", "horse", 2, runs=tmp_path / "one", settings={"inverse.steps": 7})
    there = ["--run", str(run.directory), "--runs", str(tmp_path / "two"), "--set", "gan.batch=16"]
    assert cli.main(["check", *there]) == 0
    means = "--profile smoke --category horse --seed 2 --set gan.batch=16 --set inverse.steps=7"
    assert capsys.readouterr().out.splitlines()[-1] == f"next: ganverse reproduce {means} --runs {tmp_path / 'two'}"
    assert cli.main(["check", "--run", str(run.directory), "--images", str(tmp_path)]) == 2
    assert "leave out --images" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--distance", "0"], "--distance 0: give a positive number"),
        (["--distance", "nan"], "--distance nan: give a positive number"),
        (["--output", "edited"], "edited must end as a picture does"),
        (["--output", "edited.doc"], "edited.doc must end as a picture does"),
    ],
)
def test_what_cannot_be_rendered_or_written_is_said_first(given, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 64)).save("photo.png")
    assert cli.main(["edit", "photo.png", *given]) == 2
    assert words in capsys.readouterr().err and [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_a_closed_terminal_is_no_error(tmp_path):
    command = f"{sys.executable} -m ganverse_nb config >&-"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# ---- reproduce


@pytest.mark.notebook
def test_meshes_of_another_system_are_scored_beside_their_photographs(places, tmp_path, capsys):
    folder, small = tmp_path / "theirs", ["--profile", "smoke", "--set", "photos.truth=2", *places]
    assert cli.main(["ground-truth-views", str(folder), "--resolution", "64", *small]) == 0
    run = tmp_path / "runs" / "car-smoke-seed0"
    assert capsys.readouterr().out.splitlines()[-1] == f"next: ganverse score-meshes {folder} --run {run}"
    assert sorted(path.name for path in folder.iterdir()) == ["photo_000.png", "photo_001.png", "photographs.json"]
    assert cli.main(["score-meshes", str(folder), "--seed", "3", *small]) == 2
    told = "are of category car, seed 0, photographs 2, edition 1, and the truth would be that of category car, seed 3,"
    assert told in capsys.readouterr().err and not (tmp_path / "runs" / "car-smoke-seed3").exists()
    trimesh.creation.box((0.4, 0.35, 0.95)).export(folder / "photo_001.glb")
    scoring = ["score-meshes", str(folder), "--align", "none", *small]
    assert cli.main(scoring) == 2 and not (folder / "scores.json").exists()
    assert "photo_001.glb has no texture" in capsys.readouterr().err
    assert cli.main([*scoring, "--shape-only"]) == 0
    report = read_json(folder / "scores.json")
    assert report["missing"] == ["photo_000"] and report["meshes"]["photo_001"]["psnr"] is None
    assert 0.3 < report["meshes"]["photo_001"]["volume_iou"] < 0.9  # a box is a little like a car
    out = capsys.readouterr().out
    assert "photo_000" in out and out.splitlines()[-1].startswith("next: ganverse reproduce --run ")


def test_a_category_without_networks_is_refused_before_anything_is_written(tmp_path, capsys, monkeypatch):
    (tmp_path / "weights" / "car").mkdir(parents=True)
    (tmp_path / "weights" / "car" / "teacher.safetensors").touch()
    monkeypatch.setattr("ganverse_nb.gan.checkpoint.WEIGHTS", tmp_path / "weights")
    assert cli.main(["reproduce", "--category", "horse", "--runs", str(tmp_path / "runs")]) == 2
    err = capsys.readouterr().err
    assert "There is no teacher for horse yet (the package has one for: car)" in err
    assert "train-gan --category horse" in err and err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_reproduce_executes_in_order_and_writes_the_report(notebooks, places, tmp_path, capsys):
    folder = notebooks(
        _00_one="run.stage('first', lambda directory: None)\nrun.record('one.value', 1, bar='>= 2')",
        _01_two="assert run.is_complete('first')\nrun.record('two.steps', run.config.inverse.steps)",
    )
    arguments = ["reproduce", "--profile", "smoke", "--set", "inverse.steps=5", "--notebooks", str(folder), *places]
    arguments += ["--jobs", "1"]
    assert cli.main(arguments) == 0
    rows = {row["key"]: row for row in read_json(tmp_path / "figures" / "report.json")}
    assert list(rows) == ["car.one.value", "car.two.steps", "car.runtime.total_minutes"]
    assert rows["car.two.steps"]["ours"] == 5
    assert rows["car.one.value"]["command"].endswith("--set inverse.steps=5")
    assert rows["car.runtime.total_minutes"]["unit"] == "min"
    run = tmp_path / "runs" / "car-smoke-seed0"
    executed = ["00_one.html", "00_one.ipynb", "01_two.html", "01_two.ipynb"]
    assert sorted(p.name for p in (run / "notebooks").iterdir()) == executed
    assert "two.steps" in (run / "notebooks" / "01_two.html").read_text()  # as code
    assert "two.steps" in (run / "report.md").read_text()
    out, err = capsys.readouterr()
    assert "not met: car.one.value is 1, the bar is >= 2" in out and "3 numbers, 1 bars not met" in out
    assert "[1/2] 00_one  done" in err and "[2/2] 01_two  done" in err

    minutes = rows["car.runtime.total_minutes"]["ours"]
    assert cli.main([*arguments, "--only", "01"]) == 0  # a later pass does not count
    rows = {row["key"]: row for row in read_json(tmp_path / "figures" / "report.json")}
    assert rows["car.runtime.total_minutes"]["ours"] == minutes


@pytest.mark.notebook
def test_a_notebook_that_fails_stops_only_what_needs_it(notebooks, places, tmp_path, capsys, monkeypatch):
    """Its cell is shown, the numbers of the others are reported, and they run beside it.

    A notebook that others wait for has all processors, the last ones share them.
    """
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("ganverse_nb.workflow.reproduce.cores", lambda: 2)
    monkeypatch.setattr("ganverse_nb.workflow.reproduce.compute_device", lambda: "cpu")
    threads = "import os\nrun.record('{0}.threads', int(os.environ.get('OMP_NUM_THREADS', 0)))"
    folder = notebooks(
        _01_awaited=threads.format("awaited"),
        _02_fails="if not run:\n    stages.multiview(run)\nraise ValueError('it is damaged')",
        _04_needs="stages.multiview(run)",
        _10_free="if not run:\n    stages.view_gate(run)\n" + threads.format("free"),
    )
    command = ["reproduce", "--profile", "smoke", "--notebooks", str(folder), *places]
    assert cli.main(command) == 2
    err = capsys.readouterr().err
    assert "    raise ValueError('it is damaged')\n" in err and "04_needs  not begun: it needs 02_fails" in err
    last = err.splitlines()[-1]
    assert last.startswith("ganverse: 02_fails stopped at In [4]: ValueError: it is damaged (see ")
    assert last.endswith("; not begun, as they need what failed: 04_needs")
    rows = read_json(tmp_path / "figures" / "report.json")
    assert [(row["key"], row["ours"]) for row in rows] == [("car.awaited.threads", 0), ("car.free.threads", 1)]


def test_two_notebooks_run_at_a_time_on_processors_and_one_on_a_gpu(monkeypatch):
    for device, cores, jobs in ("cpu", 1, 1), ("cpu", 2, 2), ("cpu", 16, 2), ("cuda", 16, 1):
        monkeypatch.setattr("ganverse_nb.workflow.reproduce.compute_device", lambda device=device: device)
        monkeypatch.setattr("ganverse_nb.workflow.reproduce.cores", lambda cores=cores: cores)
        assert default_jobs() == jobs


@pytest.mark.notebook
def test_an_interrupted_reproduction_continues(notebooks, places, tmp_path):
    """After Ctrl+C, after a request to end, and then to its end."""
    folder = notebooks(_00_slow=PATIENT)
    command = [sys.executable, "-m", "ganverse_nb.workflow.cli", "reproduce", "--profile", "smoke"]
    command += ["--notebooks", str(folder), *places]
    run = tmp_path / "runs" / "car-smoke-seed0"
    # A shell's background jobs ignore SIGINT, and would hand that down to the processes started here.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    for attempt, stop in enumerate(STOPS):
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as process:
            deadline = time.monotonic() + 300
            while not (run / "slow.partial" / f"checkpoint-{attempt}").exists():
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.05)
            process.send_signal(stop)
            err = process.communicate(timeout=300)[1]
        assert process.returncode == 130, stop
        assert err.splitlines()[-1] == "ganverse: interrupted; run the same command to continue"
        assert "Traceback" not in err
        assert not (run / "slow").exists() and not (tmp_path / "figures").exists()
        assert read_json(run / "runtime.json")["minutes"] is None

    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (run / "slow").glob("checkpoint-*")) == [f"checkpoint-{n}" for n in range(3)]
    assert (tmp_path / "figures" / "report.md").exists()
    assert len(read_json(run / "runtime.json")["parts"]) == 3


def test_two_reproductions_of_one_run_exclude_each_other(notebooks, places, tmp_path):
    folder = notebooks(_00_one="pass")
    run = open_run("smoke", runs=tmp_path / "runs", figures=tmp_path / "figures")
    command = [sys.executable, "-m", "ganverse_nb.workflow.cli", "reproduce", "--profile", "smoke"]
    with exclusive(run.directory / ".reproduce.lock", "it"):
        second = subprocess.run([*command, "--notebooks", str(folder), *places], capture_output=True, text=True)
    assert second.returncode == 2
    assert f"is being worked on by process {os.getpid()}" in second.stderr and second.stderr.count("\n") == 1


def test_without_notebooks_the_sentence_says_how_to_build_them(tmp_path):
    run = open_run("smoke", runs=tmp_path / "runs")
    with pytest.raises(FileNotFoundError, match="make notebooks"):
        reproduce(run, directory=tmp_path)


# ---- time


def test_time_adds_up_over_parts_and_counts_stages_computed_elsewhere(tmp_path):
    run = open_run("smoke", runs=tmp_path)
    run.stage("by_hand", lambda directory: None)
    mark = run.directory / "by_hand" / "complete.json"
    write_json(mark, read_json(mark) | {"seconds": 120.0})
    with pytest.raises(KeyError), Stopwatch(run):
        raise KeyError
    with Stopwatch(run) as stopwatch:
        pass
    parts = [{"seconds": 60.0, "stage_seconds": 50.0}, {"seconds": 30.0, "stage_seconds": 0.0}]
    assert len(stopwatch.log["parts"]) == 2
    stopwatch.log["parts"] = parts
    assert stopwatch.finish() == round((60 + 30 + 120 - 50) / 60, 2)
    with Stopwatch(run) as later:
        pass
    assert later.finish() == stopwatch.finish() and len(later.log["parts"]) == 2


FOLDER_GAN = ["--profile", "smoke", "--set", "gan.resolution=16", "--set", "gan.channels=[8,8,8]"]
FOLDER_GAN += ["--set", "gan.batch=4", "--set", "gan.path_length_batch=4", "--set", "gan.images=8"]


@pytest.fixture
def folder(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(5):
        Image.new("RGB", (20, 24), (50 * number, 90, 10)).save(pictures / f"{number}.png")
    (pictures / "torn.png").write_bytes(b"torn")
    return pictures


def test_a_gan_learns_from_a_folder_of_ones_own(tmp_path, folder, capsys, monkeypatch):
    from ganverse_nb.gan.checkpoint import provenance

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))  # no weights of others

    place = ["--category", "cat", "--images", str(folder), "--runs", str(tmp_path / "runs")]
    command = ["train-gan", *FOLDER_GAN, *place, "--mirror", "--augment"]
    assert cli.main(command) == 0
    run = tmp_path / "runs" / "cat-smoke-seed0"
    said = capsys.readouterr()
    begun, *told = said.out.splitlines()
    assert begun == "begun with random networks: none of the package's has the sizes of this training"
    assert told == [f"trained: {run / 'gan' / 'teacher.safetensors'}", f"next: ganverse reproduce --run {run}"]
    assert "ganverse: 1 of 6 pictures were skipped: " in said.err and "UserWarning" not in said.err
    told = provenance(run / "gan" / "teacher.safetensors")
    assert told["photos"] == 5 and told["config"]["mirror"] is True
    assert told["config"]["augment"] == "color,translation,cutout"
    assert told["config"]["r1_gamma"] == pytest.approx(0.3 * (16 / 64) ** 2 * 32 / 4)
    # what is recorded makes it again
    assert told["command"].startswith("ganverse train-gan ") and str(folder) in told["command"]
    made = (run / "gan" / "teacher.safetensors").stat().st_mtime_ns
    again = [*told["command"].split()[1:], "--runs", str(tmp_path / "runs")]
    assert cli.main(again) == 0
    # so does the run's directory, and the category's name, for it has one run
    assert cli.main(["train-gan", "--run", str(run)]) == 0
    assert cli.main(["train-gan", "--category", "cat", "--runs", str(tmp_path / "runs")]) == 0
    assert (run / "gan" / "teacher.safetensors").stat().st_mtime_ns == made

    capsys.readouterr()
    assert cli.main(["measure-gan", "--gan", str(run / "gan" / "teacher.safetensors"), "--images", str(folder)]) == 0
    inception, own = capsys.readouterr().out.splitlines()
    assert inception.startswith("no FID: Inception's weights are not on disk")
    assert re.match(r"KID: \d+\.\d+ ± \d+\.\d+ x 10\^-3 on own features", own)
    assert cli.main(["measure-gan", "--category", "cat", "--runs", str(tmp_path / "runs")]) == 0  # all is known
    assert capsys.readouterr().out.splitlines()[1:] == [own, f"next: ganverse reproduce --run {run}"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--category", "car"], "a category of the studio"),
        (["--category", "cat", "--augment", "blur"], "Unknown augmentation 'blur'"),
        (["--category", "cat", "--set", "gan.batch=8"], "5 photos are fewer than one batch of 8"),
        (["--category", "cat", "--set", "gan.resolution=32"], "32 px needs 4 channel counts"),
    ],
)
def test_what_a_folder_cannot_be_used_for_is_one_sentence(tmp_path, folder, capsys, arguments, words):
    command = ["train-gan", *FOLDER_GAN, "--images", str(folder), "--runs", str(tmp_path / "runs"), *arguments]
    assert cli.main(command) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("ganverse: ") and words in message


def test_a_folder_without_pictures_is_one_sentence(tmp_path, capsys):
    place = ["--images", str(tmp_path / "nowhere"), "--runs", str(tmp_path / "runs")]
    assert cli.main(["train-gan", *FOLDER_GAN, "--category", "cat", *place]) == 2
    assert "There is no folder" in capsys.readouterr().err


def test_project_writes_the_picture_and_its_latent(tmp_path, capsys, monkeypatch):
    from safetensors.torch import load_file

    from ganverse_nb.gan.checkpoint import load_generator

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))  # no weights of others
    Image.new("RGB", (80, 64), (200, 40, 40)).save(tmp_path / "red.png")
    command = ["project", str(tmp_path / "red.png"), "--steps", "3", "--space", "w+"]
    assert cli.main(command) == 2
    assert "64 x 64 are needed" in capsys.readouterr().err
    assert cli.main([*command, "--fit"]) == 0
    assert re.search(r"PSNR \d+\.\d dB after 3 steps in w\+, compared by an image pyramid", capsys.readouterr().out)
    kept = load_file(tmp_path / "red_projected.safetensors")
    generator = load_generator("car")
    assert kept["latent"].shape == (1, generator.num_ws, generator.w_dim)
    picture = torch.from_numpy(np.array(Image.open(tmp_path / "red_projected.png"))) / 255
    torch.testing.assert_close(generator.synthesize(kept["styles"])[0].permute(1, 2, 0), picture, atol=3e-3, rtol=0)
    assert cli.main([*command, "--fit", "--space", "z"]) == 2
    assert "Unknown space 'z'" in capsys.readouterr().err


def test_projections_are_compared_by_lpips_where_its_weights_are(monkeypatch):
    from ganverse_nb.workflow.picture_commands import _likeness

    network = torch.nn.Sequential(*vgg16(weights=None).features)
    monkeypatch.setattr("torchvision.models.vgg16", lambda **options: SimpleNamespace(features=network))
    monkeypatch.setattr("ganverse_nb.runtime.downloads.Weights.find", lambda weights: weights.path)
    distance, name, _ = _likeness()
    a = torch.rand(2, 3, 16, 16, requires_grad=True)
    assert "VGG16" in name and float(distance(a.detach(), a.detach())) == pytest.approx(0, abs=1e-5)
    distance(a, torch.rand(2, 3, 16, 16)).backward()
    assert float(a.grad.abs().sum()) > 0


def test_what_the_system_says_and_a_training_that_diverges_are_one_sentence(monkeypatch, capsys):
    for error, told in (
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/state.pt"),
            "runs/state.pt: the disk is full; free some ",
        ),
        (DivergedError("The training gan diverged."), "The training gan diverged."),
    ):

        def fails(*arguments, error=error):
            raise error

        monkeypatch.setattr(cli, "chosen", fails)
        assert cli.main(["config"]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"ganverse: {told}") and said.count("\n") == 1 and "[Errno" not in said


@pytest.mark.parametrize("text", ["[128, 64]", "128,64", "(128, 64)", "[128,64]"])
def test_settings_of_several_numbers_are_written_as_messages_show_them(text):
    given = cli._parser().parse_args(["config", "--set", f"gan.channels={text}", "--set", "gan.augment=color,cutout"])
    assert settings(given) == {"gan.channels": [128, 64], "gan.augment": "color,cutout"}


def test_a_setting_that_is_no_number_is_one_sentence(capsys):
    assert cli.main(["config", "--set", "gan.generator_lr=NaN"]) == 2
    assert "Setting gan.generator_lr is a finite number" in capsys.readouterr().err


def test_a_gan_of_wide_pictures_is_measured_on_pictures_of_any_shape(tmp_path, capsys):
    """Their middle, in the shape that the GAN makes."""
    torch.manual_seed(0)
    save_networks(tmp_path / "wide.safetensors", Generator(16, 8, 8, 2, (8, 8, 8), rows=(4, 12)), None, {})
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index, shape in enumerate([(40, 40, 3), (20, 60, 3), (60, 20, 3), (8, 16, 3)]):
        Image.fromarray(rng.integers(0, 255, shape, np.uint8)).save(folder / f"{index}.png")
    assert cli.main(["measure-gan", "--gan", str(tmp_path / "wide.safetensors"), "--images", str(folder)]) == 0
    assert re.search(r"KID: -?\d+\.\d+ ± \d+\.\d+ x 10\^-3 on own features", capsys.readouterr().out)
