"""Random birds: kinds with their proportions and plumages, and poses, each a table.

A batch of birds is a dictionary of [B] (colours: [B, 3]) tensors. Lengths are fractions of the body's, rump to breast,
until `settle` brings the bird to its size and place.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ganverse_nb.studio.bird_mesh import bird_body
from ganverse_nb.studio.sampling import Objects, Ranges, sample_measures, sample_types, settle, uniform

_BUILD = {
    "plump": (0.29, 0.33),  # half the depth of the body
    "posture": (10.0, 30.0),  # degrees that the body of a standing bird is raised
    "neck": (0.20, 0.26),
    "neck_pitch": (52.0, 70.0),  # degrees above the horizon
    "crook": (0.0, 0.0),  # degrees that an S-shaped neck bends back and forth
    "head": (0.18, 0.20),  # its radius
    "beak": (0.22, 0.28),
    "beak_depth": (0.065, 0.08),
    "flat": (1.0, 1.0),  # width of the beak's end beside its depth
    "hook": (0.0, 10.0),  # degrees that the beak's end turns down
    "tail": (0.33, 0.41),
    "fan": (0.12, 0.16),  # half the width of the tail's end
    "tail_pitch": (-5.0, 5.0),  # degrees above the line of the body
    "leg": (0.28, 0.34),
    "shank": (0.030, 0.034),  # half the thickness of the legs
    "foot": (0.055, 0.07),  # half the width of the feet
    "span": (0.92, 1.04),  # length of a spread wing
    "chord": (0.47, 0.55),  # its width
    "fingers": (0.15, 0.3),  # how deep the gaps between its feathers are
}
KINDS: dict[str, dict[str, tuple[float, float]]] = {
    "songbird": {
        "plump": (0.34, 0.41), "posture": (16.0, 38.0), "neck": (0.12, 0.17), "head": (0.23, 0.27),
        "beak": (0.15, 0.21), "beak_depth": (0.06, 0.085), "tail": (0.34, 0.51), "fan": (0.09, 0.13),
        "span": (0.76, 0.88), "chord": (0.51, 0.61),
    },
    "crow": {"posture": (8.0, 28.0), "beak": (0.26, 0.32), "beak_depth": (0.08, 0.1), "tail": (0.39, 0.49)},
    "gull": {
        "plump": (0.26, 0.30), "posture": (2.0, 16.0), "neck": (0.24, 0.30), "head": (0.16, 0.18), "hook": (10.0, 25.0),
        "tail": (0.25, 0.31), "span": (1.12, 1.28), "chord": (0.36, 0.42), "foot": (0.08, 0.1), "fingers": (0.0, 0.1),
    },
    "heron": {
        "plump": (0.23, 0.26), "posture": (18.0, 40.0), "neck": (0.66, 0.8), "neck_pitch": (70.0, 84.0),
        "crook": (28.0, 48.0), "head": (0.12, 0.135), "beak": (0.36, 0.44), "beak_depth": (0.05, 0.06),
        "hook": (0.0, 0.0), "tail": (0.16, 0.23), "leg": (0.60, 0.75), "foot": (0.08, 0.1),
    },
    "duck": {
        "plump": (0.31, 0.34), "posture": (0.0, 12.0), "neck": (0.34, 0.42), "neck_pitch": (66.0, 84.0),
        "head": (0.18, 0.2), "beak": (0.24, 0.28), "flat": (1.8, 2.3), "hook": (-14.0, -6.0),
        "tail": (0.16, 0.23), "tail_pitch": (12.0, 26.0), "leg": (0.19, 0.24), "foot": (0.1, 0.12),
        "span": (0.76, 0.88), "chord": (0.38, 0.45),
    },
    "eagle": {
        "plump": (0.32, 0.36), "posture": (24.0, 42.0), "neck": (0.20, 0.26), "neck_pitch": (58.0, 76.0),
        "head": (0.18, 0.2), "beak": (0.16, 0.20), "beak_depth": (0.08, 0.092), "hook": (42.0, 54.0),
        "tail": (0.33, 0.39), "fan": (0.17, 0.22), "leg": (0.30, 0.36), "shank": (0.045, 0.055), "foot": (0.08, 0.1),
        "span": (1.08, 1.24), "chord": (0.57, 0.66), "fingers": (0.4, 0.6),
    },
}  # fmt: skip
KIND_NAMES = tuple(KINDS)

_POSE = {
    "spread": (0.0, 0.0),  # 0 wings folded, 1 spread
    "aloft": (0.0, 0.0),  # 0 stands, 1 flies, its legs drawn up
    "dihedral": (0.0, 0.0),  # degrees that the wings are raised at the shoulder
    "tip_dihedral": (0.0, 0.0),  # ... and beyond the wrist
    "altitude": (0.0, 0.0),  # world units between a flying bird and the ground
}
POSES: dict[str, dict[str, tuple[float, float]]] = {
    "standing": {},
    "flapping": {"spread": (1.0, 1.0), "dihedral": (15.0, 60.0), "tip_dihedral": (20.0, 65.0)},
    "flying": {
        "spread": (1.0, 1.0), "aloft": (1.0, 1.0), "dihedral": (-12.0, 40.0), "tip_dihedral": (-25.0, 40.0),
        "altitude": (0.02, 0.2),
    },
}  # fmt: skip
_POSE_SHARES = torch.tensor([0.66, 0.12, 0.22])

COLORS = {
    "black": (0.08, 0.08, 0.10), "dark": (0.20, 0.17, 0.16), "brown": (0.42, 0.28, 0.17), "sand": (0.64, 0.50, 0.34),
    "chestnut": (0.50, 0.22, 0.11), "grey": (0.55, 0.57, 0.60), "slate": (0.36, 0.40, 0.46), "pale": (0.80, 0.76, 0.68),
    "white": (0.94, 0.93, 0.91), "red": (0.80, 0.12, 0.08), "orange": (0.90, 0.44, 0.10), "yellow": (0.93, 0.80, 0.16),
    "green": (0.10, 0.36, 0.20), "moss": (0.45, 0.52, 0.20), "blue": (0.16, 0.36, 0.72), "pink": (0.90, 0.52, 0.52),
}  # fmt: skip
FEATHERS = (
    "back", "breast", "belly", "wing", "bar", "tip", "tail_paint", "cap", "cheek", "throat", "beak_paint", "legs",
)  # fmt: skip
PLUMAGES = {
    "songbird": (
        "brown   grey   pale  chestnut white  dark  dark  chestnut pale  black  dark   pink",  # sparrow
        "brown   orange white brown    brown  dark  brown brown    orange orange dark  brown",  # robin
        "moss    yellow yellow blue    white  slate blue  blue     white black  dark   slate",  # blue tit
        "red     red    red   red      red    dark  red   red      red   black  orange brown",  # cardinal
        "yellow  yellow white black    white  black black black    yellow yellow orange pink",  # goldfinch
        "blue    orange white blue     blue   slate blue  blue     blue  orange dark   black",  # bluebird
        "moss    yellow pale  moss     yellow dark  moss  moss     yellow yellow dark  brown",  # warbler
        "slate   white  white slate    white  black black black    white black  dark   dark",  # wagtail
    ),
    "crow": (
        "black   black  black black    black  black black black    black black  black  black",
        "black   white  white black    white  blue  green black    black black  black  black",  # magpie
        "grey    grey   grey  black    black  black black black    black black  black  black",  # hooded crow
        "sand    sand   pale  blue     white  black black sand     sand  pale   black  brown",  # jay
        "grey    slate  grey  grey     black  slate slate slate    slate green  dark   red",  # pigeon
    ),
    "gull": (
        "grey    white  white grey     white  black white white    white white  yellow pink",
        "slate   white  white slate    white  black white white    white white  orange yellow",
        "grey    white  white grey     grey   dark  white black    black white  red    red",
        "sand    pale   pale  sand     pale   dark  dark  sand     pale  pale   dark   pink",  # young
    ),
    "heron": (
        "slate   grey   white grey     slate  black grey  black    white white  yellow brown",
        "white   white  white white    white  white white white    white white  yellow black",  # egret
        "pink    pink   pink  pink     red    black pink  pink     pink  pink   black  pink",  # flamingo
        "white   white  white white    white  black white white    white white  red    red",  # stork
    ),
    "duck": (
        "grey    chestnut pale grey    blue   dark  black green    green green  yellow orange",  # mallard
        "brown   sand   sand  brown    blue   dark  sand  brown    sand  sand   orange orange",
        "white   white  white white    white  white white white    white white  orange orange",
        "black   black  white dark     white  black black black    black black  slate  slate",  # tufted duck
    ),
    "eagle": (
        "dark    dark   dark  dark     brown  black white white    white white  yellow yellow",  # bald eagle
        "brown   brown  brown brown    sand   dark  dark  sand     sand  brown  slate  yellow",  # golden eagle
        "slate   pale   white slate    slate  dark  grey  slate    slate white  slate  yellow",  # hawk
        "chestnut pale  pale  chestnut dark   black chestnut brown pale  pale   slate  yellow",  # kestrel
    ),
}  # fmt: skip


def sample_birds(
    count: int,
    generator: torch.Generator,
    kind_name: str | None = None,
    kinds: Mapping[str, Ranges] = KINDS,
    plumages: Mapping[str, tuple[str, ...]] = PLUMAGES,
) -> Objects:
    """`count` random birds in random poses, of random `kinds` or all of one, in one of the `plumages` of their kind.

    Raises:
        ValueError: `kind_name` is not one of KINDS.
    """
    kind = sample_types(count, tuple(kinds), generator, kind_name)
    pose = torch.multinomial(_POSE_SHARES, count, replacement=True, generator=generator)
    birds: Objects = {"type": kind, "pose": pose}
    birds |= sample_measures(kinds, _BUILD, kind, generator) | sample_measures(POSES, _POSE, pose, generator)
    birds["posture"] = torch.where(birds["aloft"] > 0, 0.3 * birds["posture"], birds["posture"])
    birds["turn"] = uniform(count, generator, -28, 28)  # degrees that the head looks to the left
    birds["nod"] = uniform(count, generator, -12, 6)
    birds["sweep"] = uniform(count, generator, 0.1, 0.4)  # how far the hand of a spread wing points back

    plumage = _sample_plumage(kind, generator, kinds, plumages)
    gain = 0.88 + 0.24 * torch.rand(count, 1, 1, generator=generator)
    shift = 0.025 * torch.randn(count, 1, 3, generator=generator) + 0.015 * torch.randn(
        plumage.shape, generator=generator
    )
    birds |= dict(zip(FEATHERS, (plumage * gain + shift).clamp(0.03, 0.97).unbind(1)))
    birds["streaks"] = (uniform(count, generator) < 0.35).float()
    birds |= settle(bird_body(birds), uniform(count, generator, 0.96, 1.0))
    birds["floor"] = birds["floor"] - birds["altitude"]
    return birds


def _sample_plumage(
    kind: Tensor, generator: torch.Generator, kinds: Mapping[str, Ranges], plumages: Mapping[str, tuple[str, ...]]
) -> Tensor:
    """[B, FEATHERS, 3] colours of one of the plumages of each bird's kind."""
    chosen = torch.rand(len(kind), generator=generator)
    rows, names = [], tuple(kinds)
    for k, share in zip(kind.tolist(), chosen.tolist()):
        choices = plumages[names[k]]
        rows.append([COLORS[name] for name in choices[int(share * len(choices))].split()])
    return torch.tensor(rows)
