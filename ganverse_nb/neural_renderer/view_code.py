"""The view code as a function of the camera.

The paper maps the camera to the 144 of 2048 dimensions "with the highest correlation with the annotated viewpoints"
(`select_dimensions`) and does not say what the others are. Here they are interpolated between the chosen view codes,
along a closed path over azimuth with a slope over elevation (`interpolate`), or they are the codes' mean (`mean`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.runtime.draws import Draws

MERGE_DEGREES = 3.0  # closer views share a knot; otherwise the path would jump between two unrelated codes
WIDE = (10.0, 0.1)  # degrees of elevation, and 1 / world units
BEYOND = 3.0  # standard deviations
RIDGE = 10.0  # square degrees; the elevations of the views off the orbit sum to some hundreds


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
    """The view code of a camera: a closed path through the view codes on the orbit, and a slope over elevation.

    Linear in azimuth between neighbours and exact at each view of the orbit. The slope is fitted by least squares to
    the views above and below the orbit: (1, sin, cos) of the azimuth times the elevation relative to the orbit's.

    Attributes:
        azimuth, elevation: [K] degrees of the knots.
        nearness: [K] 1 / distance of these: how large their codes show objects.
        codes, slope: [K, D] and [3, D].
    """

    azimuth: Tensor
    elevation: Tensor
    nearness: Tensor
    codes: Tensor
    slope: Tensor

    def __init__(self, knots: int, size: int):
        super().__init__()
        self.register_buffer("azimuth", torch.arange(knots) * (360.0 / max(knots, 1)))
        self.register_buffer("elevation", torch.zeros(knots))
        self.register_buffer("nearness", torch.ones(knots))
        self.register_buffer("codes", torch.zeros(knots, size))
        self.register_buffer("slope", torch.zeros(3, size))

    @classmethod
    def through(cls, codes: Tensor, camera: Camera, on_orbit: Tensor | None = None) -> ViewPath:
        """The path through `codes` [N, D] of N cameras; views on the orbit closer than 3 degrees are averaged.

        Args:
            on_orbit: [N] bool, the views that make up the path; all where None.

        Raises:
            ValueError: no view at all.
        """
        on_orbit = torch.ones(len(codes), dtype=torch.bool) if on_orbit is None else on_orbit
        if not bool(on_orbit.any()):
            raise ValueError("ViewPath needs at least one view code on the orbit.")
        codes, camera = codes.detach(), camera.detach()
        turned, values = camera.azimuth[on_orbit] % 360.0, codes[on_orbit]
        elevation, nearness = camera.elevation[on_orbit], 1.0 / camera.distance[on_orbit]
        order = turned.argsort()
        gaps = (turned[order].roll(-1) - turned[order]) % 360.0
        start = (int(gaps.argmax()) + 1) % len(turned)  # after the widest gap, which no group of near views spans
        order = order.roll(-start)
        turned = turned[order]
        turned = torch.where(turned < turned[0], turned + 360.0, turned)
        groups = [[0]]
        for i in range(1, len(turned)):
            if turned[i] - turned[i - 1] < MERGE_DEGREES:
                groups[-1].append(i)
            else:
                groups.append([i])
        middle = torch.stack([turned[g].mean() for g in groups]) % 360.0
        path = cls(len(groups), codes.shape[1]).to(codes.dtype)
        path.azimuth.copy_(middle.sort().values)
        for name, part in (("codes", values), ("elevation", elevation), ("nearness", nearness)):
            merged = torch.stack([part[order[g]].mean(0) for g in groups])
            getattr(path, name).copy_(merged[middle.argsort()])
        if not bool(on_orbit.all()):
            path._fit_slope(codes[~on_orbit], camera[~on_orbit])
        return path

    def _fit_slope(self, codes: Tensor, camera: Camera) -> None:
        """Least squares with a little ridge, as there may be few `codes` [M, D] off the orbit."""
        on_path, elevation, _ = self._on_path(camera.azimuth)
        factors = self._rise(camera.azimuth) * (camera.elevation - elevation)[:, None]
        gram = factors.T @ factors + RIDGE * torch.eye(3).to(factors)
        self.slope.copy_(torch.linalg.solve(gram, factors.T @ (codes - on_path)))

    @staticmethod
    def _rise(azimuth: Tensor) -> Tensor:
        angle = torch.deg2rad(azimuth)
        return torch.stack([torch.ones_like(angle), angle.sin(), angle.cos()], -1)

    def nearness_at(self, azimuth: Tensor) -> Tensor:
        """[B] 1 / distance from which the path's codes at azimuths [B] show objects."""
        return self._on_path(azimuth)[2]

    def _on_path(self, azimuth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Code [B, D], elevation and nearness [B] of the path at azimuths [B]."""
        knots = len(self.azimuth)
        azimuth = azimuth % 360.0
        after = torch.searchsorted(self.azimuth, azimuth.detach().contiguous(), right=True)
        left, right = (after - 1) % knots, after % knots
        gap = (self.azimuth[right] - self.azimuth[left]) % 360.0
        gap = torch.where(gap == 0, 360.0, gap)  # a single knot
        t = ((azimuth - self.azimuth[left]) % 360.0) / gap
        code = torch.lerp(self.codes[left], self.codes[right], t[:, None])
        elevation, nearness = (torch.lerp(of[left], of[right], t) for of in (self.elevation, self.nearness))
        return code, elevation, nearness

    def forward(self, camera: Camera) -> Tensor:
        """[B] cameras -> [B, D]."""
        code, elevation, _ = self._on_path(camera.azimuth)
        rise = self._rise(camera.azimuth) * (camera.elevation - elevation)[:, None]
        return code + rise @ self.slope


class CameraFeatures(nn.Module):
    """Camera -> [B, 2 harmonics + 2]: sin and cos of multiples of the azimuth, elevation and scale (1 / distance).

    Elevation and scale are standardised by the cameras given to `fit`. Beyond these they soon stay where they are, as
    nothing was learned there, unless `wide`: then their units are `WIDE`.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, harmonics: int, wide: bool = False):
        super().__init__()
        self.harmonics, self.wide = harmonics, wide
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("deviation", torch.ones(2))

    @property
    def size(self) -> int:
        return 2 * self.harmonics + 2

    def fit(self, camera: Camera) -> None:
        values = self._rest(camera).detach()
        self.mean.copy_(values.mean(0))
        floor = torch.tensor(
            [1.0, 0.01]
        )  # a degree, a percent of the scale at distance 1: where nothing varies, no division by 0
        self.deviation.copy_(torch.tensor(WIDE) if self.wide else values.std(0, correction=0).maximum(floor.to(values)))

    def jitter(self, camera: Camera, strength: float, draws: Draws) -> Camera:
        """Cameras with N(0, strength) standard deviations of noise on elevation and scale.

        There are so few views that a network could tell them apart by elevation and scale alone, and would then not
        generalise to the azimuths between them.
        """
        noise = strength * draws.randn(len(camera), 2).to(self.deviation) * self.deviation
        elevation, scale = (self._rest(camera) + noise).unbind(-1)
        return camera.replace(elevation=elevation, distance=1.0 / scale.clamp_min(1e-3))

    @staticmethod
    def _rest(camera: Camera) -> Tensor:
        return torch.stack([camera.elevation, 1.0 / camera.distance], -1)

    def forward(self, camera: Camera) -> Tensor:
        angle = torch.deg2rad(camera.azimuth)[:, None] * torch.arange(1, self.harmonics + 1).to(camera.azimuth)
        rest = (self._rest(camera) - self.mean) / self.deviation
        return torch.cat([angle.sin(), angle.cos(), rest if self.wide else rest.clamp(-BEYOND, BEYOND)], -1)
