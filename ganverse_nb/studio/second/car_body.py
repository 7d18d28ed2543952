"""The second edition's cars as meshes of one topology: arches with wheels in them, curved glass, tubs, boxes, bars."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.studio.car_mesh import KEYPOINT_NAMES as KEYPOINT_NAMES
from ganverse_nb.studio.sampling import Objects
from ganverse_nb.studio.second.car_trim import BOX_RINGS, BOX_SEGMENTS, TRIM_NAMES, box_places, power, trim
from ganverse_nb.studio.tubes import tube_faces

BODY, CABIN, WHEEL, TRIM = range(4)  # what a face belongs to; the boxes are TRIM + 0, TRIM + 1, ... (`car_trim`)
SECTION, CABIN_LOOP, WHEEL_SEGMENTS = 36, 36, 26
_ARCH, _CAP = 11, (0.35, 0.7, 1.1, torch.pi / 2)  # rings across an arch; angles of the rings of a rounded end
_STEPS = (0.0, 0.5, 0.96)  # rings between an arch and an end
_MIDDLE = 9
# Loops of the cabin: height, inset, share of its size (towards its middle), dome.
_LOOPS = torch.tensor(
    [
        [0.0, 0.0, 1.0, 0.0], [0.25, 0.0, 1.0, 0.0], [0.5, 0.0, 1.0, 0.0], [0.72, 0.0, 1.0, 0.0],
        [0.88, 0.0, 1.0, 0.0], [0.955, 0.003, 1.0, 0.0], [0.985, 0.010, 1.0, 0.0], [1.0, 0.024, 1.0, 0.0],
        [1.0, 0.03, 0.72, 0.005], [1.0, 0.03, 0.35, 0.009],
    ]
)  # fmt: skip
# Sections of a wheel: share of its radius, share of its width from the outer side. The first five are the rim.
_WHEEL = torch.tensor(
    [
        [0.16, 0.10], [0.30, 0.16], [0.60, 0.13], [0.655, 0.03], [0.68, 0.0],
        [0.80, -0.06], [0.95, 0.02], [1.0, 0.16], [1.0, 0.84], [0.9, 1.0],
    ]
)  # fmt: skip


def car_mesh(cars: Objects) -> Mesh:
    """The [B, V, 3] surfaces of a batch of cars: front +z, standing on y = -roof / 2, centred in x and z."""
    parts = [_body(cars), _cabin(cars), *_wheels(cars), *trim(cars)]
    return Mesh(torch.cat(parts, 1) - _centre(cars), _topology()[0])


def face_parts() -> Tensor:
    """[F] int64: the part of every face of `car_mesh`."""
    return _topology()[1]


@cache
def places() -> Tensor:
    """[V, 3] where on its part a vertex is.

    Of the cabin: height (0 belt, 1 roof), then -1 to 1 from rear to front and from right to left. Of a wheel: forward
    and up in shares of its radius, and across. Of a box: -1 to 1 along its axes. Of the body: nothing.
    """
    count = int(_topology()[0].max()) + 1
    phi = (torch.arange(CABIN_LOOP) + 0.5) * (2 * torch.pi / CABIN_LOOP)
    size = _LOOPS[:, 2:3]
    along, across = size * power(phi.cos(), _cabin_exponent()), size * power(phi.sin(), _cabin_exponent())
    cabin = torch.stack([_LOOPS[:, :1].expand_as(along), along, across], -1).flatten(0, 1)
    phi = torch.arange(WHEEL_SEGMENTS) * (2 * torch.pi / WHEEL_SEGMENTS)
    radius, deep = _WHEEL[:, :1], _WHEEL[:, 1:].expand(-1, WHEEL_SEGMENTS)
    wheel = torch.stack([radius * phi.sin(), radius * phi.cos(), deep], -1).flatten(0, 1)
    wheel = torch.cat([wheel, torch.tensor([[0.0, 0.0, 0.1], [0.0, 0.0, 1.0]])])
    rest = [cabin, torch.tensor([[1.0, 0.0, 0.0]]), *[wheel] * 4, *[box_places()] * len(TRIM_NAMES)]
    body = count - sum(map(len, rest))
    return torch.cat([torch.zeros(body, 3), *rest])


def keypoints(cars: Objects) -> Tensor:
    """[B, 12, 3] world positions of KEYPOINT_NAMES."""
    left, half = cars["width"] / 2, cars["length"] / 2
    roof_x = left * 0.92 * (1 - cars["tumble"])
    windscreen = half - cars["cowl"] - cars["screen"]
    rear = torch.where(cars["open"] > 0, -half + cars["tail_glass"], -half + cars["tail_roof"])
    rear_y = torch.where(cars["open"] > 0, deck_height(cars, rear[:, None])[:, 0], _roof(cars, rear[:, None])[:, 0])
    rows = []
    for z, y, x in [
        (half - cars["axle_front"], cars["wheel_radius"], left),
        (-half + cars["axle_rear"], cars["wheel_radius"], left),
        (half - cars["bow"], 0.8 * cars["nose"], 0.72 * left * cars["bonnet_width"].clamp_min(0.7)),
        (-half + cars["tail_bow"], 0.8 * cars["deck"], 0.76 * left),
        (windscreen, _roof(cars, windscreen[:, None])[:, 0], roof_x),
        (rear, rear_y, roof_x),
    ]:
        rows += [torch.stack([x, y, z], -1), torch.stack([-x, y, z], -1)]
    return torch.stack(rows, 1) - _centre(cars)


def height(cars: Objects) -> Tensor:
    """[B] height of the car without what it carries; it stands on the plane y = -height / 2."""
    return cars["roof"]


def deck_height(cars: Objects, z: Tensor) -> Tensor:
    """Height of the body's upper edge above the ground at [B, N] positions z: boot, belt and bonnet."""
    c = {name: value[:, None] for name, value in cars.items() if value.ndim == 1}
    half = c["length"] / 2
    bonnet = ((z - (half - c["cowl"])) / c["cowl"]).clamp(0, 1) ** c["bonnet_curve"]
    boot = ((-half + c["tail_glass"] - z) / c["tail_glass"]).clamp(0, 1) ** 1.6
    belt = c["belt"] + c["wedge"] * (0.5 - z / c["length"])
    return belt + (c["nose"] - belt) * bonnet + (c["deck"] - belt) * boot


