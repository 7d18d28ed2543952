"""How far two sets of cameras are apart (Table A b): rotation axes and angles, as found and after one alignment."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.geometry.angles import angle_between
from ganverse_nb.geometry.camera import CameraModel, FreeCamera

NO_AXIS = 1.0  # degrees; a rotation by less has no axis to speak of


def quaternions(rotation: Tensor) -> Tensor:
    """Rotations [V, 3, 3] -> unit quaternions [V, 4] (w, x, y, z) with w >= 0."""
    m = rotation.double()
    xx, yy, zz = m.diagonal(dim1=-2, dim2=-1).unbind(-1)
    one = torch.ones_like(xx)
    # Each row is 4 q_i q: the row of the largest q_i is the exact one.
    rows = torch.stack(
        [
            torch.stack(
                [one + xx + yy + zz, m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] - m[:, 0, 1]], -1
            ),
            torch.stack(
                [m[:, 2, 1] - m[:, 1, 2], one + xx - yy - zz, m[:, 1, 0] + m[:, 0, 1], m[:, 0, 2] + m[:, 2, 0]], -1
            ),
            torch.stack(
                [m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] + m[:, 0, 1], one - xx + yy - zz, m[:, 2, 1] + m[:, 1, 2]], -1
            ),
            torch.stack(
                [m[:, 1, 0] - m[:, 0, 1], m[:, 0, 2] + m[:, 2, 0], m[:, 2, 1] + m[:, 1, 2], one - xx - yy + zz], -1
            ),
        ],
        1,
    )
    best = rows.diagonal(dim1=1, dim2=2).argmax(1)
    q = torch.nn.functional.normalize(rows[torch.arange(len(rows)), best], dim=-1)
    return torch.where(q[:, :1] < 0, -q, q)


@dataclass(frozen=True)
class CameraDifference:
    """Differences between the rotations of V pairs of cameras, in degrees.

    Attributes:
        axis_mean, axis_max: angle between the rotation axes.
        angle_mean, angle_max: difference of the rotation angles.
        turn_mean, turn_max: angle of the rotation from one camera to the other.
        no_axis: pairs left out of the first two, because one of them turns too little to have an axis.
    """

    axis_mean: float
    axis_max: float
    angle_mean: float
    angle_max: float
    turn_mean: float
    turn_max: float
    no_axis: int


def camera_difference(first: CameraModel, second: CameraModel) -> CameraDifference:
    """The paper's comparison: rotations as quaternions, then axes and angles.

    A quaternion and its negative are one rotation; of the second, the one nearer to the first is taken.

    Raises:
        ValueError: the numbers of cameras differ, or there are none.
    """
    if len(first) != len(second) or len(first) == 0:
        raise ValueError(f"camera_difference: the same number of cameras is needed, got {len(first)}, {len(second)}.")
    a, b = quaternions(first.axes()), quaternions(second.axes())
    b = torch.where((a * b).sum(-1, keepdim=True) < 0, -b, b)
    angles = [2 * torch.atan2(q[:, 1:].norm(dim=-1), q[:, 0]) for q in (a, b)]
    angle = torch.rad2deg((angles[0] - angles[1]).abs())
    axes = [torch.nn.functional.normalize(q[:, 1:], dim=-1) for q in (a, b)]
    has_axis = (torch.rad2deg(torch.stack(angles)) >= NO_AXIS).all(0)
    axis = angle_between(*axes)[has_axis]
    turn = 2 * angle_between(a, b)  # the angle between quaternions is half that of their rotations
    axis = axis if len(axis) else torch.full((1,), torch.nan)
    (axis_mean, axis_max), (angle_mean, angle_max), (turn_mean, turn_max) = (
        (float(v.mean()), float(v.max())) for v in (axis, angle, turn)
    )
    undefined = int((~has_axis).sum())
    return CameraDifference(axis_mean, axis_max, angle_mean, angle_max, turn_mean, turn_max, undefined)


def align_cameras(source: CameraModel, target: CameraModel) -> FreeCamera:
    """`source` after the one similarity of the world that brings it closest to `target`.

    Cameras learned from pictures alone are known up to it. The rotation is the one between the cameras' own axes with
    least squares (Procrustes), then scale and translation those between their positions.

    Raises:
        ValueError: the numbers of cameras differ.
    """
    if len(source) != len(target):
        raise ValueError(f"align_cameras: {len(source)} cameras cannot be aligned with {len(target)}.")
    a, b = source.axes().double(), target.axes().double()
    u, _, vt = torch.linalg.svd((b.transpose(1, 2) @ a).sum(0))
    flip = torch.diag(torch.tensor([1.0, 1.0, float(torch.sign(torch.det(u @ vt)))], dtype=torch.float64))
    world = u @ flip @ vt  # old world coordinates to new ones
    eye, wanted = source.position.double() @ world.T, target.position.double()
    e, w = eye - eye.mean(0), wanted - wanted.mean(0)
    scale = (e * w).sum() / e.square().sum().clamp(min=1e-12)
    return FreeCamera((a @ world.T).float(), (scale * e + wanted.mean(0)).float(), source.fov)
