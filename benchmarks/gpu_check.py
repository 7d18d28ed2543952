"""The renderer on a CUDA machine against the CPU: `python -m benchmarks.gpu_check [--nvdiffrast SOURCE_TREE]`.

Face indices, soft masks and every gradient on CUDA (Warp, and nvdiffrast where it is installed or can be built) are
compared with the CPU's, then passes are timed. Takes at most 8 minutes; writes a JSON that docs/benchmarks.md shows.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.report import with_ratios
from benchmarks.scenes import Scene, make_scene, ours, peak_memory
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.render import nvdiffrast
from ganverse_nb.render.renderer import RenderOutput, render
from ganverse_nb.runtime.cores import cores
from ganverse_nb.runtime.files import write_json
from ganverse_nb.workflow.provenance import environment

CHECKED = [(8, 64, 1280), (4, 128, 5120), (2, 256, 1280)]  # pictures, pixels, faces
TIMED = [(16, 64, 1280), (16, 128, 1280), (16, 128, 5120), (16, 256, 1280), (4, 512, 5120), (64, 256, 5120)]
TINY = [(2, 24, 320)]  # of a rehearsal
LEAST_SAME_IDS = 0.98  # of all pixels; nvdiffrast moves vertices to sixteenths of a pixel before it decides
MOST_MASK_ERROR = 1e-3  # absolute, where the ids agree
MOST_GRADIENT_ERROR = 0.02  # relative, |CUDA - CPU| / |CPU|, from the pixels whose ids agree
BUILD_SECONDS, BUDGET = 240, 420


def same_ids(ours: Tensor, theirs: Tensor) -> dict[str, float]:
    """Share of equal face indices among all pixels, and among those that either covers (1 where none is covered)."""
    same, covered = ours == theirs, (ours >= 0) | (theirs >= 0)
    return {
        "all": float(same.double().mean()),
        "covered": float(same[covered].double().mean()) if covered.any() else 1.0,
    }


def relative_error(truth: Tensor, found: Tensor) -> float:
    """|found - truth| / |truth| in the Euclidean norm; 0 where both are zero, infinite where only the truth is."""
    truth, found = truth.double(), found.double()
    difference, size = float((found - truth).norm()), float(truth.norm())
    return difference / size if size > 0 else (0.0 if difference == 0 else float("inf"))


def compare(size: tuple[int, int, int], device: str, backend: str) -> dict[str, Any]:
    """How far a device and backend are from Warp on the CPU, in pictures and in the gradient of every input."""
    drawn = [_draw(make_scene(*size, device=where), name) for where, name in (("cpu", "warp"), (device, backend))]
    (truth, inputs, weights), (found, their_inputs, _) = drawn
    same = truth.face_index == found.face_index.cpu()
    for output, _, _ in drawn:
        kept = (weights * same[:, None]).to(output.rgb.device)
        (torch.cat([output.rgb, output.silhouette], 1) * kept).sum().backward()
    mask_error = (truth.silhouette - found.silhouette.cpu()).abs() * same[:, None]
    color_error = (truth.rgb - found.rgb.cpu()).abs() * same[:, None]
    gradients = {name: relative_error(leaf.grad, their_inputs[name].grad.cpu()) for name, leaf in inputs.items()}
    return {
        "batch": size[0],
        "resolution": size[1],
        "faces": size[2],
        "backend": backend,
        "same_ids": same_ids(truth.face_index, found.face_index.cpu()),
        "mask_error": float(mask_error.detach().max()),
        "color_error": float(color_error.detach().max()),
        "gradient_error": gradients,
    }


def complaints(check: dict[str, Any]) -> list[str]:
    """What of a comparison misses its bar, in words; empty where all is well."""
    found = []
    if not check["same_ids"]["all"] >= LEAST_SAME_IDS:
        found.append(f"only {check['same_ids']['all']:.2%} of the face indices agree")
    if not check["mask_error"] <= MOST_MASK_ERROR:
        found.append(f"soft masks differ by {check['mask_error']:.2g}")
    for name, error in check["gradient_error"].items():
        if not error <= MOST_GRADIENT_ERROR:
            found.append(f"the gradient of {name} is off by {error:.2g}")
    where = f"{check['backend']}, {check['batch']} x {check['resolution']} px, {check['faces']} faces"
    return [f"{where}: {words}" for words in found]


def time_pass(size: tuple[int, int, int], device: str, backend: str, repeats: int = 20) -> dict[str, Any]:
    """A row of the throughput table: forward and backward of silhouette and texture."""
    step, times = ours(make_scene(*size, device=device), backend), []
    for _ in range(3):
        step()
    for _ in range(repeats):
        start = time.perf_counter()
        step()  # ends with a synchronisation
        times.append((time.perf_counter() - start) * 1e3)
    batch, resolution, faces = size
    ms = statistics.median(times)
    row = {"kind": "throughput", "who": f"{backend} on {device}", "batch": batch, "resolution": resolution}
    row |= {"faces": faces, "ms": ms, "best_ms": min(times), "images_per_s": batch * 1e3 / ms}
    return row | {"memory_mib": peak_memory(step, device)}


def build_nvdiffrast(source: Path, target: Path) -> str:
    """Builds a source tree into `target` and makes it importable; returns what happened, in one sentence."""
    tree = target / "source"
    shutil.copytree(source, tree, ignore=shutil.ignore_patterns(".git", "build"))  # the tree may be read-only
    major, minor = torch.cuda.get_device_capability()
    settings = {"TORCH_CUDA_ARCH_LIST": f"{major}.{minor}", "MAX_JOBS": str(cores())}
    command = [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--no-index"]
    command += ["--target", str(target / "site"), str(tree)]
    try:
        made = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS, env=os.environ | settings)
    except subprocess.TimeoutExpired:
        return f"nvdiffrast was not built within {BUILD_SECONDS} s."
    if made.returncode:
        lines = (made.stdout + made.stderr).strip().splitlines()
        wrong = [line.strip() for line in lines if "error:" in line.lower() and "subprocess" not in line]
        return f"nvdiffrast could not be built: {(wrong or lines or ['no message'])[0]}"
    sys.path.insert(0, str(target / "site"))
    nvdiffrast.available.cache_clear()
    return (
        "nvdiffrast was built from source." if nvdiffrast.available() else "nvdiffrast was built, but not importable."
    )


def check(output: Path, source: Path | None, dry: bool = False) -> int:
    """Everything on a CUDA machine, or `dry`: the CPU beside itself, tiny; returns the exit status."""
    start, notes = time.perf_counter(), []
    device, checked, timed = ("cpu", TINY, TINY) if dry else ("cuda", CHECKED, TIMED)
    with tempfile.TemporaryDirectory() as folder:
        if source is not None and not nvdiffrast.available():
            notes.append(build_nvdiffrast(source, Path(folder)))
        if not nvdiffrast.available():
            notes.append("nvdiffrast is not installed: only Warp was checked.")
        backends = ["warp", "nvdiffrast"] if nvdiffrast.available() else ["warp"]
        checks = [compare(size, device, backend) for backend in backends for size in checked]
        rows: list[dict[str, Any]] = []
        for size in timed:
            for device, backend in [(device, name) for name in backends] + [("cpu", "warp")]:
                if time.perf_counter() - start > BUDGET:
                    notes.append(f"{size[0]} x {size[1]} px, {size[2]} faces on {device}: not timed, time was up.")
                    continue
                rows.append(time_pass(size, device, backend, 20 if device == "cuda" else 5))
    failed = [words for found in checks for words in complaints(found)]
    bars = {"same_ids": LEAST_SAME_IDS, "mask_error": MOST_MASK_ERROR, "gradient_error": MOST_GRADIENT_ERROR}
    result = {"machine": environment(), "bars": bars, "passed": not failed, "failed": failed, "notes": notes}
    write_json(output, result | {"checks": checks, "rows": with_ratios(rows), "seconds": time.perf_counter() - start})
    for line in (*notes, *failed, f"{len(checks)} comparisons, {len(failed)} complaints; written to {output}."):
        print(line)
    return 1 if failed else 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_check", description=__doc__.splitlines()[0])
    parser.add_argument("--nvdiffrast", type=Path, metavar="DIR", help="source tree to build where it is not installed")
    parser.add_argument("--output", type=Path, default=Path("figures/benchmark_gpu.json"), metavar="FILE")
    parser.add_argument("--dry", action="store_true", help="the CPU beside itself, tiny: whether it runs")
    options = parser.parse_args(arguments)
    if options.dry:
        return check(options.output, None, dry=True)
    if not torch.cuda.is_available():
        print("gpu_check: there is no CUDA device that this PyTorch can use; nothing was checked.", file=sys.stderr)
        return 2
    if options.nvdiffrast is not None and not (options.nvdiffrast / "setup.py").is_file():
        print(f"gpu_check: {options.nvdiffrast} is no source tree of nvdiffrast (no setup.py).", file=sys.stderr)
        return 2
    return check(options.output, options.nvdiffrast)


def _draw(scene: Scene, backend: str) -> tuple[RenderOutput, dict[str, Tensor], Tensor]:
    """The lit scene, everything that has a gradient by name, and the weights of the loss."""
    vertices, texture = scene.leaves
    like = {"dtype": vertices.dtype, "device": vertices.device}
    light = torch.tensor([[2.5, 0.6, 0.4, 0.3, 0.1, -0.1, 0.2, 0.1, -0.2]], **like).requires_grad_()
    parts = {name: value.detach().clone().requires_grad_() for name, value in scene.camera.__dict__.items()}
    mesh = Mesh(vertices, scene.mesh.faces, scene.mesh.face_uvs, texture)
    output = render(mesh, Camera(**parts), scene.resolution, light=light, backend=backend)
    return output, {"vertices": vertices, "texture": texture, "light": light, **parts}, scene.weights


if __name__ == "__main__":
    sys.exit(main())
