"""Birds as meshes: body, neck, head, beak, eyes, tail, wings and legs are closed tubes that overlap. One topology."""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.studio.bird_wing import wing
from ganverse_nb.studio.sampling import Objects, settled
from ganverse_nb.studio.tubes import Layout, Tube, chain, frames, sweep

BODY, NECK, HEAD, BEAK, EYE, TAIL, WING, LEG, FOOT = range(9)  # the part of a face
_TUBES = {
    "body": Tube(BODY, 22, 20), "neck": Tube(NECK, 14, 14), "head": Tube(HEAD, 16, 16), "beak": Tube(BEAK, 12, 10),
    "left_eye": Tube(EYE, 5, 8), "right_eye": Tube(EYE, 5, 8), "tail": Tube(TAIL, 10, 12),
    "left_wing": Tube(WING, 30, 14), "right_wing": Tube(WING, 30, 14, mirrored=True),
    "left_leg": Tube(LEG, 12, 8), "right_leg": Tube(LEG, 12, 8),
    "left_foot": Tube(FOOT, 8, 8), "right_foot": Tube(FOOT, 8, 8),
}  # fmt: skip
# Sections of the body from rump to breast: share of its depth, and how far it hangs below the axis, in its depth.
_BODY = torch.tensor(
    [[0.10, 0.0], [0.46, 0.0], [0.80, 0.04], [0.99, 0.08], [1.00, 0.09], [0.84, 0.04], [0.52, -0.06], [0.12, -0.10]]
)
_HEAD = torch.tensor([0.15, 0.70, 0.97, 1.0, 0.82, 0.48, 0.15])


def bird_mesh(birds: Objects) -> Mesh:
    """The [B, V, 3] surfaces of a batch of birds: front +z, centred; `floor` is the ground below them."""
    return Mesh(settled(bird_body(birds), birds), layout().faces)


@cache
def layout() -> Layout:
    """The topology of `bird_mesh`."""
    return Layout(list(_TUBES.values()))


_KEYPOINTS: dict[str, tuple[str, float, int | None]] = {
    "beak": ("beak", 1.0, None),
    "crown": ("head", 0.5, 90),
    "breast": ("body", 0.8, 270),
}
_KEYPOINTS |= {"back": ("body", 0.5, 90), "tail": ("tail", 1.0, None)}
for _side in ("left", "right"):
    _KEYPOINTS |= {f"{_side}_eye": (f"{_side}_eye", 1.0, None), f"{_side}_wrist": (f"{_side}_wing", 0.42, 180)}
    _KEYPOINTS |= {f"{_side}_wing_tip": (f"{_side}_wing", 1.0, None), f"{_side}_foot": (f"{_side}_foot", 1.0, None)}
KEYPOINT_NAMES = tuple(_KEYPOINTS)


def keypoints(birds: Objects) -> Tensor:
    """[B, K, 3] world positions of KEYPOINT_NAMES, on the surface."""
    names = list(_TUBES)
    at = [layout().vertex(names.index(tube), along, angle) for tube, along, angle in _KEYPOINTS.values()]
    return bird_mesh(birds).vertices[:, at]


def bird_body(birds: Objects) -> Tensor:
    """[B, V, 3] vertices in units of the body's length, its middle at the origin."""
    b = {name: value[:, None] for name, value in birds.items()}
    posture = torch.deg2rad(b["posture"])
    zero = torch.zeros_like(posture)
    ahead = torch.stack([zero, posture.sin(), posture.cos()], -1)  # [B, 1, 3] axes of the body
    above = torch.stack([zero, posture.cos(), -posture.sin()], -1)
    parts = {"body": _body(b, ahead, above), "tail": _tail(b, ahead, above)} | _head(b, ahead, above)
    left = wing(b, ahead, above, _TUBES["left_wing"])
    parts |= {"left_wing": left, "right_wing": left * torch.tensor([-1.0, 1.0, 1.0])}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        parts[f"{side}_leg"], parts[f"{side}_foot"] = _leg(b, ahead, above, side, sign)
    return torch.cat([parts[name] for name in _TUBES], 1)


def _body(b: Objects, ahead: Tensor, above: Tensor) -> Tensor:
    size, hang = _BODY.T
    along = torch.linspace(-0.5, 0.5, len(_BODY))
    line = along[:, None] * ahead - (b["plump"] * hang)[..., None] * above
    return sweep(_TUBES["body"], line, 0.92 * b["plump"] * size, b["plump"] * size)


def _tail(b: Objects, ahead: Tensor, above: Tensor) -> Tensor:
    root = (-0.36 * ahead + 0.25 * b["plump"][..., None] * above)[:, 0]
    pitch = b["posture"] + 180.0 - b["tail_pitch"]
    shares = torch.tensor([0.3, 0.35, 0.35])
    line = chain(root, pitch.expand(-1, 3), torch.zeros(1, 3), (b["tail"] + 0.2) * shares)
    spread = torch.where(b["spread"] > 0, 1.5, 1.0)
    across = torch.cat([0.35 * b["plump"], 0.6 * b["fan"] + 0.04, 0.9 * spread * b["fan"], spread * b["fan"]], 1)
    return sweep(_TUBES["tail"], line, across, torch.tensor([[0.09, 0.055, 0.035, 0.022]]))


