"""How well StyleGAN-R's controls work: azimuth and elevation sweeps, and swaps (research: evaluation protocol 5.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.geometry.angles import angular_distance, circular_correlation, concentration
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.properties import FACTORS, Properties, PropertyEncoder
from ganverse_nb.neural_renderer.swaps import Render, swap_distances

Measure = Callable[[Tensor], Tensor]
"""Pictures [B, 3, R, R] in [0, 1] -> azimuth [B] in degrees, by a regressor that no renderer was trained with."""


@dataclass(frozen=True)
class AzimuthSweep:
    """Target and measured azimuth, degrees, [A angles, N contents]."""

    target: Tensor
    measured: Tensor

    @property
    def error(self) -> Tensor:
        """[A, N] absolute circular error."""
        return angular_distance(self.measured, self.target)

    @property
    def correlation(self) -> float:
        return circular_correlation(self.target, self.measured)

    def numbers(self) -> dict[str, float]:
        """What goes into reports; `offset` is the circular mean of measured - target."""
        difference = torch.deg2rad(self.measured - self.target)
        offset = torch.rad2deg(torch.atan2(difference.sin().mean(), difference.cos().mean()))
        return {
            "correlation": self.correlation,
            "median_error": float(self.error.median()),
            "p90_error": float(self.error.flatten().quantile(0.9)),
            "concentration": concentration(self.measured - self.target),
            "offset": float(offset),
        }


@torch.no_grad()
def azimuth_sweep(
    render: Render, contents: Properties, measure: Measure, angles: int = 36, progress: bool = True
) -> AzimuthSweep:
    """Render every content at `angles` azimuths around the circle and `measure` them in the pictures.

    Elevation and distance are the mean of the contents' cameras for all, so that only the azimuth changes.
    """
    target = torch.arange(angles) * (360.0 / angles)
    n = len(contents)
    measured = []
    for azimuth in tqdm(target, desc="azimuth sweep", disable=not progress):
        measured.append(measure(render(contents.replace(camera=turned(contents.camera, azimuth)))).reshape(n))
    return AzimuthSweep(target[:, None].expand(angles, n), torch.stack(measured))


@dataclass(frozen=True)
class ElevationSweep:
    """Target and measured elevation, degrees, [E elevations, N pictures]."""

    target: Tensor
    measured: Tensor

    @property
    def correlation(self) -> float:
        """Pearson's."""
        return float(torch.corrcoef(torch.stack([self.target.flatten(), self.measured.flatten()]))[0, 1])

    @property
    def gain(self) -> float:
        """Slope of measured over target elevation: 1 where a degree of the target is a degree in the picture."""
        target = self.target - self.target.mean()
        return float((target * self.measured).sum() / target.square().sum())


@torch.no_grad()
def elevation_sweep(
    render: Render, contents: Properties, measure: Measure, elevations: Tensor, azimuths: int = 8
) -> ElevationSweep:
    """Render every content at `elevations` [E] in degrees from `azimuths` sides; `measure` gives elevations."""
    rows = []
    for elevation in elevations:
        readings = []
        for azimuth in torch.arange(azimuths) * (360.0 / azimuths):
            camera = turned(contents.camera, azimuth)
            camera = camera.replace(elevation=torch.full_like(camera.elevation, float(elevation)))
            readings.append(measure(render(contents.replace(camera=camera))).reshape(-1))
        rows.append(torch.cat(readings))
    measured = torch.stack(rows)
    return ElevationSweep(elevations[:, None].expand_as(measured), measured)


def turned(camera: Camera, azimuth: Tensor | float) -> Camera:
    """The cameras at one azimuth, elevation and distance replaced by their mean, the target by the origin."""
    everyone = torch.ones_like(camera.azimuth)
    return camera.replace(
        azimuth=everyone * azimuth,
        elevation=everyone * camera.elevation.mean(),
        distance=everyone * camera.distance.mean(),
        target=torch.zeros_like(camera.target),
    )


@dataclass(frozen=True)
class SwapReport:
    """What swapping each factor changes.

    Attributes:
        to_donor, to_source: [4, 4] mean distance of measured factor (column) to donor and source after swapping
            factor (row), in the order of `FACTORS`.
    """

    to_donor: Tensor
    to_source: Tensor

    @property
    def ratios(self) -> dict[str, float]:
        """Distance to donor / distance to source of the swapped factor itself: below 1 it moved to the donor."""
        ratio = self.to_donor.diagonal() / self.to_source.diagonal().clamp_min(1e-9)
        return dict(zip(FACTORS, ratio.tolist(), strict=True))

    @property
    def moved(self) -> Tensor:
        """[4, 4] how far a factor went from source (0) to donor (1); ideally the identity."""
        return self.to_source / (self.to_source + self.to_donor).clamp_min(1e-9)


@torch.no_grad()
def swap_report(
    render: Render, encoder: PropertyEncoder, source: Properties, donor: Properties, progress: bool = True
) -> SwapReport:
    """Give every source one factor of its donor at a time, encode the rendered picture, and measure all factors.

    Sources and donors should be different contents; the camera row says something only where their cameras differ.

    Raises:
        ValueError: not as many donors as sources.
    """
    if len(source) != len(donor):
        raise ValueError(f"Every source needs a donor: {len(source)} sources, {len(donor)} donors.")
    donors, sources = torch.zeros(4, 4), torch.zeros(4, 4)
    for i, swapped in enumerate(tqdm(FACTORS, desc="swaps", disable=not progress)):
        found = swap_distances(render, encoder, source, donor, swapped, FACTORS)
        for j, name in enumerate(FACTORS):
            donors[i, j], sources[i, j] = found[name]
    return SwapReport(donors, sources)
