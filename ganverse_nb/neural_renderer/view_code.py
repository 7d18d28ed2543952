"""The view code as a function of the camera: which of its dimensions the camera drives, and what the others do.

The paper maps the camera to the 144 of 2048 dimensions "with the highest correlation with the annotated viewpoints"
and does not say what the other dimensions are. Here they follow the asked azimuth too, on the closed path through the
chosen view codes (`interpolate`), or stay at the mean of the chosen codes (`mean`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganverse_nb.geometry.camera import Camera

MERGE_DEGREES = 3.0  # views closer than this are one knot, else the path would jump between two unrelated codes


def camera_correlation(codes: Tensor, azimuth: Tensor) -> Tensor:
    """Multiple correlation of every dimension with (sin, cos) of the azimuth.

    Args:
        codes: [N, D] one view code per row, N >= 4.
        azimuth: [N] degrees.

    Returns:
        [D] in [0, 1]; 0 for a dimension that does not vary.

    Raises:
        ValueError: fewer than four views (three unknowns fit three views exactly).
    """
    if len(codes) < 4:
        raise ValueError(f"The correlation with the camera needs at least 4 view codes, got {len(codes)}.")
    angle = torch.deg2rad(azimuth.double())
    design = torch.stack([torch.ones_like(angle), angle.sin(), angle.cos()], 1)
    values = codes.double()
    fitted = design @ torch.linalg.pinv(design) @ values
    total = (values - values.mean(0)).square().sum(0)
    explained = (fitted - fitted.mean(0)).square().sum(0)
    return torch.where(total > 1e-12, explained / total.clamp_min(1e-12), 0.0).clamp(0, 1).sqrt().to(codes.dtype)


def select_dimensions(codes: Tensor, azimuth: Tensor, share: float) -> Tensor:
    """Sorted indices of the `share` of dimensions (at least one) that correlate best with the azimuth.

    Raises:
        ValueError: `share` is not in (0, 1].
    """
    if not 0.0 < share <= 1.0:
        raise ValueError(f"view_share must lie in (0, 1], got {share}.")
    count = max(1, round(share * codes.shape[1]))
    return camera_correlation(codes, azimuth).topk(count).indices.sort().values


class ViewPath(nn.Module):
    """The closed path through the chosen view codes, by azimuth: linear between neighbours, exact at each view."""

    azimuth: Tensor
    codes: Tensor

    def __init__(self, knots: int, size: int):
        super().__init__()
        self.register_buffer("azimuth", torch.arange(knots) * (360.0 / max(knots, 1)))
        self.register_buffer("codes", torch.zeros(knots, size))

    @classmethod
    def through(cls, codes: Tensor, azimuth: Tensor) -> ViewPath:
        """The path through `codes` [N, D] at `azimuth` [N] degrees; views closer than 3 degrees are averaged.

        Raises:
            ValueError: no view at all.
        """
        if len(codes) == 0:
            raise ValueError("ViewPath needs at least one view code.")
        order = (azimuth.detach() % 360.0).argsort()
        turned = azimuth.detach()[order] % 360.0
        gaps = (turned.roll(-1) - turned) % 360.0
        start = (int(gaps.argmax()) + 1) % len(turned)  # behind the widest gap, which no group of near views spans
        order, turned = order.roll(-start), turned.roll(-start)
        turned = torch.where(turned < turned[0], turned + 360.0, turned)
        groups = [[0]]
        for i in range(1, len(turned)):
            if turned[i] - turned[i - 1] < MERGE_DEGREES:
                groups[-1].append(i)
            else:
                groups.append([i])
        middle = torch.stack([turned[g].mean() for g in groups]) % 360.0
        merged = torch.stack([codes.detach()[order[g]].mean(0) for g in groups])
        path = cls(len(groups), codes.shape[1])
        path.azimuth.copy_(middle.sort().values)
        path.codes.copy_(merged[middle.argsort()])
        return path

    def forward(self, azimuth: Tensor) -> Tensor:
        """[B] degrees -> [B, D]."""
        knots = len(self.azimuth)
        asked = azimuth % 360.0
        after = torch.searchsorted(self.azimuth, asked.detach().contiguous(), right=True)
        left, right = (after - 1) % knots, after % knots
        gap = (self.azimuth[right] - self.azimuth[left]) % 360.0
        gap = torch.where(gap == 0, 360.0, gap)  # a single knot
        t = (((asked - self.azimuth[left]) % 360.0) / gap)[:, None]
        return torch.lerp(self.codes[left], self.codes[right], t)


class CameraFeatures(nn.Module):
    """Camera -> [B, 2 harmonics + 2]: sin and cos of multiples of the azimuth, elevation and scale (1 / distance).

    Elevation and scale are standardised by the cameras given to `fit`.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, harmonics: int):
        super().__init__()
        self.harmonics = harmonics
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("deviation", torch.ones(2))

    @property
    def size(self) -> int:
        return 2 * self.harmonics + 2

    def fit(self, camera: Camera) -> None:
        values = self._rest(camera).detach()
        self.mean.copy_(values.mean(0))
        floor = torch.tensor([1.0, 0.01])  # a degree; a percent of the scale at distance 1: never divide by nothing
        self.deviation.copy_(torch.maximum(values.std(0, correction=0), floor.to(values)))

    def jitter(self, camera: Camera, strength: float, rng: torch.Generator) -> Camera:
        """Cameras whose elevation and scale are off by N(0, strength) standard deviations.

        With as few views as there are, a network could tell them apart by elevation and scale alone, and would then
        not know the azimuths between them.
        """
        noise = strength * torch.randn(len(camera), 2, generator=rng) * self.deviation
        elevation, scale = (self._rest(camera) + noise).unbind(-1)
        return camera.replace(elevation=elevation, distance=1.0 / scale.clamp_min(1e-3))

    @staticmethod
    def _rest(camera: Camera) -> Tensor:
        return torch.stack([camera.elevation, 1.0 / camera.distance], -1)

    def forward(self, camera: Camera) -> Tensor:
        angle = torch.deg2rad(camera.azimuth)[:, None] * torch.arange(1, self.harmonics + 1).to(camera.azimuth)
        rest = (self._rest(camera) - self.mean) / self.deviation
        return torch.cat([angle.sin(), angle.cos(), rest], -1)
