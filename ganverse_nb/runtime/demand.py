"""What something long will take, told before it begins: time, memory and disk. What does not fit is refused.

Time and memory are those of a few small steps, made for that alone and thrown away, and grow in proportion from there.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm.auto import tqdm

from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.memory import free_gpu_memory, free_memory, taken, taken_of_gpu, wait_for_gpu

SMALL = (2, 4)  # sizes of the batches that are tried
STATES = 6  # times the weights that a training's state takes
TOLD = 100  # steps of a training: it is told what more of them will take

Prepare = Callable[[int], Callable[[], object]]
"""Size of a batch -> a step with such batches, which can be taken again and again."""


@dataclass(frozen=True)
class Demand:
    """What a piece of work takes.

    Attributes:
        seconds: of time.
        memory: bytes, beside what the process holds already; 0 where the system does not say.
        disk: bytes.
        gpu: bytes of the GPU's memory; 0 without one.
    """

    seconds: float = 0.0
    memory: int = 0
    disk: int = 0
    gpu: int = 0

    def __str__(self) -> str:
        memory = [f"{size(self.memory)} of memory"] if self.memory else []
        gpu = [f"{size(self.gpu)} of the GPU's memory"] if self.gpu else []
        disk = [f"{size(self.disk)} of the disk"] if self.disk else []
        return ", ".join([f"about {duration(self.seconds)}", *memory, *gpu, *disk])

    def times(self, count: float) -> Demand:
        """The same work so many times, one after the other."""
        return replace(self, seconds=count * self.seconds)

    def then(self, other: Demand) -> Demand:
        """One after the other: what is written stays, memory is given back."""
        memory, gpu = max(self.memory, other.memory), max(self.gpu, other.gpu)
        return Demand(self.seconds + other.seconds, memory, self.disk + other.disk, gpu)


def step_demand(prepare: Prepare, batch: int) -> Demand:
    """What one step with batches of `batch` takes, by two that are smaller (or by itself where it is small)."""
    sizes = [number for number in SMALL if number < batch][:2]
    if len(sizes) < 2:
        return _measured(prepare, batch)
    prepare(sizes[0])()  # what is set up once for all
    (low, few), (high, more) = zip(sizes, [_measured(prepare, number) for number in sizes], strict=True)
    further = (batch - high) / (high - low)

    def at(a: float, b: float) -> float:
        return b + further * max(0.0, b - a)

    memory, gpu = (round(at(*pair)) for pair in ((few.memory, more.memory), (few.gpu, more.gpu)))
    return Demand(at(few.seconds, more.seconds), memory, gpu=gpu)


def _measured(prepare: Prepare, number: int) -> Demand:
    """Time of the second step, as the first one also sets up; memory of what both need."""
    seconds = 0.0

    def work() -> None:
        nonlocal seconds
        step = prepare(number)
        step()
        wait_for_gpu()
        start = time.perf_counter()
        step()
        wait_for_gpu()
        seconds = time.perf_counter() - start

    gpu = 0

    def watched() -> None:
        nonlocal gpu
        gpu = taken_of_gpu(work)

    memory = taken(watched)
    return Demand(seconds, memory, gpu=gpu)


def check_room(what: str, demand: Demand, place: Path, advice: str = "make batches smaller") -> None:
    """Raises an ExpectedError where disk, memory or the GPU's memory are too small.

    Args:
        what: is to be made.
        place: where it is written.
        advice: against too little memory.
    """
    there = next(path for path in [place, *place.absolute().parents] if path.exists())
    free = shutil.disk_usage(there).free
    if demand.disk > free:
        raise ExpectedError(
            f"No room for {what}: {size(demand.disk)} of the disk are needed and {size(free)} are free in {there}; "
            "free some space, or choose another place with --runs."
        )
    left = free_memory()
    if left is not None and demand.memory > left[0]:
        raise ExpectedError(
            f"No room for {what}: about {size(demand.memory)} of memory are needed and {left[1]} leaves "
            f"{size(left[0])}; {advice}, or give it more memory."
        )
    on_gpu = free_gpu_memory() if demand.gpu else None
    if on_gpu is not None and demand.gpu > on_gpu:
        raise ExpectedError(
            f"No room for {what}: about {size(demand.gpu)} of the GPU's memory are needed and {size(on_gpu)} are free; "
            f"{advice}, or end what else uses it."
        )


def announce(what: str, demand: Demand, place: Path, advice: str = "make batches smaller") -> None:
    """Says what will be taken, on the stream of the progress bars, or refuses: see `check_room`."""
    check_room(what, demand, place, advice)
    tqdm.write(f"{what[0].upper()}{what[1:]}: {demand}.", file=sys.stderr)


@dataclass(frozen=True)
class Rehearsal:
    """A few small steps of a training, by which it is told what the whole will take.

    Attributes:
        prepare: such a step on networks of its own.
        batch: of this process, in the training.
        weights: bytes of what is trained; on disk with the optimiser's two means, and once more while that is replaced.
        directory: of the training.
        advice: against too little memory.
    """

    prepare: Prepare
    batch: int
    weights: int
    directory: Path
    advice: str

    def tell(self, what: str, steps: int) -> None:
        """Says what so many steps will take, where they are many, or refuses: see `check_room`."""
        if steps >= TOLD:
            demand = step_demand(self.prepare, self.batch).times(steps)
            announce(what, replace(demand, disk=STATES * self.weights), self.directory, self.advice)


def size(number: float) -> str:
    """Bytes for people.

    Examples:
        >>> size(46.004e9), size(3.2e6), size(98_304)
        ('46.0 GB', '3 MB', '98 kB')
    """
    if number >= 1e8:
        return f"{number / 1e9:.1f} GB"
    return f"{number / 1e3:.0f} kB" if 0 < number < 1e6 else f"{number / 1e6:.0f} MB"


def duration(seconds: float) -> str:
    """Time for people.

    Examples:
        >>> duration(8), duration(754), duration(40_000), duration(400_000)
        ('8 s', '13 min', '11 h', '4.6 days')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 180_000 else f"{seconds / 86400:.1f} days"
