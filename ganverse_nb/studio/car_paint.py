"""What a car is painted with: the material of any point of its surface, from its place on the car."""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.studio.car_mesh import BODY, CABIN, TRIM, WHEEL, bed_floor, deck_height
from ganverse_nb.studio.cars import Cars
from ganverse_nb.studio.material import Material, SurfacePoints, cover

_BLACK, _DARK = (0.025, 0.025, 0.03), (0.07, 0.07, 0.075)
_LAMP, _AMBER, _RED, _PLATE = (0.97, 0.97, 0.9), (0.95, 0.55, 0.1), (0.75, 0.03, 0.04), (0.88, 0.87, 0.8)


class _Point:
    """Where P points lie on their cars, in the words a painter would use."""

    def __init__(self, cars: Cars, index: Tensor, points: Tensor, normals: Tensor) -> None:
        self.car = {name: value[index] for name, value in cars.items()}
        self.x, self.z = points[:, 0].abs(), points[:, 2]
        self.y = points[:, 1] + self.car["roof"] / 2  # above the ground
        self.nx, self.ny, self.nz = normals.unbind(-1)
        self.half, self.side = self.car["length"] / 2, self.car["width"] / 2
        self.count = len(points)


def car_paint(cars: Cars, points: SurfacePoints) -> Material:
    """Materials of P points of cars."""
    albedo = torch.zeros(len(points.parts), 3, dtype=points.positions.dtype)
    gloss, mirror = torch.zeros(len(points.parts)), torch.zeros(len(points.parts))
    for part, paint in ((BODY, _paint_body), (CABIN, _paint_cabin), (WHEEL, _paint_wheel), (TRIM, _paint_trim)):
        at = torch.nonzero(points.parts == part).squeeze(1)
        point = _Point(cars, points.owners[at], points.positions[at], points.normals[at])
        albedo[at], gloss[at], mirror[at] = paint(point)
    return Material(albedo, gloss, mirror)


def _paint_body(p: _Point) -> tuple[Tensor, Tensor, Tensor]:
    car = p.car
    albedo = car["paint"].clone()
    sideways = p.nx.abs() > 0.5
    deck = deck_height(car, p.z[:, None])[:, 0]
    rise = (p.y - car["clearance"]) / (deck - car["clearance"]).clamp_min(1e-3)  # 0 sill, 1 shoulder
    front, rear = p.z > p.half - 0.05 * car["length"], p.z < -p.half + 0.05 * car["length"]
    ends = (front & (p.nz > 0.25)) | (rear & (p.nz < -0.25))
    across = p.x / p.side

    stripe = (car["stripe"] > 0) & (across > 0.1) & (across < 0.34) & (p.ny > 0.3)
    albedo = cover(albedo, stripe, car["stripe_paint"])
    albedo = cover(albedo, rise < 0.12, _DARK)  # sill and lower bumper
    for axle in (p.half - car["axle_front"], -p.half + car["axle_rear"]):
        from_axle = ((p.z - axle) ** 2 + (p.y - car["wheel_radius"]) ** 2).sqrt()
        albedo = cover(albedo, sideways & (rise < 0.85) & (from_axle < 1.17 * car["wheel_radius"]), _BLACK)
    doors = (p.z - 0.02 * car["length"]).abs() < 0.006 * car["length"]
    doors |= (p.z - (p.half - car["cowl"] - 0.01)).abs() < 0.005 * car["length"]
    albedo = cover(albedo, sideways & doors & (rise > 0.2), 0.45 * albedo)

    # Front: lamps that wrap round the corner, grille, number plate, dark intake. Rear: red lamps, plate.
    lamp_low = 0.88 - 2 * car["lamp_height"]
    beam = (across > 1 - 1.25 * car["lamp_width"]) & (rise > lamp_low) & (rise < 0.88)
    albedo = cover(albedo, front & beam, _LAMP)
    albedo = cover(albedo, front & beam & (across > 0.93) & (p.nz < 0.75), _AMBER)
    face = front & (p.nz > 0.25)
    albedo = cover(albedo, face & (across < car["grille_width"]) & (rise > 0.42) & (rise < 0.78), _BLACK)
    albedo = cover(albedo, face & (across < 0.75) & (rise > 0.14) & (rise < 0.27), _BLACK)
    albedo = cover(albedo, face & (across < 0.22) & (rise > 0.28) & (rise < 0.42), _PLATE)
    back = rear & (p.nz < -0.25)
    glow = (across > 1 - 1.1 * car["lamp_width"]) & (rise > 0.86 - 1.7 * car["lamp_height"]) & (rise < 0.9)
    albedo = cover(albedo, rear & glow, _RED)
    albedo = cover(albedo, back & (across < 0.25) & (rise > 0.42) & (rise < 0.58), _PLATE)
    albedo = cover(albedo, back & (rise > 0.2) & (rise < 0.23), 0.4 * albedo)

    bed = (car["bed"] > 0) & (p.z > -p.half + 0.03) & (p.z < -p.half + car["tail_glass"])
    in_bed = bed & (across < 0.86) & (p.y < deck - 0.006) & (p.y > bed_floor(car) - 0.01) & (p.ny.abs() + p.nz > 0.1)
    albedo = cover(albedo, in_bed & ~(back & (p.z < -p.half + 0.03)), _DARK)
    dull = (rise < 0.12) | in_bed
    return albedo, torch.where(dull, 0.05, 0.45), torch.where(dull | ends, 0.0, 0.10)


