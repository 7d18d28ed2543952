"""Cameras and points from where named points of one object lie in several pictures (appendix D).

Bundle adjustment with a robust loss: all cameras and points at once, so that what they project to meets the pictures.
The cameras stand upright (no roll), as `orbit_around` has them. What the pictures cannot tell, the gauge, is fixed: a
turn about the vertical, the place of the world's origin and one scale. Two beliefs help where a view shows few points:
cameras aim about at the object, and left mirrors right; both give way to points that contradict them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.views import orbit_around
from ganverse_nb.runtime.extras import require

MINIMUM_POINTS = 4  # of a view: three fix its five unknowns, a fourth tells whether they are right
MINIMUM_TURN = 10.0  # degrees between the two most different directions from which a point must be seen
ROBUST = 0.015  # picture heights beyond which an error counts less and less: a pixel of 64
PLACING = 0.008  # picture heights, how exactly points are placed: half a pixel of 64
SYMMETRY = 0.02  # world units, how exactly points mirror each other
OUTLIER = 4.0  # standard deviations of the errors


@dataclass(frozen=True)
class Motion:
    """V cameras and K points of one object, in the gauge of `structure_from_motion`.

    Attributes:
        azimuth, elevation: [V] degrees.
        distance: [V] world units; shift: [V, 2] of the target to the right and up, see `orbit_around`.
        fov: degrees.
        points: [K, 3], NaN for points that are placed nowhere.
        error: [V, K] picture heights between the placed point and the projection of its 3D point, NaN if not placed.
        outlier: [V, K] bool: placed points that contradict the others.
    """

    azimuth: Tensor
    elevation: Tensor
    distance: Tensor
    shift: Tensor
    fov: float
    points: Tensor
    error: Tensor
    outlier: Tensor

    def __len__(self) -> int:
        return len(self.azimuth)

    @property
    def camera(self) -> Camera:
        """The V cameras."""
        return orbit_around(self.azimuth, self.elevation, self.distance, self.fov, self.shift)


def structure_from_motion(
    places: Tensor,
    azimuth: Tensor,
    *,
    names: Sequence[str] = (),
    pairs: Sequence[tuple[int, int]] = (),
    elevation: float = 8.0,
    distance: float = 2.3,
    fov: float = 30.0,
    aim: float | None = 0.03,
) -> Motion:
    """Cameras of V square pictures of one object, from K points of it.

    Args:
        places: [V, K, 2] picture coordinates in [0, 1], x to the right, y down, as `Camera.to_image`; NaN if not seen.
        azimuth: [V] degrees, roughly: where the search begins. Errors of 30 degrees do no harm.
        names: of the K points, for messages.
        pairs: (left, right) indices of points that about mirror each other at x = 0, left on +x. This decides where
            azimuth 0 is; without pairs the mean azimuth is kept.
        elevation, distance: degrees and world units where the search begins; the mean (logarithmic) distance stays.
        fov: degrees, of all cameras.
        aim: world units that cameras usually aim beside the origin; None if nothing is known. From the front, few and
            nearly coplanar points hardly tell a camera that stands aside from one that looks aside.

    The world's origin is where the cameras' axes come closest to meet.

    Raises:
        ValueError: too few points in a view, a point in one view only or from one side only, or points that leave the
            cameras open; the message names them.
    """
    names = list(names) or [f"point {k}" for k in range(places.shape[1])]
    places = places.double()
    if places.ndim != 3 or places.shape[0] != len(azimuth) or places.shape[1:] != (len(names), 2):
        raise ValueError(f"places must be [{len(azimuth)}, {len(names)}, 2], got {tuple(places.shape)}.")
    seen = ~places.isnan().any(-1)
    _check_counts(seen, names)
    view, point = seen.nonzero(as_tuple=True)
    used, column = point.unique(return_inverse=True)
    index = {int(k): i for i, k in enumerate(used)}
    mirrored = [(index[left], index[right]) for left, right in pairs if left in index and right in index]
    if pairs and not mirrored:
        raise ValueError("No point is placed on both sides of the object; place it and its mirror image.")
    start = torch.deg2rad(azimuth.double())
    bundle = _Bundle(places[view, point], view, column, start, math.log(distance), fov, aim, mirrored)
    unknown = bundle.solve(bundle.begin(math.radians(elevation)))
    cameras, points = bundle.split(unknown)
    _check_turns(cameras, view, column, [names[k] for k in used])
    bundle.check_rank(unknown)

    everywhere = torch.full((len(names), 3), torch.nan, dtype=torch.float64)
    everywhere[used] = points
    error = torch.full(seen.shape, torch.nan, dtype=torch.float64)
    error[view, point] = (bundle.project(cameras[view], points[column]) - places[view, point]).norm(dim=-1)
    spread = error[seen].median() / math.sqrt(2 * math.log(2))  # of a two-dimensional normal distribution
    outlier = seen & (error > max(OUTLIER * float(spread), 1e-6))
    angles = torch.rad2deg(cameras[:, :2])
    return Motion(
        angles[:, 0].remainder(360.0).float(),
        angles[:, 1].float(),
        cameras[:, 2].exp().float(),
        cameras[:, 3:].float(),
        fov,
        everywhere.float(),
        error.float(),
        outlier,
    )


def _orbit(cameras: Tensor, fov: float) -> Camera:
    """Cameras [N, 5] (azimuth, elevation in radians, log distance, shift) as such."""
    angles = torch.rad2deg(cameras[:, :2])
    return orbit_around(angles[:, 0], angles[:, 1], cameras[:, 2].exp(), fov, cameras[:, 3:])


class _Bundle:
    """N observations of points in views, and the least-squares problem they pose: 5 unknowns a view, 3 a point."""

    def __init__(
        self,
        places: Tensor,
        view: Tensor,
        column: Tensor,
        azimuth: Tensor,
        log_distance: float,
        fov: float,
        aim: float | None,
        pairs: list[tuple[int, int]],
    ) -> None:
        self.places, self.view, self.column, self.azimuth = places, view, column, azimuth
        self.log_distance, self.fov = log_distance, fov
        self.known_aim = PLACING / aim if aim else 0.0
        self.pairs = torch.tensor(pairs, dtype=torch.int64).view(-1, 2)
        self.fixed = [1, 3, 4] if pairs else [0, 1, 2, 3, 4]  # of the gauge: the rest is what the mirror decides
        self.views, self.points = len(azimuth), int(column.max()) + 1
        nothing = torch.zeros(5 * self.views + 3 * self.points, dtype=torch.float64)
        self.of_beliefs = torch.autograd.functional.jacobian(self.beliefs, nothing)

    def project(self, cameras: Tensor, points: Tensor) -> Tensor:
        """Points [N, 3] seen by cameras [N, 5] -> [N, 2] in [0, 1]."""
        return _orbit(cameras, self.fov).to_image(points[:, None])[:, 0]

    def split(self, unknown: Tensor) -> tuple[Tensor, Tensor]:
        """The vector of unknowns as cameras [V, 5] and points [K, 3]."""
        return unknown[: 5 * self.views].view(-1, 5), unknown[5 * self.views :].view(-1, 3)

    def begin(self, elevation: float) -> Tensor:
        """Cameras in a circle, points where their rays come closest to meet."""
        cameras = torch.zeros(self.views, 5, dtype=torch.float64)
        cameras[:, 0], cameras[:, 1], cameras[:, 2] = self.azimuth, elevation, self.log_distance
        camera = _orbit(cameras[self.view], self.fov)
        ray = torch.cat([2 * self.places - 1, torch.ones(len(self.places), 1)], 1) * torch.tensor([1.0, -1.0, -1.0])
        ray[:, :2] *= math.tan(math.radians(self.fov / 2))
        ray = torch.nn.functional.normalize((ray[:, None] @ camera.axes())[:, 0], dim=-1)
        across = torch.eye(3, dtype=torch.float64) - ray[:, :, None] * ray[:, None]
        left = torch.zeros(self.points, 3, 3, dtype=torch.float64).index_add(0, self.column, across)
        right = (across @ camera.position[..., None])[..., 0]
        right = torch.zeros(self.points, 3, dtype=torch.float64).index_add(0, self.column, right)
        points = torch.linalg.solve(left + 1e-3 * torch.eye(3), right)  # pulled towards the origin where rays run along
        return torch.cat([cameras.flatten(), points.flatten()])

    def residuals(self, unknown: Tensor) -> Tensor:
        """Picture heights: [2 N] of the observations, of the beliefs and of the gauge."""
        cameras, points = self.split(unknown)
        errors = self.project(cameras[self.view], points[self.column]) - self.places
        return torch.cat([errors.flatten(), self.beliefs(unknown), self.gauge(cameras)])

    def beliefs(self, unknown: Tensor) -> Tensor:
        """Where cameras aim and which points mirror each other, linear in the unknowns."""
        cameras, points = self.split(unknown)
        left, right = points[self.pairs[:, 0]], points[self.pairs[:, 1]]
        mirror = left - right * torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
        return torch.cat([self.known_aim * cameras[:, 3:].flatten(), PLACING / SYMMETRY * mirror.flatten()])

    def gauge(self, cameras: Tensor) -> Tensor:
        """Mean azimuth and distance as at the start, and the targets' mean at the origin, which makes the origin the
        point that is closest to all axes. Vanishes at the solution."""
        mean = cameras.mean(0)
        turn, size = mean[0] - self.azimuth.mean(), mean[2] - self.log_distance
        return torch.cat([torch.stack([turn, size]), _orbit(cameras, self.fov).target.mean(0)])[self.fixed]

    def jacobian(self, unknown: Tensor) -> Tensor:
        """Of the residuals; an observation depends on one camera and one point, so that two passes are enough."""
        cameras, points = self.split(unknown)
        own = [part.detach().requires_grad_() for part in (cameras[self.view], points[self.column])]
        seen = self.project(*own)
        matrix = torch.zeros(2 * len(self.view), len(unknown), dtype=torch.float64)
        row = torch.arange(len(self.view))
        for axis in range(2):
            by_camera, by_point = torch.autograd.grad(seen[:, axis].sum(), own, retain_graph=True)
            for start, width, index, values in (
                (0, 5, self.view, by_camera),
                (5 * self.views, 3, self.column, by_point),
            ):
                matrix[(2 * row + axis)[:, None], start + width * index[:, None] + torch.arange(width)] = values
        of_gauge = torch.zeros(len(self.fixed), len(unknown), dtype=torch.float64)
        derived = torch.autograd.functional.jacobian(self.gauge, cameras.detach())
        of_gauge[:, : 5 * self.views] = derived.flatten(1)
        return torch.cat([matrix, self.of_beliefs, of_gauge])

    def solve(self, unknown: Tensor) -> Tensor:
        """From rough to fine: errors beyond 8 times, then once `ROBUST` are outweighed by the others."""
        require("train", "The search for cameras from keypoints", "scipy")
        from scipy.optimize import least_squares

        x = unknown.numpy()
        for width in (8 * ROBUST, ROBUST):
            found = least_squares(
                lambda x: self.residuals(torch.from_numpy(x)).numpy(),
                x,
                lambda x: self.jacobian(torch.from_numpy(x)).numpy(),
                loss="cauchy",
                f_scale=width,
                max_nfev=300,
                ftol=1e-8,
                xtol=1e-8,
            )
            x = found.x
        return torch.from_numpy(np.ascontiguousarray(x))

    def check_rank(self, unknown: Tensor) -> None:
        """Raises ValueError where some camera could move without a point noticing."""
        size = torch.linalg.svdvals(self.jacobian(unknown))
        if size[-1] < 1e-6 * size[0]:
            raise ValueError(
                "These points leave a camera open: they lie on one line, or groups of views share too few of them; "
                "place more points that neighbouring views have in common."
            )


def _check_counts(seen: Tensor, names: Sequence[str]) -> None:
    few = (seen.sum(1) < MINIMUM_POINTS).nonzero().flatten().tolist()
    if few:
        counts = ", ".join(f"view {v} has {int(seen[v].sum())}" for v in few[:5])
        raise ValueError(f"Every view needs {MINIMUM_POINTS} placed points, {counts}; place more there.")
    single = [names[k] for k in (seen.sum(0) == 1).nonzero().flatten().tolist()]
    if single:
        raise ValueError(f"Placed in one view only: {', '.join(single[:5])}; place it in another view or take it out.")


def _check_turns(cameras: Tensor, view: Tensor, column: Tensor, names: Sequence[str]) -> None:
    toward = _orbit(cameras, 1.0).axes()[:, 2]
    flat = []
    for index, name in enumerate(names):
        directions = toward[view[column == index]]
        closest = (directions @ directions.T).min().clamp(-1, 1)
        if math.degrees(math.acos(float(closest))) < MINIMUM_TURN:
            flat.append(name)
    if flat:
        raise ValueError(
            f"Seen from one side only, so that their depth is unknown: {', '.join(flat[:5])}; "
            f"place them in views at least {MINIMUM_TURN:.0f} degrees apart."
        )
