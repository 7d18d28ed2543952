"""States tell which settings they belong to; metrics are cut back to the step that is gone on from."""

from __future__ import annotations

import resource
import signal
import time
import zipfile
from contextlib import contextmanager

import pytest
import torch

from ganverse_nb.runtime import checkpoints
from ganverse_nb.runtime.checkpoints import (
    Checkpoints,
    MetricsLog,
    check_identity,
    load_state,
    read_metrics,
    save_state,
)
from ganverse_nb.runtime.errors import DivergedError, ExpectedWarning, SettingError, sentence
from ganverse_nb.runtime.settings import kept_every

SETTINGS = {"inverse": {"lr": 0.001, "sigma": (1e-4, 3e-5)}, "seed": 0}


def test_a_state_comes_back_to_the_settings_it_was_written_with(tmp_path):
    path = tmp_path / "state.pt"
    assert load_state(path, SETTINGS) is None
    save_state(path, {"step": 3, "weights": torch.ones(2)}, SETTINGS)
    assert load_state(path, SETTINGS)["step"] == 3
    assert load_state(path).keys() == {"step", "weights"}
    other = {"inverse": {"lr": 0.002, "sigma": [1e-4, 3e-5]}, "seed": 0}
    with pytest.raises(ValueError, match=r"state.pt was begun with other settings \(inverse.lr 0.001 there, 0.002"):
        load_state(path, other)


def test_a_few_of_many_differences_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"\(a 0 there, 1 now; b 0 there, 1 now; c 0 there, 1 now; 2 more\)"):
        check_identity(tmp_path, dict.fromkeys("abcde", 0), dict.fromkeys("abcde", 1))
    with pytest.raises(ValueError, match=r"\(old 2 there, none now; new none there, 1 now\)"):
        check_identity(tmp_path, {"old": 2}, {"new": 1})


def test_a_state_without_settings_and_a_damaged_one_are_told(tmp_path):
    path = tmp_path / "state.pt"
    save_state(path, {"step": 3})
    assert load_state(path) == {"step": 3}
    with pytest.raises(ValueError, match="does not tell with which settings"):
        load_state(path, SETTINGS)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="damaged"):
        load_state(path, SETTINGS)


