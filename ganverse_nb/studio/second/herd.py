"""Horses of the second edition: those of the first, at a gallop too, with spots, tack, and at times a rider."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.studio.horse_mesh import horse_body, layout
from ganverse_nb.studio.horses import POSES as FIRST_POSES
from ganverse_nb.studio.horses import sample_horses as sample_first
from ganverse_nb.studio.randomization import PHOTOS, Randomization
from ganverse_nb.studio.sampling import Objects, settled, uniform
from ganverse_nb.studio.second.columns import columns
from ganverse_nb.studio.tubes import Layout, Tube, chain, sweep

SADDLE = 11  # the part after the legs (`horse_mesh`)
TORSO, HEAD, LIMB = 12, 13, 14  # of a rider
_SADDLE = Tube(SADDLE, 10, 14)
_RIDER = {
    "torso": Tube(TORSO, 10, 12), "head": Tube(HEAD, 10, 12),
    "left_leg": Tube(LIMB, 12, 8), "right_leg": Tube(LIMB, 12, 8),
    "left_arm": Tube(LIMB + 1, 10, 8), "right_arm": Tube(LIMB + 1, 10, 8),
}  # fmt: skip
POSES = FIRST_POSES | {
    "galloping": {
        "stride": (30.0, 42.0), "lift": (40.0, 75.0), "gait": (0.3, 0.45), "neck_pitch": (22.0, 44.0),
        "tail_pitch": (0.5, 1.0),
    },
}  # fmt: skip
_POSE_SHARES = torch.tensor([0.34, 0.2, 0.16, 0.12, 0.06, 0.12])
HORSE_SIZES = {
    "coat": 3, "points": 3, "hair": 3, "hoof": 3, "leather": 3, "cloth": 3, "jacket": 3, "trousers": 3, "skin": 3,
    "patch_phase": 6, "socks": 4, "pinto": 1, "dapple": 1, "blaze": 1, "feather": 1, "leopard": 1, "tack": 1,
    "shine": 1, "axis": 1, "seed": 1,
}  # fmt: skip
Horse = columns("Horse", HORSE_SIZES)
_CLOTHS = torch.tensor(
    [[0.9, 0.9, 0.88], [0.08, 0.08, 0.1], [0.65, 0.1, 0.12], [0.12, 0.2, 0.5], [0.2, 0.35, 0.2], [0.5, 0.35, 0.2]]
)


def sample_horses(
    count: int, generator: torch.Generator, build: str | None = None, knobs: Randomization = PHOTOS
) -> Objects:
    """`count` random horses in random poses, of random builds or all of one, as `horses.sample_horses` returns them.

    `tack` is 1 with saddle and bridle, `rider` with somebody in the saddle, who is not part of the horse.

    Raises:
        ValueError: unknown build.
    """
    horses = sample_first(count, generator, build, POSES, _POSE_SHARES)

    def pick(palette: Tensor) -> Tensor:
        index = torch.randint(len(palette), (count,), generator=generator)
        return (palette[index] + 0.04 * torch.randn(count, 3, generator=generator)).clamp(0.03, 0.97)

    chance = uniform(count, generator)
    rider = (chance < knobs.rider).float()
    horses["rider"] = rider
    horses["tack"] = (chance < knobs.rider + knobs.tack).float()
    horses["lean"] = uniform(count, generator, -6, 22)  # degrees that a rider leans forward
    horses["leopard"] = (uniform(count, generator) < 0.1).float() * uniform(count, generator, 0.3, 1.0)
    horses["shine"] = uniform(count, generator, 0.2, 1.0) * knobs.gloss
    middle = horses["leg"] + 0.5 * horses["deep"]
    horses["axis"] = horses["scale"] * middle - horses["centre"][:, 1]  # height of the trunk's middle
    horses["leather"] = pick(torch.tensor([[0.12, 0.08, 0.06], [0.32, 0.18, 0.09], [0.05, 0.05, 0.05]]))
    horses["cloth"], horses["jacket"], horses["trousers"] = pick(_CLOTHS), pick(_CLOTHS), pick(_CLOTHS)
    horses["skin"] = torch.tensor([[0.85, 0.64, 0.5]]) * uniform(count, generator, 0.45, 1.05)[:, None]
    horses["seed"] = (4096 * uniform(count, generator)).floor()
    return horses


def horse_mesh(horses: Objects) -> Mesh:
    """The [B, V, 3] surfaces of a batch of horses with their saddles: front +z, centred, standing on y = floor."""
    points = torch.cat([horse_body(horses), _saddle(horses)], 1)
    return Mesh(settled(points, horses), horse_layout().faces)


@cache
def horse_layout() -> Layout:
    """The topology of `horse_mesh`: that of the first edition, then the saddle."""
    return Layout([tube for tube, _ in layout().tubes] + [_SADDLE])


def rider_mesh(horses: Objects) -> Mesh:
    """The [B, V, 3] surfaces of the riders; of no extent where a horse has none."""
    h = {name: value[:, None] for name, value in horses.items()}
    seat = _seat(h)
    lean, one = h["lean"], torch.ones_like(h["leg"])
    spine = chain(seat, 90 - lean * torch.tensor([0.5, 1.0, 1.2]), 0 * lean.expand(-1, 3), 0.12 * one.expand(-1, 3))
    shoulders = spine[:, -1]
    parts = {
        "torso": sweep(
            _RIDER["torso"],
            spine,
            torch.tensor([[0.085, 0.09, 0.105, 0.05]]),
            torch.tensor([[0.08, 0.075, 0.075, 0.04]]),
        )
    }
    neck = chain(shoulders, 90 - 0.4 * lean.expand(-1, 3), 0 * lean.expand(-1, 3), torch.tensor([[0.055, 0.055, 0.05]]))
    parts["head"] = sweep(
        _RIDER["head"], neck, torch.tensor([[0.03, 0.055, 0.062, 0.03]]), torch.tensor([[0.035, 0.06, 0.068, 0.035]])
    )
    for side, sign in (("left", 1.0), ("right", -1.0)):
        aside = torch.tensor([sign, 0.0, 0.0])
        hip = seat + 0.06 * aside
        yaw = sign * torch.tensor([[38.0, 8.0, 0.0]])
        leg = chain(
            hip,
            torch.tensor([[-28.0, -100.0, -15.0]]).expand(len(seat), -1),
            yaw,
            torch.cat([0.5 * h["girth"] + 0.05, 0.26 * one, 0.09 * one], 1),
        )
        thick = torch.tensor([[0.07, 0.055, 0.035, 0.025]])
        parts[f"{side}_leg"] = sweep(_RIDER[f"{side}_leg"], leg, thick, thick)
        arm = chain(
            shoulders + 0.1 * aside - torch.tensor([0.0, 0.03, 0.0]),
            torch.cat([-65 - lean, -5 - lean], 1),
            sign * torch.tensor([[5.0, -30.0]]),
            0.16 * one.expand(-1, 2),
        )
        thick = torch.tensor([[0.042, 0.036, 0.022]])
        parts[f"{side}_arm"] = sweep(_RIDER[f"{side}_arm"], arm, thick, thick)
    points = _tilted(torch.cat([parts[name] for name in _RIDER], 1), h)
    points = torch.where(h["rider"][..., None] > 0, points, _tilted(seat[:, None], h))
    return Mesh(settled(points, horses), rider_layout().faces)


@cache
def rider_layout() -> Layout:
    """The topology of `rider_mesh`."""
    return Layout(list(_RIDER.values()))


def _seat(h: Objects) -> Tensor:
    """[B, 3] where a rider sits, before the trunk is raised."""
    return torch.cat([0 * h["leg"], h["leg"] + 0.99 * h["deep"], 0.05 * h["length"]], 1)


def _tilted(points: Tensor, h: Objects) -> Tensor:
    """What is on the back of a horse that rears."""
    pivot = torch.stack([0 * h["leg"], h["leg"] + 0.6 * h["deep"], -0.34 * h["length"]], -1)
    x, y, z = (points - pivot).unbind(-1)
    angle = torch.deg2rad(h["rearing"])
    return pivot + torch.stack([x, angle.cos() * y + angle.sin() * z, angle.cos() * z - angle.sin() * y], -1)


def _saddle(horses: Objects) -> Tensor:
    """[B, V, 3] a saddle on the back; inside the trunk where a horse has none."""
    h = {name: value[:, None] for name, value in horses.items()}
    there = h["tack"][..., None] > 0
    seat, one = _seat(h), torch.ones_like(h["leg"])
    step = torch.tensor([[-0.15, 0.02], [-0.1, 0.0], [0.0, -0.03], [0.09, -0.01], [0.13, 0.03]])
    line = seat[:, None] + torch.stack([0 * step[:, 0], step[:, 1], step[:, 0]], -1)
    across = h["girth"] * torch.tensor([0.16, 0.3, 0.34, 0.3, 0.1])
    points = sweep(_SADDLE, line, across, 0.035 * one.expand(-1, 5))
    inside = (seat - 0.3 * torch.tensor([0.0, 1.0, 0.0]) * h["deep"])[:, None]
    return _tilted(torch.where(there, points, inside), h)