def tub(cars: Objects) -> tuple[Tensor, Tensor, Tensor]:
    """[B] rear end, front end and floor height of the load bed or of the open cabin; empty where there is neither."""
    half, length = cars["length"] / 2, cars["length"]
    is_open = cars["open"] > 0
    rear = torch.where(is_open, -half + cars["tail_glass"], -half + 0.03 * length)
    front = torch.where(is_open, half - cars["cowl"] - 0.05 * length, -half + cars["tail_glass"] - 0.012 * length)
    floor = cars["clearance"] + torch.where(is_open, 0.055, 0.1) * length
    return rear, torch.where(is_open | (cars["bed"] > 0), front, rear), floor


def _centre(cars: Objects) -> Tensor:
    zero = torch.zeros_like(cars["roof"])
    return torch.stack([zero, cars["roof"] / 2, zero], -1)[:, None]


def _roof(cars: Objects, z: Tensor) -> Tensor:
    """Height of the roof at [B, N] positions z."""
    half = cars["length"] / 2
    front, rear = half - cars["cowl"] - cars["screen"], -half + cars["tail_roof"]
    middle, reach = (0.65 * front + 0.35 * rear)[:, None], ((front - rear) / 2).clamp_min(0.02)[:, None]
    return cars["roof"][:, None] - cars["arc"][:, None] * ((z - middle) / reach).square().clamp_max(2.2)


def _stations(c: Objects) -> tuple[Tensor, Tensor]:
    """[B, S] positions of the body's rings along z, and how much the rounded ends draw each of them in."""
    half, radius, arch = c["length"] / 2, 0.032 * c["length"], c["arch"] * c["wheel_radius"]
    front, rear = half - c["axle_front"], -half + c["axle_rear"]
    lerp = lambda a, b, t: a + (b - a) * torch.tensor(t)  # noqa: E731
    across = -torch.cos(torch.arange(_ARCH) * (torch.pi / (_ARCH - 1)))
    angles = torch.tensor(_CAP)
    rounded = half - radius + radius * angles.sin()
    middle = torch.linspace(0.02, 0.98, _MIDDLE).tolist()
    start, end, _ = tub({name: value[:, 0] for name, value in c.items() if value.ndim == 2})
    edges = torch.stack([start - 1e-3, start + 1e-3, end - 1e-3, end + 1e-3], 1).clamp(-half + radius, half - radius)
    inner = [
        lerp(-half + radius, rear - arch, _STEPS), rear + arch * across, lerp(rear + arch, front - arch, middle),
        front + arch * across, lerp(half - radius, front + arch, _STEPS), edges,
    ]  # fmt: skip
    z = torch.cat(inner, 1).sort(1).values
    shrink = radius * (1 - angles.cos())
    inset = torch.cat([shrink.flip(1), torch.zeros_like(z), shrink], 1)
    return torch.cat([-rounded.flip(1), z, rounded], 1), inset


