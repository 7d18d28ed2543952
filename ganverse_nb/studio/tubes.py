"""Closed tubes along smooth centre lines, from which bodies, limbs and wings are built."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Tube(NamedTuple):
    """The grid of one tube: `rings` along it, `segments` around it and a pole at either end."""

    part: int  # what it belongs to
    rings: int
    segments: int
    mirrored: bool = False  # made by mirroring another one, which turns its faces inside out


class Layout:
    """The topology of a mesh made of several tubes, whose vertices follow each other in the order of `tubes`.

    Attributes:
        tubes: each with the index of its first vertex.
        faces: [F, 3] int64, counter-clockwise seen from outside.
        parts: [F] int64, the part of each face.
        places: [V, 3] of each vertex: how far along its tube (0 to 1), then cosine and sine of the angle around it,
            which is 0 on the side and 90 degrees on the upper side; both are 0 at the poles.
    """

    def __init__(self, tubes: Sequence[Tube]) -> None:
        faces, parts, places, offset = [], [], [], 0
        self.tubes: list[tuple[Tube, int]] = []
        for tube in tubes:
            self.tubes.append((tube, offset))
            grid, count = tube_faces(tube.rings, tube.segments, start=True, end=True, flip=tube.mirrored)
            faces.append(grid + offset)
            parts.append(torch.full((len(grid),), tube.part))
            along = torch.linspace(0, 1, tube.rings)[:, None].expand(-1, tube.segments)
            circle = _circle(tube.segments)[:, None].expand(-1, tube.rings, -1)
            poles = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
            places.append(torch.cat([torch.stack([along, *circle], -1).reshape(-1, 3), poles]))
            offset += count
        self.faces, self.parts, self.places = torch.cat(faces), torch.cat(parts), torch.cat(places)

    def vertex(self, index: int, along: float, angle: float | None) -> int:
        """The vertex of tube `index` nearest a place `along` it, `angle` degrees around it; None: the pole there."""
        tube, offset = self.tubes[index]
        if angle is None:
            return offset + tube.rings * tube.segments + round(along)
        return (
            offset
            + round(along * (tube.rings - 1)) * tube.segments
            + round(angle / 360 * tube.segments) % tube.segments
        )


def sweep(tube: Tube, controls: Tensor, across: Tensor, upward: Tensor, side: Tensor | None = None) -> Tensor:
    """Vertices of tubes with elliptic sections, smooth through K sections.

    Args:
        controls: [B, K, 3] centres.
        across: [B or 1, K] half axis towards `side`; `upward`: the other half axis.
        side: [3] or [B, 1, 3] direction that the sections keep to (default: +x).

    Returns:
        [B, tube.rings * tube.segments + 2, 3].
    """
    b, k, _ = controls.shape
    sizes = torch.stack([across.expand(b, k), upward.expand(b, k)], -1)
    rings = smooth(torch.cat([controls, sizes], -1), tube.rings)
    sides, ups = frames(rings[..., :3], side)
    return loft(rings[..., :3], rings[..., 3:4] * sides, rings[..., 4:5] * ups, tube.segments)


def loft(centres: Tensor, sides: Tensor, ups: Tensor, segments: int) -> Tensor:
    """[B, R * segments + 2, 3] vertices of elliptic rings with half axes `sides` and `ups` [B, R, 3]; poles last."""
    cos, sin = _circle(segments)[:, :, None]
    rings = centres[:, :, None] + cos * sides[:, :, None] + sin * ups[:, :, None]
    return torch.cat([rings.flatten(1, 2), centres[:, :1], centres[:, -1:]], 1)


def frames(centres: Tensor, side: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Unit vectors across and upward [B, R, 3] at right angles to a line; side, up and the line are right-handed."""
    side = torch.tensor([1.0, 0.0, 0.0]) if side is None else side
    ahead = torch.cat([centres[:, 1:], centres[:, -1:]], 1) - torch.cat([centres[:, :1], centres[:, :-1]], 1)
    ahead = F.normalize(ahead, dim=-1)
    sides = F.normalize(side - (side * ahead).sum(-1, keepdim=True) * ahead, dim=-1)
    return sides, torch.linalg.cross(ahead, sides, dim=-1)


def chain(start: Tensor, pitch: Tensor, yaw: Tensor, lengths: Tensor) -> Tensor:
    """[B, K + 1, 3] joints of K straight bones from `start` [B, 3].

    Args:
        pitch: [B, K] degrees above the horizon: 0 points forward (+z), 90 up, 180 backward.
        yaw: [B or 1, K] degrees towards the left (+x).
        lengths: [B, K].
    """
    pitch, yaw = torch.deg2rad(pitch), torch.deg2rad(yaw)
    ways = torch.stack(torch.broadcast_tensors(pitch.cos() * yaw.sin(), pitch.sin(), pitch.cos() * yaw.cos()), -1)
    return torch.cat([start[:, None], start[:, None] + (ways * lengths[..., None]).cumsum(1)], 1)


def smooth(controls: Tensor, count: int) -> Tensor:
    """[B, count, C] points of the Catmull-Rom curves through `controls` [B, K, C], evenly spaced between them."""
    return torch.einsum("rk,bkc->brc", _catmull_rom(controls.shape[1], count), controls)


@cache
def _catmull_rom(controls: int, count: int) -> Tensor:
    """[count, controls] weights; the curve begins and ends at its first and last control."""
    weights = torch.zeros(count, controls)
    for row, at in enumerate(torch.linspace(0, controls - 1, count).tolist()):
        k = min(int(at), controls - 2)
        t = at - k
        basis = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2)
        for neighbour, weight in zip(range(k - 1, k + 3), basis):
            weights[row, min(max(neighbour, 0), controls - 1)] += weight / 2
    return weights


def _circle(segments: int) -> Tensor:
    """[2, segments] cosines and sines of angles around a tube."""
    angle = torch.arange(segments) * (2 * torch.pi / segments)
    return torch.stack([angle.cos(), angle.sin()])


def tube_faces(rings: int, segments: int, start: bool, end: bool, flip: bool = False) -> tuple[Tensor, int]:
    """Faces of a grid of rings closed by poles at its start and end, and its number of vertices."""
    i, j = torch.meshgrid(torch.arange(rings - 1), torch.arange(segments), indexing="ij")
    a, b = i * segments + j, i * segments + (j + 1) % segments
    c, d = b + segments, a + segments
    faces = [torch.stack([a, b, c], -1).reshape(-1, 3), torch.stack([a, c, d], -1).reshape(-1, 3)]
    count = rings * segments
    k = torch.arange(segments)
    following = (k + 1) % segments
    if start:
        faces.append(torch.stack([torch.full_like(k, count), following, k], -1))
        count += 1
    if end:
        top = (rings - 1) * segments
        faces.append(torch.stack([torch.full_like(k, count), top + k, top + following], -1))
        count += 1
    result = torch.cat(faces)
    return (result.flip(-1) if flip else result), count
