"""The coat of a horse: the material of any point of its surface, from its place on the part it belongs to."""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.studio.horse_mesh import EAR, HEAD, LEG, MANE, NECK, TAIL, TRUNK
from ganverse_nb.studio.material import Material, SurfacePoints, cover
from ganverse_nb.studio.sampling import Objects

_WHITE, _EYE, _SKIN = (0.93, 0.91, 0.87), (0.03, 0.025, 0.02), (0.16, 0.12, 0.12)
_KNEE, _CORONET = 0.5, 0.875  # along a leg


def horse_coat(horses: Objects, points: SurfacePoints) -> Material:
    """Materials of P points of horses."""
    h = {name: value[points.owners] for name, value in horses.items()}
    along, side, up = points.places.unbind(1)
    part = points.parts
    albedo = h["coat"] * (1 - 0.10 * up * (part == TRUNK))[:, None]  # back darker, belly lighter
    spots = torch.sin(23 * along + 5 * up) + torch.sin(31 * along - 8 * up + 3) + torch.sin(17 * up + 11 * along)
    is_leg = part >= LEG
    dappled = (h["dapple"] > 0) & ((part <= NECK) | (is_leg & (along < 0.4)))
    albedo = cover(albedo, dappled, albedo * (1 + 0.07 * spots[:, None]))
    below = ((along - _KNEE + 0.12) / 0.16).clamp(0, 1) * is_leg
    albedo = torch.lerp(albedo, h["points"], below[:, None])
    albedo = torch.where((part == EAR)[:, None], 0.7 * albedo, albedo)
    albedo = _cover_patches(h, albedo, part, points.places)
    albedo = _cover_face(h, albedo, part == HEAD, points.places)

    socks = h["socks"].gather(1, (part - LEG).clamp(0, 3)[:, None])[:, 0]
    albedo = cover(albedo, is_leg & (along > 1 - 0.125 - socks), _WHITE)
    feather = (h["feather"] > 0) & is_leg & (along > 0.72)
    albedo = cover(albedo, feather, 0.5 * (albedo + torch.tensor(_WHITE)))
    albedo = cover(albedo, is_leg & (along > _CORONET + 0.03), h["hoof"])

    strands = 1 + 0.14 * torch.sin(7 * torch.atan2(up, side) + 5 * along)
    albedo = cover(albedo, (part == MANE) | (part == TAIL), h["hair"] * strands[:, None])
    gloss = torch.where(part <= NECK, 0.10, 0.04)
    return Material(albedo.clamp(0, 1), gloss, torch.zeros_like(along))


def _cover_patches(h: Objects, albedo: Tensor, part: Tensor, places: Tensor) -> Tensor:
    """White patches with smooth borders of their own on each horse."""
    along, side, up = places.unbind(1)
    phase = 2 * torch.pi * h["patch_phase"].T
    waves = torch.sin(9 * along + 2.0 * side + phase[0] + part) + torch.sin(5 * along - 2.6 * up + phase[1] + 2 * part)
    waves = waves + torch.sin(4 * along + 3.0 * side * up + phase[2])
    legs = (part >= LEG) & (along > 0.35)
    return cover(albedo, (h["pinto"] > 0) & ((waves > 0.25) | legs) & (part != EAR), _WHITE)


def _cover_face(h: Objects, albedo: Tensor, is_head: Tensor, places: Tensor) -> Tensor:
    along, side, up = places.unbind(1)
    muzzle = is_head & (along > 0.84)
    albedo = cover(albedo, muzzle, 0.45 * albedo + 0.55 * torch.tensor(_SKIN))
    blaze = is_head & (side.abs() < h["blaze"]) & (up > 0.2) & (along > 0.12) & (along < 0.9)
    albedo = cover(albedo, blaze, _WHITE)
    nostril = is_head & ((along - 0.93).abs() < 0.035) & (side.abs() > 0.55) & (up > 0.1)
    eye = is_head & ((along - 0.27).abs() < 0.05) & (side.abs() > 0.65) & (up > 0.2) & (up < 0.78)
    return cover(albedo, nostril | eye, _EYE)
