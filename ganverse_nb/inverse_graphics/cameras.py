"""One camera per view code, optimised together with the network (section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.views import orbit_around, orbit_of
from ganverse_nb.runtime.placement import at_home

BIN_DEGREES = 30.0
FOV = 30.0  # degrees


class LearnableCameras(nn.Module):
    """Cameras [N] of N view codes. All that is known at the start is each code's azimuth bin of 30 degrees.

    Elevation and distance start at one constant for all (the paper: 0 degrees and a fixed distance), the object in the
    middle of the picture. Angles are kept in radians and the distance as a logarithm, so that one learning rate fits.
    """

    def __init__(
        self, azimuth_bins: Tensor, *, elevation: float = 8.0, distance: float = 2.3, fov: float = FOV
    ) -> None:
        super().__init__()
        bins = torch.as_tensor(azimuth_bins)
        if bins.ndim != 1 or len(bins) == 0:
            raise ValueError(f"LearnableCameras: azimuth bins must be a list of at least one, got {tuple(bins.shape)}.")
        if bins.is_floating_point() or bins.min() < 0 or bins.max() > 11:
            raise ValueError("LearnableCameras: azimuth bins are whole numbers 0..11 (of 30 degrees each).")
        count, self.fov = len(bins), fov
        self.azimuth = nn.Parameter(torch.deg2rad(bins.float() * BIN_DEGREES))
        self.elevation = nn.Parameter(torch.deg2rad(torch.full((count,), elevation)))
        self.log_distance = nn.Parameter(torch.full((count,), distance).log())
        self.shift = nn.Parameter(torch.zeros(count, 2))

    @classmethod
    def of(cls, camera: Camera, learned: bool = False) -> LearnableCameras:
        """Cameras that are known, as those of annotated photographs are, and stay as given; or, `learned`, begin there.

        Raises:
            ValueError: parallel rays, or more than one field of view.
        """
        fov = float(camera.fov[0])
        if camera.parallel or not torch.allclose(camera.fov, camera.fov[:1]):
            raise ValueError("LearnableCameras.of: the cameras must be perspective ones of one field of view.")
        cameras = cls(torch.zeros(len(camera), dtype=torch.int64), fov=fov)
        away, shift = orbit_of(camera)
        with torch.no_grad():
            cameras.azimuth.copy_(torch.deg2rad(camera.azimuth))
            cameras.elevation.copy_(torch.deg2rad(camera.elevation))
            cameras.log_distance.copy_(away.log())
            cameras.shift.copy_(shift)
        return cameras.requires_grad_(learned)

    def __len__(self) -> int:
        return len(self.azimuth)

    @at_home
    def forward(self, view: Tensor | None = None, mirrored: Tensor | None = None) -> Camera:
        """Cameras of the view codes `view` [B], all where None; of mirrored pictures where `mirrored` [B] bool says so.

        A picture mirrored left to right shows the mirrored object from the opposite azimuth.
        """
        view = torch.arange(len(self), device=self.azimuth.device) if view is None else view
        azimuth, shift = torch.rad2deg(self.azimuth[view]), self.shift[view]
        if mirrored is not None:
            sign = 1.0 - 2.0 * mirrored.to(azimuth.dtype)
            azimuth, shift = azimuth * sign, torch.stack([shift[:, 0] * sign, shift[:, 1]], 1)
        elevation = torch.rad2deg(self.elevation[view])
        return orbit_around(azimuth, elevation, self.log_distance[view].exp(), self.fov, shift)
