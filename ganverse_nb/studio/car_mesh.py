"""Cars as meshes. Every car has the same topology, so that a batch of different cars is one [B, V, 3] tensor."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.studio.cars import Cars
from ganverse_nb.studio.tubes import tube_faces

BODY, CABIN, WHEEL, TRIM = range(4)  # what a face belongs to; `car_paint` gives each its materials
STATIONS, SECTION = 30, 36  # rings of the body along z, points of each ring
CAP_ANGLES = (0.4, 0.8, 1.2, torch.pi / 2)  # rings of the body's rounded ends
CABIN_HEIGHTS = (0.0, 0.2, 0.4, 0.6, 0.78, 0.9, 0.965, 0.99, 1.0)
CABIN_INSETS = (0.0, 0.0, 0.0, 0.0, 0.0, 0.003, 0.010, 0.022, 0.045)
CABIN_LOOP, WHEEL_SEGMENTS = 36, 24
KEYPOINT_NAMES = (
    "left_front_wheel", "right_front_wheel", "left_back_wheel", "right_back_wheel",
    "left_front_light", "right_front_light", "left_back_light", "right_back_light",
    "upper_left_windshield", "upper_right_windshield", "upper_left_rearwindow", "upper_right_rearwindow",
)  # fmt: skip


def car_mesh(cars: Cars) -> Mesh:
    """The [B, V, 3] surfaces of a batch of cars: front +z, standing on y = -roof / 2, centred in x and z."""
    parts = [_body(cars), _cabin(cars), *_wheels(cars), *_trim(cars)]
    faces, _ = _topology()
    vertices = torch.cat(parts, dim=1)
    return Mesh(vertices - _centre(cars), faces)


def face_parts() -> Tensor:
    """[F] int64: BODY, CABIN, WHEEL or TRIM of every face of `car_mesh`."""
    return _topology()[1]


def places() -> Tensor:
    """[V, 3] zeros: a car is painted by world positions alone."""
    return torch.zeros(int(_topology()[0].max()) + 1, 3)


def keypoints(cars: Cars) -> Tensor:
    """[B, 12, 3] world positions of KEYPOINT_NAMES."""
    left = cars["width"] / 2
    half = cars["length"] / 2
    lamp_y, tail_y = 0.75 * cars["nose"], 0.8 * cars["deck"]
    zf, zr = half - cars["cowl"] - cars["screen"], -half + cars["tail_roof"]
    roof_x = left * 0.94 * (1 - cars["tumble"])
    rows = []
    for z, y, x in [
        (half - cars["axle_front"], cars["wheel_radius"], left),
        (-half + cars["axle_rear"], cars["wheel_radius"], left),
        (half, lamp_y, 0.75 * left),
        (-half, tail_y, 0.75 * left),
        (zf, cars["roof"], roof_x),
        (zr, cars["roof"], roof_x),
    ]:
        rows += [torch.stack([x, y, z], -1), torch.stack([-x, y, z], -1)]
    return torch.stack(rows, 1) - _centre(cars)


def _centre(cars: Cars) -> Tensor:
    zero = torch.zeros_like(cars["roof"])
    return torch.stack([zero, cars["roof"] / 2, zero], -1)[:, None]


def _power(x: Tensor, exponent: Tensor) -> Tensor:
    return x.sign() * x.abs().clamp_min(1e-9) ** exponent


def deck_height(cars: Cars, z: Tensor) -> Tensor:
    """Height of the body's upper edge above the ground at [B, N] positions z: boot, belt and bonnet."""
    half = cars["length"][:, None] / 2
    belt, cowl = cars["belt"][:, None], cars["cowl"][:, None]
    bonnet = ((z - (half - cowl)) / cowl).clamp(0, 1) ** 1.6
    tail = cars["tail_glass"][:, None]
    boot = ((-half + tail - z) / tail).clamp(0, 1) ** 1.6
    return belt + (cars["nose"][:, None] - belt) * bonnet + (cars["deck"][:, None] - belt) * boot


def bed_floor(cars: Cars) -> Tensor:
    """[B] height of a pickup's load floor above the ground."""
    return cars["clearance"] + 0.09 * cars["length"]


