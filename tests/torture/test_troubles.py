"""A machine in trouble: one sentence, nothing lost, and the same command goes on when the cause is gone."""

from __future__ import annotations

import io
import os
import random
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch

from ganverse_nb.config import GanConfig
from ganverse_nb.data.multiview import IMAGES, MultiViewDataset
from ganverse_nb.gan.training import train_gan
from ganverse_nb.runtime.checkpoints import STATE
from ganverse_nb.studio import archive
from ganverse_nb.workflow import cli
from ganverse_nb.workflow.locks import exclusive
from ganverse_nb.workflow.terminal import patient_streams
from tests.torture import page, works
from tests.torture.content import content
from tests.torture.killing import NEVER, finish, undisturbed
from tests.torture.server import begin

SEED, NOBODY = 0, 65534
FULL = ("train-gan", "multi-view dataset")  # all kinds of writes are among theirs


def suffered(work: Callable[[], object], log: Path) -> str:
    """The one sentence with which a work ends in another process."""
    process = begin(work, log)
    process.join()
    said = log.read_text().replace("\r", "\n")
    sentences = [line.removeprefix("ganverse: ") for line in said.splitlines() if line.startswith("ganverse: ")]
    assert process.exitcode == 2 and len(sentences) == 1, said[-2000:]
    (sentence,) = sentences
    assert sentence.endswith(".") and "Errno" not in sentence and "Traceback" not in said
    return sentence


def after(trouble: Callable[[], object], work: Callable[[], object]) -> None:
    """A work in a process that has a trouble."""
    trouble()
    work()


def told(name: str, sentence: str, *folders: Path) -> None:
    """A row of the table, where it is made; names of this test's folders are left out."""
    for folder in folders:
        sentence = sentence.replace(f"{folder}/", "").replace(str(folder), "the folder")
    if os.environ.get(works.WHOLE):
        page.record("troubles", name, {"what the command says": sentence})


def no_file_beyond(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def no_memory_beyond(more: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    size = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def nobody() -> None:
    """Root may write anywhere: the work is somebody else's."""
    if os.getuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)


# ---- disks


@pytest.mark.parametrize("name", FULL)
def test_a_full_disk_in_the_middle_of_any_write_costs_nothing(name: str, tmp_path: Path) -> None:
    """At one of the sizes of the files that the stage writes, a few bytes short of it."""
    work = works.WORKS[name]
    whole = undisturbed(work, tmp_path)
    sizes = sorted(path.stat().st_size for path in (tmp_path / "undisturbed").rglob("work/*") if path.is_file())
    draw, root = random.Random(f"{name} {SEED}"), tmp_path / "full"
    limit = draw.choice(sizes[1:]) - draw.randrange(1, 100)
    sentence = suffered(partial(after, partial(no_file_beyond, limit), partial(work, root, NEVER)), tmp_path / "log")
    assert "the system does not allow a file of this size; raise the limit (`ulimit -f`)" in sentence
    told(f"{name}: no file may grow further", sentence, root)
    finish(work, root, NEVER, tmp_path / "log")
    assert content(root) == whole.content


@pytest.mark.torture
@pytest.mark.parametrize("name", works.WORKS)
def test_a_disk_that_is_really_full_costs_nothing(name: str, tmp_path: Path) -> None:
    work = works.WORKS[name]
    whole = undisturbed(work, tmp_path)
    used = sum(path.stat().st_size for path in (tmp_path / "undisturbed").rglob("*") if path.is_file())
    place = tmp_path / "small"
    place.mkdir()
    share = random.Random(f"{name} {SEED}").uniform(0.2, 0.8)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={max(32, int(share * used) >> 10)}k", "tmpfs", str(place)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only who may mount a small disk can fill one")
    try:
        root = place / "run"
        sentence = suffered(partial(work, root, NEVER), tmp_path / "log")
        assert "free some space" in sentence and ("the disk is full" in sentence or "No room for" in sentence)
        told(f"{name}: the disk is full", sentence, root)
        subprocess.run(["mount", "-o", "remount,size=4g", str(place)], check=True)
        finish(work, root, NEVER, tmp_path / "log")
        assert content(root) == whole.content
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_folder_or_a_run_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    work = works.WORKS["multi-view dataset"]
    with TemporaryDirectory() as folder:
        place, log = Path(folder), tmp_path / "log"
        place.chmod(0o755)
        as_nobody = partial(after, nobody, partial(work, place / "new", NEVER))
        if os.getuid() != 0:
            place.chmod(0o555)
        sentence = suffered(as_nobody, log)
        assert "permission is denied; change its permissions or choose another place and run" in sentence
        told("a folder without permission", sentence, place)
        place.chmod(0o755)
        finish(work, place / "new", NEVER, log)
        for path in (place / "new").rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        before = content(place)
        sentence = suffered(as_nobody, log)
        assert "permission is denied" in sentence and content(place) == before
        told("a run that can only be read", sentence, place)
        for path in (place / "new").rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)


