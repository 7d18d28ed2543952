"""The same seed, kind of machine and number of threads give the same bits; what other numbers of threads change."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from statistics import median

import pytest

from ganverse_nb.runtime.files import read_json, write_json
from ganverse_nb.runtime.tensors import read_tensors
from tests.torture import page, steps, works
from tests.torture.content import content
from tests.torture.killing import NEVER, OFTEN, Work, undisturbed
from tests.torture.server import begin

ALL = works.WORKS | works.NOTEBOOKS
THREADS, OLDER = "2 threads, float32", "AVX2, float32"  # circumstances, against one thread and this processor
COARSE, BFLOAT16 = "2 threads, bfloat16", "bfloat16, float32"
ROUNDING = 1e-4  # of the gradients of most steps
KINKS = 1e-2  # of any step: where rounding decides which side of a ReLU a number is on, or which box is taken


def test_two_processes_at_once_leave_the_same_bits(tmp_path: Path) -> None:
    one, two = at_once(works.WORKS["pose regressor"], tmp_path)
    assert one == two and len(one) > 3


@pytest.mark.torture
@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_bits_one_after_the_other_and_at_once(name: str, tmp_path: Path) -> None:
    first = undisturbed(ALL[name], tmp_path)
    often = undisturbed(ALL[name], tmp_path, OFTEN)
    both = at_once(ALL[name], tmp_path)
    same = {"again": often.content == first.content, "two at once": both == [first.content] * 2}
    page.record("determinism", name, {told: "the same bits" if well else "others" for told, well in same.items()})
    assert all(same.values())
    if name in works.TRAININGS:  # a state after every step
        assert often.changes > first.changes + 2


def at_once(work: Work, folder: Path) -> list[dict[str, str]]:
    """What two processes leave that do the same at the same time, in directories of their own."""
    roots = [folder / "a", folder / "b"]
    both = [begin(partial(work, root, NEVER), root.with_suffix(".log")) for root in roots]
    for process, root in zip(both, roots, strict=True):
        process.join()
        assert process.exitcode == 0, root.with_suffix(".log").read_text()[-2000:]
    return [content(root) for root in roots]


@pytest.mark.torture
@pytest.mark.parametrize("name", works.TRAININGS)
def test_other_numbers_of_threads_change_no_more_than_rounding_does(name: str, tmp_path: Path) -> None:
    """A draw or a batch that hangs on the number of threads would show in the gradients of nearly all steps."""
    process = begin(partial(circumstances, name, tmp_path), tmp_path / "log")
    process.join()
    assert process.exitcode == 0, (tmp_path / "log").read_text()[-2000:]
    apart = read_json(tmp_path / "apart.json")
    row = {told: f"{median(apart[told]):.0e}, {max(apart[told]):.0e}" for told in (THREADS, OLDER, COARSE, BFLOAT16)}
    ends = {told: furthest(tmp_path / f"{told}1", tmp_path / f"{told}2") for told in ("float32", "bfloat16")}
    row |= {f"weights, {told}": f"{norm:.0e}, {single:.0e}" for told, (norm, single) in ends.items()}
    page.record("threads", name, row)
    assert ends["float32"][1] < 0.5
    assert median(apart[THREADS]) < ROUNDING and max(apart[THREADS]) < KINKS
    assert median(apart[OLDER]) < ROUNDING
    assert max(apart[COARSE]) <= max(apart[BFLOAT16])


def circumstances(name: str, folder: Path) -> None:
    """Does a training in both precisions, with one thread and with two, and writes how far gradients are apart."""
    done = {
        (told, threads): steps.record(name, folder / f"{told}{threads}", threads, told == "bfloat16")
        for told in ("float32", "bfloat16")
        for threads in (1, 2)
    }
    exact, coarse = done["float32", 1], done["bfloat16", 1]
    apart = {
        THREADS: steps.follow(name, folder / "a", exact, 2, bfloat16=False),
        COARSE: steps.follow(name, folder / "b", coarse, 2, bfloat16=True),
        BFLOAT16: steps.follow(name, folder / "c", exact, 1, bfloat16=True),
        OLDER: steps.follow_as_older(name, folder, exact),
    }
    write_json(folder / "apart.json", apart)


def furthest(one: Path, two: Path) -> tuple[float, float]:
    """At most, how far all weights of a file are apart, as a share of how large they are (norms), and a single weight,
    as a share of the largest of its tensor.
    """
    norm = single = 0.0
    for path in one.glob("runs/*/work/*.safetensors"):
        off = size = 0.0
        theirs = read_tensors(two / path.relative_to(one), "file", "look")[0]
        for name, tensor in read_tensors(path, "file", "look")[0].items():
            if tensor.is_floating_point() and tensor.numel():
                wide, distance = tensor.double(), tensor.double() - theirs[name].double()
                single = max(single, float(distance.abs().max() / wide.abs().max().clamp_min(1e-12)))
                off, size = off + float(distance.square().sum()), size + float(wide.square().sum())
        norm = max(norm, (off / max(size, 1e-30)) ** 0.5)
    return norm, single
