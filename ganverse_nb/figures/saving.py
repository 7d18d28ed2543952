"""Figures in files: the picture, and beside it the numbers in it and everything that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from matplotlib.figure import Figure

from ganverse_nb.config import Config
from ganverse_nb.figures.style import CAPTION, GREY, MARGIN
from ganverse_nb.runtime.files import atomic_path, write_json

_WARNING = {"smoke": "a test that everything runs; not a result"}


class Source(Protocol):
    """What a figure is of, and where it goes: `workflow.run.Run`."""

    @property
    def config(self) -> Config: ...

    @property
    def pictures(self) -> Path: ...

    @property
    def manifest(self) -> dict[str, Any]: ...

    @property
    def command(self) -> str: ...


@dataclass(frozen=True)
class SavedFigure:
    """The picture of a figure on disk; a notebook shows it."""

    path: Path

    def _repr_png_(self) -> bytes:
        return self.path.read_bytes()


def save_figure(run: Source, name: str, figure: Figure, numbers: Mapping[str, Any]) -> SavedFigure:
    """Writes NAME.png and NAME.json into `figures/<category>` and returns the picture for a notebook to show.

    The JSON holds `numbers` with profile, seed, device, commit, weights and the features of the perceptual loss; a
    small line in the picture says which run it is of.

    Args:
        name: of small letters, digits and underscores, beginning with the paper's figure where there is one.
        numbers: what the picture shows as numbers: tensors, dataclasses and dictionaries are fine.

    Raises:
        ValueError: a name that is no such name.
    """
    if not name.replace("_", "").isalnum() or name != name.lower():
        raise ValueError(f"save_figure: a name has small letters, digits and underscores, got {name!r}.")
    config, manifest = run.config, run.manifest
    words = [f"{config.category}, profile {config.profile}, seed {config.seed}"]
    if config.profile in _WARNING:
        words.append(_WARNING[config.profile])
    width, height = figure.get_size_inches()
    x, y = MARGIN / width, (CAPTION / 2) / height
    line = figure.text(x, y, " · ".join(words), fontsize=6.5, color=GREY, ha="left", va="center")
    line.set_in_layout(False)
    path = run.pictures / f"{name}.png"
    environment = manifest["environments"][-1]
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=figure.dpi)
    line.remove()
    write_json(
        path.with_suffix(".json"),
        {
            "figure": name,
            "category": config.category,
            "profile": config.profile,
            "seed": config.seed,
            "command": run.command,
            "device": environment["device"],
            "commit": environment["commit"],
            "versions": environment["versions"],
            "weights": manifest["weights"],
            "notes": manifest["notes"],
            "substitutions": manifest["substitutions"],
            "numbers": dict(numbers),
        },
    )
    return SavedFigure(path)
