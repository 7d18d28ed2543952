"""Arrays that may be larger than memory: .npy files, filled chunk by chunk and mapped into memory.

Of a mapped file memory holds what was read of it lately, and gives that up when it is needed elsewhere. The format is
numpy's own: a row is read where it lies, nothing is unpacked, and other programs read it too.
"""

from __future__ import annotations

import mmap
import os
import sys
import weakref
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.runtime.demand import Demand, check_room
from ganverse_nb.runtime.errors import CAUSES, DamagedError
from ganverse_nb.runtime.files import content_of, naming, plain, read_json, write_json
from ganverse_nb.runtime.team import Team

RECORD = "progress.json"  # of a directory that is being filled
_MAPPED: dict[int, tuple[BinaryIO, int, str]] = {}  # address of its numbers -> a file, its size, what to say otherwise
NORESERVE = 0x4000  # of Linux's mman.h; Python knows its name from 3.13 on

Compute = Callable[[Tensor], Mapping[str, Tensor]]
"""Row numbers [B] in order -> the rows [B, ...] of each array."""


class Rows:
    """Rows [N, ...] picked from arrays [..., ...] on disk or in memory; only those that are asked for are copied.

    Args:
        parts: arrays and what picks rows from each, as in `(images, (content, view))` for `images[content, view]`; the
            rows of the next one follow.

    Raises:
        ValueError: no part, or rows of another shape or type.

    Examples:
        >>> grid = torch.arange(6).view(2, 3, 1)
        >>> rows = Rows((grid, (torch.tensor([0, 1]), torch.tensor([2, 0])))) + Rows.of(torch.tensor([[8], [9]]))
        >>> rows.shape, rows[torch.tensor([3, 0, 1])].flatten().tolist()
        ((4, 1), [9, 2, 3])
    """

    def __init__(self, *parts: tuple[Tensor, tuple[Tensor, ...]]) -> None:
        kinds = {(array.shape[len(index) :], array.dtype) for array, index in parts}
        if len(kinds) != 1:
            raise ValueError(f"Rows: all parts must have rows of one shape and type, got {len(kinds)} kinds of them.")
        self.parts = parts
        self.ends = torch.tensor([len(index[0]) for _, index in parts]).cumsum(0)

    @classmethod
    def of(cls, array: Tensor | Rows) -> Rows:
        """All rows of an array."""
        return array if isinstance(array, Rows) else cls((array, (torch.arange(len(array)),)))

    def __len__(self) -> int:
        return int(self.ends[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """[N, ...]."""
        array, index = self.parts[0]
        return (len(self), *array.shape[len(index) :])

    def __add__(self, other: Rows) -> Rows:
        return Rows(*self.parts, *other.parts)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Rows [B] by number."""
        found = torch.empty(len(rows), *self.shape[1:], dtype=self.parts[0][0].dtype)
        which = torch.searchsorted(self.ends, rows, right=True)
        for number, (array, index) in enumerate(self.parts):
            mine = which == number
            if mine.any():
                inside = rows[mine] - (int(self.ends[number - 1]) if number else 0)
                found[mine] = whole(array)[tuple(part[inside] for part in index)]
        return found


def map_array(path: Path, remedy: str) -> Tensor:
    """A tensor over a memory-mapped .npy file; writing to it does not reach the file.

    Args:
        remedy: what to do where it is damaged.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        pages, file = _private(path), path.open("rb")
        array = torch.from_numpy(np.ndarray(found.shape, found.dtype, pages, found.offset, found.strides))
        _MAPPED[array.data_ptr()] = file, path.stat().st_size, f"{path} is damaged: it has become shorter; {remedy}."
        weakref.finalize(pages, _forget, array.data_ptr())
        return array
    except Exception as error:  # what numpy raises on a damaged header depends on the damage
        if isinstance(error, OSError) and error.errno in CAUSES:
            raise
        raise DamagedError(f"{path} is damaged ({error}); {remedy}.") from error


def whole(array: Tensor) -> Tensor:
    """`array` itself, whose file, where it is mapped from one, is still as long as it was.

    The system ends a process without a word that reads beyond the end of a file.

    Raises:
        ValueError: the file has become shorter.
    """
    file, size, told = _MAPPED.get(array.untyped_storage().data_ptr(), (None, 0, ""))
    if file is not None and os.fstat(file.fileno()).st_size < size:
        raise DamagedError(told)
    return array


def _forget(address: int) -> None:
    if address in _MAPPED:
        _MAPPED.pop(address)[0].close()


def _private(path: Path) -> mmap.mmap:
    """A file's pages, of which those that are written to become copies.

    Unless told otherwise, Linux refuses this for files larger than memory, as all of them might be written to.
    """
    with path.open("rb") as file:
        if not hasattr(mmap, "MAP_PRIVATE"):  # Windows
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        flags = mmap.MAP_PRIVATE | (NORESERVE if sys.platform == "linux" else 0)
        return mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)


def filled(
    directory: Path,
    count: int,
    row: Mapping[str, Tensor],
    compute: Compute,
    identity: Mapping[str, Any],
    *,
    chunk: int,
    what: str,
    remedy: str,
    unit: int = 1,
    progress: bool = True,
    anew: bool = False,
) -> dict[str, Tensor]:
    """Arrays [count, ...] in `directory`/NAME.npy, computed `chunk` rows at a time, no finished chunk twice.

    An interrupted call goes on where it stopped, and a finished one maps what is there; what was written is compared
    with its checksums first. The room on the disk is taken before anything is computed. Processes that were started
    together (`runtime.team`) compute a chunk each at a time, and one of them writes: the rows are those of one process.

    Args:
        row: a row of each array, for its shape and type.
        identity: whatever decides the content, as JSON.
        what: the arrays hold, for the bar and for messages: "shapes and textures".
        remedy: what to do where they are damaged.
        unit: how many of what the bar counts are in a row.
        anew: whether what has another identity, and can be made again, gives way.

    Raises:
        ValueError: they are damaged, or another identity's.
        ExpectedError, OSError: there is no room for them.
    """
    team = Team.from_environment()
    filling = _Filling(directory, count, row, identity, what, remedy, anew) if team.is_main else None
    done = filling.done if filling else 0
    begin, step = team.told(lambda: done), chunk * team.size
    quiet = not (progress and team.is_main)
    with tqdm(total=count * unit, initial=begin * unit, desc=what, disable=quiet) as bar:
        for first in range(begin, count, step):
            last = min(first + step, count)
            chunks = [torch.arange(start, min(start + chunk, last)) for start in range(first, last, chunk)]
            mine = [{k: v.cpu() for k, v in compute(rows).items()} for rows in chunks[team.rank : team.rank + 1]]
            parts = [part for parts in team.collected(mine) for part in parts]
            if filling:
                filling.add(parts)
            bar.update((last - first) * unit)
    filling = None  # its files are complete
    team.wait()
    return {name: map_array(directory / f"{name}.npy", remedy) for name in row}


class _Filling:
    """The files of `filled`, in the process that writes them; `done` is how many rows are there."""

    def __init__(
        self,
        directory: Path,
        count: int,
        row: Mapping[str, Tensor],
        identity: Mapping[str, Any],
        what: str,
        remedy: str,
        anew: bool,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = path = directory / RECORD
        record: dict[str, Any] = {"identity": plain(identity), "count": count, "done": 0}
        if path.is_file():
            with content_of(path, f"record of {what}", remedy):
                found = dict(read_json(path, remedy))
                same = all(found[key] == record[key] for key in ("identity", "count"))
                if not same and not anew:
                    raise DamagedError(f"{directory} holds part of other {what}; delete it or choose another place.")
                if not 0 <= found["done"] <= found["count"] or (found["done"] and not found["checksums"]):
                    raise ValueError("its counts do not fit each other")
                record = found if same else record
        if not record["done"]:
            path.unlink(missing_ok=True)
        there = bool(record["done"])
        if not there:
            for name in row:  # of what gives way, or was stopped before its first rows
                (directory / f"{name}.npy").unlink(missing_ok=True)
            room = count * sum(like.numel() * like.element_size() for like in row.values())
            check_room(what, Demand(disk=room), directory)
        self.record, self.done = record, int(record["done"])
        self.arrays = {n: _array(directory / f"{n}.npy", count, like, there, remedy) for n, like in row.items()}
        self.sums = {name: zlib.crc32(array[: self.done].data) for name, array in self.arrays.items()}
        if there and record["checksums"] != self.sums:
            raise DamagedError(
                f"The {what} in {directory} are damaged: they have changed since they were written; {remedy}."
            )

    def add(self, parts: Sequence[Mapping[str, Tensor]]) -> None:
        """Write the next rows, chunk after chunk."""
        for part in parts:
            start, stop = self.done, self.done + len(next(iter(part.values())))
            for name, values in part.items():
                self.arrays[name][start:stop] = values.numpy()
                self.arrays[name].flush()
                self.sums[name] = zlib.crc32(self.arrays[name][start:stop].data, self.sums[name])
            self.done = stop
        self.record |= {"done": self.done, "checksums": self.sums}
        write_json(self.path, self.record, sealed=True)


def rows_done(directory: Path) -> int:
    """How many rows `filled` has computed there; 0 where its record cannot be read, of which `filled` tells."""
    try:
        return int(read_json(directory / RECORD)["done"])
    except (OSError, ValueError, LookupError, TypeError):
        return 0


def room_taken(directory: Path) -> int:
    """Bytes of the disk that the arrays of `filled` in `directory` have, those of rows that are to come included."""
    files = [path.stat() for path in directory.glob("*.npy")]
    return sum(512 * file.st_blocks if hasattr(file, "st_blocks") else file.st_size for file in files)  # else: Windows


def _array(path: Path, count: int, row: Tensor, there: bool, remedy: str) -> np.memmap:
    """The array of a file, mapped into memory: the one that is `there`, or a new one that has its room on the disk.

    Raises:
        ValueError: the one that is there is damaged. OSError: there is no room.
    """
    if there:
        found = map_array(path, remedy)
        if tuple(found.shape) != (count, *row.shape) or found.dtype != row.dtype:
            raise DamagedError(f"{path} is damaged: it holds {found.dtype} {tuple(found.shape)}; {remedy}.")
        return np.lib.format.open_memmap(path, "r+")
    with naming(path):
        array = np.lib.format.open_memmap(path, "w+", row.numpy().dtype, (count, *row.shape))
        if hasattr(os, "posix_fallocate"):  # without room, the process would be killed when it writes to its memory
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array