def _body(cars: Objects) -> Tensor:
    c = {name: value[:, None] for name, value in cars.items() if value.ndim == 1}
    half, length = c["length"] / 2, c["length"]
    z, inset = _stations(c)
    top = deck_height(cars, z.clamp(-half, half)) - inset
    lift = ((z.abs() / half - 0.72) / 0.28).clamp(0, 1) ** 2  # bumpers end higher than sills
    bottom = c["clearance"] + inset + 0.022 * length * lift
    middle, reach = ((top + bottom) / 2)[..., None], ((top - bottom) / 2)[..., None]
    taper = 1 - 0.10 * (z / half).abs() ** 5
    bonnet = ((z - (half - c["cowl"] - 0.02 * length)) / (0.12 * length)).clamp(0, 1)
    width = (c["width"] / 2 * taper * (1 - (1 - c["bonnet_width"]) * bonnet) - inset)[..., None]

    theta = (torch.arange(SECTION) + 0.5) * (2 * torch.pi / SECTION)
    exponent = 2 / c["roundness"][..., None]
    cos, sin = power(theta.cos(), exponent), power(theta.sin(), exponent)  # [B, 1, SECTION]
    # Widest a little above the sill; shoulders and sills draw in.
    x = width * cos * (1 - 0.09 * (sin - 0.05).clamp_min(0) ** 2 - 0.05 * sin.clamp_max(0) ** 2)
    y = middle + reach * sin.expand_as(x)

    # Wheels stand in arches: what would be in the way is pushed up to the arch.
    arch = (c["arch"] * c["wheel_radius"])[..., None]
    inner = (c["width"] / 2 - 1.35 * c["tyre"])[..., None]
    for axle in (half - c["axle_front"], -half + c["axle_rear"]):
        away = (z - axle)[..., None]
        rise = c["wheel_radius"][..., None] + (arch**2 - away**2).clamp_min(0).sqrt()
        wing = c["wheel_radius"][..., None] + ((1.13 * arch) ** 2 - away**2).clamp_min(0).sqrt()
        over = (away.abs() < 1.13 * arch) & (x.abs() > 0.9 * inner) & (sin > 0.2)
        y = torch.where(over, torch.maximum(y, wing.expand_as(y)), y)  # wings of low cars stand above the bonnet
        inside = (away.abs() <= arch + 1e-5) & (x.abs() > inner) & (sin < 0.999)
        y = torch.where(inside, torch.maximum(y, rise.expand_as(y)), y)
        flare = torch.exp(-((((away**2 + (y - c["wheel_radius"][..., None]) ** 2).sqrt() - arch) / (0.35 * arch)) ** 2))
        x = x * (1 + 0.025 * flare * (cos.abs() > 0.8))

    start, end, floor = (value[:, None, None] for value in tub(cars))
    inside = (x.abs() < 0.86 * width) & (sin > 0) & (z[..., None] > start) & (z[..., None] < end)
    y = torch.where(inside, floor.expand_as(y), y)

    # Front and rear are bowed in plan; the nose leans back above its bumper.
    share = (x / (c["width"] / 2)[..., None]).abs().clamp_max(1) ** 2.4
    ahead = ((z / half - 0.74) / 0.26).clamp(0, 1)[..., None]
    behind = ((-z / half - 0.74) / 0.26).clamp(0, 1)[..., None]
    up = ((y - middle) / reach.clamp_min(1e-3)).clamp(-1, 1)
    lean = c["rake"][..., None] * (up + 0.2).clamp_min(0) + 0.012 * length[..., None] * (-0.5 - up).clamp_min(0)
    shift = ahead * (c["bow"][..., None] * share + lean) - behind * (c["tail_bow"][..., None] * share + 0.4 * lean)
    rings = torch.stack([x, y, z[..., None] - shift], -1)
    return torch.cat([rings.flatten(1, 2), rings[:, :1].mean(2), rings[:, -1:].mean(2)], 1)


def _cabin_exponent() -> Tensor:
    return torch.tensor(2 / 6.0)


