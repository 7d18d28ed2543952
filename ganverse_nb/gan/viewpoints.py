"""The chosen view codes of a teacher: where they look from, and their file."""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ganverse_nb.gan.checkpoint import WEIGHTS, CheckpointError, read_tensors
from ganverse_nb.geometry.angles import largest_gap
from ganverse_nb.runtime.errors import ExpectedWarning
from ganverse_nb.runtime.files import content_of
from ganverse_nb.runtime.tensors import save_tensors

FORMAT = "ganverse_nb.view_codes/2"
UNKNOWN = -999.0  # in files, degrees that nobody has measured: of labelled codes, deviation and elevation
BIN_DEGREES = 30.0  # the paper labels 12 azimuth angles
UNSEEN = 90.0  # degrees between neighbouring views: from further off a whole side is seen from nowhere


@dataclass(frozen=True)
class ViewCodes:
    """N view codes of one generator: an orbit around the object, front first, then others from below and above.

    Attributes:
        codes: w [N, w_dim], used in the layers below `split_layer`.
        azimuth_bin: [N] int64, 0..11: the label a person would give, azimuth 30 x bin degrees (0 sees the front).
        azimuth: [N] degrees, the circular median over contents as the pose regressor reads it (for measuring only:
            training the inverse graphics network starts from `azimuth_bin`).
        deviation: [N] degrees, median deviation of azimuth over contents.
        elevation: [N] degrees, median over contents, read and used like `azimuth`.
        on_orbit: [N] bool, the codes of the orbit: neighbours are close enough to walk from one to the next.
        split_layer: k.
        provenance: teacher, seeds, settings.
    """

    codes: Tensor
    azimuth_bin: Tensor
    azimuth: Tensor
    deviation: Tensor
    elevation: Tensor
    on_orbit: Tensor
    split_layer: int
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.codes)
        others = (self.azimuth_bin, self.azimuth, self.deviation, self.elevation, self.on_orbit)
        if self.codes.dim() != 2 or any(len(other) != n for other in others):
            raise ValueError("ViewCodes needs codes [N, w_dim] and N bins, azimuths, deviations, elevations and marks.")
        if not bool(((self.azimuth_bin >= 0) & (self.azimuth_bin < 12)).all()):
            raise ValueError("Azimuth bins are numbers from 0 to 11.")

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def labelled_azimuth(self) -> Tensor:
        """[N] degrees: 30 x azimuth_bin."""
        return self.azimuth_bin.float() * BIN_DEGREES

    @property
    def orbit(self) -> ViewCodes:
        """The codes of the orbit alone."""
        names = ("codes", "azimuth_bin", "azimuth", "deviation", "elevation", "on_orbit")
        return replace(self, **{name: getattr(self, name)[self.on_orbit] for name in names})

    @property
    def largest_gap(self) -> float:
        """Largest difference of azimuth between neighbouring views, degrees."""
        return largest_gap(self.azimuth)

    def warn_of_unseen_side(self) -> None:
        """An `ExpectedWarning` where neighbouring views are more than `UNSEEN` degrees apart, before hours are lost."""
        if self.largest_gap > UNSEEN:
            said = (
                f"Between two neighbours of the {len(self)} view codes lie {self.largest_gap:.0f} degrees: "
                "shapes and textures are guessed on the side that none of them sees. Label views there as well "
                "(notebook 02), or take suggested ones (--views auto)."
            )
            warnings.warn(said, ExpectedWarning, stacklevel=2)

    def save(self, path: str | Path) -> None:
        """Write a safetensors file (atomic)."""
        tensors = {"codes": self.codes.float(), "azimuth_bin": self.azimuth_bin.long()}
        tensors["azimuth"] = self.azimuth.float()
        tensors |= {name: getattr(self, name).float().nan_to_num(UNKNOWN) for name in ("deviation", "elevation")}
        tensors["ring"] = self.on_orbit.bool()  # as the bundled files call it
        provenance = json.dumps(self.provenance, sort_keys=True, default=str)
        save_tensors(path, tensors, FORMAT, {"split_layer": self.split_layer, "provenance": provenance})

    @classmethod
    def load(cls, source: str | Path = "car") -> ViewCodes:
        """The bundled view codes of a category, or a file.

        Raises:
            FileNotFoundError: no such file. CheckpointError: damaged, or something else.
        """
        bundled = WEIGHTS / str(source) / "views.safetensors"
        path = bundled if bundled.is_file() else Path(source)
        tensors, metadata = read_tensors(path, FORMAT)
        with content_of(path, "set of view codes", "choose or label them again", CheckpointError):
            tensors["on_orbit"] = tensors.pop("ring")
            for name in ("deviation", "elevation"):
                tensors[name] = tensors[name].masked_fill(tensors[name] == UNKNOWN, math.nan)
            return cls(
                **tensors,
                split_layer=int(metadata["split_layer"]),
                provenance=json.loads(metadata.get("provenance", "{}")),
            )


def label_azimuth(azimuth: Tensor) -> Tensor:
    """Degrees -> the nearest of the 12 bins, int64."""
    return (azimuth / BIN_DEGREES).round().long().remainder(12)
