"""What is rendered in every benchmark, and the step that is timed: silhouette and texture, forward and backward."""

from __future__ import annotations

import contextlib
import ctypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.render.renderer import render
from ganverse_nb.render.silhouette import SIGMA

SPHERES = {320: (10, 16), 1280: (20, 32), 5120: (40, 64), 20480: (80, 128)}  # faces: rings, segments
Step = Callable[[], Tensor]


@dataclass(frozen=True)
class Scene:
    """`batch` views of a car-sized lump; vertices and texture are leaves, `weights` make a scalar of the pictures.

    Attributes:
        mesh: vertices [B, V, 3], texture [B, 3, 64, 128], one for each picture as in training.
        camera: B cameras all round.
        weights: [B, 4, H, W] of the RGB and the silhouette in the loss.
    """

    mesh: Mesh
    camera: Camera
    weights: Tensor

    @property
    def leaves(self) -> tuple[Tensor, Tensor]:
        assert self.mesh.texture is not None
        return self.mesh.vertices, self.mesh.texture

    @property
    def resolution(self) -> int:
        return self.weights.shape[-1]

    def clip(self) -> Tensor:
        """[B, V, 4] clip space, differentiable."""
        return self.camera.to_clip(self.mesh.vertices)


def make_scene(
    batch: int, resolution: int, faces: int, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> Scene:
    """The same scene on every device: random numbers come from the CPU.

    Raises:
        KeyError: `faces` is none of SPHERES.
    """
    random = torch.Generator().manual_seed(0)
    sphere = uv_sphere(*SPHERES[faces])
    shape = torch.tensor([0.22, 0.18, 0.48]) * (1 + 0.1 * torch.sin(3 * sphere.vertices))
    vertices = sphere.vertices * shape * (1 + 0.05 * torch.rand(batch, 1, 1, generator=random))
    texture = torch.rand(batch, 3, 64, 128, generator=random)
    weights = torch.randn(batch, 4, resolution, resolution, generator=random)
    azimuth = torch.arange(batch) * (360 / batch) + 10
    leaf = lambda t: t.to(device, dtype).requires_grad_()  # noqa: E731
    mesh = Mesh(leaf(vertices), sphere.faces.to(device), sphere.face_uvs.to(device, dtype), leaf(texture))
    return Scene(mesh, Camera.orbit(azimuth.to(device, dtype), 12.0, 2.1), weights.to(device, dtype))


def ours(scene: Scene, backend: str = "warp") -> Step:
    """One forward and backward pass of this project's renderer."""

    def step() -> Tensor:
        output = render(scene.mesh, scene.camera, scene.resolution, sigma=SIGMA, backend=backend)
        return finish(scene, output.rgb, output.silhouette)

    return step


def finish(scene: Scene, rgb: Tensor, silhouette: Tensor) -> Tensor:
    """The loss, and its gradients in the leaves; waits for the device."""
    for leaf in scene.leaves:
        leaf.grad = None
    loss = (rgb * scene.weights[:, :3]).sum() + (silhouette * scene.weights[:, 3:]).sum()
    loss.backward()
    if loss.is_cuda:
        torch.cuda.synchronize()
    return loss.detach()


def peak_memory(step: Step, device: str = "cpu") -> float | None:
    """MiB that one call of `step` needs at its peak beyond what is held before; None where that cannot be read."""
    if device.startswith("cuda"):
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # memory that was freed but kept would hide what the step takes
    try:
        Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is held now
        before = resident("VmRSS")
        step()
        return max(resident("VmHWM") - before, 0.0)
    except OSError:
        return None


def resident(name: str) -> float:
    """MiB of memory of this process: "VmRSS" now, "VmHWM" at its peak."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise OSError(f"no {name} in /proc/self/status")
    return int(found[1]) / 1024
