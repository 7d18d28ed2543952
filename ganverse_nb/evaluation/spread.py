"""Numbers of several seeds: how far they spread, in a table of variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import mean, stdev
from typing import Any


@dataclass(frozen=True)
class Cell:
    """One number of one variant: how it came out over the seeds that measured it.

    Attributes:
        values: seed -> number.
        deviation: the sample standard deviation, None of a single value.
    """

    values: dict[int, float]

    @property
    def mean(self) -> float:
        return mean(self.values.values())

    @property
    def deviation(self) -> float | None:
        return stdev(self.values.values()) if len(self.values) > 1 else None

    def __str__(self) -> str:
        return f"{self.mean:.4g}" if self.deviation is None else f"{self.mean:.4g} ± {self.deviation:.2g}"


Table = dict[str, dict[str, Cell]]
"""Key (with its unit) -> variant -> numbers."""


def table(results: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Table:
    """What was measured, by key and variant; what could not be measured is left out."""
    found: dict[str, dict[str, dict[int, float]]] = {}
    for result in sorted(results, key=lambda r: names.index(r["variant"])):
        for row in result["rows"]:
            if row["ours"] is not None:
                label = f"{row['key']} ({row['unit']})" if row["unit"] else row["key"]
                found.setdefault(label, {}).setdefault(result["variant"], {})[result["seed"]] = row["ours"]
    return {key: {name: Cell(values) for name, values in columns.items()} for key, columns in found.items()}


def as_json(cells: Table) -> dict[str, Any]:
    """The table in JSON types: mean, deviation and values of each cell."""
    return {
        key: {name: {"mean": c.mean, "deviation": c.deviation, **asdict(c)} for name, c in columns.items()}
        for key, columns in cells.items()
    }


def as_markdown(
    cells: Table,
    names: Sequence[str],
    seeds: Sequence[int],
    title: str = "Sweep",
    note: str = "settings not named as in the profile",
) -> str:
    """The table for people: mean ± standard deviation over the seeds; `-` where nothing was measured."""
    over = f"Mean ± standard deviation over the seeds {', '.join(map(str, seeds))}; {note}."
    lines = [f"# {title}", "", over, "", f"| number | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for key, columns in cells.items():
        lines.append(f"| {key} | {' | '.join(str(columns[n]) if n in columns else '-' for n in names)} |")
    return "\n".join(lines) + "\n"
