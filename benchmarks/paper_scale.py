"""docs/paper_scale.md from what `make rehearse` and a day with a GPU measured: `python -m benchmarks.paper_scale`."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.page import ROOT
from benchmarks.rehearse import FIGURE
from benchmarks.report import words_of
from ganverse_nb.config import Config, load_config
from ganverse_nb.runtime.files import write_text

CATEGORY = "car"
DAY = ROOT / "figures" / "gpu_day.json"
SUSTAINED = 20.0  # TFLOP/s that a GPU is taken to compute in the mean; the H200's data sheet names 67 in float32
FRESH_VIEWS = 2  # pictures of each fresh content
HEAD = """# What the profile `paper` asks for

Written by `python -m benchmarks.paper_scale` from figures/rehearsal.json; nothing here is typed by hand.
`make rehearse` does one step of each stage for the paper's car at its true size: config-e of 512 x 384 px, COCO's Mask
R-CNN and VGG16 with all their channels and random weights, 256 px, textures of 256 x 512. Every piece is a process of
its own.
"""

MEASURED = """Seconds are those of computation, not of the clock. Operations are counted by PyTorch; what Warp renders
is in the seconds only. The peak is the resident memory of the whole process, libraries and made-up data included.
"""
PROJECTED = f"""None of these hours was measured: they are the steps above, times how often a run does them. Hours of a
GPU are the counted operations at {SUSTAINED:.0f} TFLOP/s, an assumption (an H200 names 67 in float32); rendering,
reading and figures are not in them. All steps of f count as with L_percept, which the first 3,000 do not have.
Ablations, the photo model and the other trainings that are only compared are not in the sum. The paper took 120 hours
on four V100 for f."""


def amounts(config: Config) -> dict[str, int]:
    """Piece -> how many pictures or steps of it a run has, from the GAN's file to the end of notebook 09."""
    facts, multi, neural = config.kind.paper, config.multiview, config.stylegan_r
    pictures, fresh = multi.contents * config.views.views, FRESH_VIEWS * neural.fresh_contents
    return {
        "paint": pictures + fresh,
        "cut": pictures,
        "infer": (facts.kept if facts else pictures) + fresh,
        "mask_step": neural.mask_steps,
        "warm_step": neural.warmup_steps,
        "network_step": config.inverse.steps,
        "head_step": config.inverse.head_steps,
        "joint_step": neural.finetune_steps,
        "projection_step": config.evaluation.projection_steps,
    }


def page(found: dict[str, Any] | None, day: dict[str, Any] | None = None) -> str:
    """The page as Markdown; without measurements it says which command makes them.

    Args:
        found: of `benchmarks.rehearse` on the CPU.
        day: of `benchmarks.gpu_day`; rehearsals of it are left out.
    """
    if found is None or not found["rows"]:
        return f"{HEAD}\nNot measured yet: `make rehearse`.\n"
    return "\n".join([HEAD, *_measured(found), *_on_a_gpu(day), *_projected(found["rows"])]) + "\n"


def _on_a_gpu(day: dict[str, Any] | None) -> list[str]:
    """What a GPU took, and the hours of a whole run that this makes."""
    paper = day["parts"].get("paper", {}).get("found") if day is not None and not day["dry"] else None
    if paper is None:
        return ["On a GPU: not measured yet (`benchmarks/gpu_day.sh`).", ""]
    often, total = amounts(load_config("paper", CATEGORY)), 0.0
    lines = ["## Measured: on a GPU", "", f"{words_of(paper['machine'])}.", ""]
    lines += [
        "| piece | pictures or steps in it | seconds | peak memory, GB | of a run | hours |",
        "|---|---|---|---|---|---|",
    ]
    for row in paper["rows"]:
        seconds, times = row.get("again_seconds", row["wall_seconds"]), often[row["piece"]] / row["count"]
        total += (hours := seconds * times / 3600)
        cells = [row["what"], row["count"], f"{seconds:.3f}", f"{row['peak_mib'] * 2**20 / 1e9:.1f}"]
        cells += [f"{often[row['piece']]:,}", f"{hours:,.1f}"]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return [*lines, f"| together | | | | | {total:,.1f} |", ""]


def _measured(found: dict[str, Any]) -> list[str]:
    lines = ["## Measured: one step of each stage on one core", "", f"{words_of(found['machine'])}.", ""]
    lines += ["| piece | pictures or steps in it | seconds of one core | TFLOP | peak memory, GB |"]
    lines += ["|---|---|---|---|---|"]
    for row in found["rows"]:
        cells = [row["what"], row["count"], f"{row['cpu_seconds']:.1f}", f"{row['teraflops']:.2f}"]
        lines.append(f"| {' | '.join(map(str, cells))} | {row['peak_mib'] * 2**20 / 1e9:.1f} |")
    return [
        *lines,
        "",
        MEASURED,
    ]


def _projected(rows: list[dict[str, Any]]) -> list[str]:
    """Hours of a whole run: what was measured, times how often."""
    often, total = amounts(load_config("paper", CATEGORY)), [0.0, 0.0]
    lines = ["## Projected: a whole run of the car", ""]
    lines += [
        "| piece | pictures or steps of a run | hours of one core | PFLOP | hours of a GPU |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        times = often[row["piece"]] / row["count"]
        hours, peta = row["cpu_seconds"] * times / 3600, row["teraflops"] * times / 1e3
        total = [total[0] + hours, total[1] + peta]
        lines.append(f"| {row['what']} | {often[row['piece']]:,} | {hours:,.1f} | {peta:,.1f} | {_gpu(peta):,.1f} |")
    lines.append(f"| together | | {total[0]:,.0f} | {total[1]:,.0f} | {_gpu(total[1]):,.1f} |")
    missing = sorted(set(often) - {row["piece"] for row in rows})
    return [
        *lines,
        "",
        *([f"Not measured, and so not in the sum: {', '.join(missing)}.", ""] if missing else []),
        PROJECTED,
    ]


def _gpu(petaflops: float) -> float:
    return petaflops * 1e3 / SUSTAINED / 3600


if __name__ == "__main__":
    found, day = (json.loads(path.read_text()) if path.is_file() else None for path in (FIGURE, DAY))
    write_text(ROOT / "docs" / "paper_scale.md", page(found, day))
