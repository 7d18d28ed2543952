"""The share of a process: which samples, which random numbers. `tests/test_together.py` starts several of them."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest
import torch

from ganverse_nb.runtime import team as team_module
from ganverse_nb.runtime.draws import Draws
from ganverse_nb.runtime.errors import SettingError
from ganverse_nb.runtime.team import Team, alone

ONE, RANKS = Team(), [Team(rank, 4) for rank in range(4)]


def draws(team: Team = ONE) -> Draws:
    return Draws(torch.Generator().manual_seed(3), team)


def whole(parts: list[torch.Tensor]) -> torch.Tensor:
    """A batch from the shares of all ranks."""
    return torch.stack(parts, 1).flatten(0, 1)


def test_shares_keep_the_groups_of_the_minibatch_deviation() -> None:
    for team in RANKS:
        groups = team.shard(torch.arange(32)).view(4, 2)  # samples i, i + 2, i + 4, i + 6 of this process
        assert torch.equal(groups.diff(dim=0), torch.full((3, 2), 8))  # are samples i, i + 8, ... of the batch


def test_processes_draw_their_shares_of_what_one_draws() -> None:
    one, many = draws(), [draws(team) for team in RANKS]
    for draw in (
        lambda dice, count: dice.rand(count, 2),
        lambda dice, count: dice.randn(count, 3, 2),
        lambda dice, count: dice.randint(50, count),
        lambda dice, count: dice.others(count),
    ):
        assert torch.equal(draw(one, 12), whole([draw(dice, 3) for dice in many]))
    assert all(torch.equal(one.generator.get_state(), dice.generator.get_state()) for dice in many)


@pytest.mark.parametrize("wanted", [1, 5, 8, 20])
def test_a_choice_among_all_samples_has_the_mean_of_its_shares(wanted: int) -> None:
    values = torch.rand(8)
    chosen, share = draws().some(8, wanted)
    assert share == 1.0 and len(chosen) == min(wanted, 8)
    means = []
    for team in RANKS:
        mine, share = draws(team).some(2, wanted)
        means.append(team.shard(values)[mine].mean() * share if len(mine) else torch.tensor(0.0))
    torch.testing.assert_close(torch.stack(means).mean(), values[chosen].mean())


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    assert Team(0, 4).share(12, "inverse.pairs") == 3 and Team().share(7, "inverse.pairs", groups=2) == 7
    with pytest.raises(SettingError, match="4 processes cannot share inverse.pairs = 12 .* a multiple of 8, or start"):
        Team(0, 4).share(12, "inverse.pairs", groups=2)


def test_one_process_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values, team = torch.randn(3), Team()
    kept = values.clone()
    team.average([values])
    team.agree([values])
    assert torch.equal(values, kept) and team.is_main and team.told(lambda: 5) == 5 and team.collected("a") == ["a"]
    assert torch.equal(team.gather(values), kept) and torch.equal(team.sum(values), kept)
    monkeypatch.setenv("WORLD_SIZE", "4")
    with alone():
        assert Team.from_environment() == team


def test_ranks_that_have_ended_are_told_from_those_that_have_not(monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    members = [(platform.node(), os.getpid()), (platform.node(), child.pid), ("another", child.pid)]
    monkeypatch.setattr(team_module, "_members", lambda: members)
    assert Team(0, 3).ended() == [1]  # though nobody has waited for it yet
    child.wait()
    assert Team(0, 3).ended() == [1]
    assert Team(0, 3).stopped([1]).startswith("rank 1 of 3 has ended, so that all stop; ")
    monkeypatch.setattr(team_module, "_members", lambda: members[:1])
    assert Team(0, 3).ended(seconds=0) == []
