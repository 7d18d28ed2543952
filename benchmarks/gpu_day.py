"""What a lent GPU is asked, part by part, each within its seconds; started by `benchmarks/gpu_day.sh`.

    check     the renderer on CUDA against the CPU, and beside nvdiffrast (`benchmarks.gpu_check`)
    teacher   the car's GAN of 128 px goes on from the package's, for as long as there is time
    inverse   steps of f and of the camera head at the sizes of profile `gpu`
    paper     each stage of profile `paper` at its true size: a step, its time and memory (`benchmarks.rehearse`)

Each can be asked for alone, and what was measured before stays for the others. Copied to figures/gpu_day.json, the file
is shown by docs/paper_scale.md (`python -m benchmarks.paper_scale`).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ganverse_nb.runtime.checkpoints import METRICS
from ganverse_nb.runtime.files import write_json
from ganverse_nb.workflow.provenance import environment

SECONDS = {"check": 150, "teacher": 180, "inverse": 50, "paper": 100}  # together eight minutes
PATIENCE_ON_CPU = 6  # times as long for a rehearsal, whose processor may have other work
SECONDS_TO_END = 20  # for a training that was asked to
RESULT = "gpu_day.json"
TINY_GAN = {"gan.resolution": 16, "gan.channels": "[16,16,16]", "gan.images": 64, "gan.photos": 32, "gan.batch": 16}


def commands(out: Path, dry: bool, nvdiffrast: Path | None = None) -> dict[str, list[str]]:
    """The command of each part; `dry` ones do the same on the CPU, with sizes of which nothing is to be learned."""
    run = [sys.executable, "-m"]
    device, size, repeat = ("cpu", "small", "0") if dry else ("cuda", "gpu", "8")
    check = [*run, "benchmarks.gpu_check", "--output", str(out / "check.json")]
    check += ["--dry"] if dry else (["--nvdiffrast", str(nvdiffrast)] if nvdiffrast else [])
    teacher = [*run, "ganverse_nb", "train-gan", "--category", "car", "--runs", str(out / "runs")]
    if dry:
        teacher += ["--profile", "smoke", *(f"--set={name}={value}" for name, value in TINY_GAN.items())]
    else:
        teacher += ["--profile", "gpu", "--set=gan.photos=8192"]
    rehearse = [*run, "benchmarks.rehearse", "--device", device]
    steps = ["network_step"] if dry else ["network_step", "head_step"]
    inverse = [*rehearse, *steps, "--size", size, "--seconds", repeat]
    paper = [*rehearse, *(["paint", "--size", "small"] if dry else ["--seconds", "2"])]
    return {
        "check": check,
        "teacher": teacher,
        "inverse": [*inverse, "--output", str(out / "inverse.json")],
        "paper": [*paper, "--output", str(out / "paper.json")],
    }


def do(command: Sequence[str], seconds: float) -> dict[str, Any]:
    """Runs a command for so long at most: it is interrupted then, as by Ctrl-C, and has `SECONDS_TO_END` to keep its
    state. Its exit status, seconds, whether it was interrupted, and its last words."""
    began, interrupted = time.perf_counter(), False
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # background jobs ignore it, and hand that down
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=heed
    ) as process:
        try:
            told, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            interrupted = True
            process.send_signal(signal.SIGINT)
            try:
                told, _ = process.communicate(timeout=SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                told, _ = process.communicate()
    words = [line for line in told.replace("\r", "\n").splitlines() if line.strip()][-3:]
    facts = {"exit": process.returncode, "interrupted": interrupted, "seconds": time.perf_counter() - began}
    return {"command": list(command), **facts, "last_words": words}


def found(part: str, out: Path) -> Any:
    """What a part has measured; None where it has left nothing."""
    if part == "teacher":
        logs = sorted(out.glob(f"runs/*/gan*/{METRICS}"))
        return [json.loads(line) for line in logs[0].read_text().splitlines()] if logs else None
    path = out / f"{part}.json"
    return json.loads(path.read_text()) if path.is_file() else None


def day(parts: Sequence[str], out: Path, dry: bool = False, nvdiffrast: Path | None = None) -> int:
    """Runs the parts one after the other; how many of them have failed."""
    out.mkdir(parents=True, exist_ok=True)
    result = out / RESULT
    kept = json.loads(result.read_text())["parts"] if result.is_file() else {}
    failed = 0
    for part in parts:
        facts = do(commands(out, dry, nvdiffrast)[part], SECONDS[part] * (PATIENCE_ON_CPU if dry else 1))
        well = facts["exit"] == 0 or (facts["interrupted"] and part == "teacher")
        failed += not well
        kept[part] = {**facts, "well": well, "found": found(part, out)}
        write_json(result, {"machine": environment(), "dry": dry, "parts": kept})  # now: time may end in the next part
        state = "well" if well else "FAILED"
        print(f"{part}: {state} after {facts['seconds']:.0f} s; {' | '.join(facts['last_words'])}", flush=True)
    print(f"wrote {result}")
    return failed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/gpu_day.sh", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(SECONDS)} (default: all)")
    parser.add_argument("--dry", action="store_true", help="the same on the CPU, tiny: whether it runs")
    parser.add_argument("--nvdiffrast", type=Path, metavar="DIR", help="source tree to build where it is not installed")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", "build/gpu_day")), metavar="DIR")
    options = parser.parse_args(arguments)
    unknown = [part for part in options.parts if part not in SECONDS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; there are {', '.join(SECONDS)}")
    if not options.dry and not torch.cuda.is_available():
        said = "there is no CUDA device that this PyTorch can use; --dry rehearses on the CPU."
        print(f"gpu_day: {said}", file=sys.stderr)
        return 2
    return min(1, day(options.parts or list(SECONDS), options.out, options.dry, options.nvdiffrast))


if __name__ == "__main__":
    sys.exit(main())
