"""What a training of f takes is told before it begins, changes nothing of it, and stops what does not fit."""

from dataclasses import replace

import pytest

from ganverse_nb.config import InverseGraphicsConfig
from ganverse_nb.inverse_graphics import rehearsal
from ganverse_nb.inverse_graphics.training import MODEL, train_inverse_graphics
from ganverse_nb.runtime import demand
from ganverse_nb.runtime.errors import ExpectedError
from tests.inverse_graphics.test_training import edges

SHORT = replace(
    InverseGraphicsConfig(), pairs=5, steps=3, perceptual_after=2, robust_steps=1, head_steps=1, head_pictures=2,
    texture_size=(16, 32),
)  # fmt: skip


def test_what_is_told_changes_nothing_of_the_training(world, tmp_path, monkeypatch, capsys):
    quiet = train_inverse_graphics(world.dataset, SHORT, tmp_path / "a", edges)
    assert "about" not in capsys.readouterr().err
    monkeypatch.setattr(rehearsal, "TOLD", 5)
    told = train_inverse_graphics(world.dataset, SHORT, tmp_path / "b", edges)
    assert "Inverse graphics: about " in capsys.readouterr().err
    assert all(a.equal(b) for a, b in zip(quiet.state_dict().values(), told.state_dict().values(), strict=True))


def test_a_training_that_memory_cannot_hold_does_not_begin(world, tmp_path, monkeypatch):
    monkeypatch.setattr(rehearsal, "TOLD", 5)
    monkeypatch.setattr(demand, "taken", lambda work: work() or 5_000_000_000)
    monkeypatch.setattr(demand, "free_memory", lambda: (4_000_000_000, "this machine"))
    with pytest.raises(
        ExpectedError, match=r"No room for inverse graphics: about 5\.0 GB .* lower inverse\.pairs .now 5"
    ):
        train_inverse_graphics(world.dataset, SHORT, tmp_path, edges)
    assert not (tmp_path / MODEL).exists() and not list(tmp_path.glob("*.jsonl"))
