"""The words of the report, whatever it is written in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ganverse_nb.runtime.rows import Number, Row, is_met

RUN = "run.json"  # in the folder of a run's pictures
MAIN = "mini"  # the profile whose pictures have the folder of the category itself
_PURPOSE = {"smoke": "a test that everything runs; its numbers say nothing about quality"}


def pictures_folder(category: str, profile: str) -> str:
    """The name of the folder of a run's pictures: no profile's replace another's."""
    return category if profile == MAIN else f"{category}-{profile}"


class RowTable(list[Row]):
    """Rows that a notebook shows as a table: ours beside the paper's, and whether the bar is met.

    Args:
        rows: those shown.
        known: all rows of the run, among which relative bars find theirs.
    """

    def __init__(self, rows: Sequence[Row], known: Sequence[Row]) -> None:
        super().__init__(rows)
        self.known = known

    def _repr_markdown_(self) -> str:
        lines = ["| number | paper | ours | bar | met |", "|:---|---|---|---|---|"]
        for row in self:
            key, *others = cells(row, self.known)
            lines.append(f"| {' | '.join([key.split('.', 1)[1], *others])} |")
        return "\n".join(lines)


def group_of(row: Row) -> tuple[str, str]:
    """Category and profile of a row: those of the run whose it is."""
    return row.key.split(".")[0], row.profile


def sections(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows by the second part of their key, in order of appearance."""
    sections: dict[str, list[Row]] = {}
    for row in rows:
        sections.setdefault(row.key.split(".")[1], []).append(row)
    return sections


def cells(row: Row, rows: Sequence[Row]) -> tuple[str, str, str, str, str]:
    """Key, the paper's number, ours, the bar, and "yes", "no" or nothing: whether the bar is met."""
    met = {None: "", True: "yes", False: "no"}[is_met(row, rows)]
    return row.key, _number(row.paper, row.unit), _number(row.ours, row.unit, "not measurable"), row.bar, met


def _number(value: Number | str | None, unit: str, absent: str = "") -> str:
    if value is None:
        return absent
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}".strip()


def header(row: Row, manifest: dict[str, Any]) -> list[str]:
    """What the category's numbers were made with, one line each, with `code` in backticks."""
    bullets = [f"Command: `{row.command}`", f"Profile {row.profile}, seed {row.seed}"]
    if row.profile in _PURPOSE:
        bullets[-1] += f": {_PURPOSE[row.profile]}"
    machines: dict[str, dict[str, None]] = {}  # -> its commits, each once
    for environment in manifest["environments"]:
        versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items() if version)
        machine = f"{environment['device']} ({environment['cpu']}); {versions}"
        machines.setdefault(machine, {})[environment["commit"] or "unknown"] = None
    bullets += [f"Device: {machine}; commit {', '.join(commits)}" for machine, commits in machines.items()]
    computed = Counter(stage["commit"] or "unknown" for stage in manifest["stages"].values())
    if len(computed) > 1:
        parts = ", ".join(f"{count} stages at {commit}" for commit, count in computed.items())
        bullets.append(f"Computed at several commits: {parts}; the run's manifest names them")
    for name, weights in manifest["weights"].items():
        bullets.append(f"Weights {name}: {weights['file']}, SHA-256 {weights['sha256'][:16]}")
    bullets += [f"{key}: {value}" for key, value in manifest["notes"].items()]
    bullets += [f"Using {s['what']} instead of {s['instead_of']}: {s['why']}" for s in manifest["substitutions"]]
    return bullets
