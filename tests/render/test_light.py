"""Spherical harmonic light against numerical integration over the sphere."""

from __future__ import annotations

import math

import pytest
import torch

from ganverse_nb.render.light import lamp, sh_basis, sh_shading, white_light


def sphere(n: int = 400) -> tuple[torch.Tensor, torch.Tensor]:
    """Directions [n * 2n, 3] and their solid angles."""
    theta = (torch.arange(n, dtype=torch.float64) + 0.5) * math.pi / n
    phi = (torch.arange(2 * n, dtype=torch.float64) + 0.5) * math.pi / n
    theta, phi = torch.meshgrid(theta, phi, indexing="ij")
    directions = torch.stack([theta.sin() * phi.cos(), theta.sin() * phi.sin(), theta.cos()], -1).reshape(-1, 3)
    return directions, (theta.sin() * (math.pi / n) ** 2).reshape(-1)


def test_convention_basis_is_orthonormal_and_ordered() -> None:
    directions, angle = sphere()
    basis = sh_basis(directions)
    product = torch.einsum("nk,nl,n->kl", basis, basis, angle)
    torch.testing.assert_close(product, torch.eye(9, dtype=torch.float64), atol=1e-4, rtol=0)
    axes = sh_basis(torch.eye(3))  # x, y, z
    assert axes[1, 1] > 0.4 and axes[2, 2] > 0.4 and axes[0, 3] > 0.4
    assert axes[2, 6] > 0.6 and axes[0, 8] > 0.5 and axes[1, 8] < -0.5


def test_shading_is_the_integral_over_the_light() -> None:
    """Irradiance / pi = integral of L(w) max(0, n . w) / pi for a light made of the nine functions."""
    directions, angle = sphere()
    light = torch.randn(1, 9, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    radiance = sh_basis(directions) @ light[0]
    normals = torch.nn.functional.normalize(
        torch.randn(1, 6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64), dim=-1
    )
    cosine = (directions @ normals[0].T).clamp(min=0)
    truth = torch.einsum("nc,nm,n->mc", radiance, cosine, angle) / math.pi
    torch.testing.assert_close(sh_shading(normals, light)[0], truth, atol=1e-3, rtol=1e-3)


def test_white_room_leaves_colours_and_light_from_above_brightens_the_top() -> None:
    normals = torch.tensor([[[0.0, 1, 0], [0, -1, 0], [1, 0, 0]]])
    white = torch.zeros(1, 9)
    white[:, 0] = math.sqrt(4 * math.pi)
    torch.testing.assert_close(sh_shading(normals, white), torch.ones(1, 3, 1))
    above = white.clone()
    above[:, 1] = 1.0
    top, bottom, side = sh_shading(normals, above)[0, :, 0]
    assert top > side > bottom


def test_a_lamp_shines_where_it_points_and_a_white_room_everywhere() -> None:
    directions, angle = sphere(60)
    towards = torch.nn.functional.normalize(torch.tensor([[0.3, 0.8, -0.5]], dtype=torch.float64), dim=1)
    shading = sh_shading(directions[None], lamp(towards, 0.7))[0, :, 0]
    assert (directions[shading.argmax()] @ towards[0]) > 0.999
    assert shading.max() == pytest.approx(0.7 * (1 / 4 + 1 / 2 + 5 / 16), rel=1e-3)  # the three bands at the peak
    assert (shading * angle).sum() == pytest.approx(0.7 * math.pi, rel=1e-3)  # what a clamped cosine has in all
    torch.testing.assert_close(
        sh_shading(directions[None], white_light(towards))[0], torch.ones(len(directions), 1).double()
    )


def test_bad_light_is_named() -> None:
    with pytest.raises(ValueError, match=r"light must be \[1 or 2, 9\].*got \(2, 4\)"):
        sh_shading(torch.zeros(2, 3, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"light must be \[1 or 2, 9\] or \[.., 9, 3\], got \(2, 9, 2\)"):
        sh_shading(torch.zeros(2, 3, 3), torch.zeros(2, 9, 2))
