"""The report: every measured number beside the paper's and its bar, with what made it.

figures/report.json           the rows of all categories (`ganverse_nb.rows.Row`)
figures/report.md             the same for people
figures/<category>.run.json   configuration and manifest of the run the category's rows come from
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from ..config import as_json
from ..files import read_json, write_json, write_text
from ..rows import Number, Row, is_met
from ..run import Run

_PURPOSE = {"smoke": "a test that everything runs; its numbers say nothing about quality"}


def write_report(run: Run) -> Path:
    """Writes the run's rows into the report and returns the path of report.md.

    The category's earlier rows are replaced, whatever profile they had, so that a key stands for one number and the
    report for the pictures beside it; rows of other categories stay.

    Raises:
        ValueError: the run has no numbers yet, or an earlier report there is damaged.
    """
    rows, category, figures = run.rows(), run.config.category, run.figures
    if not rows:
        raise ValueError(f"{run.directory} has no measured numbers yet; run `{run.command}` first.")
    path = figures / "report.json"
    others = [Row(**row) for row in read_json(path)] if path.exists() else []
    rows = sorted([r for r in others if r.key.split(".")[0] != category] + rows, key=lambda row: row.key.split(".")[0])
    manifest = run.manifest
    stages = {mark.parent.name: read_json(mark) for mark in sorted(run.directory.glob("*/complete.json"))}
    manifest["stages"] = {n: {"seconds": mark["seconds"], "commit": mark["commit"]} for n, mark in stages.items()}
    write_json(figures / f"{category}.run.json", {"config": as_json(run.config), "manifest": manifest})
    write_json(path, [asdict(row) for row in rows])
    write_text(figures / "report.md", as_markdown(rows, figures))
    return figures / "report.md"


def as_markdown(rows: Sequence[Row], figures: Path) -> str:
    """The report as Markdown; `figures` holds the `<category>.run.json` of each category."""
    parts = ["# Measured numbers", "", "Made by the commands below; `report.json` holds the same rows.", ""]
    for category, group in groupby(rows, key=lambda row: row.key.split(".")[0]):
        ours = list(group)
        parts += [f"## {category}", "", *_header(ours[0], read_json(figures / f"{category}.run.json")["manifest"]), ""]
        for section, members in _sections(ours).items():
            profile = f"ours ({members[0].profile})"
            parts += [f"### {section}", "", f"| number | paper | {profile} | bar | met |", "|---|---|---|---|---|"]
            parts += [_line(row, rows) for row in members]
            parts.append("")
    return "\n".join(parts)


def _sections(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows by the second part of their key, in order of appearance."""
    sections: dict[str, list[Row]] = {}
    for row in rows:
        sections.setdefault(row.key.split(".")[1], []).append(row)
    return sections


def _line(row: Row, rows: Sequence[Row]) -> str:
    met = {None: "", True: "yes", False: "**no**"}[is_met(row, rows)]
    cells = [f"`{row.key}`", _number(row.paper, row.unit), _number(row.ours, row.unit, "not measurable"), row.bar, met]
    return "| " + " | ".join(cells) + " |"


def _number(value: Number | str | None, unit: str, absent: str = "") -> str:
    if value is None:
        return absent
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}".strip()


def _header(row: Row, manifest: dict[str, Any]) -> list[str]:
    """What the category's numbers were made with, as a list of Markdown bullets."""
    bullets = [f"Command: `{row.command}`", f"Profile {row.profile}, seed {row.seed}"]
    if row.profile in _PURPOSE:
        bullets[-1] += f": {_PURPOSE[row.profile]}"
    for environment in manifest["environments"]:
        versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items() if version)
        bullets.append(
            f"Device: {environment['device']} ({environment['cpu']}); commit {environment['commit'] or 'unknown'}; "
            + versions
        )
    commits = {environment["commit"] for environment in manifest["environments"]}
    if len(commits) > 1:
        stages = ", ".join(f"{name} at {stage['commit']}" for name, stage in manifest["stages"].items())
        bullets.append(f"Computed at several commits: {stages}")
    for name, weights in manifest["weights"].items():
        bullets.append(f"Weights {name}: {weights['file']}, SHA-256 {weights['sha256'][:16]}")
    bullets += [f"{key}: {value}" for key, value in manifest["notes"].items()]
    bullets += [f"Using {s['what']} instead of {s['instead_of']}: {s['why']}" for s in manifest["substitutions"]]
    return [f"* {bullet}" for bullet in bullets]
