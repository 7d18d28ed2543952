"""On a CUDA machine: the same kernels there, and nvdiffrast where it is installed, against the CPU."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import join_meshes, uv_sphere
from ganverse_nb.render import nvdiffrast
from ganverse_nb.render.renderer import RenderOutput, render

pytestmark = pytest.mark.gpu


def draw(device: str, backend: str) -> tuple[RenderOutput, list[torch.Tensor]]:
    random = torch.Generator().manual_seed(0)
    sphere = uv_sphere()
    vertices = sphere.vertices * (0.4 + 0.05 * torch.rand(1, 642, 1, generator=random))
    texture = torch.rand(1, 3, 32, 64, generator=random)
    weights = torch.randn(4, 4, 64, 64, generator=random).to(device)
    leaves = [t.to(device).requires_grad_() for t in (vertices, texture, torch.arange(4) * 80.0 + 3)]
    mesh = replace(sphere.to(device), vertices=leaves[0], texture=leaves[1])
    out = render(mesh, Camera.orbit(leaves[2], 15.0), 64, backend=backend)
    (torch.cat([out.rgb, out.silhouette], 1) * weights).sum().backward()
    return out, [leaf.grad.cpu() for leaf in leaves]


@pytest.mark.parametrize("backend", ["warp", "nvdiffrast"])
def test_cuda_agrees_with_the_cpu(backend: str) -> None:
    if backend == "nvdiffrast" and not nvdiffrast.available():
        pytest.skip("nvdiffrast is not installed")
    (cpu, cpu_grads), (gpu, gpu_grads) = draw("cpu", "warp"), draw("cuda", backend)
    same = cpu.face_index == gpu.face_index.cpu()
    assert same.float().mean() > (0.98 if backend == "nvdiffrast" else 0.999)
    difference = (cpu.rgb - gpu.rgb.cpu()).abs().amax(1)
    assert difference[same].max() < 1e-2
    for ours, theirs in zip(cpu_grads, gpu_grads):
        assert (ours - theirs).norm() < (0.1 if backend == "nvdiffrast" else 0.01) * ours.norm()


@pytest.mark.parametrize("backend", ["warp", "nvdiffrast"])
def test_different_meshes_agree_with_the_cpu(backend: str) -> None:
    if backend == "nvdiffrast" and not nvdiffrast.available():
        pytest.skip("nvdiffrast is not installed")
    meshes = [replace(uv_sphere(*size), texture=torch.rand(1, 3, 16, 32)) for size in ((12, 20), (5, 8))]
    joined, camera = join_meshes(meshes), Camera.orbit(torch.tensor([20.0, 100.0]), 15.0, 6.0)
    cpu = render(joined, camera, 64, backend="warp")
    gpu = render(joined.to("cuda"), camera.to("cuda"), 64, backend=backend)
    same = cpu.face_index == gpu.face_index.cpu()
    assert same.float().mean() > 0.98
    assert (cpu.rgb - gpu.rgb.cpu()).abs().amax(1)[same].max() < 1e-2


def test_mipmaps_and_antialiasing() -> None:
    """A large sphere is the same with mipmaps, a small one smoother; antialiasing lets colours move the vertices."""
    if not nvdiffrast.available():
        pytest.skip("nvdiffrast is not installed")
    random = torch.Generator().manual_seed(0)
    sphere = replace(uv_sphere(), texture=torch.rand(1, 3, 128, 256, generator=random)).to("cuda")
    camera = Camera.orbit(20.0, 15.0, 5.0).to("cuda")
    few = replace(sphere, texture=sphere.texture[..., :8, :16])
    plain, smooth = (render(few, camera, 128, mipmaps=m) for m in (False, True))
    close = ((plain.rgb - smooth.rgb).abs().amax(1) < 0.05)[plain.face_index >= 0]
    assert close.float().mean() > 0.9
    plain, smooth = (render(sphere, camera, 16, mipmaps=m).rgb for m in (False, True))
    assert smooth.std() < 0.8 * plain.std()
    vertices = sphere.vertices.clone().requires_grad_()
    out = render(replace(uv_sphere().to("cuda"), face_uvs=None, vertices=vertices), camera, 32, antialias=True)
    out.rgb.sum().backward()
    assert ((out.rgb > 0) & (out.rgb < 1)).any() and (vertices.grad * vertices.detach()).sum() > 0
