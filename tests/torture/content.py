"""What a run has left, without what differs between two runs of the same settings: times, and who held a lock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ganverse_nb.runtime.files import CHECKSUM
from ganverse_nb.runtime.tensors import read_tensors

TIMES = ("seconds", "minutes", "stage_seconds", "seconds_per_step", "images_per_second", "parts")
DERIVED = ("files", CHECKSUM, "runtime.total_minutes")  # checksums of what tells times
LOCKS = (".locks", ".reproduce.lock", ".reproduce.owner")
PAGES = (".html", ".log")  # made of what is compared


def content(root: Path) -> dict[str, str]:
    """Name -> hash of what it holds, of every file below `root`, hidden ones as well."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and not set(path.parts) & set(LOCKS))
    return {path.relative_to(root).as_posix(): _hash(path) for path in files}


def _hash(path: Path) -> str:
    kinds = {
        ".md": _text,
        ".json": _json,
        ".jsonl": _lines,
        ".safetensors": _safetensors,
        ".pt": _torch,
        ".ipynb": _notebook,
    }
    if path.suffix in PAGES:
        return "a page"
    if path.suffix not in kinds:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return digest_of(kinds[path.suffix](path))


def digest_of(value: Any) -> str:
    """A hash of nested dictionaries and lists of tensors, numbers and strings."""
    found = hashlib.sha256()
    for part in _flat(value):
        found.update(part)
    return found.hexdigest()


def _text(path: Path) -> Any:
    return [line for line in path.read_text().splitlines() if "minutes" not in line]


def _json(path: Path) -> Any:
    return json.loads(path.read_text())


def _lines(path: Path) -> Any:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _safetensors(path: Path) -> Any:
    tensors, metadata = read_tensors(path, "file", "look")
    return tensors, {k: json.loads(v) if v[:1] in ("{", "[") else v for k, v in metadata.items()}


def _torch(path: Path) -> Any:
    return torch.load(path, weights_only=True)


def _notebook(path: Path) -> Any:
    """What its cells are, and what was wrong in them; what they say may tell of waiting."""
    cells = [cell for cell in _json(path)["cells"] if "injected-parameters" not in cell["metadata"].get("tags", ())]
    wrong = [o for cell in cells for o in cell.get("outputs", []) if o["output_type"] == "error"]
    return [cell["source"] for cell in cells], wrong


def _flat(value: Any, name: str = "") -> Iterator[bytes]:
    """Every value with its dotted name."""
    if isinstance(value, dict):
        if {"key", "ours"} <= value.keys() and value["key"].endswith(DERIVED):
            return
        for key in sorted(value, key=str):
            if key not in TIMES + DERIVED:
                yield from _flat(value[key], f"{name}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, part in enumerate(value):
            yield from _flat(part, f"{name}.{index}")
    elif isinstance(value, torch.Tensor):
        yield f"{name} {value.dtype} {tuple(value.shape)}".encode()
        yield value.contiguous().flatten().view(torch.uint8).numpy().tobytes()
    else:
        yield f"{name} {value!r}".encode()
