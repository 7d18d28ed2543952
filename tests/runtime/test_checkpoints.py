"""States tell which settings they belong to; metrics are cut back to the step that is gone on from."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.runtime.checkpoints import MetricsLog, check_identity, load_state, read_metrics, save_state

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
    MetricsLog(path, "first", 20)
    assert read_metrics(path, "first")[-1] == {"phase": "first", "step": 20, "loss": 0.333333, "images": 160}
    assert [row["step"] for row in read_metrics(path, "second")] == [10, 20, 30]
    path.write_text('{"images": 8, "loss_d": 0.5}\n')
    MetricsLog(path, "gan", 1).append(2, loss_d=0.25)
    assert [row["loss_d"] for row in read_metrics(path, "gan")] == [0.5, 0.25]
