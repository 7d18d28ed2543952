"""Two processes of one thread each against one of two: photos a second of the multi-view dataset, steps a second of f.

    python -m benchmarks.together

on two processors with nothing else to do. Both at the mini profile's sizes: photos of the bundled GAN, cut out; steps
of Eq 2 without the perceptual term, on degraded pictures ("robust"), and of the camera head. Each number is that of the
quickest `CONTENTS` contents and of the quickest step.
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

CONTENTS, TIMES, STEPS = 8, 6, 40
LAUNCH = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node")
KINDS = {"one process of two threads": (1, "2"), "two processes of one thread": (2, "1")}


def work(folder: Path) -> None:
    """What each process does; the first one prints the rates."""
    from ganverse_nb.config import load_config
    from ganverse_nb.data.generation import build_multiview
    from ganverse_nb.gan.checkpoint import bundled, load_generator
    from ganverse_nb.gan.viewpoints import ViewCodes
    from ganverse_nb.inverse_graphics.training import Trainer
    from ganverse_nb.runtime.precision import has_bfloat16
    from ganverse_nb.runtime.process import prepare_process
    from ganverse_nb.runtime.team import Team
    from ganverse_nb.runtime.threads import one_thread
    from ganverse_nb.segmentation.mask_rcnn import load_segmenter

    prepare_process()
    config, team = load_config("mini"), Team.from_environment()
    generator, views = load_generator("car"), ViewCodes.load(bundled("car", "views"))
    segmenter = load_segmenter("car", "bundled")
    multiview, rates = replace(config.multiview, contents=CONTENTS, test_contents=1), {}

    seconds = []
    for number in range(TIMES):
        team.wait()
        begun = time.perf_counter()
        dataset = build_multiview(generator, views, segmenter, multiview, folder / str(number))
        seconds.append(time.perf_counter() - begun)
    rates["photos"] = CONTENTS * len(views) / min(seconds)

    inverse = config.inverse
    begins = {"network": 0, "robust": inverse.steps, "head": inverse.steps + inverse.robust_steps}
    trainer = Trainer(dataset, inverse, folder, None, 0, "cpu", True)
    for name, begin in begins.items():
        trainer.step, step, seconds = begin, getattr(trainer, f"{name}_step"), []
        with one_thread(has_bfloat16("cpu")):
            for _ in range(STEPS):
                begun = time.perf_counter()
                step()
                seconds.append(time.perf_counter() - begun)
        rates[f"steps ({name})"] = 1 / min(seconds)
    if team.is_main:
        print(json.dumps(rates))


def measure(processes: int, threads: str) -> dict[str, float]:
    """What a launch does in a second."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, *LAUNCH, str(processes), "-m", "benchmarks.together", folder]
        environment = os.environ | {"OMP_NUM_THREADS": threads}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        for kind, how in KINDS.items():
            print(kind, {name: round(rate, 1) for name, rate in measure(*how).items()}, flush=True)
    else:
        work(Path(sys.argv[1]))