def _cabin(cars: Objects) -> Tensor:
    c = {name: value[:, None] for name, value in cars.items() if value.ndim == 1}
    t, inset, size, dome = (column[None] for column in _LOOPS.unbind(1))
    half, inset = c["length"] / 2, inset * c["length"]
    front = half - c["cowl"] - c["screen"] * t**0.85 - inset
    rear = -half + c["tail_glass"] + (c["tail_roof"] - c["tail_glass"]) * t**1.25 + inset
    rear = torch.where(c["open"] > 0, front - 0.02 * c["length"], rear)  # of an open car the windscreen is left
    width = c["width"] / 2 * 0.935 * (1 - c["tumble"] * t**1.25) - inset
    phi = (torch.arange(CABIN_LOOP) + 0.5) * (2 * torch.pi / CABIN_LOOP)
    along, across = power(phi.cos(), _cabin_exponent()), power(phi.sin(), _cabin_exponent())
    x = (width * size)[..., None] * across
    z = ((front + rear) / 2)[..., None] + ((front - rear) / 2 * size)[..., None] * along
    z = z - 0.012 * c["length"][..., None] * (1 - t[..., None]) * along.clamp_min(0) * across**2  # curved windscreen
    flat = z.flatten(1)
    low = deck_height(cars, flat.clamp(-half, half)).view_as(z) - 0.014 * c["length"][..., None]
    top = _roof(cars, flat).view_as(z)
    y = low + (top - low) * t[..., None] + (dome * c["length"])[..., None]
    rings = torch.stack([x, y, z], -1)
    last = rings[:, -1].mean(1, keepdim=True)
    return torch.cat([rings.flatten(1, 2), last], 1)


def _wheels(cars: Objects) -> list[Tensor]:
    radius, half, tyre = cars["wheel_radius"], cars["length"] / 2, cars["tyre"]
    phi = torch.arange(WHEEL_SEGMENTS) * (2 * torch.pi / WHEEL_SEGMENTS)
    ring = _WHEEL[:, :1] * radius[:, None, None]
    outer = cars["width"] / 2 - 0.004 * cars["length"]
    wheels = []
    for side in (1.0, -1.0):
        for z, turns in ((half - cars["axle_front"], 1.0), (-half + cars["axle_rear"], 0.0)):
            across = (-tyre[:, None] * _WHEEL[:, 1])[..., None].expand(-1, -1, WHEEL_SEGMENTS)
            rings = torch.stack([across, (ring * phi.cos()), ring * phi.sin()], -1).flatten(1, 2)
            ends = torch.stack([-tyre[:, None] * torch.tensor([0.1, 1.0]), *[torch.zeros(len(tyre), 2)] * 2], -1)
            local = torch.cat([rings, ends], 1) * torch.tensor([side, 1.0, 1.0])
            angle = torch.deg2rad(turns * cars["steer"])[:, None]
            lx, ly, lz = local.unbind(-1)
            lx, lz = lx + side * 0.5 * tyre[:, None], lz  # turned about the middle of the tyre
            turned = torch.stack([lx * angle.cos() + lz * angle.sin(), ly, lz * angle.cos() - lx * angle.sin()], -1)
            at = torch.stack([side * (outer - 0.5 * tyre), radius, z], -1)
            wheels.append(turned + at[:, None])
    return wheels


@cache
def _topology() -> tuple[Tensor, Tensor]:
    """Faces of all parts in the order `car_mesh` lays their vertices out, and the part of each face."""
    rings = 2 * (len(_STEPS) + _ARCH + len(_CAP)) + _MIDDLE + 4
    grids = [(tube_faces(rings, SECTION, start=True, end=True), BODY)]
    grids.append((tube_faces(len(_LOOPS), CABIN_LOOP, start=False, end=True), CABIN))
    wheel = tube_faces(len(_WHEEL), WHEEL_SEGMENTS, start=True, end=True, flip=True)
    mirrored = tube_faces(len(_WHEEL), WHEEL_SEGMENTS, start=True, end=True)
    grids += [(wheel, WHEEL)] * 2 + [(mirrored, WHEEL)] * 2
    grids += [(tube_faces(BOX_RINGS, BOX_SEGMENTS, start=True, end=True), TRIM + k) for k in range(len(TRIM_NAMES))]
    faces, parts, offset = [], [], 0
    for (grid, count), part in grids:
        faces.append(grid + offset)
        parts.append(torch.full((len(grid),), part))
        offset += count
    return torch.cat(faces), torch.cat(parts)
