"""The plumage of a bird: the material of any point of its surface, from its place on the part it belongs to."""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.studio.bird_mesh import BEAK, BODY, EYE, FOOT, HEAD, LEG, NECK, TAIL, WING
from ganverse_nb.studio.material import Material, SurfacePoints, cover
from ganverse_nb.studio.sampling import Objects

_PUPIL, _IRIS = (0.02, 0.02, 0.02), (0.75, 0.55, 0.15)


def bird_plumage(birds: Objects, points: SurfacePoints) -> Material:
    """Materials of P points of birds."""
    b = {name: value[points.owners] for name, value in birds.items()}
    albedo = torch.zeros(len(points.parts), 3)
    paints = {BODY: _body, NECK: _neck, HEAD: _head, TAIL: _tail, WING: _wing, LEG: _leg}
    for part, paint in paints.items():
        at = torch.nonzero(points.parts == part).squeeze(1)
        albedo[at] = paint({name: value[at] for name, value in b.items()}, *points.places[at].unbind(1))
    albedo = cover(albedo, points.parts == BEAK, b["beak_paint"])
    albedo = cover(albedo, points.parts == FOOT, b["legs"])
    eye = points.parts == EYE
    albedo = cover(albedo, eye, _PUPIL)
    along = points.places[:, 0]
    ring = (along > 0.45) & (along < 0.72) & (b["cheek"].mean(1) < 0.2)  # or a dark eye is lost in a dark face
    albedo = cover(albedo, eye & ring, _IRIS)
    gloss = torch.where(eye | (points.parts == BEAK), 0.35, 0.06)
    return Material(albedo.clamp(0, 1), gloss, torch.zeros_like(along))


def _body(b: Objects, along: Tensor, side: Tensor, up: Tensor) -> Tensor:
    front = ((along - 0.45) / 0.2).clamp(0, 1)[:, None]
    below = torch.lerp(b["belly"], b["breast"], front)
    streaks = (b["streaks"] > 0) & (along > 0.4) & (torch.sin(26 * along) * torch.sin(9 * torch.atan2(up, side)) > 0.35)
    below = cover(below, streaks, 0.5 * (below + b["back"]))
    return torch.where(((up > 0.15) & (along < 0.92))[:, None], b["back"], below)


def _neck(b: Objects, along: Tensor, side: Tensor, up: Tensor) -> Tensor:
    low = torch.where((up > 0.1)[:, None], b["back"], b["breast"])
    high = torch.where((up > 0.3)[:, None], b["cap"], b["throat"])
    return torch.where((along < 0.45)[:, None], low, high)


def _head(b: Objects, along: Tensor, side: Tensor, up: Tensor) -> Tensor:
    albedo = cover(b["cheek"], up < -0.45, b["throat"])
    return cover(albedo, (up > 0.45) | (along < 0.12), b["cap"])


def _tail(b: Objects, along: Tensor, side: Tensor, up: Tensor) -> Tensor:
    albedo = torch.where((along < 0.25)[:, None], b["back"], b["tail_paint"])
    quills = 1 - 0.18 * (torch.cos(5 * torch.pi * side) > 0.6) * (along > 0.3)
    return albedo * quills[:, None]


def _wing(b: Objects, along: Tensor, side: Tensor, up: Tensor) -> Tensor:
    albedo = cover(b["wing"], (side < -0.25) & (up > 0), 0.92 * b["wing"])
    bar = (up > 0) & ((side - 0.02).abs() < 0.16) & (along > 0.12) & (along < 0.75)
    albedo = cover(albedo, bar, b["bar"])
    quills = (side > 0.2) & (torch.cos(2 * torch.pi * 13 * along) > 0.5)
    albedo = cover(albedo, quills, 0.8 * albedo)
    albedo = cover(albedo, (along > 0.74) | ((side > 0.75) & (along > 0.3)), b["tip"])
    under = (b["spread"] > 0) & (up < -0.05) & (along < 0.85)
    return cover(albedo, under, 0.6 * albedo + 0.4 * b["belly"])


def _leg(b: Objects, along: Tensor, side: Tensor, up: Tensor) -> Tensor:
    return torch.where((along < 0.42)[:, None], b["belly"], b["legs"])
