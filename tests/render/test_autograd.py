"""What callers of autograd, inference mode and `torch.compile` meet: right numbers, or a sentence."""

from dataclasses import replace

import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.losses import flatten_loss, laplacian_loss
from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.render.renderer import render
from ganverse_nb.render.silhouette import KAOLIN, soft_silhouette
from ganverse_nb.render.texture import interpolate, sample_texture, texture_faces

TRIANGLE = torch.tensor([[[-0.4, -0.3, 0.1], [0.45, -0.35, 0.0], [0.05, 0.5, -0.1]]], dtype=torch.float64)
FACES = torch.tensor([[0, 1, 2]])


def real(*shape):
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def depth(clip):
    return rasterize(clip, FACES, 16).depth


def silhouette(clip, truncation=None):
    return soft_silhouette(clip, FACES, rasterize(clip, FACES, 16).face_index, 0.05, truncation=truncation)


FUNCTIONS = {
    "depth": depth,
    "barycentric": lambda clip: rasterize(clip, FACES, 16).barycentric,
    "silhouette": silhouette,
    "truncated": lambda clip: silhouette(clip, KAOLIN),
    "interpolate": lambda clip: interpolate(real(1, 1, 3, 2), rasterize(clip, FACES, 16)),
    "texture": lambda clip: sample_texture(real(1, 3, 4, 4), interpolate(real(1, 1, 3, 2), rasterize(clip, FACES, 16))),
    "texture_faces": lambda clip: texture_faces(real(1, 3, 4, 4), real(1, 1, 3, 2), rasterize(clip, FACES, 16)),
}


@pytest.mark.parametrize("loss", [torch.sum, lambda x: x.square().sum()], ids=["linear", "square"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_second_derivatives_are_refused_and_first_ones_with_a_graph_are_right(name, loss):
    azimuth = torch.tensor([5.0], dtype=torch.float64, requires_grad=True)

    def picture(angle):
        return loss(FUNCTIONS[name](Camera.orbit(angle, 3.0).to_clip(TRIANGLE)))

    (plain,) = torch.autograd.grad(picture(azimuth), azimuth)
    (graphed,) = torch.autograd.grad(picture(azimuth), azimuth, create_graph=True)
    assert torch.equal(plain, graphed)
    with torch.no_grad():
        step = 1e-6
        difference = (picture(azimuth + step) - picture(azimuth - step)) / (2 * step)
    if name != "truncated" and name != "texture":  # whose steps are not smooth
        torch.testing.assert_close(plain[0], difference, rtol=1e-4, atol=1e-7)
    with pytest.raises(NotImplementedError, match="first derivatives only") as refused:
        graphed.sum().backward()
    assert len(str(refused.value).splitlines()) == 1


def test_a_texture_has_no_second_derivative_either():
    texture = real(1, 3, 4, 4).requires_grad_()
    fragments = rasterize(Camera.orbit(torch.tensor([5.0], dtype=torch.float64)).to_clip(TRIANGLE), FACES, 16)
    loss = texture_faces(texture, real(1, 1, 3, 2), fragments).square().sum()
    (gradient,) = torch.autograd.grad(loss, texture, create_graph=True)
    with pytest.raises(NotImplementedError, match="first derivatives only"):
        torch.autograd.grad(gradient.square().sum(), texture)


def test_losses_and_pictures_are_the_same_inside_inference_mode():
    def values(mesh):
        picture = render(replace(mesh, face_uvs=None), Camera.orbit(10.0), 32)
        losses = [f(mesh.vertices, mesh.faces) for f in (laplacian_loss, flatten_loss)]
        return torch.stack([picture.silhouette.sum(), picture.depth.sum(), *losses])

    with torch.inference_mode():
        inside = values(uv_sphere(5, 8))
    assert torch.equal(inside, values(uv_sphere(5, 8)))


def test_what_inference_mode_remembers_serves_a_gradient_later():
    mesh = uv_sphere(5, 8)
    with torch.inference_mode():
        laplacian_loss(mesh.vertices, mesh.faces)
    vertices = mesh.vertices.clone().requires_grad_()
    (laplacian_loss(vertices, mesh.faces) + flatten_loss(vertices, mesh.faces)).backward()
    assert vertices.grad.abs().sum() > 0


def test_compiled_functions_meet_the_renderer_without_compiling_it_again_and_again():
    from torch._dynamo.testing import CompileCounter

    mesh, counter = replace(uv_sphere(5, 8), face_uvs=None), CompileCounter()

    def loss(vertices, azimuth):
        picture = render(replace(mesh, vertices=vertices), Camera.orbit(azimuth), 16)
        return picture.silhouette.sum() + laplacian_loss(vertices, mesh.faces) + flatten_loss(vertices, mesh.faces)

    compiled, counts = torch.compile(loss, backend=counter), []
    try:
        for step in range(4):
            vertices = mesh.vertices.clone().requires_grad_()
            azimuth = torch.tensor([10.0 * step])
            found = compiled(vertices, azimuth)
            found.backward()
            torch.testing.assert_close(found, loss(mesh.vertices, azimuth))
            counts.append(counter.frame_count)
    finally:
        torch._dynamo.reset()
    assert counts[0] == counts[-1], counts
