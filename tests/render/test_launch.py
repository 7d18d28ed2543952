"""How the images of a launch are shared out over threads."""

import itertools
import os

import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.render import launch
from ganverse_nb.render.launch import HEAD_START, shares
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.render.silhouette import soft_silhouette


def test_every_image_is_done_once():
    works = (1, HEAD_START, 3 * HEAD_START, 100 * HEAD_START)
    for order in itertools.product((1, 2, 3, 5, 16, 33), (1, 2, 3, 4, 16, 64), works):
        images, threads, _ = order
        parts = shares(*order)
        done = sorted(i for first, count in parts for i in range(first, first + count))
        assert done == list(range(images)), order
        assert len(parts) <= min(images, threads) and all(count > 0 for _, count in parts), order


def test_little_work_is_not_worth_a_second_thread():
    assert shares(16, 4, HEAD_START) == [(0, 16)]


def test_the_thread_that_wakes_the_others_does_more():
    (_, mine), (_, other) = shares(16, 2, 3 * HEAD_START)
    assert (mine, other) == (11, 5)


def test_much_work_is_shared_evenly():
    assert [count for _, count in shares(64, 4, 1000 * HEAD_START)] == [16] * 4
    assert [count for _, count in shares(4, 16, 1000 * HEAD_START)] == [1] * 4


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="cores are chosen on Linux only")
@pytest.mark.parametrize("allowed", [True, False])
def test_the_caller_may_run_anywhere_again_afterwards(monkeypatch, allowed):
    """Other threads stay off the caller's core while it works, and a machine that forbids that renders the same."""
    before, moved, real = os.sched_getaffinity(0), [], os.sched_setaffinity

    def move(thread, cores):
        moved.append((thread, set(cores)))
        if not allowed:
            raise PermissionError("no")
        real(thread, cores)

    monkeypatch.setattr(os, "sched_setaffinity", move)
    monkeypatch.setattr(launch, "kernel_threads", lambda: 2)
    sphere = uv_sphere()
    clip = Camera.orbit(torch.arange(8) * 40.0).to_clip(sphere.vertices * 0.5)
    together = rasterize(clip, sphere.faces, 128, backend="warp").face_index
    assert moved and os.sched_getaffinity(0) == before
    if allowed and len(before) > 1:
        (worker, others), (_, here) = moved[:2]
        assert worker != 0 and len(here) == 1 and not here & others
    monkeypatch.setattr(launch, "kernel_threads", lambda: 1)
    assert torch.equal(rasterize(clip, sphere.faces, 128, backend="warp").face_index, together)


def test_torch_keeps_to_one_thread_while_kernels_run_and_has_its_number_back_afterwards(monkeypatch):
    """Forward, backward and after an error; torch's own waiting threads would take the cores from the kernels."""
    before, during, real = torch.get_num_threads(), [], launch.launch_in_order

    def watched(*calls):
        during.append((torch.get_num_threads(), launch.kernel_threads()))
        real(*calls)

    monkeypatch.setattr(launch, "launch_in_order", watched)
    for module in ("rasterize", "silhouette"):
        monkeypatch.setattr(f"ganverse_nb.render.{module}.launch_in_order", watched)
    torch.set_num_threads(3)
    try:
        sphere = uv_sphere()
        clip = Camera.orbit(torch.arange(4) * 40.0).to_clip(sphere.vertices * 0.5).requires_grad_()
        seen = rasterize(clip, sphere.faces, 32, backend="warp")
        (soft_silhouette(clip, sphere.faces, seen.face_index).sum() + seen.depth.sum()).backward()
        assert during == [(1, 3)] * 4 and torch.get_num_threads() == 3
        with pytest.raises(ValueError, match="not finite"):
            rasterize(clip.detach() * float("nan"), sphere.faces, 32)
        assert torch.get_num_threads() == launch.kernel_threads() == 3
    finally:
        torch.set_num_threads(before)
