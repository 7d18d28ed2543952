"""docs/reliability.md, from what `make torture` has measured: the tests write their rows, and the page is made of them.

python -m tests.torture.page    the page again, from figures/reliability.json
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from filelock import FileLock

from ganverse_nb.runtime.files import read_json, write_json, write_text
from ganverse_nb.workflow.provenance import processor

ROOT = Path(__file__).parents[2]
MEASURED, PAGE = ROOT / "figures" / "reliability.json", ROOT / "docs" / "reliability.md"
HEAD = """# What a run survives

Made of what `make torture` has measured so far, figures/reliability.json. Every row is a test of `tests/torture`, and
`make test` runs a short form of them.

A run that was ended, by whatever, goes on with the same command. Every training keeps its state at the latest after
`runtime.checkpoint_seconds` of work (60; 0: only after as many steps as it has of its own), as in
`--set runtime.checkpoint_seconds=20`; photographs and pictures of the multi-view dataset are kept in pieces of some
seconds. No result depends on it. Files are written under a temporary name and renamed when they are whole.

A step whose gradients are not finite though its losses are is left out, told and counted; three in a row end the
training, and so does a loss that is not finite (`runtime.steps`). Nothing that is not finite is ever written.
"""
SECTIONS = {
    "kills": (
        "Killed at any moment",
        "SIGKILL at moments drawn with a seed: half of them from the stage's time, half before one of its changes "
        "of files. The resumed stage is compared, file by file and bit by bit, with one that nobody disturbed; a "
        "file too many is a difference. Stages are those of the package, at the size of a second; `reproduce` is "
        "of two notebooks that compute a stage each, `sweep` of two runs of one of them. Times are not compared, "
        "nor is what is made of them: of executed notebooks their cells and errors are, and not what they say; of "
        "pages (.html) and logs that they are there.",
    ),
    "signals": (
        "Asked to end",
        "The same, ended by a signal: how many of them went on to the same bits, and the longest time until it ended.",
    ),
    "mutants": (
        "Files that lie",
        "Of every file that is read back, copies that were damaged with a seed: flipped bits, cut off, emptied, "
        "longer, swapped with another file, with other types and shapes, NaN, infinity and absurd sizes. A copy is "
        "either refused in one sentence that names it, or its content is the same as before; `memory` is what reading "
        "one took at most.",
    ),
    "fuzzing": (
        "Files of strangers",
        "Pictures, meshes, foreign networks and settings that nobody would write, drawn by hypothesis: each is read, "
        "or refused in one sentence, and nothing in it runs. `slowest` and `memory` are what one took at most; a "
        "picture may have a million pixels here. What is allowed to real ones is in untrusted_input.md.",
    ),
    "troubles": (
        "A machine in trouble",
        "What the command says in one sentence. Its exit code is not 0, nothing that was finished is lost, and the "
        "same command goes on when the cause is gone.",
    ),
    "determinism": (
        "The same bits",
        "The same seed, kind of machine and number of threads give the same bits: again in another process with states "
        "kept after every step, and in two processes at once.",
    ),
    "threads": (
        "What other machines change",
        "Sums are added in another order by other numbers of threads and other processors. Gradients: of every "
        "step of a training, from the same weights, how far they are apart, as a share of how large they are "
        "(norms); the median of all steps and the largest. In float32, one thread against two, and this processor "
        "against itself computing as an older one (AVX2): only rounding is left, and single steps in which it "
        "decides on which side of a ReLU a number is, or which box a segmenter looks at. In bfloat16, which is "
        "for processors that are quick at it, rounding is 2^16 times as coarse: one thread against two; no more "
        "than bfloat16 against float32, the column after it.\n\n"
        "Weights: after the whole training with one and with two threads, each on its own; all of them as a share "
        "of how large they are, and a single one, at most, as a share of the largest of its tensor. Adam moves a "
        "weight by whole steps where its gradient is nothing but rounding, one way or the other, so that biases "
        "which begin at zero differ by up to twice what they are (2) in bfloat16 after trainings as short as "
        "these.",
    ),
}


def record(section: str, name: str, row: dict[str, Any]) -> None:
    """Keeps what was measured of `name`, and writes the page anew."""
    with FileLock(Path(tempfile.gettempdir()) / f"ganverse-torture-{os.getuid()}.lock"):  # two tests at a time
        measured = read_json(MEASURED) if MEASURED.exists() else {}
        part = measured.setdefault(section, {"machine": "", "rows": {}})
        part["machine"] = processor()
        part["rows"][name] = row
        write_json(MEASURED, measured)
        write_text(PAGE, page(measured))


def page(measured: dict[str, Any]) -> str:
    """The page as Markdown."""
    parts = [HEAD]
    for key, (title, told) in SECTIONS.items():
        if key in measured:
            rows = measured[key]["rows"]
            parts += [f"## {title}\n", f"{told}\n", table(rows), f"Measured on: {measured[key]['machine']}.\n"]
    return "\n".join(parts).rstrip() + "\n"


def table(rows: dict[str, dict[str, Any]]) -> str:
    """A line for each name; columns are those of the first."""
    columns = list(next(iter(rows.values())))
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    lines += [[name, *(str(row.get(column, "")) for column in columns)] for name, row in rows.items()]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    write_text(PAGE, page(read_json(MEASURED)))
