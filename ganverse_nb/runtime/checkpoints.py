"""What every training loop keeps on disk: its state, to go on from, and its metrics.

A state is written whole or not at all, is loaded without running anything, and says which settings it belongs to.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ganverse_nb.runtime.files import atomic_path, plain, write_text

STATE, METRICS = "state.pt", "metrics.jsonl"  # in a training's directory
TOLD = 3  # differences of settings that a message names


def save_state(path: Path, state: dict[str, Any], identity: Mapping[str, Any] | None = None) -> None:
    """Write `state`: tensors, numbers, strings and containers of them, with at least "step".

    Args:
        identity: the settings that whoever goes on from it must have too, see `load_state`.
    """
    kept = state if identity is None else state | {"identity": plain(identity)}
    with atomic_path(path) as temporary:
        torch.save(kept, temporary)


def load_state(path: Path, identity: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """What `save_state` wrote, on the CPU, or None where there is no such file.

    Args:
        identity: the settings now; where they are given, the state must have been written with the same ones.

    Raises:
        ValueError: the file is damaged, not a training state, or belongs to other settings.
    """
    if not path.exists():
        return None
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except (RuntimeError, EOFError, ValueError, LookupError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"{path} is damaged and cannot be resumed from; delete it to start this stage again."
        ) from error
    if not isinstance(state, dict) or "step" not in state:
        raise ValueError(f"{path} is not a training state; delete it to start this stage again.")
    there = state.pop("identity", None)
    if identity is not None:
        check_identity(path, there, identity)
    return state


def check_identity(path: Path, there: Any, here: Mapping[str, Any]) -> None:
    """ValueError unless what lies at `path` was begun with the settings that there are now.

    Args:
        there, here: nested settings in plain JSON types, those of the file (None: it tells none) and those of now.
    """
    if not isinstance(there, dict):
        raise ValueError(f"{path} does not tell with which settings it was begun; delete it to begin again.")
    old, new = _flat(there), _flat(plain(here))
    names = [name for name in old | new if old.get(name, "none") != new.get(name, "none")]
    if names:
        told = [f"{name} {old.get(name, 'none')} there, {new.get(name, 'none')} now" for name in names[:TOLD]]
        more = [f"{len(names) - TOLD} more"] if len(names) > TOLD else []
        raise ValueError(
            f"{path} was begun with other settings ({'; '.join(told + more)}); delete it or give the same settings."
        )


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"inverse": {"lr": 1}} -> {"inverse.lr": 1}: the names that `--set` takes."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


class MetricsLog:
    """`path` holds a JSON line per entry; those of steps that a resumed run will repeat are dropped on opening."""

    def __init__(self, path: Path, phase: str, step: int):
        self.path, self.phase = path, phase
        if path.exists():
            kept = [e for e in _entries(path) if e.get("phase", phase) != phase or e.get("step", 0) <= step]
            write_text(path, "".join(json.dumps(e) + "\n" for e in kept))

    def append(self, step: int, **values: float) -> None:
        """Add one line with `phase`, `step` and the values."""
        numbers = {k: v if isinstance(v, int) else round(float(v), 6) for k, v in values.items()}
        with self.path.open("a") as file:
            file.write(json.dumps({"phase": self.phase, "step": step, **numbers}) + "\n")


def read_metrics(path: Path, phase: str) -> list[dict[str, Any]]:
    """The entries of one phase, in order; lines of older versions, which name none, belong to every phase."""
    return [entry for entry in _entries(path) if entry.get("phase", phase) == phase]


def _entries(path: Path) -> list[dict[str, Any]]:
    """All whole lines: an interruption may have left half a one."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
