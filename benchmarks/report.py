"""The table of a benchmark run, and its plot: `python -m benchmarks.report results.json figures/benchmark_render`.

Reads what pytest-benchmark wrote; prints one line per row with its ratio to ours, and writes a .png and a .json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ganverse_nb.runtime.files import atomic_path, write_json

Row = dict[str, Any]


def rows_of(results: dict[str, Any]) -> list[Row]:
    """One row per benchmark: what was timed, `ms` (median), `best_ms`, `memory_mib`, `images_per_s`, and `ratio`.

    `ratio` is a row's time over that of the first row of its setting: ours, or the whole training step.
    """
    rows: list[Row] = []
    for entry in results["benchmarks"]:
        row = dict(entry["extra_info"])
        row |= {"ms": entry["stats"]["median"] * 1e3, "best_ms": entry["stats"]["min"] * 1e3}
        row["images_per_s"] = row["batch"] * 1e3 / row["ms"]
        row.setdefault("memory_mib", None)
        rows.append(row)
    return with_ratios(rows)


def with_ratios(rows: list[Row]) -> list[Row]:
    """The rows, each with its time over that of the first of its setting."""
    first: dict[tuple[Any, ...], float] = {}
    return [row | {"ratio": row["ms"] / first.setdefault(_setting(row), row["ms"])} for row in rows]


def table(rows: list[Row]) -> str:
    """Rows as Markdown, one block per kind."""
    lines = []
    for kind in dict.fromkeys(row["kind"] for row in rows):
        lines += [f"**{kind}**", ""]
        lines += [
            "| pictures x px | faces | who | ms (best) | ratio | pictures / s | MiB |",
            "|---|---|---|---|---|---|---|",
        ]
        for row in rows:
            if row["kind"] == kind:
                memory = "" if row["memory_mib"] is None else f"{row['memory_mib']:.0f}"
                cells = [f"{row['batch']} x {row['resolution']}", row["faces"], row["who"]]
                slow = f", 95 % in {row['p95_ms']:.1f}" if "p95_ms" in row else ""
                cells += [
                    f"{row['ms']:.2f} ({row['best_ms']:.2f}{slow})",
                    f"{row['ratio']:.{0 if row['ratio'] >= 100 else 2}f}",
                ]
                lines.append(f"| {' | '.join(map(str, cells))} | {row['images_per_s']:.0f} | {memory} |")
        lines.append("")
    return "\n".join(lines)


def plot(rows: list[Row], path: Path, caption: str) -> None:
    """How time and memory grow with resolution, faces and batch, on logarithmic axes."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from ganverse_nb.figures.style import BLUE, DPI, GREY, ORANGE, STYLE

    panels = {"resolution": "pixels per side (4 pictures, 1280 faces)", "faces": "faces (16 pictures of 64 px)"}
    panels |= {"batch": "pictures of 64 px (1280 faces)"}
    with rc_context(STYLE):
        figure = Figure((9.0, 3.1), dpi=DPI, facecolor="white", layout="constrained")
        for axes, (axis, label) in zip(figure.subplots(1, 3), panels.items()):
            found = [row for row in rows if row["kind"] == f"growth with {axis}"]
            x, ms = [row[axis] for row in found], [row["ms"] for row in found]
            axes.loglog(x, ms, "o-", color=BLUE, base=2, label="ms, forward and backward")
            axes.set(xlabel=label, xticks=x, xticklabels=x)
            axes.minorticks_off()
            axes.yaxis.set_major_formatter("{x:g}")
            axes.grid(True)
            memory = [(value, row["memory_mib"]) for value, row in zip(x, found) if row["memory_mib"]]
            if memory:
                axes.plot(*zip(*memory), "s--", color=ORANGE, markersize=4, label="MiB at the peak")
        figure.axes[0].legend()
        figure.supxlabel(caption, fontsize=6.5, color=GREY)
        with atomic_path(path) as partial:
            figure.savefig(partial, dpi=DPI)


def words_of(machine: dict[str, Any]) -> str:
    """The machine, its threads and the versions in one line."""
    device = machine["cpu"] if machine["device"].startswith("cpu") else machine["device"]
    threads = f", {machine['torch_threads']} threads" if "torch_threads" in machine else ""
    versions = machine["versions"]
    return f"{device}{threads}, torch {versions['torch']}, Warp {versions['warp-lang']}, commit {machine['commit']}"


def main(source: str, target: str) -> None:
    results = json.loads(Path(source).read_text())
    machine = results["machine_info"]["environment"]
    rows = rows_of(results)
    words = words_of(machine)
    print(f"Median (best) time of a pass on {words}; ratio to the first row of the same setting.\n\n{table(rows)}")
    base = Path(target)
    if any(row["kind"].startswith("growth") for row in rows):
        plot(rows, base.with_suffix(".png"), words)
    write_json(base.with_suffix(".json"), {"machine": machine, "rows": rows})


def _setting(row: Row) -> tuple[Any, ...]:
    return row["kind"], *(
        row[name] for name in ("batch", "resolution", "faces") if not row["kind"].startswith("growth")
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
