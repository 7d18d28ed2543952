"""Two processes of one thread each against one of two: photos a second of the multi-view dataset, steps a second of f.

    python -m benchmarks.together

on two processors with nothing else to do. Both are the mini profile's: 160 photos of the bundled GAN, cut out, for each
chunk; steps of Eq 2 without the perceptual term. Every number is the best of `ROUNDS`, which take turns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROUNDS, CONTENTS, STEPS, LOGGED = 3, 24, 150, 50
LAUNCH = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node")
KINDS = {"one process of two threads": (1, "2"), "two processes of one thread": (2, "1")}


def work(folder: Path) -> None:
    """What each process does; the first one prints the rates."""
    from ganverse_nb.config import load_config
    from ganverse_nb.data.generation import build_multiview
    from ganverse_nb.gan.checkpoint import bundled, load_generator
    from ganverse_nb.gan.viewpoints import ViewCodes
    from ganverse_nb.inverse_graphics.training import train_inverse_graphics
    from ganverse_nb.runtime.checkpoints import METRICS
    from ganverse_nb.runtime.process import prepare_process
    from ganverse_nb.runtime.team import Team
    from ganverse_nb.segmentation.mask_rcnn import load_segmenter

    prepare_process()
    config, team = load_config("mini"), Team.from_environment()
    generator, views = load_generator("car"), ViewCodes.load(bundled("car", "views"))
    segmenter = load_segmenter("car", "bundled")

    def make(contents: int, name: str) -> float:
        multiview = replace(config.multiview, contents=contents, test_contents=1)
        team.wait()
        begun = time.perf_counter()
        build_multiview(generator, views, segmenter, multiview, folder / name)
        return contents * len(views) / (time.perf_counter() - begun)

    make(8, "warm")
    photos = make(CONTENTS, "dataset")
    dataset = build_multiview(
        generator, views, segmenter, replace(config.multiview, contents=CONTENTS), folder / "dataset"
    )
    inverse = replace(config.inverse, steps=STEPS, perceptual_after=STEPS, robust_steps=0, head_steps=0)
    train_inverse_graphics(dataset, inverse, folder / "f")
    if team.is_main:
        lines = [json.loads(line) for line in (folder / "f" / METRICS).read_text().splitlines()]
        steps = 1 / min(line["seconds_per_step"] for line in lines[1:])
        print(json.dumps({"photos a second": photos, "steps a second": steps}))


def measure(processes: int, threads: str) -> dict[str, float]:
    """The rates of a launch."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, *LAUNCH, str(processes), "-m", "benchmarks.together", folder]
        environment = os.environ | {"OMP_NUM_THREADS": threads}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    best: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    for _ in range(ROUNDS):
        for kind, how in KINDS.items():
            found = measure(*how)
            print(kind, {name: round(rate, 2) for name, rate in found.items()}, flush=True)
            best[kind] = {name: max(rate, best[kind].get(name, 0.0)) for name, rate in found.items()}
    for kind, rates in best.items():
        print(f"best of {ROUNDS}: {kind}", {name: round(rate, 2) for name, rate in rates.items()})


if __name__ == "__main__":
    main() if len(sys.argv) == 1 else work(Path(sys.argv[1]))
