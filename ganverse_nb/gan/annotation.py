"""Labelling view codes: twelve bins of azimuth, one decision per code, saved as it goes (section 3.1, appendix D)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganverse_nb.gan.checkpoint import CheckpointError
from ganverse_nb.gan.viewpoints import BIN_DEGREES, ViewCodes

UNLABELLED, LEFT_OUT = -1, -2


@dataclass
class ViewAnnotation:
    """The state of a labelling; every decision is written to `path` at once, as a viewpoint file of what is labelled.

    An annotation that is begun again with the same codes and path goes on where it stopped.

    Attributes:
        codes: [N, w_dim] view codes to label.
        split_layer: k.
        path: viewpoint file (`ViewCodes`).
        provenance: what is written beside it, for instance the teacher's hash.
        labels: [N] int64: bin 0..11 (azimuth 30 x bin, 0 sees the front), -1 not yet, -2 left out.
        seconds: spent so far, pauses of more than a minute not counted.
    """

    codes: Tensor
    split_layer: int
    path: Path
    provenance: dict[str, Any] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        self.codes = self.codes.detach().float().cpu()
        self.labels = torch.full((len(self.codes),), UNLABELLED)
        self.seconds = 0.0
        self._past: list[int] = []
        if self.path.is_file():
            self._resume()
        self._since = self.clock()

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def current(self) -> int | None:
        """The first code without a decision, None when all are done."""
        open_ones = (self.labels == UNLABELLED).nonzero()
        return int(open_ones[0]) if len(open_ones) else None

    @property
    def missing_bins(self) -> list[int]:
        """Bins that no code has yet."""
        return sorted(set(range(12)) - set(self.labels.tolist()))

    def label(self, azimuth_bin: int) -> None:
        """Put the current code into a bin.

        Raises:
            ValueError: no such bin, or everything is labelled.
        """
        if azimuth_bin not in range(12):
            raise ValueError(f"An azimuth bin is a number from 0 to 11 (30 degrees each), got {azimuth_bin}.")
        self._decide(azimuth_bin)

    def leave_out(self) -> None:
        """Leave the current code out: its objects do not look the same way, or not like objects.

        Raises:
            ValueError: everything is labelled.
        """
        self._decide(LEFT_OUT)

    def undo(self) -> None:
        """Take the last decision back; nothing happens where there is none."""
        if self._past:
            self.labels[self._past.pop()] = UNLABELLED
            self._save()

    def views(self) -> ViewCodes:
        """The labelled codes. Deviation and elevation are not known (NaN) where a person has labelled.

        Raises:
            ValueError: nothing is labelled.
        """
        if not (self.labels >= 0).any():
            raise ValueError("No view code is labelled yet.")
        return self._labelled()

    def _labelled(self) -> ViewCodes:
        """As `views`, but there may be none."""
        index = (self.labels >= 0).nonzero()[:, 0]
        index = index[self.labels[index].argsort(stable=True)]
        unknown = torch.full((len(index),), float("nan"))
        facts = {
            "labelled_by": "a person",
            "seconds": round(self.seconds, 1),
            "left_out": (self.labels == LEFT_OUT).nonzero()[:, 0].tolist(),
        }
        return ViewCodes(
            self.codes[index],
            self.labels[index],
            self.labels[index].float() * BIN_DEGREES,
            unknown,
            unknown.clone(),
            torch.ones(len(index), dtype=torch.bool),
            self.split_layer,
            {**self.provenance, **facts},
        )

    def _decide(self, label: int) -> None:
        index = self.current
        if index is None:
            raise ValueError(f"All {len(self)} view codes are labelled; undo takes the last decision back.")
        now = self.clock()
        self.seconds += min(now - self._since, 60.0)
        self._since = now
        self.labels[index] = label
        self._past.append(index)
        self._save()

    def _save(self) -> None:
        if (self.labels != UNLABELLED).any():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._labelled().save(self.path)
        else:
            self.path.unlink(missing_ok=True)

    def _resume(self) -> None:
        saved = ViewCodes.load(self.path)
        same = (
            (saved.codes[:, None] == self.codes[None]).all(-1)
            if saved.codes.shape[1:] == self.codes.shape[1:]
            else None
        )
        if same is None or saved.split_layer != self.split_layer or not bool(same.any(1).all()):
            raise CheckpointError(f"{self.path} holds labels of other view codes; give another path or move it away.")
        self.labels[same.int().argmax(1)] = saved.azimuth_bin
        left_out = [i for i in saved.provenance.get("left_out", []) if 0 <= i < len(self)]
        self.labels[left_out] = LEFT_OUT
        self.seconds = float(saved.provenance.get("seconds", 0.0))
