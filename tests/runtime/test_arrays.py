"""Arrays in files: rows picked from several, and filling that survives interrupts; generation and StyleGAN-R use it."""

import shutil
from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.runtime.arrays import RECORD, Rows, filled, map_array, room_taken, whole
from tests.runtime.test_checkpoints import full_disk

ROW = {"squares": torch.empty(2, 3), "numbers": torch.empty((), dtype=torch.uint8)}


def compute(rows):
    return {"squares": rows.float().square()[:, None, None].expand(-1, 2, 3), "numbers": rows.byte()}


def fill(directory, compute=compute, identity="a", **options):
    given = {"chunk": 4, "what": "squares", "remedy": "make them again", "progress": False, **options}
    return filled(directory, 10, ROW, compute, {"of": identity}, **given)


def test_every_row_is_computed_once_whatever_interrupts(tmp_path):
    seen = []

    def breaks(rows):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(rows.tolist())
        return compute(rows)

    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path, breaks)
    found = fill(tmp_path, lambda rows: seen.append(rows.tolist()) or compute(rows))
    assert seen == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    wanted = compute(torch.arange(10))
    assert all(torch.equal(found[name], wanted[name]) and found[name].dtype == ROW[name].dtype for name in ROW)
    again = fill(tmp_path, lambda rows: 1 / 0)
    assert torch.equal(again["squares"], wanted["squares"])


def test_what_is_of_another_identity_is_refused_or_made_anew(tmp_path):
    fill(tmp_path)
    with pytest.raises(ValueError, match=r"holds part of other squares; delete it or choose another place\."):
        fill(tmp_path, identity="b")
    doubled = fill(tmp_path, lambda rows: {k: 2 * v for k, v in compute(rows).items()}, identity="b", anew=True)
    assert doubled["numbers"].tolist() == list(range(0, 20, 2))


@pytest.mark.parametrize("name", ["squares.npy", "numbers.npy", RECORD])
def test_damage_is_a_sentence_and_the_advice_works(tmp_path, name):
    fill(tmp_path / "a")
    path = tmp_path / "a" / name
    path.write_bytes(path.read_bytes()[:-8] + b"damaged!")
    with pytest.raises(ValueError, match=r"damaged.*; make them again\."):
        fill(tmp_path / "a")
    shutil.rmtree(tmp_path / "a")
    assert len(fill(tmp_path / "a")["numbers"]) == 10


def test_a_full_disk_is_told_before_anything_is_computed(tmp_path):
    with full_disk(after=200), pytest.raises(OSError):
        fill(tmp_path, lambda rows: 1 / 0)


def test_what_was_stopped_before_its_first_rows_does_not_need_the_room_twice(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=2 * 4096 + 100 - room_taken(tmp_path)))
    for interrupt in (KeyboardInterrupt, SystemExit):

        def stops(rows, interrupt=interrupt):
            raise interrupt

        with pytest.raises(interrupt):
            fill(tmp_path, stops)
    assert len(fill(tmp_path)["numbers"]) == 10 and room_taken(tmp_path / "nowhere") == 0
    assert len(fill(tmp_path, identity="b", anew=True)["numbers"]) == 10


def test_what_is_written_to_a_mapped_array_does_not_reach_its_file(tmp_path):
    fill(tmp_path)["numbers"][3] = 99
    assert map_array(tmp_path / "numbers.npy", "").tolist() == list(range(10))


def test_a_file_that_becomes_shorter_is_a_sentence_where_the_system_would_end_the_process(tmp_path):
    numbers, path = fill(tmp_path)["numbers"], tmp_path / "numbers.npy"
    part, rows = numbers[5:], Rows((numbers, (torch.arange(10),)))
    assert whole(part) is part and whole(torch.ones(2)).sum() == 2 and rows[torch.tensor([9])] == 9
    data = path.read_bytes()
    path.write_bytes(data[:-5])
    for read in (lambda: whole(part), lambda: rows[torch.tensor([0])]):
        with pytest.raises(ValueError, match=r"numbers.npy is damaged: it has become shorter; make them again\."):
            read()
    path.write_bytes(data)
    assert rows[torch.arange(10)].tolist() == list(range(10))


def test_rows_of_several_arrays_are_those_of_the_joined_ones():
    rng = torch.Generator().manual_seed(0)
    grid, more = torch.rand(4, 5, 2, 3, generator=rng), torch.rand(6, 2, 3, generator=rng)
    where = torch.randint(4, (7,), generator=rng), torch.randint(5, (7,), generator=rng)
    picked = torch.tensor([5, 0, 3])
    rows = Rows((grid, where)) + Rows((more, (picked,))) + Rows.of(more)
    wanted = torch.cat([grid[where], more[picked], more])
    assert len(rows) == 16 and rows.shape == (16, 2, 3)
    asked = torch.randint(16, (40,), generator=rng)
    assert torch.equal(rows[asked], wanted[asked])
    assert rows[asked[:0]].shape == (0, 2, 3)
    with pytest.raises(ValueError, match="one shape and type"):
        Rows.of(more) + Rows.of(more.double())
