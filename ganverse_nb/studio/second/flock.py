"""Birds of the second edition: the six families of the first and eight more, some of them afloat."""

from __future__ import annotations

import torch

from ganverse_nb.studio.bird_mesh import bird_mesh
from ganverse_nb.studio.birds import FEATHERS, KINDS, PLUMAGES
from ganverse_nb.studio.birds import sample_birds as sample_first
from ganverse_nb.studio.randomization import PHOTOS, Randomization
from ganverse_nb.studio.sampling import Objects, uniform
from ganverse_nb.studio.second.columns import columns

FAMILIES: dict[str, dict[str, tuple[float, float]]] = KINDS | {
    "owl": {
        "plump": (0.36, 0.43), "posture": (56.0, 74.0), "neck": (0.06, 0.1), "neck_pitch": (72.0, 88.0),
        "head": (0.27, 0.32), "beak": (0.06, 0.09), "beak_depth": (0.05, 0.065), "hook": (45.0, 60.0),
        "tail": (0.2, 0.3), "leg": (0.16, 0.22), "chord": (0.6, 0.7), "span": (0.95, 1.1),
    },
    "parrot": {
        "plump": (0.27, 0.33), "posture": (40.0, 62.0), "neck": (0.12, 0.18), "head": (0.2, 0.24),
        "beak": (0.12, 0.16), "beak_depth": (0.09, 0.115), "hook": (52.0, 66.0), "tail": (0.5, 1.0),
        "fan": (0.05, 0.09), "leg": (0.16, 0.22),
    },
    "penguin": {
        "plump": (0.27, 0.32), "posture": (76.0, 86.0), "neck": (0.14, 0.2), "neck_pitch": (78.0, 90.0),
        "head": (0.15, 0.18), "beak": (0.14, 0.22), "beak_depth": (0.035, 0.05), "tail": (0.06, 0.12),
        "leg": (0.06, 0.1), "foot": (0.1, 0.13), "span": (0.45, 0.55), "chord": (0.18, 0.24), "fingers": (0.0, 0.0),
    },
    "swan": {
        "plump": (0.28, 0.34), "posture": (0.0, 10.0), "neck": (0.72, 0.95), "neck_pitch": (68.0, 86.0),
        "crook": (14.0, 44.0), "head": (0.11, 0.13), "beak": (0.17, 0.22), "beak_depth": (0.045, 0.06),
        "flat": (1.3, 1.8), "hook": (-4.0, 6.0), "tail": (0.14, 0.22), "tail_pitch": (5.0, 20.0), "leg": (0.2, 0.26),
        "foot": (0.09, 0.12), "span": (1.0, 1.2),
    },
    "hen": {
        "plump": (0.36, 0.44), "posture": (8.0, 26.0), "neck": (0.24, 0.34), "neck_pitch": (66.0, 84.0),
        "head": (0.14, 0.17), "beak": (0.09, 0.13), "beak_depth": (0.045, 0.06), "hook": (8.0, 20.0),
        "tail": (0.34, 0.55), "fan": (0.14, 0.24), "tail_pitch": (28.0, 52.0), "leg": (0.3, 0.38),
        "shank": (0.035, 0.045), "foot": (0.09, 0.12), "span": (0.6, 0.7),
    },
    "wader": {
        "plump": (0.27, 0.31), "posture": (8.0, 24.0), "neck": (0.22, 0.36), "neck_pitch": (56.0, 76.0),
        "crook": (0.0, 22.0), "head": (0.14, 0.16), "beak": (0.42, 0.75), "beak_depth": (0.035, 0.045),
        "hook": (-10.0, 34.0), "tail": (0.2, 0.28), "leg": (0.45, 0.62), "shank": (0.02, 0.026),
    },
    "kingfisher": {
        "plump": (0.33, 0.38), "posture": (34.0, 52.0), "neck": (0.1, 0.14), "head": (0.26, 0.3),
        "beak": (0.42, 0.56), "beak_depth": (0.065, 0.08), "hook": (0.0, 0.0), "tail": (0.18, 0.26),
        "leg": (0.1, 0.14), "span": (0.66, 0.78),
    },
    "swallow": {
        "plump": (0.23, 0.27), "posture": (10.0, 34.0), "neck": (0.1, 0.14), "head": (0.19, 0.22),
        "beak": (0.06, 0.09), "beak_depth": (0.04, 0.055), "tail": (0.5, 0.75), "fan": (0.05, 0.1),
        "leg": (0.1, 0.14), "span": (1.15, 1.4), "chord": (0.3, 0.38), "fingers": (0.0, 0.08),
    },
}  # fmt: skip
FAMILY_NAMES = tuple(FAMILIES)
_PLUMAGES = PLUMAGES | {
    "owl": (
        "brown   sand   pale  brown    sand   dark  brown brown    sand  pale   dark   sand",
        "white   white  white white    grey   pale  white white    white white  black  white",
        "sand    pale   white sand     pale   brown sand  sand     pale  white  pale   pale",
    ),
    "parrot": (
        "green   green  moss  green    red    blue  green green    green red    red    slate",
        "red     red    red   red      yellow blue  red   red      white red    dark   dark",
        "blue    yellow yellow blue    blue   slate blue  green    white black  black  dark",
        "grey    grey   pale  grey     grey   slate red   grey     white grey   black  slate",
        "white   white  white white    white  white white yellow   white white  dark   slate",
    ),
    "penguin": (
        "black   white  white black    black  black black black    black white  black  pink",
        "slate   white  white slate    slate  black black black    yellow white orange black",
    ),
    "swan": (
        "white   white  white white    white  white white white    white white  orange black",
        "black   black  black black    black  white black black    black black  red    black",
        "brown   sand   pale  brown    pale   dark  dark  brown    sand  sand   orange orange",
        "grey    sand   white brown    white  dark  dark  black    white black  black  black",
    ),
    "hen": (
        "white   white  white white    white  white white red      red   white  yellow yellow",
        "chestnut chestnut brown chestnut brown dark black red     red   chestnut yellow yellow",
        "black   black  black black    green  black green red      red   black  dark   slate",
        "orange  black  black chestnut green  black green red      red   orange yellow yellow",
    ),
    "wader": (
        "brown   sand   white brown    pale   dark  sand  brown    sand  pale   dark   slate",
        "black   black  white black    white  black white black    black black  orange pink",
        "sand    pale   white sand     white  dark  white sand     sand  white  dark   dark",
    ),
    "kingfisher": (
        "blue    orange orange blue    blue   green blue  blue     orange white black  red",
        "slate   white  white slate    white  dark  slate slate    slate white  black  dark",
    ),
    "swallow": (
        "blue    pale   white blue     blue   black black blue     chestnut chestnut black dark",
        "black   white  white black    black  black black black    black white  black  dark",
        "brown   white  white brown    brown  dark  brown brown    brown white  dark   dark",
    ),
}
_AFLOAT = ("duck", "swan", "gull")
BIRD_SIZES = dict.fromkeys(FEATHERS, 3) | dict.fromkeys(("streaks", "spread", "shine", "seed"), 1)
Bird = columns("Bird", BIRD_SIZES)


def sample_birds(
    count: int, generator: torch.Generator, family: str | None = None, knobs: Randomization = PHOTOS
) -> Objects:
    """`count` random birds in random poses, of random families or all of one, as `birds.sample_birds` returns them.

    Ducks, swans and gulls may float: the ground is then a water that hides what is below it.

    Raises:
        ValueError: unknown family.
    """
    birds = sample_first(count, generator, family, FAMILIES, _PLUMAGES)
    water = sum((birds["type"] == FAMILY_NAMES.index(name) for name in _AFLOAT), torch.zeros_like(birds["type"]))
    afloat = (water > 0) & (birds["aloft"] == 0) & (uniform(count, generator) < 0.5)
    vertices = bird_mesh(birds).vertices[:, : 22 * 20]  # of the body, the first tube
    line = vertices[..., 1].amin(1) + uniform(count, generator, 0.15, 0.35) * (
        vertices[..., 1].amax(1) - vertices[..., 1].amin(1)
    )
    birds["floor"] = torch.where(afloat, line, birds["floor"])
    birds["afloat"] = afloat.float()
    birds["shine"] = uniform(count, generator, 0.0, 0.8) * knobs.gloss
    birds["seed"] = (4096 * uniform(count, generator)).floor()
    return birds