def _paint_cabin(p: _Point) -> tuple[Tensor, Tensor, Tensor]:
    car = p.car
    albedo = torch.where(
        ((p.y - car["belt"]) / (car["roof"] - car["belt"]) > 0.86)[:, None], car["roof_paint"], car["paint"]
    )
    low = car["belt"] - 0.012
    t = (p.y - low) / (car["roof"] - low)  # 0 belt, 1 roof
    front = p.half - car["cowl"] - car["screen"] * t.clamp(0, 1) ** 0.9
    rear_low, rear_high = -p.half + car["tail_glass"], -p.half + car["tail_roof"]
    rear = rear_low + (rear_high - rear_low) * t.clamp(0, 1) ** 1.2
    along = (p.z - rear) / (front - rear).clamp_min(1e-3)  # 0 rear, 1 front, at this height
    width = 0.94 * p.side * (1 - car["tumble"] * t)
    across = p.x / width
    band = (t > 0.17) & (t < 0.84)

    sideways = p.nx.abs() > 0.62
    pillar = torch.zeros_like(band)
    rows = car["window_rows"]
    for share, least in ((0.5, 2), (0.3, 3)):
        pillar |= ((along - share).abs() < 0.022) & (rows >= least) & (rows <= 3)
    pillar |= ((along * rows) % 1 < 0.16) & (rows > 3)  # a bus
    closed = (rows == 1) & (along < 0.48)  # panel vans, coupes and single cabs have no rear side windows
    side_glass = sideways & band & ~pillar & ~closed & (along > 0.075) & (along < 0.93)
    screen = (p.nz > 0.1) & ~sideways & (t > 0.1) & (t < 0.9) & (across < 0.9)
    rear_glass = (p.nz < -0.1) & ~sideways & (t > 0.2) & (t < 0.86) & (across < 0.84)
    glass = side_glass | screen | rear_glass

    stripe = (car["stripe"] > 0) & (across > 0.1) & (across < 0.38) & (p.ny > 0.8) & ~glass
    albedo = cover(albedo, stripe, car["stripe_paint"])
    albedo = cover(albedo, glass, car["glass"])
    return albedo, torch.where(glass, 0.7, 0.45), torch.where(glass, 0.35, 0.10)


def _paint_wheel(p: _Point) -> tuple[Tensor, Tensor, Tensor]:
    car = p.car
    front_axle, rear_axle = p.half - car["axle_front"], -p.half + car["axle_rear"]
    axle = torch.where(p.z > 0, front_axle, rear_axle)
    dz, dy = p.z - axle, p.y - car["wheel_radius"]
    radius = (dz**2 + dy**2).sqrt() / car["wheel_radius"]
    outer = p.x > car.get("track", car["width"]) / 2 - 0.012
    spoke = torch.cos(5 * torch.atan2(dy, dz)) > -0.35
    albedo = torch.full((p.count, 3), 0.045)
    albedo = cover(albedo, outer & (radius < 0.66) & (spoke | (radius < 0.25) | (radius > 0.56)), car["rim"])
    albedo = cover(albedo, outer & (radius < 0.1), _DARK)
    rim = outer & (radius < 0.66)
    return albedo, torch.where(rim, 0.4, 0.05), torch.zeros(p.count)


def _paint_trim(p: _Point) -> tuple[Tensor, Tensor, Tensor]:
    rail = p.y > p.car["roof"]
    albedo = torch.where(rail[:, None], torch.full((p.count, 3), 0.35), p.car["paint"])
    if "boxes" in p.car:
        centre, size, _ = p.car["boxes"].split((3, 3, 1), -1)
        centre = torch.cat([centre[..., :1].abs(), centre[..., 1:]], -1)  # `p.x` knows no side either
        away = (torch.stack([p.x, p.y, p.z], -1)[:, None] - centre) / size
        nearest = away.square().sum(-1).argmin(1)
        albedo = p.car["box_paint"][torch.arange(p.count), nearest]
    return albedo, torch.full((p.count,), 0.3), torch.zeros(p.count)
