"""A generator whose azimuth is known, and a regressor that reads it."""

from __future__ import annotations

import torch
from torch import nn

from ganverse_nb.gan.pose import Pose

LAYERS = 8
SIZE = 8


class KnownGenerator:
    """Paints the azimuth: layers 0..2 turn the object, layer 2 by little, and layer 5 changes its shape."""

    num_ws, w_dim, z_dim, resolution = LAYERS, 2, 2, SIZE
    const = nn.Parameter(torch.zeros(1))

    def mapping(self, z):
        return z / z.norm(dim=1, keepdim=True)

    def truncate(self, w, psi):
        return w

    def styles(self, w_plus):
        return w_plus

    def synthesize(self, w_plus):
        angle = torch.atan2(w_plus[..., 0], w_plus[..., 1])
        vector = torch.stack([angle.sin(), angle.cos()], -1)
        azimuth = 0.55 * vector[:, 0] + 0.35 * vector[:, 1] + 0.1 * vector[:, 2]
        shape = 0.5 + 0.4 * vector[:, 5, 0]
        values = torch.cat([azimuth, shape[:, None]], 1)
        return values[:, :, None, None].expand(-1, -1, SIZE, SIZE)


class KnownRegressor:
    def pose(self, images):
        return Pose(
            torch.rad2deg(torch.atan2(images[:, 0, 0, 0], images[:, 1, 0, 0])),
            torch.ones(len(images)),
            torch.full((len(images),), 14.0),
        )
