"""Random numbers of a batch that processes share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.runtime.team import Team


@dataclass(frozen=True)
class Draws:
    """Random numbers for the samples of one process, from a stream that all processes of the team draw alike.

    Counts are those of the process. A concatenation or repetition of shares is the share of the concatenation, as long
    as each part divides among the processes.
    """

    generator: torch.Generator
    team: Team = Team()

    def rand(self, count: int, *shape: int) -> Tensor:
        """[count, *shape] between 0 and 1."""
        return self.team.shard(torch.rand(count * self.team.size, *shape, generator=self.generator))

    def randn(self, count: int, *shape: int) -> Tensor:
        """[count, *shape] of the normal distribution."""
        return self.team.shard(torch.randn(count * self.team.size, *shape, generator=self.generator))

    def randint(self, high: int, count: int) -> Tensor:
        """[count] whole numbers below `high`."""
        return self.team.shard(torch.randint(high, (count * self.team.size,), generator=self.generator))

    def others(self, count: int) -> Tensor:
        """[count] which samples of the whole batch, in random order, each once: see `Team.gather`."""
        return self.team.shard(torch.randperm(count * self.team.size, generator=self.generator))

    def some(self, count: int, wanted: int) -> tuple[Tensor, float]:
        """Which of this process' `count` samples are among `wanted` random ones of the whole batch (all where it has
        fewer), and what their mean is to be multiplied by: its mean over the team is then that of the whole choice."""
        team, total = self.team, count * self.team.size
        chosen = torch.randperm(total, generator=self.generator)[:wanted]
        mine = chosen[chosen % team.size == team.rank] // team.size
        return mine, len(mine) * team.size / max(1, len(chosen))
