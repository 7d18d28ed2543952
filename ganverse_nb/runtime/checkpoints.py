"""Training state on disk: atomic, resumable, loaded without unpickling programs."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import torch

from ganverse_nb.runtime.files import atomic_path, write_text


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write `state`: tensors, numbers, strings and containers of them, with at least "step"."""
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


def load_state(path: Path) -> dict[str, Any] | None:
    """What `save_state` wrote, or None where there is no such file.

    Raises:
        ValueError: the file is damaged or not a training state.
    """
    if not path.exists():
        return None
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except (RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"{path} is damaged and cannot be resumed from; delete it to start this stage again."
        ) from error
    if not isinstance(state, dict) or "step" not in state:
        raise ValueError(f"{path} is not a training state; delete it to start this stage again.")
    return state


class MetricsLog:
    """`path` holds a JSON line per entry; those of steps that a resumed run will repeat are dropped on opening."""

    def __init__(self, path: Path, phase: str, step: int):
        self.path, self.phase = path, phase
        if path.exists():
            complete = [line for line in path.read_text().splitlines() if line.endswith("}")]
            entries = [json.loads(line) for line in complete]
            kept = [e for e in entries if e["phase"] != phase or e["step"] <= step]
            write_text(path, "".join(json.dumps(e) + "\n" for e in kept))

    def append(self, step: int, **values: float) -> None:
        """Add one line with `phase`, `step` and the values."""
        entry = {"phase": self.phase, "step": step, **{k: round(float(v), 6) for k, v in values.items()}}
        with self.path.open("a") as file:
            file.write(json.dumps(entry) + "\n")


def read_metrics(path: Path, phase: str) -> list[dict[str, float]]:
    """The entries of one phase, in order."""
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    return [e for e in entries if e["phase"] == phase]
