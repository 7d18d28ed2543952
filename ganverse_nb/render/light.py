"""Light from all around as nine spherical harmonic coefficients (Ramamoorthi and Hanrahan 2001).

The one convention of this project: the real, orthonormal basis in world axes (x, y, z of the unit normal), without
sign changes, in the order

    0: 1    1: y    2: z    3: x    4: xy    5: yz    6: 3 z^2 - 1    7: xz    8: x^2 - y^2

with the factors in `FACTORS`. The coefficients are those of the incoming radiance L, so that a white environment of
radiance 1 has L_0 = sqrt(4 pi) and zeros.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ganverse_nb.render.checks import check_finite

_RATIOS = ((1, 4), (3, 4), (3, 4), (3, 4), (15, 4), (15, 4), (5, 16), (15, 4), (15, 16))
FACTORS = tuple(math.sqrt(n / (d * math.pi)) for n, d in _RATIOS)
COSINE = (math.pi, *[2 * math.pi / 3] * 3, *[math.pi / 4] * 5)  # the clamped cosine's band factors A_l


def sh_basis(directions: Tensor) -> Tensor:
    """[..., 9] values of the basis in the unit `directions` [..., 3]."""
    x, y, z = directions.unbind(-1)
    one = torch.ones_like(x)
    parts = [one, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y]
    return torch.stack(parts, -1) * directions.new_tensor(FACTORS)


def white_light(like: Tensor) -> Tensor:
    """[1, 9] coefficients of a white room, which leaves colours as they are, of the dtype and device of `like`."""
    light = like.new_zeros(1, len(FACTORS))
    light[:, 0] = math.sqrt(4 * math.pi)
    return light


def lamp(direction: Tensor, strength: float = 1.0) -> Tensor:
    """[B, 9] coefficients of a distant light in `direction` [B, 3] (unit, towards it).

    Surfaces that face it get about `strength` of what a white room gives: nine coefficients blur it.
    """
    return math.pi * strength * sh_basis(direction)


def sh_shading(normals: Tensor, light: Tensor) -> Tensor:
    """Irradiance / pi on surfaces with `normals`: the factor on the colour of a matte surface, Y(n) . (A L) / pi.

    Args:
        normals: [B, ..., 3] unit vectors in world axes.
        light: [B or 1, 9] grey or [B or 1, 9, 3] RGB coefficients of the incoming radiance.

    Returns:
        [B, ..., 1] or [B, ..., 3], not clamped.

    Raises:
        ValueError: the light has another shape or is not finite.
    """
    coefficients = light.ndim in (2, 3) and light.shape[1:] in ((9,), (9, 3))
    if not coefficients or len(light) not in (1, len(normals)):
        raise ValueError(f"light must be [1 or {len(normals)}, 9] or [.., 9, 3], got {tuple(light.shape)}.")
    check_finite("light", light)
    weights = light.new_tensor(COSINE)[:, None] / math.pi * (light[..., None] if light.ndim == 2 else light)
    basis = sh_basis(normals)
    return torch.einsum("bnk,bkc->bnc", basis.flatten(1, -2), weights.expand(len(normals), -1, -1)).reshape(
        *normals.shape[:-1], -1
    )
