"""The soft silhouette against its definition, and its gradient against finite differences."""

from __future__ import annotations

import math

import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.render import reference
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.render.silhouette import SHARP, SIGMA, hardening, soft_silhouette


def soup(seed: int, faces: int, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    clip = torch.rand(batch, faces * 3, 4, generator=random, dtype=torch.float64) * 2 - 1
    clip[..., 3] = 1.5 + clip[..., 3].abs()
    return clip, torch.arange(faces * 3).reshape(faces, 3)


@pytest.mark.parametrize("sigma", [SIGMA, 1e-3, 3e-2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_agrees_with_the_definition(sigma: float, dtype: torch.dtype) -> None:
    clip, faces = soup(0, 12)
    face_index = rasterize(clip, faces, (21, 34)).face_index
    truth = reference.soft_silhouette(clip, faces, face_index, sigma)
    ours = soft_silhouette(clip.to(dtype), faces, face_index, sigma)
    assert ours.shape == (2, 1, 21, 34) and ((truth > 0) & (truth < 1)).any()
    torch.testing.assert_close(ours.double(), truth, atol=1e-5 if dtype == torch.float32 else 1e-12, rtol=0)


def test_agrees_with_the_definition_on_a_mesh() -> None:
    sphere = uv_sphere()
    clip = Camera.orbit(torch.tensor([10.0, 200.0]), 20.0).to_clip(sphere.vertices * 0.4)
    face_index = rasterize(clip, sphere.faces, 48).face_index
    truth = reference.soft_silhouette(clip.double(), sphere.faces, face_index)
    torch.testing.assert_close(soft_silhouette(clip, sphere.faces, face_index).double(), truth, atol=1e-5, rtol=0)


@pytest.mark.parametrize("width", range(1, 18))
def test_any_width(width: int) -> None:
    """Kernels do several pixels of a row at once: pictures narrower than that, and rests of every size."""
    clip, faces = soup(width, 4, batch=3)
    face_index = rasterize(clip, faces, (5, width)).face_index
    weights = torch.randn(3, 1, 5, width, generator=torch.Generator().manual_seed(width), dtype=torch.float64)
    pictures, grads = [], []
    for function in (soft_silhouette, reference.soft_silhouette):
        leaf = clip.clone().requires_grad_()
        pictures.append(function(leaf, faces, face_index, 0.1))
        (pictures[-1] * weights).sum().backward()
        grads.append(leaf.grad)
    assert grads[1].abs().max() > 1e-3
    torch.testing.assert_close(pictures[0], pictures[1], rtol=0, atol=1e-12)
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-6, atol=1e-9)


def test_float32_is_as_good_as_float32_can_be() -> None:
    """The kernels have an exponential of their own: exp(-d^2 / sigma) beside an edge at x = 0, to 2e-7."""
    clip = torch.tensor([[[-9.0, -9, 0, 1], [0, -9, 0, 1], [0, 9, 0, 1], [-9, 9, 0, 1]]])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    face_index = rasterize(clip, faces, 512).face_index
    row = soft_silhouette(clip, faces, face_index, 0.05, cut=1e-12)[0, 0, 100, 256:]
    x = (torch.arange(256, dtype=torch.float64) + 0.5) / 256
    torch.testing.assert_close(row.double(), torch.exp(-(x**2) / 0.05), rtol=0, atol=2e-7)


def test_value_beside_a_straight_edge() -> None:
    """Outside one edge the definition is exp(-d^2 / sigma) with d in half picture heights, 0 beyond the reach."""
    clip = torch.tensor([[[-9.0, -9, 0, 1], [-9, 9, 0, 1], [0.01, 0, 0, 1], [0.01, 9, 0, 1]]], dtype=torch.float64)
    clip[:, 2, 1] = -9
    faces = torch.tensor([[0, 2, 3], [0, 3, 1]])
    face_index = rasterize(clip, faces, 64).face_index
    sigma, cut = 1e-2, 1e-4
    row = soft_silhouette(clip, faces, face_index, sigma, cut)[0, 0, 20]
    x = (2 * torch.arange(64, dtype=torch.float64) + 1) / 64 - 1
    wanted = torch.where(x <= 0.01, 1.0, torch.exp(-((x - 0.01) ** 2) / sigma))
    reach = math.sqrt(sigma * math.log(1 / cut))
    near = x < 0.01 + reach
    assert (near & (x > 0.01)).sum() > 5 and (~near).any()
    torch.testing.assert_close(row[near], wanted[near])
    assert (row[x > 0.01 + reach] == 0).all()


def test_is_one_without_gradient_where_covered() -> None:
    clip, faces = soup(1, 6)
    clip.requires_grad_()
    face_index = rasterize(clip, faces, 32).face_index
    silhouette = soft_silhouette(clip, faces, face_index, 1e-2)[:, 0]
    covered = face_index >= 0
    assert covered.any() and (silhouette[covered] == 1).all()
    silhouette[covered].sum().backward()
    assert (clip.grad == 0).all()


@pytest.mark.parametrize("seed", range(6))
def test_vertex_gradients_are_finite_differences(seed: int) -> None:
    clip, faces = soup(seed, 5)
    face_index = rasterize(clip, faces, (12, 17)).face_index
    weights = torch.randn(2, 1, 12, 17, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    def loss(vertices: torch.Tensor) -> torch.Tensor:
        return (soft_silhouette(vertices, faces, face_index, 0.02, cut=1e-12) * weights).sum()

    assert torch.autograd.gradcheck(loss, (clip.requires_grad_(),), rtol=1e-4, atol=1e-7)


def test_gradient_agrees_with_autograd_of_the_definition() -> None:
    sphere = uv_sphere(6, 9)
    clip = Camera.orbit(torch.tensor([10.0, 200.0]), 20.0).to_clip(sphere.vertices * 0.4).double()
    face_index = rasterize(clip, sphere.faces, 40).face_index
    grads = []
    for function in (soft_silhouette, reference.soft_silhouette):
        leaf = clip.detach().requires_grad_()
        function(leaf, sphere.faces, face_index, 1e-3).square().sum().backward()
        grads.append(leaf.grad)
    assert grads[1].abs().max() > 1
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-6, atol=1e-6)


def test_moving_the_mesh_moves_the_mask_the_right_way() -> None:
    """Asking for more mask on the right pushes the mesh to the right and enlarges it."""
    sphere = uv_sphere()
    shift = torch.zeros(1, 1, 3, requires_grad=True)
    scale = torch.ones((), requires_grad=True)
    clip = Camera.orbit(0.0).to_clip(sphere.vertices * 0.4 * scale + shift)
    face_index = rasterize(clip, sphere.faces, 64).face_index
    soft_silhouette(clip, sphere.faces, face_index, 1e-3)[..., 32:].sum().backward()
    assert shift.grad[0, 0, 0] > 0 and scale.grad > 0


def test_thin_far_and_broken_faces_count_as_nothing_and_stay_finite() -> None:
    """Faces behind the camera, without area or off the picture: exactly zero; slivers: finite."""
    good = torch.tensor([[-0.4, -0.4, 0, 1], [0.4, -0.4, 0, 1], [0, 0.4, 0, 1]])
    nothing = {
        "behind": good * torch.tensor([1.0, 1, 1, -1]),
        "half behind": good * torch.tensor([[1.0, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, -1]]),
        "a line": good[[0, 1, 0]],
        "a point": good[[0, 0, 0]],
        "off the picture": good + torch.tensor([5.0, 0, 0, 0]),
        "at the eye": good * torch.tensor([1.0, 1, 1, 0]),
    }
    for name, corners in nothing.items():
        clip = corners[None].clone().requires_grad_()
        empty = torch.full((1, 16, 16), -1)
        out = soft_silhouette(clip, torch.tensor([[0, 1, 2]]), empty, 1e-2)
        out.sum().backward()
        assert (out == 0).all() and (clip.grad == 0).all(), name
    for thin in (1e-3, 1e-6, 1e-12):
        clip = (good * torch.tensor([thin, 1, 1, 1]))[None].clone().requires_grad_()
        out = soft_silhouette(clip, torch.tensor([[0, 1, 2]]), torch.full((1, 17, 17), -1), 1e-2)
        out.sum().backward()
        assert torch.isfinite(out).all() and torch.isfinite(clip.grad).all() and out.max() <= 1


def test_one_and_two_threads_agree_bit_for_bit() -> None:
    sphere = uv_sphere()
    results, threads = [], torch.get_num_threads()
    for count in (1, 2):
        torch.set_num_threads(count)
        clip = Camera.orbit(torch.arange(5) * 70.0).to_clip(sphere.vertices * 0.5).detach().requires_grad_()
        out = soft_silhouette(clip, sphere.faces, rasterize(clip, sphere.faces, 128).face_index)
        out.square().sum().backward()
        results.append((out.detach(), clip.grad))
    torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for a, b in zip(*results))


def test_bad_input_is_named() -> None:
    clip, faces = torch.ones(1, 3, 4), torch.tensor([[0, 1, 2]])
    index = torch.full((1, 4, 4), -1)
    with pytest.raises(ValueError, match=r"face_index must be \[1, H, W\], got \(2, 4, 4\)"):
        soft_silhouette(clip, faces, index.expand(2, 4, 4))
    for sigma, cut in ((0.0, 0.1), (float("nan"), 0.1), (1e-3, 0.0), (1e-3, 1.0)):
        with pytest.raises(ValueError, match="sigma must be positive and cut between 0 and 1"):
            soft_silhouette(clip, faces, index, sigma, cut)
    with pytest.raises(ValueError, match="not finite"):
        soft_silhouette(clip * float("inf"), faces, index)


def test_a_fit_hardens_its_silhouette_evenly_on_a_scale_of_logarithms():
    assert hardening(0.0, 1e-3) == 1e-3 and hardening(0.7, 1e-3) == pytest.approx(SHARP) == hardening(1.0, 1e-3)
    assert hardening(0.35, 1e-3, 1e-5) == hardening(0.1, 1e-3, 1e-5, by=0.2) == pytest.approx(1e-4)
