"""Interpolation and bilinear textures."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.render.rasterize import Fragments, rasterize
from ganverse_nb.render.texture import interpolate, sample_texture, texture_faces


def at(*points: tuple[float, float]) -> torch.Tensor:
    return torch.tensor(points)[None, None]


def test_convention_texel_centers_and_rows() -> None:
    """Texel (r, c) lies at u = (c + 1/2) / Wt, v = 1 - (r + 1/2) / Ht: v = 0 is the bottom row."""
    texture = torch.arange(6.0).reshape(1, 1, 2, 3)
    uv = at(*[((c + 0.5) / 3, 1 - (r + 0.5) / 2) for r in range(2) for c in range(3)])
    torch.testing.assert_close(sample_texture(texture, uv).flatten(), torch.arange(6.0))
    assert sample_texture(texture, at((0.5, 0.0))).item() == pytest.approx(4.0)


def test_wraps_in_u_and_clamps_in_v() -> None:
    texture = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    uv = torch.rand(1, 7, 9, 2, generator=torch.Generator().manual_seed(1))
    for turns in (-2.0, 1.0, 3.0):
        torch.testing.assert_close(
            sample_texture(texture, uv + torch.tensor([turns, 0.0])), sample_texture(texture, uv), atol=1e-5, rtol=0
        )
    middle = sample_texture(texture, at((0.0, 0.6)))
    beside = (sample_texture(texture, at((0.1, 0.6))) + sample_texture(texture, at((0.9, 0.6)))) / 2
    torch.testing.assert_close(middle, beside)
    torch.testing.assert_close(sample_texture(texture, at((0.3, 1.7))), sample_texture(texture, at((0.3, 0.99))))
    torch.testing.assert_close(sample_texture(texture, at((0.3, -4.0))), sample_texture(texture, at((0.3, 0.01))))


def test_agrees_with_grid_sample_inside() -> None:
    random = torch.Generator().manual_seed(0)
    texture, uv = torch.rand(2, 3, 6, 8, generator=random), torch.rand(2, 9, 5, 2, generator=random) * 0.8 + 0.1
    grid = torch.stack([2 * uv[..., 0] - 1, 1 - 2 * uv[..., 1]], -1)
    truth = torch.nn.functional.grid_sample(texture, grid, align_corners=False, padding_mode="border")
    torch.testing.assert_close(sample_texture(texture, uv), truth)


@pytest.mark.parametrize("shared", [False, True])
def test_texture_gradients_are_finite_differences(shared: bool) -> None:
    random = torch.Generator().manual_seed(2)
    texture = torch.rand(1 if shared else 2, 2, 4, 5, generator=random, dtype=torch.float64)
    uv = torch.rand(2, 3, 4, 2, generator=random, dtype=torch.float64) * 2.4 - 0.7
    assert torch.autograd.gradcheck(sample_texture, (texture.requires_grad_(), uv.requires_grad_()))


@pytest.mark.parametrize("shared", [False, True])
def test_interpolation_and_its_gradients(shared: bool) -> None:
    random = torch.Generator().manual_seed(0)
    barycentric = torch.rand(2, 3, 4, 3, generator=random, dtype=torch.float64)
    attributes = torch.rand(1 if shared else 2, 5, 3, 2, generator=random, dtype=torch.float64)
    face_index = torch.randint(-1, 5, (2, 3, 4), generator=random)

    def run(b: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        return interpolate(a, Fragments(face_index, b, b[..., 0]))

    for b in range(2):
        corners = attributes[0 if shared else b][face_index[b]]
        truth = (barycentric[b][..., None] * corners).sum(-2) * (face_index[b] >= 0)[..., None]
        torch.testing.assert_close(run(barycentric, attributes)[b], truth)
    assert torch.autograd.gradcheck(run, (barycentric.requires_grad_(), attributes.requires_grad_()))


@pytest.mark.parametrize("shared", [False, True])
def test_painting_in_one_pass_is_interpolation_and_sampling(shared: bool) -> None:
    random = torch.Generator().manual_seed(0)
    images = 1 if shared else 2
    texture = torch.rand(images, 3, 4, 5, generator=random, dtype=torch.float64, requires_grad=True)
    face_uvs = torch.rand(images, 5, 3, 2, generator=random, dtype=torch.float64) * 1.4 - 0.2
    barycentric = torch.rand(2, 3, 4, 3, generator=random, dtype=torch.float64, requires_grad=True)
    face_index = torch.randint(-1, 5, (2, 3, 4), generator=random)
    fragments = Fragments(face_index, barycentric, barycentric[..., 0])
    weights = torch.randn(2, 3, 3, 4, generator=random, dtype=torch.float64)
    one, two = (
        texture_faces(texture, face_uvs, fragments),
        sample_texture(texture, interpolate(face_uvs, fragments), face_index),
    )
    torch.testing.assert_close(one, two)
    for a, b in zip(
        *(torch.autograd.grad((x * weights).sum(), (texture, barycentric)) for x in (one, two)), strict=True
    ):
        torch.testing.assert_close(a, b)
    with pytest.raises(ValueError, match=r"face_uvs must be \[1 or 2, F, 3, 2\], got \(5, 3, 2\)"):
        texture_faces(texture, face_uvs[0], fragments)


def test_nothing_is_sampled_where_nothing_is_seen() -> None:
    face_index = torch.tensor([[[-1, 0]]])
    texture = torch.ones(1, 3, 2, 2, requires_grad=True)
    out = sample_texture(texture, at((0.5, 0.5), (0.5, 0.5)), face_index)
    assert out[0, :, 0, 0].tolist() == [0, 0, 0] and out[0, :, 0, 1].tolist() == [1, 1, 1]
    out[..., 0].sum().backward()
    assert (texture.grad == 0).all()


def test_bad_input_is_named() -> None:
    uv = torch.zeros(2, 4, 4, 2)
    with pytest.raises(ValueError, match=r"uv must be \[B, H, W, 2\], got \(2, 4, 4\)"):
        sample_texture(torch.zeros(1, 3, 2, 2), uv[..., 0])
    with pytest.raises(ValueError, match=r"texture must be \[1 or 2, C, Ht, Wt\], got \(3, 3, 2, 2\)"):
        sample_texture(torch.zeros(3, 3, 2, 2), uv)
    with pytest.raises(ValueError, match="texture is torch.float64 on cpu, the picture torch.float32"):
        sample_texture(torch.zeros(1, 3, 2, 2).double(), uv)
    fragments = rasterize(torch.ones(2, 3, 4), torch.tensor([[0, 1, 2]]), 4)
    with pytest.raises(ValueError, match=r"face_attributes must be \[1 or 2, F, 3, C\], got \(1, 3, 2\)"):
        interpolate(torch.zeros(1, 3, 2), fragments)
    with pytest.raises(ValueError, match=r"face_index must be \(2, 4, 4\) like uv, int64, got \(2, 4\) torch.int64"):
        sample_texture(torch.zeros(1, 3, 2, 2), uv, torch.zeros(2, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"uv \(2, 4, 4, 2\) holds a value that is not finite"):
        sample_texture(torch.zeros(1, 3, 2, 2), uv + float("nan"))
    with pytest.raises(ValueError, match=r"fragments must have .* got \(1, 2\) torch.int64 and \(1, 2, 2, 3\)"):
        interpolate(torch.zeros(1, 4, 3, 2), Fragments(torch.zeros(1, 2).long(), torch.rand(1, 2, 2, 3), uv))
    seen = Fragments(torch.full((1, 2, 2), 7), torch.rand(1, 2, 2, 3), torch.rand(1, 2, 2))
    with pytest.raises(ValueError, match="face_attributes are of 4 faces, but face 7 was seen"):
        interpolate(torch.zeros(1, 4, 3, 2), seen)
