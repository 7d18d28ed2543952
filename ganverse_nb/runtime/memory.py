"""Memory: what of it may still be had, what a piece of work takes, and that what is freed is kept for the next step."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path

from ganverse_nb.runtime.control_groups import control_groups, read

if sys.platform != "win32":
    import resource

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
MOST_KEPT = 512 * 2**20
LARGEST = 32 * 2**20  # the most that glibc takes


def keep_freed_memory() -> bool:
    """Tells glibc to keep up to 512 MiB that were freed; returns whether there is a glibc to tell.

    By default it gives large blocks back to the system at once, and the next step of a training pays for a thousand
    page faults to get them again: a sixth of its time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl, Windows
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST) and mallopt(M_TRIM_THRESHOLD, MOST_KEPT))


def free_memory(root: Path = Path("/")) -> tuple[int, str] | None:
    """Bytes that this process may still take, and whose limit that is in words; None where the system does not say.

    Pages of files that could be read again count as free.

    Args:
        root: of the system's files.
    """
    found = [(size, words) for size, words in _left(root) if size is not None]
    return min(found) if found else None


def _left(root: Path) -> list[tuple[int | None, str]]:
    meminfo, status = _table(read(root / "proc" / "meminfo")), _table(read(root / "proc" / "self" / "status"))
    left: list[tuple[int | None, str]] = [(meminfo.get("MemAvailable"), "this machine")]
    if sys.platform != "win32" and "VmSize" in status:
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        left += [(max(0, limit - status["VmSize"]), "`ulimit -v`")] if limit != resource.RLIM_INFINITY else []
    for folder, first in control_groups("memory", root):
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes") if first else ("memory.max", "memory.current")
        limit_text, used_text = (read(folder / name).strip() for name in names)
        if limit_text.isdigit() and used_text.isdigit():
            pages = _numbers(read(folder / "memory.stat"))
            files = pages.get("inactive_file", 0) + pages.get("active_file", 0)
            left.append((max(0, int(limit_text) - int(used_text) + files), "the limit of this container or job"))
    return left


def taken(work: Callable[[], object]) -> int:
    """Bytes by which the memory of this process grows at most while `work` runs; 0 where the system does not say."""
    _trim()
    try:
        Path("/proc/self/clear_refs").write_text("5")  # forgets the largest size so far
    except OSError:
        work()
        return 0
    before = _table(read(Path("/proc/self/status")))["VmRSS"]
    work()
    return max(0, _table(read(Path("/proc/self/status")))["VmHWM"] - before)


def taken_of_gpu(work: Callable[[], object]) -> int:
    """Bytes of a GPU's memory that `work` takes at most; 0 where torch uses none."""
    import torch

    if not torch.cuda.is_available():
        work()
        return 0
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    torch.cuda.synchronize()
    found = torch.cuda.max_memory_allocated() - before
    torch.cuda.empty_cache()
    return max(0, found)


def free_gpu_memory() -> int | None:
    """Bytes of the GPU's memory that this process may still take; None where torch uses none."""
    import torch

    if not torch.cuda.is_available():
        return None
    kept = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()  # torch's own, for the next tensors
    return torch.cuda.mem_get_info()[0] + kept


def wait_for_gpu() -> None:
    """Returns when a GPU has done what it was told, where torch uses one: until then no time is worth taking."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _trim() -> None:
    """Gives what was freed back to the system, so that taking it again is seen."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return


def _table(text: str) -> dict[str, int]:
    """Bytes by name of lines like `MemFree:  12 kB`."""
    rows = (line.split() for line in text.splitlines())
    return {row[0].rstrip(":"): 1024 * int(row[1]) for row in rows if len(row) == 3 and row[2] == "kB"}


def _numbers(text: str) -> dict[str, int]:
    rows = (line.split() for line in text.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
