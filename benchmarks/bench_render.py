"""Times of the renderer, side by side in one run; `make bench` runs this and prints `benchmarks.report`.

Every test is one row: a setting, who renders (`who`) and what is done (`kind`). Nothing is asserted about time.
"""

from __future__ import annotations

import pytest
import torch

from benchmarks.llvmpipe import Llvmpipe
from benchmarks.peers import PEERS, Missing, brute_force
from benchmarks.scenes import SPHERES, make_scene, ours, peak_memory
from benchmarks.training import training_step
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.render.silhouette import soft_silhouette

SIZES = [(16, 64), (16, 128), (4, 256), (1, 512)]  # batch, pixels
BRUTE = [(1, 32, 320), (1, 32, 1280), (1, 64, 320)]  # batch, pixels, faces: what fits into memory
GROWTH = (
    [("resolution", 4, side, 1280) for side in (32, 64, 128, 256, 512)]
    + [("faces", 16, 64, faces) for faces in SPHERES]
    + [("batch", batch, 64, 1280) for batch in (1, 2, 4, 8, 16, 32, 64)]
)


def run(benchmark, step, kind, who, batch, resolution, faces, device="cpu", memory=True):
    """One row of the table; the first call, which compiles, is not timed."""
    benchmark.group = f"{kind}: {batch} x {resolution} px, {faces} faces"
    benchmark.extra_info |= {"kind": kind, "who": who, "batch": batch, "resolution": resolution, "faces": faces}
    step()
    if memory:
        benchmark.extra_info["memory_mib"] = peak_memory(step, device)
    benchmark(step)


@pytest.mark.parametrize("who", PEERS)
@pytest.mark.parametrize("faces", [1280, 5120])
@pytest.mark.parametrize(("batch", "resolution"), SIZES)
def test_silhouette_and_texture(benchmark, batch, resolution, faces, who, device):
    try:
        step = PEERS[who](make_scene(batch, resolution, faces, device))
    except Missing as reason:
        pytest.skip(f"{reason}")
    run(benchmark, step, "silhouette + texture", who, batch, resolution, faces, device)


@pytest.mark.parametrize("who", ["ours", "loops in Numba"])
@pytest.mark.parametrize(
    ("batch", "resolution", "faces"), [(16, 64, 1280), (16, 128, 1280), (4, 256, 1280), (16, 128, 5120)]
)
def test_mask_alone(benchmark, batch, resolution, faces, who, device):
    """What trains a shape from masks: z-buffer and soft silhouette, forward, and backward to the clip coordinates.

    At sigma 1e-4, PyTorch3D's default, which the prototype's 6.3, 12.8, 10.3 and 29 ms were measured with; beside it
    loops in Numba, which the prototype was, on this machine and in this run.
    """
    if who != "ours" and device != "cpu":
        pytest.skip("Numba's loops run on the CPU")
    scene = make_scene(batch, resolution, faces, device)
    clip, weights = scene.clip().detach().requires_grad_(), scene.weights[:, 3:].contiguous()

    def step():
        clip.grad = None
        seen = rasterize(clip, scene.mesh.faces, resolution, backend="warp").face_index
        soft_silhouette(clip, scene.mesh.faces, seen, sigma=1e-4).backward(weights)
        if clip.device.type == "cuda":
            torch.cuda.synchronize()
        return clip.grad

    if who != "ours":
        pytest.importorskip("numba")
        from benchmarks.numba_loops import NumbaLoops

        truth, step = step(), NumbaLoops(clip, scene.mesh.faces, weights, sigma=1e-4)
        assert (step() - truth).abs().max() < 1e-3 * truth.abs().max()
    run(benchmark, step, "silhouette + z-buffer", who, batch, resolution, faces, device)


@pytest.mark.parametrize("who", ["ours", "brute force"])
@pytest.mark.parametrize(("batch", "resolution", "faces"), BRUTE)
def test_beside_the_definition(benchmark, batch, resolution, faces, who, device):
    if device != "cpu":
        pytest.skip("the brute-force twin is timed on the CPU")
    scene = make_scene(batch, resolution, faces)
    step = {"ours": ours, "brute force": brute_force}[who](scene)
    run(benchmark, step, "definition", who, batch, resolution, faces)


@pytest.mark.parametrize(("axis", "batch", "resolution", "faces"), GROWTH)
def test_growth(benchmark, axis, batch, resolution, faces, device):
    step = ours(make_scene(batch, resolution, faces, device))
    run(benchmark, step, f"growth with {axis}", "ours", batch, resolution, faces, device)


@pytest.mark.parametrize("who", ["whole step", "rendering"])
@pytest.mark.parametrize("perceptual", [False, True], ids=["before L_percept", "with L_percept"])
def test_training_step(benchmark, perceptual, who, device):
    """The mini profile's step of f and its cameras, and the rendering in it, forward and backward."""
    if device != "cpu":
        pytest.skip("the mini profile trains on the CPU")
    whole, rendering = training_step(perceptual)
    kind = "training, with L_percept" if perceptual else "training, before L_percept"
    run(benchmark, whole if who == "whole step" else rendering, kind, who, 16, 64, 1280, memory=False)


def test_float64_is_there_too(benchmark, device):
    step = ours(make_scene(16, 64, 1280, device, torch.float64))
    run(benchmark, step, "float64", "ours", 16, 64, 1280, device)


@pytest.mark.parametrize("who", ["ours", "llvmpipe, faces only", "llvmpipe"])
def test_zbuffer_alone(benchmark, who, device):
    """16 pictures of 256 x 256: face, barycentrics and depth of each pixel; `faces only` leaves out the other two.

    The last test of the file: Mesa brings an LLVM of its own, and what loads another one after it (Triton) crashes.
    """
    if device != "cpu":
        pytest.skip("llvmpipe runs on the CPU")
    scene = make_scene(16, 256, 1280)
    clip, faces = scene.clip().detach(), scene.mesh.faces
    step = lambda: rasterize(clip, faces, 256, backend="warp")  # noqa: E731
    if who != "ours":
        truth = step().face_index
        try:
            step = Llvmpipe(clip, faces, 256, everything=who == "llvmpipe")
        except Missing as reason:
            pytest.skip(f"{reason}")
        assert (step.face_index() == truth).float().mean() > 0.98
    run(benchmark, step, "z-buffer", who, 16, 256, 1280)
