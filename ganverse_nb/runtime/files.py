"""Files that are whole or absent: everything is written under a temporary name and renamed."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from ganverse_nb.runtime.errors import DamagedError, ExpectedError

LEFTOVER = re.compile(r"\..+\.[0-9a-f]{8}(\.\w+)?")  # the names that `atomic_path` and `remove` write under
CHECKSUM, SEAL = "checksum", "crc32:{:08x}"  # of a file, where it tells one of itself
SEALED = re.compile(r"crc32:[0-9a-f]{8}")
AGAIN = "delete it and run the same command again"
BLOCK = 1 << 20  # bytes
SAID = 200  # characters of what a library says that a message repeats


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`, with its suffix; it becomes `path` if the block ends well, else it goes.

    Raises:
        OSError: it cannot be written; `filename` is `path`, also where the system names none.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        with naming(path, temporary):
            yield temporary
            os.replace(temporary, path)
    finally:
        with suppress(OSError):  # of a disk that is gone the first error tells more
            temporary.unlink(missing_ok=True)


@contextmanager
def naming(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """What the system says of a file, or of the temporary one in its place, names `path`: writing alone names none."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, temporary, str(temporary)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def remove_leftovers(directory: Path, name: str = "", *, deep: bool = False, older: float = 0.0) -> None:
    """Deletes what a killed process was writing, or deleting, in a directory where nobody writes now.

    Args:
        name: of what was written, without its suffix; anything where it is empty.
        deep: in the directories below, too.
        older: than so many seconds.
    """
    for path in sorted(directory.rglob(".*") if deep else directory.glob(".*")):
        if not LEFTOVER.fullmatch(path.name) or not path.name.startswith(f".{name}." if name else "."):
            continue
        with suppress(FileNotFoundError):
            if time.time() - path.lstat().st_mtime < older:
                continue
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def write_text(path: str | Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any, *, sealed: bool = False) -> None:
    """Writes `value` (see `plain`) as indented JSON.

    Args:
        sealed: with a checksum in an entry of its own, which `read_json` compares and takes away: for what is read
            back, and is not for people to change. `value` is then a dictionary, or a dataclass.
    """
    content = plain(value)
    if sealed:
        content = content | {CHECKSUM: seal(content)}
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def seal(content: dict[str, Any]) -> str:
    """CRC-32 of a dictionary of JSON, whatever its layout and order."""
    return SEAL.format(zlib.crc32(json.dumps(content, sort_keys=True).encode()))


def read_json(path: str | Path, remedy: str = AGAIN) -> Any:
    """The content of a JSON file; a checksum that it tells (see `write_json`) is compared.

    Args:
        remedy: what to do where it cannot be read.

    Raises:
        FileNotFoundError: it does not exist.
        ValueError: it is not JSON, or has changed since it was written; the message says what to do.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
        if isinstance(content, dict) and _is_sealed(content) and content.pop(CHECKSUM, None) != seal(content):
            raise ValueError("its content has changed since it was written")
    except (ValueError, RecursionError) as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise DamagedError(f"{path} is damaged ({error}); {remedy}.") from None
    return content


def _is_sealed(content: dict[str, Any]) -> bool:
    """Whether the last entry is a checksum, or one of whose name or value a letter has changed.

    Files of other kinds have checksums of their own, of another length.
    """
    if CHECKSUM in content:
        return len(str(content[CHECKSUM])) == len(SEAL.format(0))
    name = next(reversed(content), "")
    like = len(name) == len(CHECKSUM) and sum(a != b for a, b in zip(name, CHECKSUM)) == 1
    return like and SEALED.fullmatch(str(content[name])) is not None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


@contextmanager
def content_of(
    path: str | Path, what: str, remedy: str = AGAIN, kind: type[ValueError] = DamagedError
) -> Iterator[None]:
    """Whatever fails when `what` is made of a file's content becomes one sentence.

    Raises:
        ValueError: (`kind` of it) the content is not usable.
    """
    try:
        yield
    except (DamagedError, ExpectedError):
        raise  # a sentence already
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        said = " ".join(str(error).split()) if str(error) else type(error).__name__
        said = f"{said} is missing" if isinstance(error, KeyError) else said
        raise kind(f"{path} does not hold a usable {what} ({shortened(said.rstrip('.'))}); {remedy}.") from error


def shortened(said: str) -> str:
    """No more than a message needs of what a library says, which lists every weight that does not fit."""
    return said if len(said) <= SAID else said[:SAID].rsplit(" ", 1)[0] + " ..."


def plain(value: Any) -> Any:
    """`value` in JSON types: dataclasses become dictionaries, tensors and arrays numbers or lists, NaN null.

    Of a dataclass, settings that came later (`settings.later`) are left out where they have their default.
    """
    if is_dataclass(value) and not isinstance(value, type):
        told = [f for f in fields(value) if not ("later" in f.metadata and getattr(value, f.name) == f.default)]
        return {f.name: plain(getattr(value, f.name)) for f in told}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TypeError(f"{type(value).__name__} cannot be written as JSON.")


def digest(value: Any) -> str:
    """A short hash of any `plain` value."""
    return hashlib.sha256(json.dumps(plain(value), sort_keys=True).encode()).hexdigest()[:16]


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def crc32(path: str | Path) -> str:
    """The CRC-32 of a file, in hexadecimal: twice as fast as SHA-256, against accidents and not against malice."""
    value = 0
    with Path(path).open("rb") as file:
        while block := file.read(BLOCK):
            value = zlib.crc32(block, value)
    return f"{value:08x}"


def remove(path: Path) -> None:
    """Deletes a directory tree; a half-deleted one no longer carries its name."""
    if path.exists():
        doomed = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.deleted")  # as `LEFTOVER` knows it
        os.replace(path, doomed)
        shutil.rmtree(doomed)
