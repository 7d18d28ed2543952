"""docs/benchmarks.md from what was measured: `python -m benchmarks.page`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import table, words_of
from ganverse_nb.config import load_config
from ganverse_nb.runtime.files import write_text

ROOT = Path(__file__).parent.parent
CPU, GPU = ROOT / "figures" / "benchmark_render.json", ROOT / "figures" / "benchmark_gpu.json"
HEAD = """# How fast the renderer is

Written by `python -m benchmarks.page` from the JSON files beside the figures; nothing here is typed by hand.
A pass is forward and backward of silhouette and texture, with gradients in vertices and texture. `ratio` is to the
first row of the same setting, within one run. Sampling is forward only: pictures from a StyleGAN2, beside the network
written out from its definition. "Slider to picture" is the control panel of notebooks 00 and 09: from the event of a
slider to both renderers' new pictures; when it rests, both passes are counted.
"""


def page(cpu: dict[str, Any] | None, gpu: dict[str, Any] | None) -> str:
    """The page as Markdown; a missing part says which command measures it."""
    parts = [HEAD, "## On the CPU (`make bench`)\n"]
    if cpu is None:
        parts.append("Not measured yet: `make bench`.\n")
    else:
        parts += [f"{words_of(cpu['machine'])}.\n", "![Growth of time and memory](../figures/benchmark_render.png)\n"]
        parts += [table(cpu["rows"]), rendering_share(cpu["rows"])]
    parts.append("## On a GPU (`python -m benchmarks.gpu_check`)\n")
    if gpu is None:
        parts.append("Not run yet: it needs a CUDA machine.\n")
    else:
        parts += [f"{words_of(gpu['machine'])}. {' '.join(gpu['notes'])}\n", _checks(gpu), table(gpu["rows"])]
    return "\n".join(parts).rstrip() + "\n"


def rendering_share(rows: Sequence[dict[str, Any]]) -> str:
    """The share of rendering in the mini profile's training, a part of which is without L_percept; a sentence or ""."""
    config = load_config("mini").inverse
    before = config.perceptual_after / config.steps
    parts = {"training, before L_percept": before, "training, with L_percept": 1 - before}
    times = {(row["kind"], row["who"]): row["ms"] for row in rows}
    if not all((kind, who) in times for kind in parts for who in ("whole step", "rendering")):
        return ""
    rendering, whole = (
        sum(weight * times[kind, who] for kind, weight in parts.items()) for who in ("rendering", "whole step")
    )
    return (
        f"Over the {config.steps} steps of the mini profile, {before:.0%} of them before L_percept, rendering is "
        f"{rendering / whole:.1%} of the time.\n"
    )


def _checks(gpu: dict[str, Any]) -> str:
    bars = gpu["bars"]
    head = f"| backend | pictures x px, faces | equal ids (at least {bars['same_ids']}), covered | "
    head += f"soft mask, largest error (at most {bars['mask_error']:g}) | "
    head += f"gradients, largest relative error (at most {bars['gradient_error']:g}) |"
    lines = [head, "|---|---|---|---|---|"]
    for check in gpu["checks"]:
        name, worst = max(check["gradient_error"].items(), key=lambda item: item[1])
        ids = check["same_ids"]
        size = f"{check['batch']} x {check['resolution']}, {check['faces']}"
        cells = [check["backend"], size, f"{ids['all']:.4f}, {ids['covered']:.4f}", f"{check['mask_error']:.1e}"]
        lines.append(f"| {' | '.join(cells)} | {worst:.1e} ({name}) |")
    verdict = "Every bar is met." if gpu["passed"] else "Missed: " + "; ".join(gpu["failed"]) + "."
    return "\n".join([*lines, "", verdict, ""])


def _read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text()) if path.is_file() else None


if __name__ == "__main__":
    write_text(ROOT / "docs" / "benchmarks.md", page(_read(CPU), _read(GPU)))
