"""What the files of a finished directory were when it was finished, and whether they still are.

Safetensors files tell a checksum of themselves, which is compared with their content when they are loaded: here only
that it is still the same one. Of other files the content is read. Those of torch (`.pt`) carry checksums of their own.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

from ganverse_nb.runtime.files import CHECKSUM, crc32

HEADER = 100_000_000  # bytes at most, as the format has it
LARGE = 32 << 20  # bytes: a larger file that did not change since is not read again by the same process


def fingerprints(directory: Path) -> dict[str, str]:
    """Name below `directory` -> size and checksum, of every file but hidden ones and those of torch."""
    files = (path for path in sorted(directory.rglob("*")) if path.is_file() and path.suffix != ".pt")
    names = {path.relative_to(directory): path for path in files}
    return {n.as_posix(): fingerprint(p) for n, p in names.items() if not any(k.startswith(".") for k in n.parts)}


def changed(directory: Path, known: dict[str, str]) -> Path | None:
    """The first of the files `known` (see `fingerprints`) that is missing or has another content."""
    for name, told in known.items():
        path = directory / name
        if not path.is_file() or fingerprint(path) != told:
            return path
    return None


def fingerprint(path: Path) -> str:
    """Size and checksum of a file."""
    facts = path.stat()
    read = _remembered if facts.st_size > LARGE else _read
    return f"{facts.st_size} {read(path.resolve(), facts.st_size, facts.st_mtime_ns)}"


def told_checksum(path: Path) -> str | None:
    """The checksum that a safetensors file tells of itself; None where it tells none or is damaged."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(HEADER, path.stat().st_size):
            return None
        try:
            return str(json.loads(file.read(length))["__metadata__"][CHECKSUM])
        except (ValueError, LookupError, TypeError, RecursionError):
            return None


def _read(path: Path, size: int, time: int) -> str:
    told = told_checksum(path) if path.suffix == ".safetensors" else None
    return told or f"crc32:{crc32(path)}"


_remembered = functools.lru_cache(maxsize=256)(_read)
