"""The same seed, kind of machine and number of threads give the same bits; what other numbers of threads change."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch

from ganverse_nb.runtime.tensors import read_tensors
from tests.torture import page, works
from tests.torture.content import content
from tests.torture.killing import NEVER, OFTEN, Work, undisturbed
from tests.torture.server import begin

ALL = works.WORKS | works.NOTEBOOKS


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
    undisturbed(works.WORKS[name], tmp_path)
    process = begin(partial(with_threads, name, tmp_path / "other"), tmp_path / "log")
    process.join()
    assert process.exitcode == 0, (tmp_path / "log").read_text()[-2000:]
    (stage,) = (tmp_path / "undisturbed" / "runs").glob("*/work")
    (other,) = (tmp_path / "other" / "runs").glob("*/work")
    furthest = max(difference(path, other / path.name) for path in stage.glob("*.safetensors"))
    page.record("threads", name, {"largest difference, 1 and 2 threads": f"{furthest:.0e}" if furthest else "none"})
    assert furthest < 0.5


def with_threads(name: str, root: Path, threads: int = 2) -> None:
    torch.set_num_threads(threads)
    works.WORKS[name](root, NEVER)


def difference(one: Path, two: Path) -> float:
    """The largest of all weights' differences, each relative to the largest weight of its tensor."""
    ours, theirs = (read_tensors(path, "file", "look")[0] for path in (one, two))
    found = [0.0]
    for name, tensor in ours.items():
        if tensor.is_floating_point() and tensor.numel():
            wide, other = tensor.double(), theirs[name].double()
            found.append(float((wide - other).abs().max() / wide.abs().max().clamp_min(1e-12)))
    return max(found)
