"""Random horses: builds, poses and coats, each a table of ranges.

A batch of horses is a dictionary of [B] (colours: [B, 3], legs: [B, 4]) tensors. Lengths are fractions of the height of
the withers, until `settle` brings the horse to its size and place. Legs are in the order of `horse_mesh.LEG_NAMES`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ganverse_nb.studio.horse_mesh import horse_body
from ganverse_nb.studio.sampling import Objects, Ranges, sample_measures, sample_rows, sample_types, settle, uniform

_BUILD = {
    "deep": (0.44, 0.48),  # of the trunk, from the withers down
    "leg": (0.52, 0.56),  # from the ground to the trunk
    "length": (0.92, 0.98),  # of the trunk
    "girth": (0.40, 0.44),  # width of the trunk
    "neck": (0.56, 0.62),
    "head": (0.40, 0.44),
    "bone": (1.0, 1.15),  # thickness of legs and head
    "mane": (0.8, 1.1),  # length of the hair of mane and tail
    "feather": (0.0, 0.0),  # hair round the hooves
}
BUILDS: dict[str, dict[str, tuple[float, float]]] = {
    "thoroughbred": {"deep": (0.42, 0.45), "leg": (0.55, 0.58), "girth": (0.37, 0.41), "neck": (0.60, 0.66)},
    "riding": {},
    "arab": {"length": (0.88, 0.93), "neck": (0.58, 0.64), "head": (0.37, 0.40), "mane": (1.0, 1.3)},
    "draught": {
        "deep": (0.48, 0.52), "leg": (0.48, 0.52), "length": (0.96, 1.02), "girth": (0.49, 0.55), "bone": (1.3, 1.5),
        "neck": (0.57, 0.62), "head": (0.43, 0.46), "mane": (1.0, 1.3), "feather": (0.3, 1.0),
    },
    "pony": {
        "deep": (0.50, 0.55), "leg": (0.42, 0.47), "length": (0.98, 1.04), "girth": (0.49, 0.55), "bone": (1.05, 1.25),
        "neck": (0.50, 0.56), "head": (0.42, 0.46), "mane": (1.2, 1.5),
    },
    "foal": {
        "deep": (0.37, 0.40), "leg": (0.60, 0.64), "length": (0.78, 0.84), "girth": (0.34, 0.37), "bone": (1.0, 1.15),
        "neck": (0.46, 0.51), "head": (0.36, 0.39), "mane": (0.45, 0.6),
    },
}  # fmt: skip
BUILD_NAMES = tuple(BUILDS)

_POSE = {
    "stride": (-3.0, 3.0),  # degrees that the legs swing
    "lift": (0.0, 4.0),  # degrees that a leg bends on its way forward
    "gait": (0.25, 0.25),  # share of the stride between the front and the hind leg of a side; 1/2 trots
    "neck_pitch": (42.0, 60.0),  # degrees above the horizon
    "head_pitch": (-52.0, -36.0),
    "rearing": (0.0, 0.0),  # degrees that the trunk is raised on the hind legs
    "tail_pitch": (0.0, 0.25),  # 0 hangs, 1 is carried level
}
POSES: dict[str, dict[str, tuple[float, float]]] = {
    "standing": {},
    "walking": {"stride": (14.0, 22.0), "lift": (15.0, 35.0), "neck_pitch": (30.0, 52.0)},
    "trotting": {
        "stride": (24.0, 32.0), "lift": (45.0, 70.0), "gait": (0.5, 0.5), "neck_pitch": (44.0, 60.0),
        "tail_pitch": (0.3, 0.8),
    },
    "grazing": {
        "stride": (6.0, 12.0), "lift": (0.0, 6.0), "neck_pitch": (-44.0, -36.0), "head_pitch": (-78.0, -62.0),
    },
    "rearing": {
        "stride": (-6.0, 6.0), "lift": (0.0, 10.0), "rearing": (14.0, 28.0), "neck_pitch": (30.0, 44.0),
        "tail_pitch": (0.2, 0.6),
    },
}  # fmt: skip
_POSE_SHARES = torch.tensor([0.36, 0.24, 0.18, 0.14, 0.08])

# Colours of body, legs, and mane and tail, then how often the coat is drawn.
_COATS = torch.tensor(
    [
        [0.52, 0.28, 0.13, 0.09, 0.07, 0.06, 0.08, 0.06, 0.05, 2.5],  # bay
        [0.33, 0.19, 0.11, 0.08, 0.06, 0.05, 0.08, 0.06, 0.05, 1.3],  # dark bay
        [0.66, 0.34, 0.15, 0.60, 0.30, 0.13, 0.56, 0.28, 0.12, 2.0],  # chestnut
        [0.52, 0.26, 0.12, 0.48, 0.24, 0.12, 0.88, 0.76, 0.54, 1.0],  # flaxen chestnut
        [0.15, 0.14, 0.15, 0.13, 0.12, 0.13, 0.09, 0.08, 0.09, 1.2],  # black
        [0.74, 0.74, 0.74, 0.55, 0.55, 0.56, 0.86, 0.86, 0.85, 1.2],  # grey
        [0.92, 0.90, 0.86, 0.88, 0.85, 0.80, 0.95, 0.93, 0.88, 1.0],  # white
        [0.52, 0.53, 0.56, 0.22, 0.22, 0.24, 0.25, 0.25, 0.27, 1.0],  # iron grey
        [0.84, 0.63, 0.30, 0.80, 0.62, 0.34, 0.95, 0.90, 0.76, 1.3],  # palomino
        [0.78, 0.60, 0.34, 0.09, 0.07, 0.06, 0.07, 0.06, 0.05, 1.0],  # buckskin
        [0.60, 0.45, 0.44, 0.22, 0.12, 0.11, 0.25, 0.14, 0.12, 0.7],  # roan
    ]
)  # fmt: skip


def sample_horses(
    count: int,
    generator: torch.Generator,
    build: str | None = None,
    poses: Mapping[str, Ranges] = POSES,
    pose_shares: Tensor = _POSE_SHARES,
) -> Objects:
    """`count` random horses in random `poses`, of random builds or all of one.

    Raises:
        ValueError: `build` is not one of BUILDS.
    """
    kind = sample_types(count, BUILD_NAMES, generator, build)
    pose = torch.multinomial(pose_shares, count, replacement=True, generator=generator)
    horses: Objects = {"type": kind, "pose": pose}
    horses |= sample_measures(BUILDS, _BUILD, kind, generator) | sample_measures(poses, _POSE, pose, generator)
    horses["phase"] = uniform(count, generator)  # of the stride
    horses["turn"] = uniform(count, generator, -16, 16)  # degrees that the neck bends to the left
    horses["tail_swing"] = uniform(count, generator, -20, 20)

    body, legs, mane = sample_rows(_COATS, count, generator).split(3, 1)
    gain = 0.9 + 0.3 * torch.rand(count, 1, generator=generator)
    shift = 0.02 * torch.randn(count, 3, generator=generator)
    horses["coat"], horses["points"] = (body * gain + shift).clamp(0.04, 0.97), (legs * gain).clamp(0.03, 0.95)
    horses["hair"] = (mane * gain).clamp(0.03, 0.97)
    chance = lambda share: (uniform(count, generator) < share).float()  # noqa: E731
    horses["pinto"] = chance(0.2)
    horses["patch_phase"] = torch.rand(count, 6, generator=generator)
    horses["dapple"] = chance(0.3) * (horses["coat"].amin(1) > 0.3)
    horses["blaze"] = chance(0.55) * uniform(count, generator, 0.25, 0.75)  # half width, as a share of the head's
    horses["socks"] = (torch.rand(count, 4, generator=generator) < 0.4) * (
        0.14 + 0.22 * torch.rand(count, 4, generator=generator)
    )
    horses["hoof"] = torch.where(chance(0.5)[:, None] > 0, torch.tensor(0.12), torch.tensor(0.55)) * torch.tensor(
        [[1.0, 0.86, 0.7]]
    )
    return horses | settle(horse_body(horses), uniform(count, generator, 0.96, 1.0))