def _body(cars: Cars) -> Tensor:
    b = len(cars["length"])
    half, radius = cars["length"][:, None] / 2, 0.035 * cars["length"][:, None]
    along = torch.linspace(-1, 1, STATIONS)[None] * (half - radius)
    angles = torch.tensor(CAP_ANGLES)
    front, shrink = half - radius + radius * angles.sin(), radius * (1 - angles.cos())
    z = torch.cat([-front.flip(1), along, front], 1)
    inset = torch.cat([shrink.flip(1), torch.zeros_like(along), shrink], 1)

    top, bottom = deck_height(cars, z.clamp(-half, half)) - inset, cars["clearance"][:, None] + inset
    middle, reach = (top + bottom) / 2, (top - bottom) / 2
    width = cars["width"][:, None] / 2 * (1 - 0.12 * (z / half).abs() ** 6) - inset
    theta = (torch.arange(SECTION) + 0.5) * (2 * torch.pi / SECTION)
    exponent = 2 / cars["roundness"][:, None, None]
    cos, sin = _power(theta.cos(), exponent), _power(theta.sin(), exponent)  # [B, 1, SECTION]
    # Shoulders and sills draw in a little; a car is not a box.
    x = width[..., None] * cos * (1 - 0.07 * sin.clamp_min(0) ** 2 - 0.05 * sin.clamp_max(0) ** 2)
    y = middle[..., None] + reach[..., None] * sin.expand(b, z.shape[1], SECTION)

    tail = -half + cars["tail_glass"][:, None] - 0.02
    in_bed = (cars["bed"][:, None] > 0) & (z > -half + 0.045) & (z < tail)
    inside = (x.abs() < 0.85 * width[..., None]) & (sin > 0) & in_bed[..., None]
    y = torch.where(inside, bed_floor(cars)[:, None, None].expand_as(y), y)

    rake = cars["rake"][:, None, None] * ((y - middle[..., None]) / reach[..., None]).clamp(0, 1)
    z_points = z[..., None] - rake * (z[..., None] > half[..., None] - radius[..., None])
    rings = torch.stack([x, y, z_points.expand_as(x)], -1)
    return torch.cat([rings.flatten(1, 2), rings[:, :1].mean(2), rings[:, -1:].mean(2)], 1)


def _cabin(cars: Cars) -> Tensor:
    t, inset = torch.tensor(CABIN_HEIGHTS)[None], torch.tensor(CABIN_INSETS)[None] * cars["length"][:, None]
    half = cars["length"][:, None] / 2
    front = half - cars["cowl"][:, None] - cars["screen"][:, None] * t**0.9 - inset
    rear_low, rear_high = -half + cars["tail_glass"][:, None], -half + cars["tail_roof"][:, None]
    rear = rear_low + (rear_high - rear_low) * t**1.2 + inset
    width = cars["width"][:, None] / 2 * 0.94 * (1 - cars["tumble"][:, None] * t) - inset
    low = cars["belt"][:, None] - 0.012
    y = low + (cars["roof"][:, None] - low) * t

    phi = (torch.arange(CABIN_LOOP) + 0.5) * (2 * torch.pi / CABIN_LOOP)
    exponent = torch.tensor(2 / 7.0)
    x = width[..., None] * _power(phi.sin(), exponent)
    z = (front + rear)[..., None] / 2 + (front - rear)[..., None] / 2 * _power(phi.cos(), exponent)
    rings = torch.stack([x, y[..., None].expand_as(x), z], -1)
    last = rings[:, -1]
    middle = last.mean(1, keepdim=True)
    dome = torch.tensor([0.0, 0.004, 0.0])
    rings = torch.cat([rings, (0.5 * (last + middle) + dome)[:, None]], 1)
    return torch.cat([rings.flatten(1, 2), middle + 1.4 * dome], 1)


def _wheels(cars: Cars) -> list[Tensor]:
    radius, half = cars["wheel_radius"], cars["length"] / 2
    tyre = 0.075 * cars["length"]
    # (share of the radius, share of the tyre's width from its outer side)
    profile = torch.tensor([(0.35, 0.12), (0.62, 0.06), (0.70, 0.0), (0.93, 0.0), (1.0, 0.1), (1.0, 0.9), (0.9, 1.0)])
    phi = torch.arange(WHEEL_SEGMENTS) * (2 * torch.pi / WHEEL_SEGMENTS)
    ring = profile[:, :1] * radius[:, None, None]  # [B, P, 1]
    across = cars.get("track", cars["width"])[:, None] / 2 + 0.006 - profile[:, 1] * tyre[:, None]
    wheels = []
    for side in (1.0, -1.0):
        for z in (half - cars["axle_front"], -half + cars["axle_rear"]):
            y = radius[:, None, None] + ring * phi.cos()
            points = torch.stack(
                [side * across[..., None].expand_as(y), y, z[:, None, None] + side * ring * phi.sin()], -1
            )
            ends = torch.stack([side * across[:, [0, -1]], radius[:, None].expand(-1, 2), z[:, None].expand(-1, 2)], -1)
            wheels.append(torch.cat([points.flatten(1, 2), ends], 1))
    return wheels