# ---- memory and processes


def large(root: Path, seconds: float) -> None:
    works.in_stage(lambda directory: torch.zeros(1 << 34), root, seconds)


def diverging(root: Path) -> None:
    config = GanConfig(
        resolution=16, z_dim=6, w_dim=10, mapping_layers=2, channels=(12, 12, 8), batch=8, images=80, photos=32,
        path_length_batch=4, pair_weight=0.0,
    )  # fmt: skip
    root.mkdir(exist_ok=True)
    train_gan(works.gan_photos(), config, root, 3, images=16, snapshot_every=8)
    train_gan(works.gan_photos(), config, root, 3, images=16)
    works.gan_photos.cache_clear()
    original = torch.Tensor.lerp_
    torch.Tensor.lerp_ = lambda self, *given: original(self, *given).mul_(float("nan"))
    train_gan(works.gan_photos(), replace(config, images=80), root, 3, images=80, snapshot_every=8)


def test_want_of_memory_and_divergence_are_sentences(tmp_path: Path) -> None:
    log = tmp_path / "log"
    sentence = suffered(
        partial(after, partial(no_memory_beyond, 64 << 20), partial(large, tmp_path / "large", NEVER)), log
    )
    assert sentence.startswith("The memory is used up; close some programs, or make batches smaller, and run the same")
    told("no memory (RLIMIT_AS)", sentence)
    sentence = suffered(partial(diverging, tmp_path / "gan"), log)
    assert "The training gan diverged" in sentence and "state.pt still holds step 2" in sentence
    assert (tmp_path / "gan" / STATE).is_file()
    told("a loss that is not finite", sentence, tmp_path)


def cut_off(folder: Path) -> None:
    """A dataset that loses the end of its pictures while they are looked at."""
    works.lumps().save(folder)
    dataset = MultiViewDataset.load(folder)
    os.truncate(folder / IMAGES, 1000)
    dataset.batch(torch.tensor([0]), torch.tensor([0]))


def test_a_dataset_that_becomes_shorter_while_it_is_read_is_one_sentence(tmp_path: Path) -> None:
    sentence = suffered(partial(cut_off, tmp_path / "dataset"), tmp_path / "log")
    assert f"{IMAGES} is damaged: it has become shorter; delete {tmp_path / 'dataset'} and make the dataset" in sentence
    told("a file of the dataset that loses its end", sentence, tmp_path)


def deserted(folder: Path) -> None:
    """One of the processes that photograph is killed."""

    def kill_one() -> None:
        while not (others := active_children()):
            time.sleep(0.01)
        others[0].kill()

    threading.Thread(target=kill_one, daemon=True).start()
    archive.make_photo_archive("car", 1024, 0, folder, 64, workers=2)


@pytest.mark.torture
def test_a_process_that_photographs_and_is_killed_is_one_sentence(tmp_path: Path) -> None:
    sentence = suffered(partial(deserted, tmp_path / "photos"), tmp_path / "log")
    assert "A process that photographs was ended" in sentence
    told("a worker that dies", sentence)


