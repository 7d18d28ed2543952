"""Processes that share the work: started by `torchrun` or `accelerate launch`, on CPUs, GPUs or several machines.

Every process draws the random numbers of the whole batch from one stream and takes its own samples (`runtime.draws`),
computes the mean loss of these, and averages gradients with the others (`Team.average_gradients`): what is learned is
what one process learns from the whole batch, to the rounding of sums. Process 0 keeps the files.
"""

from __future__ import annotations

import atexit
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from ganverse_nb.runtime.errors import ExpectedError, SettingError
from ganverse_nb.runtime.extras import require

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
Samples = TypeVar("Samples", "Tensor", list[int])
PATIENCE = timedelta(days=7)  # that others are waited for: one may compute alone for long
SECONDS_TO_END = 5.0  # from the moment that the connection to a process is lost to its end
_alone = ContextVar("alone", default=False)


class TeamError(ExpectedError):
    """Another process of the team has ended."""


@dataclass(frozen=True)
class Team:
    """`size` processes, this one being number `rank`; a process on its own is a team of one."""

    rank: int = 0
    size: int = 1

    @classmethod
    def from_environment(cls) -> Team:
        """The team that the launcher made, with its communication set up; of one within `alone`."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1 or _alone.get():
            return cls()
        return cls(*_join())

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    @property
    def name(self) -> str:
        """Which process this is, in words."""
        return f"rank {self.rank} of {self.size}"

    def share(self, count: int, setting: str, groups: int = 1) -> int:
        """How many samples of a batch of `count`, as a setting says, are this process' own.

        Raises:
            SettingError: the processes cannot have equally many, in as many `groups`.
        """
        if self.size > 1 and count % (self.size * groups):
            raise SettingError(
                f"{self.size} processes cannot share {setting} = {count} evenly: make it a multiple of "
                f"{self.size * groups}, or start fewer processes."
            )
        return count // self.size

    def shard(self, samples: Samples) -> Samples:
        """Every `size`-th sample of a batch, starting with this process' own."""
        if self.size == 1:
            return samples
        mine = samples[self.rank :: self.size]
        return mine if isinstance(mine, list) else mine.contiguous()

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its mean over the team, in one message."""
        if self.size == 1:
            return
        import torch

        tensors = list(tensors)
        flat = torch.cat([t.float().reshape(-1) for t in tensors])
        with self._all() as dist:
            dist.all_reduce(flat)
        for tensor, total in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            torch.div(total.view_as(tensor), self.size, out=tensor)

    def average_gradients(self, parameters: Iterable[Tensor], losses: Sequence[Tensor] = ()) -> None:
        """Average the gradients of those parameters that have some, and losses that are to be told, over the team."""
        self.average([p.grad for p in parameters if p.grad is not None] + [*losses])

    def sum(self, value: Tensor) -> Tensor:
        """The sum of a tensor over the team; no gradients."""
        value = value.detach().clone()
        if self.size > 1:
            with self._all() as dist:
                dist.all_reduce(value)
        return value

    def gather(self, samples: Tensor) -> Tensor:
        """The samples [n, ...] of all processes, in the order of the batch that `shard` has taken them from."""
        if self.size == 1:
            return samples
        import torch

        parts = [samples.new_empty(samples.shape) for _ in range(self.size)]
        with self._all() as dist:
            dist.all_gather(parts, samples.detach().contiguous())
        return torch.stack(parts, 1).flatten(0, 1)

    def agree(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors by those of process 0: what all begin with is then the same to the last bit."""
        if self.size > 1:
            with self._all() as dist:
                for tensor in tensors:
                    whole = tensor.detach().contiguous()
                    dist.broadcast(whole, 0)
                    tensor.detach().copy_(whole)

    def told(self, find: Callable[[], T]) -> T:
        """What `find` returns in process 0, which alone calls it, in all of them."""
        found = [find() if self.is_main else None]
        if self.size > 1:
            with self._all() as dist:
                dist.broadcast_object_list(found)
        return found[0]  # type: ignore[return-value]

    def collected(self, value: T) -> list[T]:
        """The values of all processes, by rank, in process 0; nothing in the others."""
        if self.size == 1:
            return [value]
        found: list[T] = [value] * self.size if self.is_main else []
        with self._all() as dist:
            dist.gather_object(value, found if self.is_main else None)
        return found

    def wait(self) -> None:
        """Return when all have come here."""
        if self.size > 1:
            with self._all() as dist:
                dist.barrier()

    def ended(self, seconds: float = SECONDS_TO_END) -> list[int]:
        """Ranks of this machine whose processes have ended; they are waited for so long."""
        here = {rank: process for rank, (host, process) in enumerate(_members()) if host == platform.node()}
        until = time.monotonic() + seconds
        while not (gone := [rank for rank, process in here.items() if not _lives(process)]):
            if time.monotonic() > until:
                break
            time.sleep(0.05)
        return gone

    @contextmanager
    def _all(self) -> Iterator[ModuleType]:
        """The messages that all send; raises a TeamError where they fail as another process has ended."""
        import torch.distributed as dist  # the command line comes up without torch

        try:
            yield dist
        except RuntimeError as error:
            elsewhere = any(host != platform.node() for host, _ in _members())
            if not (gone := self.ended()) and not elsewhere:
                raise
            raise TeamError(self.stopped(gone)) from error

    def stopped(self, gone: Sequence[int]) -> str:
        """The sentence for processes that have ended; where none is known, it was on another machine."""
        ranks = ", ".join(str(rank) for rank in gone)
        who = f"rank {ranks} of {self.size} has ended" if gone else "a process on another machine has ended"
        return f"{who}, so that all stop; the last state that was kept stays: run the same command to continue."


@contextmanager
def alone(wanted: bool = True) -> Iterator[None]:
    """Within the block this process shares nothing with others, if `wanted`: they wait for what it does."""
    before = _alone.set(wanted or _alone.get())
    try:
        yield
    finally:
        _alone.reset(before)


@cache
def _join() -> tuple[int, int]:
    require("train", "Work of several processes", "accelerate")
    import torch
    from accelerate import PartialState

    gpu = torch.cuda.is_available()
    how = {"backend": "cuda:nccl,cpu:gloo"} if gpu else {}
    state = PartialState(cpu=not gpu, timeout=PATIENCE, **how)
    atexit.register(state.destroy_process_group)  # threads of it that live at the very end abort the process
    _members()
    return state.process_index, state.num_processes


@cache
def _members() -> list[tuple[str, int]]:
    """Machine and process of every rank."""
    import torch.distributed as dist

    found: list[tuple[str, int]] = [("", 0)] * int(os.environ.get("WORLD_SIZE", "1"))
    if dist.is_initialized():
        dist.all_gather_object(found, (platform.node(), os.getpid()))
    return found


def _lives(process: int) -> bool:
    """Whether a process of this machine has not ended; one that its launcher has not looked after yet has."""
    try:
        os.kill(process, 0)
        stat = Path(f"/proc/{process}/stat")  # of Linux
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
