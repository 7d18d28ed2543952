"""Horses as meshes: trunk, neck, head, legs, mane and tail are closed tubes that overlap. One topology for all."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.studio.sampling import Objects, settled
from ganverse_nb.studio.tubes import Layout, Tube, chain, frames, loft, smooth, sweep

TRUNK, NECK, HEAD, EAR, MANE, TAIL, LEG = range(7)  # the part of a face; the four legs are LEG + 0 ... LEG + 3
LEG_NAMES = ("left_front", "right_front", "left_hind", "right_hind")
_TUBES = {
    "trunk": Tube(TRUNK, 26, 20), "neck": Tube(NECK, 14, 16), "head": Tube(HEAD, 18, 16),
    "left_ear": Tube(EAR, 6, 8), "right_ear": Tube(EAR, 6, 8), "crest": Tube(MANE, 14, 8), "mane": Tube(MANE, 14, 8),
    "forelock": Tube(MANE, 8, 8), "tail": Tube(TAIL, 16, 10),
} | {name: Tube(LEG + k, 25, 12) for k, name in enumerate(LEG_NAMES)}  # fmt: skip

# Trunk from buttocks to chest: place along its length, upper and lower edge in its depth, share of half its width.
_TRUNK = torch.tensor(
    [
        [-0.50, 0.84, 0.60, 0.20], [-0.475, 0.95, 0.42, 0.58], [-0.38, 1.02, 0.24, 0.92], [-0.22, 1.02, 0.13, 0.97],
        [-0.04, 0.94, 0.02, 1.00], [0.13, 0.95, -0.03, 1.00], [0.27, 1.03, 0.00, 0.92], [0.39, 0.98, 0.10, 0.80],
        [0.475, 0.84, 0.24, 0.56], [0.51, 0.70, 0.44, 0.18],
    ]
)  # fmt: skip
# Half axes, across and in the plane of the head or neck.
_NECK = torch.tensor([[0.125, 0.23], [0.110, 0.195], [0.092, 0.155], [0.080, 0.128], [0.076, 0.110]])
_HEAD = torch.tensor(
    [[0.055, 0.070], [0.080, 0.104], [0.078, 0.098], [0.062, 0.076], [0.056, 0.064], [0.060, 0.064], [0.038, 0.040]]
)
# Legs from inside the trunk to the ground: joints at every second place, knee or hock in the middle, hoof at the end.
_FRONT = torch.tensor(
    [
        [0.020, 0.040], [0.075, 0.140], [0.075, 0.100], [0.058, 0.066], [0.050, 0.054], [0.038, 0.040], [0.045, 0.048],
        [0.044, 0.050], [0.056, 0.066],
    ]
)  # fmt: skip
_HIND = torch.tensor(
    [
        [0.020, 0.050], [0.095, 0.190], [0.090, 0.140], [0.064, 0.082], [0.050, 0.062], [0.039, 0.043], [0.045, 0.049],
        [0.044, 0.050], [0.056, 0.066],
    ]
)  # fmt: skip
_FEATHER = torch.tensor([0, 0, 0, 0, 0, 0.2, 0.55, 0.75, 0.35])


def horse_mesh(horses: Objects) -> Mesh:
    """The [B, V, 3] surfaces of a batch of horses: front +z, centred, standing on y = floor."""
    return Mesh(settled(horse_body(horses), horses), layout().faces)


@cache
def layout() -> Layout:
    """The topology of `horse_mesh`."""
    return Layout(list(_TUBES.values()))


_KEYPOINTS: dict[str, tuple[str, float, int | None]] = {
    "nose": ("head", 1.0, 90),
    "withers": ("trunk", 0.66, 90),
    "croup": ("trunk", 0.25, 90),
}
_KEYPOINTS |= {"dock": ("tail", 0.0, None)}
for _side, _angle in (("left", 35), ("right", 145)):
    _KEYPOINTS |= {f"{_side}_eye": ("head", 0.27, _angle), f"{_side}_ear": (f"{_side}_ear", 1.0, None)}
    _KEYPOINTS |= {f"{_side}_knee": (f"{_side}_front", 0.5, 90), f"{_side}_hock": (f"{_side}_hind", 0.5, 270)}
    _KEYPOINTS |= {f"{_side}_{end}_hoof": (f"{_side}_{end}", 1.0, 90) for end in ("front", "hind")}
KEYPOINT_NAMES = tuple(_KEYPOINTS)


def keypoints(horses: Objects) -> Tensor:
    """[B, K, 3] world positions of KEYPOINT_NAMES, on the surface."""
    names = list(_TUBES)
    at = [layout().vertex(names.index(tube), along, angle) for tube, along, angle in _KEYPOINTS.values()]
    return horse_mesh(horses).vertices[:, at]


def horse_body(horses: Objects) -> Tensor:
    """[B, V, 3] vertices in units of the height of the withers, the hind hooves near y = 0."""
    h = {name: value[:, None] for name, value in horses.items()}
    one = torch.ones_like(h["leg"])
    parts = {"trunk": _trunk(h)} | _forehand(h, one) | {"tail": _tail(h, one)}
    legs = {name: _leg(h, name) for name in LEG_NAMES}
    front = torch.cat([parts[name] for name in _TUBES if name in parts] + [legs[name] for name in LEG_NAMES[:2]], 1)
    hip = torch.stack([0 * one, h["leg"] + 0.6 * h["deep"], -0.34 * h["length"]], -1)
    return torch.cat([_raised(front, hip, h["rearing"]), *(legs[name] for name in LEG_NAMES[2:])], 1)


def _raised(points: Tensor, pivot: Tensor, angle: Tensor) -> Tensor:
    """Points [B, N, 3] turned up about a `pivot` [B, 1, 3] by `angle` [B, 1] degrees."""
    x, y, z = (points - pivot).unbind(-1)
    cos, sin = torch.deg2rad(angle).cos(), torch.deg2rad(angle).sin()
    return pivot + torch.stack([x, cos * y + sin * z, cos * z - sin * y], -1)


def _trunk(h: Objects) -> Tensor:
    z, top, bottom, width = _TRUNK.T
    top, bottom = h["leg"] + h["deep"] * top, h["leg"] + h["deep"] * bottom
    z = h["length"] * z
    centres = torch.stack([torch.zeros_like(z), (top + bottom) / 2, z], -1)
    tube, half = _TUBES["trunk"], (top - bottom) / 2
    rings = smooth(torch.cat([centres, (h["girth"] / 2 * width)[..., None], half[..., None]], -1), tube.rings)
    zero = torch.zeros_like(rings[..., 0])
    sides, ups = torch.stack([rings[..., 3], zero, zero], -1), torch.stack([zero, rings[..., 4], zero], -1)
    return loft(rings[..., :3], sides, ups, tube.segments)


def _forehand(h: Objects, one: Tensor) -> dict[str, Tensor]:
    """Neck, head, ears and mane."""
    arch = torch.tensor([12.0, 6.0, -3.0, -15.0])
    stout = (h["deep"] / 0.46) * (h["neck"] / 0.58)
    base = torch.cat([0 * one, h["leg"] + 0.62 * h["deep"], 0.27 * h["length"]], 1)
    bend = torch.tensor([0.2, 0.6, 1.0, 1.3]) * h["turn"]
    spine = chain(base, h["neck_pitch"] + arch, bend, h["neck"] / 4 * torch.ones(1, 4))
    across, upward = (stout * _NECK[:, 0]), (stout * _NECK[:, 1])
    sides, ups = frames(spine)

    heading = 1.5 * h["turn"]
    size = h["head"] / 0.42 * h["bone"].clamp(0.95, 1.2) ** 0.5
    start = spine[:, -1] - 0.02 * (spine[:, -1] - spine[:, -2])
    shares = torch.tensor([0.14, 0.20, 0.22, 0.20, 0.17, 0.07])
    face = chain(start, h["head_pitch"].expand(-1, 6), heading.expand(-1, 6), h["head"] * shares)
    face_sides, face_ups = frames(face)
    left, brow = face_sides[:, 0], face_ups[:, 0]
    back = -torch.linalg.cross(left, brow, dim=-1)
    parts = {
        "neck": sweep(_TUBES["neck"], spine, across, upward),
        "head": sweep(_TUBES["head"], face, size * _HEAD[:, 0], size * _HEAD[:, 1], left[:, None]),
    }
    for name, sign in (("left_ear", 1.0), ("right_ear", -1.0)):
        root = face[:, 0] + size * (0.055 * brow + sign * 0.045 * left)
        way = 0.8 * brow + 0.55 * back + sign * 0.3 * left
        line = root[:, None] + (size * torch.linspace(0, 0.14, 4))[..., None] * way[:, None]
        ear = torch.tensor([0.024, 0.034, 0.024, 0.006])
        parts[name] = sweep(_TUBES[name], line, size * ear, 0.7 * size * ear, left[:, None])

    lush = 0.5 + 0.5 * h["mane"]
    crest = spine + (0.94 * upward)[..., None] * ups
    high = torch.tensor([0.03, 0.045, 0.055, 0.055, 0.04]) * lush
    parts["crest"] = sweep(_TUBES["crest"], crest, 0.6 * high.clamp_max(0.045), high)
    hang = spine + (0.86 * across)[..., None] * sides + (0.42 * upward)[..., None] * ups
    fall = torch.tensor([0.35, 0.5, 0.52, 0.5, 0.4]) * upward * h["mane"].clamp(0.4, 1.3)
    parts["mane"] = sweep(_TUBES["mane"], hang, 0.028 * lush * torch.ones(5), fall)
    lock = face[:, :3] + (size * torch.tensor([0.07, 0.095, 0.085]))[..., None] * face_ups[:, :3]
    parts["forelock"] = sweep(
        _TUBES["forelock"], lock, size * torch.tensor([0.035, 0.035, 0.012]), torch.tensor([[0.03, 0.025, 0.01]])
    )
    return parts


def _tail(h: Objects, one: Tensor) -> Tensor:
    dock = torch.cat([0 * one, h["leg"] + 0.86 * h["deep"], -0.46 * h["length"]], 1)
    level = 70.0 * h["tail_pitch"]
    pitch = torch.tensor([222.0, 258.0, 270.0, 274.0]) - level * torch.tensor([1.0, 1.0, 0.75, 0.5])
    yaw = h["tail_swing"] * torch.tensor([0.3, 0.7, 1.0, 1.0])
    lengths = (h["leg"] + 0.8 * h["deep"]) * h["mane"].clamp(0.5, 1.1) * torch.tensor([0.12, 0.21, 0.24, 0.2])
    line = chain(dock, pitch, yaw, lengths)
    thick = torch.tensor([0.045, 0.068, 0.085, 0.075, 0.025]) * (0.5 + 0.5 * h["mane"])
    return sweep(_TUBES["tail"], line, 0.9 * thick, thick)


def _leg(h: Objects, name: str) -> Tensor:
    """A leg whose bones hang from the trunk in the plane of the walk."""
    k, is_front = LEG_NAMES.index(name), name.endswith("front")
    step = h["phase"] + (0.5 if name.startswith("right") else 0.0) + (0.0 if is_front else h["gait"])
    swing = h["stride"] * torch.sin(2 * torch.pi * step)
    bent = h["lift"] * torch.cos(2 * torch.pi * step).clamp_min(0)
    paws = h["rearing"] > 0  # raised forelegs fold
    if is_front:
        swing = torch.where(paws, 34.0 + swing, swing)
        bent = torch.where(paws, 50.0 + 4 * bent, bent)
        origin, table = (0.70, 0.25, 0.48), _FRONT
        rest = torch.tensor([-6.0, 3.0, 0.0, 22.0])  # degrees forward of straight down, from the shoulder to the hoof
        follow = torch.tensor([1.0, 1.0, 1.0, 0.6]) * swing + torch.tensor([0.25, 0.35, -0.9, -1.3]) * bent
        drop = torch.cat([0.70 * h["deep"] + 0.02 * h["leg"], h["leg"] * torch.tensor([[0.46, 0.32, 0.20]])], 1)
    else:
        origin, table = (0.78, -0.35, 0.45), _HIND
        rest = torch.tensor([16.0, -30.0, 3.0, 22.0])
        follow = torch.tensor([1.0, 1.0, 1.0, 0.6]) * swing + torch.tensor([0.55, -0.45, 0.15, -0.8]) * bent
        drop = torch.cat([0.78 * h["deep"], h["leg"] * torch.tensor([[0.44, 0.37, 0.19]])], 1)
    lengths = drop / torch.deg2rad(rest).cos()
    side = -1.0 if k % 2 else 1.0
    start = torch.cat([side * origin[2] * h["girth"] / 2, h["leg"] + origin[0] * h["deep"], origin[1] * h["length"]], 1)
    joints = chain(start, rest + follow - 90.0, torch.zeros(1, 4), lengths)
    middles = (joints[:, 1:] + joints[:, :-1]) / 2
    line = torch.cat([torch.stack([joints[:, :-1], middles], 2).flatten(1, 2), joints[:, -1:]], 1)
    thick = h["bone"] * (1 + h["feather"] * _FEATHER)
    return sweep(_TUBES[name], line, thick * table[:, 0], thick * table[:, 1])
