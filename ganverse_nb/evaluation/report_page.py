"""The report as one page for a browser: every number beside the paper's and its bar, every figure with its caption."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from ganverse_nb.evaluation.captions import CAPTIONS
from ganverse_nb.evaluation.report_text import RUN, cells, group_of, header, pictures_folder, sections
from ganverse_nb.runtime.files import read_json
from ganverse_nb.runtime.rows import Row

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; max-width: 1060px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.7em } h2 { margin-top: 2em; border-bottom: 1px solid #d0d7de } h3 { margin: 1.6em 0 .4em }
table { border-collapse: collapse; width: 100%; table-layout: fixed; font-size: .92em }
td { font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .25em .7em; border-bottom: 1px solid #e4e8ec } th { color: #57606a }
th:nth-child(1) { width: 36% } th:nth-child(4) { width: 24% } th:nth-child(5) { width: 8% }
td { overflow-wrap: anywhere } td.yes { color: #1a7f37 } td.no { color: #b42318; font-weight: 600 }
code { font: .92em ui-monospace, monospace } ul { color: #57606a; font-size: .88em; padding-left: 1.2em }
figure { margin: 2em 0 } figure img { max-width: 100%; height: auto; display: block }
figcaption { margin-top: .5em } figcaption small { color: #57606a }
nav a { margin-right: 1em }
@media (max-width: 700px) {
  table { font-size: .8em } th, td { padding: .25em .3em }
  th:nth-child(1) { width: 30% } th:nth-child(5) { width: 10% }
}
"""


def as_html(rows: Sequence[Row], figures: Path) -> str:
    """A page that needs nothing but the pictures beside it; `figures` holds them, with their JSON files.

    Args:
        rows: of all runs, those of one run together.
    """
    runs = list(dict.fromkeys(pictures_folder(*group_of(row)) for row in rows))
    parts = ["<!doctype html>", '<html lang="en"><head><meta charset="utf-8"/>']
    parts += ['<meta name="viewport" content="width=device-width"/>', "<title>ganverse_nb: measured numbers</title>"]
    parts += [f"<style>{STYLE}</style></head><body>", "<h1>GANverse3D, reproduced: what was measured</h1>"]
    parts.append("<p>Every number beside the paper's and its bar, every figure, and what made them.</p>")
    links = [f'<a href="#{c}">{c}: numbers</a><a href="#{c}-figures">{c}: figures</a>' for c in map(escape, runs)]
    parts.append(f"<nav>{''.join(links)}</nav>")
    for run, group in groupby(rows, key=group_of):
        ours, folder = list(group), pictures_folder(*run)
        name = escape(folder)
        parts.append(f'<h2 id="{name}">{name}</h2><ul>')
        made_with = header(ours[0], read_json(figures / folder / RUN)["manifest"])
        parts += [f"<li>{_code(line)}</li>" for line in made_with]
        parts.append("</ul>")
        for section, members in sections(ours).items():
            parts.append(f"<h3>{escape(section)}</h3><table><tr>")
            parts += [
                f"<th>{escape(t)}</th>" for t in ("number", "paper", f"ours ({members[0].profile})", "bar", "met")
            ]
            parts += ["</tr>", *(_line(row, ours) for row in members), "</table>"]
        parts.append(f'<h2 id="{name}-figures">{name}: figures</h2>')
        parts += [_figure(record, name) for record in _records(figures / folder)]
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _line(row: Row, rows: Sequence[Row]) -> str:
    key, paper, ours, bar, met = map(escape, cells(row, rows))
    return (
        f'<tr><td><code>{key}</code></td><td>{paper}</td><td>{ours}</td><td>{bar}</td><td class="{met}">{met}</td></tr>'
    )


def _records(pictures: Path) -> list[dict[str, Any]]:
    """The JSON of every picture in the folder, in the order of `CAPTIONS`, others after them by name."""
    order = {name: index for index, name in enumerate(CAPTIONS)}
    found = [read_json(path) for path in sorted(pictures.glob("*.json")) if path.with_suffix(".png").exists()]
    return sorted(found, key=lambda record: order.get(record["figure"], len(order)))


def _figure(record: dict[str, Any], folder: str) -> str:
    name = escape(record["figure"])
    caption = escape(CAPTIONS.get(record["figure"], record["figure"].replace("_", " ")))
    made = f"{name}.png · profile {record['profile']}, seed {record['seed']} · {record['device']} · "
    made += f"commit {record['commit'] or 'unknown'}"
    image = f'<img src="{folder}/{name}.png" alt="{caption}" loading="lazy"/>'
    return f"<figure>{image}<figcaption>{caption}<br/><small>{escape(made)}</small></figcaption></figure>"


def _code(line: str) -> str:
    """Markdown's `code` as HTML."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(line))