_BLOB_RINGS, _BLOB_SEGMENTS = 6, 12


def _trim(cars: Cars) -> list[Tensor]:
    """Rounded boxes: two mirrors, a spoiler, two roof rails; those a car lacks shrink to a point inside it.

    Out-of-distribution cars (`studio.ood_cars`) say in `boxes` what they have instead.
    """
    if "boxes" in cars:
        centre, size, lean = (part[:, :, None] for part in cars["boxes"].split((3, 3, 1), -1))
        points = centre + size * _rounded_box()
        points[..., 2] -= lean[..., 0] * _rounded_box()[:, 1]
        return list(points.unbind(1))
    length, half, left = cars["length"], cars["length"] / 2, cars["width"] / 2
    roof_x = 0.8 * left * (1 - cars["tumble"])
    roof_front, roof_rear = half - cars["cowl"] - cars["screen"], -half + cars["tail_roof"]
    one = torch.ones_like(left)
    mirror = (half - cars["cowl"] - 0.25 * cars["screen"], cars["belt"] + 0.025)
    boxes = []
    for side in (1.0, -1.0):
        boxes.append((side * (left + 0.006), mirror[1], mirror[0], 0.022 * one, 0.018 * one, 0.014 * one, one))
    spoiler_y = cars["deck"] + 0.035
    boxes.append((0 * one, spoiler_y, -half + 0.035, 0.85 * left, 0.007 * one, 0.028 * length, cars["spoiler"]))
    for side in (1.0, -1.0):
        centre, reach = (roof_front + roof_rear) / 2, 0.42 * (roof_front - roof_rear)
        boxes.append((side * roof_x, cars["roof"] + 0.012, centre, 0.008 * one, 0.008 * one, reach, cars["rack"]))

    unit = _rounded_box()
    result = []
    for x, y, z, sx, sy, sz, present in boxes:
        size = torch.stack([sx, sy, sz], -1) * present[:, None]
        at = torch.stack([x * present, torch.where(present > 0, y, cars["belt"] * 0.8), z * present], -1)
        result.append(at[:, None] + size[:, None] * unit)
    return result


@cache
def _rounded_box() -> Tensor:
    """[P, 3] vertices of a box with round edges that reaches from -1 to 1."""
    latitude = (torch.arange(_BLOB_RINGS) + 0.5) * (torch.pi / _BLOB_RINGS) - torch.pi / 2
    longitude = torch.arange(_BLOB_SEGMENTS) * (2 * torch.pi / _BLOB_SEGMENTS)
    e = torch.tensor(0.5)
    unit = torch.stack(
        [
            _power(latitude.cos(), e)[:, None] * _power(longitude.sin(), e),
            _power(latitude.sin(), e)[:, None].expand(-1, _BLOB_SEGMENTS),
            _power(latitude.cos(), e)[:, None] * _power(longitude.cos(), e),
        ],
        -1,
    ).reshape(-1, 3)
    return torch.cat([unit, torch.tensor([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]])])


@cache
def _topology() -> tuple[Tensor, Tensor]:
    """Faces of all parts in the order `car_mesh` lays their vertices out, and the part of each face."""
    rings = STATIONS + 2 * len(CAP_ANGLES)
    cabin = len(CABIN_HEIGHTS) + 1
    grids = [(tube_faces(rings, SECTION, start=True, end=True), BODY)]
    grids.append((tube_faces(cabin, CABIN_LOOP, start=False, end=True), CABIN))
    grids += [(tube_faces(7, WHEEL_SEGMENTS, start=True, end=True, flip=True), WHEEL)] * 4
    grids += [(tube_faces(_BLOB_RINGS, _BLOB_SEGMENTS, start=True, end=True), TRIM)] * 5
    faces, parts, offset = [], [], 0
    for (grid, count), part in grids:
        faces.append(grid + offset)
        parts.append(torch.full((len(grid),), part))
        offset += count
    return torch.cat(faces), torch.cat(parts)