def test_metrics_are_cut_back_and_older_lines_are_read(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log, other = MetricsLog(path, "first", 0), MetricsLog(path, "second", 0)
    for step in (10, 20, 30):
        log.append(step, loss=1 / 3, images=step * 8)
        other.append(step, loss=0.5)
    with path.open("a") as file:
        file.write('{"phase": "first", "st')  # interrupted
    with pytest.warns(ExpectedWarning, match="1 line of it cannot be read and was dropped"):
        MetricsLog(path, "first", 20)
    assert read_metrics(path, "first")[-1] == {"phase": "first", "step": 20, "loss": 0.333333, "images": 160}
    assert [row["step"] for row in read_metrics(path, "second")] == [10, 20, 30]
    path.write_text('{"images": 8, "loss_d": 0.5}\n')
    MetricsLog(path, "gan", 1).append(2, loss_d=0.25)
    assert [row["loss_d"] for row in read_metrics(path, "gan")] == [0.5, 0.25]


@contextmanager
def full_disk(after: int):
    """No file grows beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (after, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def begun(directory, **options) -> Checkpoints:
    """A training of two numbers, with its state at step 2."""
    checkpoints = Checkpoints(directory, "toy", SETTINGS, "a lower toy.lr (now 0.1)", **options)
    checkpoints.resume(lambda state: None)
    for step in (1, 2):
        checkpoints.log(step, loss=1.0 / step)
        checkpoints.save(step, weights=torch.full((50,), float(step)))
    return checkpoints


def test_lines_and_states_agree_whenever_a_training_is_killed(tmp_path):
    begun(tmp_path).log(3, loss=0.25)  # killed between the line of step 3 and its state
    lines = (tmp_path / "metrics.jsonl").read_text()
    restored = []
    again = Checkpoints(tmp_path, "toy", SETTINGS, "nothing")
    assert again.resume(restored.append) == 2 and restored[0]["weights"].unique().tolist() == [2.0]
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl", "toy")] == [1, 2]
    again.log(3, loss=0.25)
    assert (tmp_path / "metrics.jsonl").read_text() == lines


def test_a_state_is_due_after_seconds_whatever_the_steps(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])

    def due_after(*seconds: float) -> list[bool]:
        """Whether a state is due at these times after the beginning; one that is due is kept."""
        training = Checkpoints(tmp_path, "toy", SETTINGS, "nothing")
        now[0] += 1000  # networks are made before the first step
        training.resume(lambda state: None)
        begun, told = now[0], []
        for second in seconds:
            now[0] = begun + second
            told.append(training.due())
            if told[-1]:
                training.save(1, weights=torch.ones(1))
        return told

    assert due_after(59, 60, 119, 120.5, 121) == [False, True, False, True, False]
    with kept_every(10.0):
        assert due_after(9, 10, 19, 20) == [False, True, False, True]
    with kept_every(0):
        assert due_after(1e9) == [False]
    with (
        pytest.raises(SettingError, match="runtime.checkpoint_seconds is 0 or more, as in 60; -1 is not"),
        kept_every(-1),
    ):
        pass
    assert not Checkpoints(tmp_path, "toy", SETTINGS, "nothing", writes=False).due()


@pytest.mark.parametrize(
    "torn", ['{"phase": "toy", "step": 3, "lo', '{"phase": "toy", "st{"phase": "toy", "step": 3}', "[3]"]
)
def test_a_torn_line_is_dropped_with_a_note_and_blocks_nothing(tmp_path, torn):
    begun(tmp_path)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write(torn)
    again = Checkpoints(tmp_path, "toy", SETTINGS, "nothing")
    with pytest.warns(ExpectedWarning, match=r"metrics.jsonl: 1 line") as notes:
        assert again.resume(lambda state: None) == 2
    again.log(3, loss=0.5)
    assert len(notes) == 1
    assert [row["loss"] for row in read_metrics(tmp_path / "metrics.jsonl", "toy")] == [1.0, 0.5, 0.5]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_end_a_training_before_they_are_written(tmp_path, bad):
    checkpoints = begun(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    told = r"The training toy diverged: loss is not finite at step 3 \(.*state.pt still holds step 2\); train anew in "
    with pytest.raises(DivergedError, match=told + r"another directory .* with a lower toy.lr \(now 0.1\)\.$"):
        checkpoints.log(3, loss=bad)
    with pytest.raises(DivergedError, match="optimizer.exp.0 is not finite"):
        checkpoints.save(3, weights=torch.ones(2), optimizer={"exp": [torch.tensor([1.0, bad])], "lr": 0.1})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    with pytest.raises(DivergedError, match="no state was kept yet"):
        Checkpoints(tmp_path / "new", "toy", SETTINGS, "nothing").check(1, {"loss": torch.tensor(bad)})


def test_every_flipped_byte_of_a_state_is_found_or_harmless(tmp_path):
    path = tmp_path / "state.pt"
    wanted = torch.arange(100.0)
    save_state(path, {"step": 3, "weights": wanted}, SETTINGS)
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), 19):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            found = load_state(path, SETTINGS)
        except ValueError as error:
            assert str(path) in str(error) and "delete it to start this stage again" in str(error)
            refused += 1
        else:
            assert found["step"] == 3 and torch.equal(found["weights"], wanted)
    assert refused > 30
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="damaged and cannot be resumed from; delete it"):
        load_state(path)


def test_states_that_lie_about_their_size_or_hold_nan_are_refused(tmp_path):
    path = tmp_path / "state.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("state/data.pkl", bytes(50_000_000))
    with pytest.raises(ValueError, match="damaged"):
        load_state(path)
    torch.save({"step": 1, "weights": torch.arange(10.0)}, path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for ten, many in ((b"K\n\x85", b"J\x00\x00\x00\x70\x85"), (b"K\nt", b"J\x00\x00\x00\x70t")):  # view, storage
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in parts.items():
                archive.writestr(name, data.replace(ten, many) if name.endswith("data.pkl") else data)
        assert all(ten in data for name, data in parts.items() if name.endswith("data.pkl"))
        with pytest.raises(ValueError, match="damaged"):
            load_state(path)
    torch.save({"step": 1, "weights": {"a": torch.tensor([1.0, float("nan")])}}, path)
    with pytest.raises(ValueError, match="weights.a holds numbers that are not finite; delete it to start"):
        load_state(path)
    for other in ({"step": -1}, {"step": "1"}, [1]):
        torch.save(other, path)
        with pytest.raises(ValueError, match="is not a training state; delete it"):
            load_state(path)


def test_a_state_that_lacks_something_is_a_sentence_and_its_advice_works(tmp_path):
    begun(tmp_path)
    again = Checkpoints(tmp_path, "toy", SETTINGS, "nothing")
    with pytest.raises(ValueError, match=r"state.pt does not fit this training .*optimizer.*; delete it to start"):
        again.resume(lambda state: state["optimizer"])
    (tmp_path / "state.pt").unlink()
    assert again.resume(lambda state: None) == 0
    assert read_metrics(tmp_path / "metrics.jsonl", "toy") == []


def test_a_full_disk_is_told_with_the_files_name_and_leaves_the_state_before(tmp_path):
    checkpoints = begun(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    with full_disk(after=4000), pytest.raises(OSError) as caught:
        checkpoints.save(3, weights=torch.rand(5000))
    assert sentence(caught.value).startswith(f"{tmp_path / 'state.pt'}: the system does not allow a file of this size;")
    assert sorted(path.name for path in tmp_path.iterdir()) == before and load_state(tmp_path / "state.pt")["step"] == 2
    with full_disk(after=10), pytest.raises(OSError) as caught:
        checkpoints.log(3, loss=0.1)
    assert caught.value.filename == str(tmp_path / "metrics.jsonl")


def test_a_stop_while_a_state_is_written_is_a_stop_and_leaves_the_state_before(tmp_path):
    """Wherever it comes: torch turns an interrupt between two of its writes into an error of its own."""
    weights = {str(number): torch.rand(250_000) for number in range(16)}
    checkpoints = begun(tmp_path)
    checkpoints.save(3, weights=weights)
    started = time.perf_counter()
    checkpoints.save(3, weights=weights)
    seconds, stopped = time.perf_counter() - started, 0
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for step in range(4, 44):
            kept = checkpoints.kept
            try:
                signal.setitimer(signal.ITIMER_REAL, seconds * (step - 3) / 40)
                checkpoints.save(step, weights=weights)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                stopped += 1
                checkpoints.kept = load_state(tmp_path / "state.pt")["step"]
                assert checkpoints.kept in (kept, step)  # it may come just after the last write
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert stopped > 10 and sorted(path.name for path in tmp_path.iterdir()) == ["metrics.jsonl", "state.pt"]


def test_of_several_processes_one_writes(tmp_path):
    begun(tmp_path, writes=False)
    assert not list(tmp_path.iterdir())