def held(root: Path) -> None:
    with exclusive(root / "a.lock", "runs/car-mini-seed0"):
        (root / "held").touch()
        time.sleep(60)


def second(root: Path) -> None:
    with exclusive(root / "a.lock", "runs/car-mini-seed0"):
        pass


def test_two_runs_in_one_directory_exclude_each_other_and_a_killed_one_nobody(tmp_path: Path) -> None:
    first = begin(partial(held, tmp_path), tmp_path / "first.log")
    while not (tmp_path / "held").exists():
        assert first.is_alive()
        time.sleep(0.01)
    sentence = suffered(partial(second, tmp_path), tmp_path / "log")
    host = os.uname().nodename
    assert f"is being worked on by process {first.pid} on {host}; wait for it to end or stop it, then run" in sentence
    told("two runs in one directory", sentence.replace(str(first.pid), "4711").replace(host, "some-machine"))
    first.kill()
    first.join()
    after_it = begin(partial(second, tmp_path), tmp_path / "log")
    after_it.join()
    assert after_it.exitcode == 0


# ---- what it goes on through


def earlier(seconds: float) -> None:
    now = time.time
    time.time = lambda: now() - seconds


def test_a_clock_that_is_set_back_changes_nothing(tmp_path: Path) -> None:
    work = works.WORKS["multi-view dataset"]
    whole = undisturbed(work, tmp_path)
    root, log = tmp_path / "earlier", tmp_path / "log"
    process = begin(partial(after, partial(earlier, 86400.0 * 400), partial(work, root, 60.0)), log)
    process.join()
    assert process.exitcode == 0, log.read_text()
    assert content(root) == whole.content


def test_a_terminal_without_the_letters_and_a_reader_that_went_away_end_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    heard = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(heard, encoding="ascii", write_through=True))
    with patient_streams():
        print("4.5 °")
    assert heard.getvalue() == b"4.5 ?\n"
    with pytest.raises(UnicodeEncodeError):
        print("°")
    process = begin(nobody_reads, tmp_path / "log")
    process.join()
    assert process.exitcode == 7, (tmp_path / "log").read_text()


def nobody_reads() -> None:
    """`ganverse config | head -0`: it goes on to its end, and says so."""
    reader, writer = os.pipe()
    os.close(reader)
    sys.stdout = os.fdopen(writer, "w")
    code = cli.main(["config", "--profile", "smoke"])
    sys.stdout.flush()  # as Python does at its end
    os._exit(7 if code == 0 else 1)


@pytest.mark.torture
def test_without_a_home_and_with_a_strange_place_for_temporary_files_it_renders(tmp_path: Path) -> None:
    """A new interpreter, as kernels are made and kept below the user's home."""
    place = tmp_path / "a place with spaces"
    place.mkdir()
    script = """
from ganverse_nb import Camera, render
from ganverse_nb.geometry.mesh import uv_sphere
print(float(render(uv_sphere(), Camera.orbit(0.0, 10.0), resolution=16).mask.mean()) > 0)
"""
    outside = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME", "WARP_CACHE_PATH")}
    for trouble, changes in {
        "a home that cannot be written": {"HOME": "/proc", "TMPDIR": str(place)},
        "no HOME, no TMPDIR that exists": {"HOME": "/proc/none", "TMPDIR": str(tmp_path / "none")},
    }.items():
        strange = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        command = [sys.executable, "-W", "always", "-c", script]
        done = subprocess.run(command, env=outside | changes | strange, capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout.endswith("True\n"), done.stderr[-2000:]
        assert "Traceback" not in done.stderr
        lines = [line for line in done.stderr.splitlines() if "temporary" in line]
        assert len(lines) == 1 and "Errno" not in done.stderr, done.stderr
        told(trouble, lines[0].split("Warning: ")[-1], place, tmp_path)
