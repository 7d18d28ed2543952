"""Processes that share a training: started by `accelerate launch` or `torchrun`, on CPUs, GPUs or several machines."""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from ganverse_nb.runtime.extras import require

Samples = TypeVar("Samples", Tensor, list[int])


@dataclass(frozen=True)
class Team:
    """`size` processes, this one being number `rank`; a process on its own is a team of one."""

    rank: int = 0
    size: int = 1

    @classmethod
    def from_environment(cls) -> Team:
        """The team that the launcher made, with its communication set up."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        require("train", "A training of several processes", "accelerate")
        from accelerate import PartialState

        state = PartialState(cpu=not torch.cuda.is_available())
        atexit.register(state.destroy_process_group)  # threads of it that live at the very end abort the process
        return cls(state.process_index, state.num_processes)

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def shard(self, samples: Samples) -> Samples:
        """Every `size`-th sample of a batch, starting with this process' own."""
        return samples[self.rank :: self.size]

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the team, in one message."""
        if self.size == 1:
            return
        flat = torch.cat([t.float().reshape(-1) for t in tensors])
        dist.all_reduce(flat)
        flat /= self.size
        for tensor, mean in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def wait(self) -> None:
        """Return when all have come here."""
        if self.size > 1:
            dist.barrier()
