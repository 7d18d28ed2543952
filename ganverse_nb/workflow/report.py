"""The report: every measured number beside the paper's and its bar, with what made it.

figures/report.json           the rows of all runs (`ganverse_nb.runtime.rows.Row`)
figures/report.md             the same for people
figures/report.html           the same with every figure, for a browser
figures/<category>/           the pictures of profile `mini`, and run.json: configuration and manifest of the run
figures/<category>-<profile>/ those of another profile
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from ganverse_nb.categories import CATEGORIES
from ganverse_nb.config import as_json
from ganverse_nb.evaluation.report_page import as_html
from ganverse_nb.evaluation.report_text import MAIN, RUN, cells, group_of, header, pictures_folder, sections
from ganverse_nb.runtime.errors import ExpectedWarning
from ganverse_nb.runtime.files import content_of, read_json, remove_leftovers, write_json, write_text
from ganverse_nb.runtime.rows import Row
from ganverse_nb.runtime.settings import deciding
from ganverse_nb.workflow.locks import exclusive
from ganverse_nb.workflow.marks import COMPLETE, read_mark
from ganverse_nb.workflow.run import Run

WAIT = 60.0  # seconds for another run's report


def write_report(run: Run) -> Path:
    """Writes the run's rows into the report and returns the path of report.md.

    Earlier rows of the same category and profile are replaced; those of others stay, beside their own pictures, also
    where two runs end at once. What a killed process was writing of it goes.

    Raises:
        ValueError: the run has no numbers yet, or an earlier report there is damaged. RunBusyError: another process has
            written it for longer than a minute.
    """
    rows, category, figures = run.rows(), run.config.category, run.figures
    if not rows:
        raise ValueError(f"{run.directory} has no measured numbers yet; run `{run.again('reproduce')}` first.")
    path, locks = figures / "report.json", figures / ".locks"
    locks.mkdir(parents=True, exist_ok=True)
    with exclusive(locks / "report.lock", f"The report in {figures}", wait=WAIT):
        remove_leftovers(figures, path.stem)
        remove_leftovers(run.pictures, Path(RUN).stem)
        with content_of(path, "list of numbers"):
            others = [Row(**row) for row in read_json(path)] if path.exists() else []
        ours = category, run.config.profile
        rows = sorted(_still_there([row for row in others if group_of(row) != ours], figures) + rows, key=_place)
        manifest = {name: value for name, value in run.manifest.items() if name != "config"}
        stages = {mark.parent.name: read_mark(mark) for mark in sorted(run.directory.glob(f"*/{COMPLETE}"))}
        told = {name: {"seconds": mark["seconds"], "commit": mark.get("commit")} for name, mark in stages.items()}
        manifest["stages"] = told
        write_json(run.pictures / RUN, {"config": deciding(as_json(run.config)), "manifest": manifest})
        texts = {"report.md": as_markdown(rows, figures), "report.html": as_html(rows, figures)}
        write_json(path, [asdict(row) for row in rows])
        for name, text in texts.items():
            write_text(figures / name, text)
    return figures / "report.md"


def _still_there(rows: Sequence[Row], figures: Path) -> list[Row]:
    """The rows of runs that have the folder of their pictures; of the others is said that they are left out."""
    folders = {run: figures / pictures_folder(*run) for run in map(group_of, rows)}
    gone = {run: folder for run, folder in folders.items() if not (folder / RUN).is_file()}
    if gone:
        said = f"The report leaves out the numbers of runs whose {RUN} is gone: {', '.join(map(str, gone.values()))}."
        warnings.warn(said, ExpectedWarning, stacklevel=2)
    return [row for row in rows if group_of(row) not in gone]


def _place(row: Row) -> tuple[int, str, bool, str]:
    """Where a row's run comes in the report: the paper's categories in its order, then others by name; mini first."""
    category, profile = group_of(row)
    place = list(CATEGORIES).index(category) if category in CATEGORIES else len(CATEGORIES)
    return place, category, profile != MAIN, profile


def as_markdown(rows: Sequence[Row], figures: Path) -> str:
    """The report as Markdown; `figures` holds the run.json of each run in the folder of its pictures."""
    parts = ["# Measured numbers", "", "Made by the commands below; `report.json` holds the same rows.", ""]
    for run, group in groupby(rows, key=group_of):
        ours, name = list(group), pictures_folder(*run)
        made_with = header(ours[0], read_json(figures / name / RUN)["manifest"])
        parts += [f"## {name}", "", *(f"* {line}" for line in made_with), ""]
        for section, members in sections(ours).items():
            profile = f"ours ({members[0].profile})"
            parts += [f"### {section}", "", f"| number | paper | {profile} | bar | met |", "|---|---|---|---|---|"]
            parts += [_line(row, ours) for row in members]
            parts.append("")
    return "\n".join(parts)


def _line(row: Row, rows: Sequence[Row]) -> str:
    key, *middle, met = cells(row, rows)
    return "| " + " | ".join([f"`{key}`", *middle, "**no**" if met == "no" else met]) + " |"