def _head(b: Objects, ahead: Tensor, above: Tensor) -> dict[str, Tensor]:
    """Neck, head, beak and eyes."""
    root = (0.24 * ahead + 0.10 * b["plump"][..., None] * above)[:, 0]
    stretched = torch.where(b["aloft"] > 0, 0.45, 1.0)  # a flying bird carries its neck lower
    crook = b["crook"] * torch.tensor([1.6, 0.5, -0.8, -1.0]) * stretched
    pitch = b["neck_pitch"] * stretched + crook
    turn = b["turn"] * torch.tensor([0.0, 0.1, 0.3, 0.5])
    line = chain(root, pitch, turn, (b["neck"] + 0.20) / 4 * torch.ones(1, 4))
    slim = torch.tensor([0.30, 0.62, 0.32, 0.12, 0.0]) * b["plump"]
    width = slim + torch.tensor([0.0, 0.12, 0.40, 0.64, 0.78]) * b["head"]
    parts = {"neck": sweep(_TUBES["neck"], line, 0.92 * width, width)}

    radius, nod, turn = b["head"], b["nod"].expand(-1, 6), b["turn"].expand(-1, 6)
    way = chain(torch.zeros_like(root), nod[:, :1], turn[:, :1], torch.ones(1, 1))[:, 1]
    start = line[:, -1] - 0.85 * radius * way
    skull = chain(start, nod, turn, radius * 2.1 / 6 * torch.ones(1, 6))
    parts["head"] = sweep(_TUBES["head"], skull, 0.92 * radius * _HEAD, radius * _HEAD)
    left, brow = (axis[:, 0] for axis in frames(skull))

    bend = nod[:, :4] - 4 - b["hook"] * torch.tensor([0.0, 0.3, 0.8, 1.2])
    base = line[:, -1] + 0.72 * radius * way - 0.12 * radius * brow
    beak = chain(base, bend, turn[:, :4], (b["beak"] + 0.25 * radius) / 4 * torch.ones(1, 4))
    depth = b["beak_depth"] * torch.tensor([1.0, 0.95, 0.76, 0.52, 0.16])
    flat = 1 + (b["flat"] - 1) * torch.tensor([0.0, 0.4, 0.9, 1.3, 2.2])
    thin = 1 - 0.25 * (b["flat"] > 1)
    parts["beak"] = sweep(_TUBES["beak"], beak, 0.85 * depth * flat, thin * depth, left[:, None])

    size = 0.24 * radius.clamp_min(0.15)
    for name, sign in (("left_eye", 1.0), ("right_eye", -1.0)):
        out = sign * left + 0.25 * brow + 0.2 * way
        middle = line[:, -1] + radius * (0.72 * sign * left + 0.26 * brow + 0.42 * way)
        eye = middle[:, None] + size[..., None] * torch.linspace(-1, 1, 5)[:, None] * F.normalize(out, dim=1)[:, None]
        ball = size * torch.tensor([0.1, 0.82, 1.0, 0.82, 0.1])
        parts[name] = sweep(_TUBES[name], eye, ball, ball, way[:, None])
    return parts


def _leg(b: Objects, ahead: Tensor, above: Tensor, side: str, sign: float) -> tuple[Tensor, Tensor]:
    """A leg and its foot: standing below the body, or drawn up under the tail in flight."""
    hip = (-0.08 * ahead - 0.35 * b["plump"][..., None] * above)[:, 0]
    hip = hip + sign * 0.42 * b["plump"] * torch.tensor([[1.0, 0.0, 0.0]])
    flies = b["aloft"] > 0
    pitch = torch.where(flies, b["posture"] + torch.tensor([195.0, 182.0]), torch.tensor([-106.0, -84.0]))
    lengths = torch.cat([0.45 * b["plump"] + 0.35 * b["leg"], 0.75 * b["leg"]], 1)
    joints = chain(hip, pitch, torch.zeros(1, 2), lengths)
    line = torch.stack([joints[:, 0], joints[:, :2].mean(1), joints[:, 1], joints[:, 1:].mean(1), joints[:, 2]], 1)
    thick = torch.cat([0.3 * b["plump"], 0.26 * b["plump"], 1.5 * b["shank"], b["shank"], b["shank"]], 1)
    toes = torch.where(flies, b["posture"] + 180.0, 0.0 * pitch[:, :1])
    heel = joints[:, 2] - 0.06 * torch.where(flies, 0.0, 1.0) * torch.tensor([[0.0, 0.0, 1.0]])
    tread = chain(heel, toes.expand(-1, 3), torch.zeros(1, 3), (0.10 + 1.6 * b["foot"]) / 3 * torch.ones(1, 3))
    across = b["foot"] * torch.tensor([0.4, 0.55, 0.9, 1.0])
    foot = sweep(_TUBES[f"{side}_foot"], tread, across, 0.025 * torch.tensor([[1.0, 1.0, 0.9, 0.7]]))
    return sweep(_TUBES[f"{side}_leg"], line, thick, thick), foot
