"""Random parametric cars: eight body types, each a box of ranges for the measures of a car.

A batch of cars is a dictionary of [B] (colours: [B, 3]) tensors. Lengths are fractions of the car's own length until
`sample_cars` multiplies them by it, so that every number in the table reads as a proportion.
"""

from __future__ import annotations

import torch
from torch import Tensor

Cars = dict[str, Tensor]

# Ranges of each measure. Heights are above the ground; `cowl`, `nose`, ... are distances from the front end, `tail_*`
# from the rear end.
_COMMON = {
    "width": (0.40, 0.46),
    "clearance": (0.045, 0.065),
    "wheel_radius": (0.078, 0.092),
    "axle_front": (0.175, 0.215),
    "axle_rear": (0.175, 0.22),
    "belt": (0.225, 0.255),  # lower edge of the side windows
    "nose": (0.17, 0.205),  # height of the bonnet's front edge
    "deck": (0.21, 0.25),  # height of the rear edge
    "roof": (0.35, 0.40),
    "cowl": (0.28, 0.34),  # lower edge of the windscreen
    "screen": (0.10, 0.15),  # how far the windscreen leans back
    "tail_roof": (0.24, 0.32),  # rear end of the roof
    "tail_glass": (0.13, 0.18),  # lower edge of the rear window
    "tumble": (0.13, 0.2),  # how much narrower the roof is than the belt
    "roundness": (4.0, 6.5),  # exponent of the body's cross-section
    "rake": (0.0, 0.035),  # how far the upper edge of the nose leans back
    "window_rows": (2.0, 2.0),
}
BODY_TYPES: dict[str, dict[str, tuple[float, float]]] = {
    "sedan": {"length": (0.94, 1.0)},
    "hatchback": {
        "length": (0.8, 0.88), "width": (0.44, 0.5), "wheel_radius": (0.088, 0.1), "belt": (0.25, 0.285),
        "nose": (0.2, 0.235), "deck": (0.26, 0.3), "roof": (0.40, 0.46), "cowl": (0.23, 0.28), "screen": (0.1, 0.16),
        "tail_roof": (0.07, 0.14), "tail_glass": (0.02, 0.05),
    },
    "wagon": {
        "length": (0.94, 1.0), "roof": (0.35, 0.39), "cowl": (0.27, 0.31), "tail_roof": (0.05, 0.1),
        "tail_glass": (0.015, 0.04), "deck": (0.23, 0.26), "window_rows": (3.0, 3.0),
    },
    "suv": {
        "length": (0.86, 0.95), "width": (0.44, 0.5), "clearance": (0.08, 0.105), "wheel_radius": (0.1, 0.12),
        "belt": (0.29, 0.33), "nose": (0.255, 0.295), "deck": (0.29, 0.33), "roof": (0.45, 0.51), "cowl": (0.25, 0.3),
        "screen": (0.06, 0.1), "tail_roof": (0.03, 0.08), "tail_glass": (0.01, 0.03), "tumble": (0.08, 0.14),
        "roundness": (6.0, 9.0), "window_rows": (3.0, 3.0),
    },
    "van": {
        "length": (0.9, 1.0), "width": (0.42, 0.47), "wheel_radius": (0.08, 0.092), "belt": (0.29, 0.33),
        "nose": (0.21, 0.25), "deck": (0.28, 0.32), "roof": (0.5, 0.58), "cowl": (0.05, 0.13), "screen": (0.09, 0.14),
        "tail_roof": (0.012, 0.03), "tail_glass": (0.008, 0.012), "tumble": (0.05, 0.1), "roundness": (7.0, 10.0),
        "axle_front": (0.17, 0.19), "window_rows": (1.0, 3.0),
    },
    "pickup": {
        "length": (0.97, 1.0), "width": (0.40, 0.45), "clearance": (0.08, 0.1), "wheel_radius": (0.095, 0.112),
        "belt": (0.27, 0.3), "nose": (0.245, 0.275), "deck": (0.25, 0.285), "roof": (0.41, 0.46), "cowl": (0.25, 0.29),
        "screen": (0.06, 0.1), "tail_roof": (0.41, 0.47), "tail_glass": (0.4, 0.41), "tumble": (0.1, 0.14),
        "roundness": (7.0, 10.0), "window_rows": (1.0, 2.0),
    },
    "sports": {
        "length": (0.92, 1.0), "width": (0.43, 0.48), "clearance": (0.035, 0.045), "belt": (0.205, 0.23),
        "wheel_radius": (0.075, 0.086), "nose": (0.148, 0.172), "deck": (0.205, 0.24), "roof": (0.285, 0.325),
        "cowl": (0.33, 0.4), "screen": (0.14, 0.2), "tail_roof": (0.25, 0.36), "tail_glass": (0.07, 0.12),
        "tumble": (0.2, 0.28), "roundness": (3.2, 4.2), "rake": (0.04, 0.07), "window_rows": (1.0, 1.0),
    },
    "city": {
        "length": (0.64, 0.74), "width": (0.52, 0.6), "clearance": (0.06, 0.075), "wheel_radius": (0.105, 0.12),
        "axle_front": (0.18, 0.2), "axle_rear": (0.17, 0.19), "belt": (0.31, 0.35), "nose": (0.26, 0.3),
        "deck": (0.32, 0.36), "roof": (0.53, 0.6), "cowl": (0.14, 0.2), "screen": (0.12, 0.18),
        "tail_roof": (0.05, 0.1), "tail_glass": (0.015, 0.03), "window_rows": (1.0, 1.0), "roundness": (3.5, 5.0),
    },
}  # fmt: skip
TYPE_NAMES = tuple(BODY_TYPES)
ABSOLUTE = ("tumble", "roundness", "window_rows", "length")  # not multiplied by the length

# Colours people paint cars in, with how often; each is varied a little.
_PAINTS = torch.tensor(
    [
        [0.90, 0.90, 0.88, 2], [0.66, 0.68, 0.70, 2], [0.33, 0.35, 0.37, 1.5], [0.08, 0.08, 0.09, 1.5],
        [0.75, 0.07, 0.07, 2.5], [0.10, 0.22, 0.60, 2], [0.25, 0.55, 0.85, 1.5], [0.08, 0.35, 0.18, 1.2],
        [0.45, 0.68, 0.25, 0.8], [0.93, 0.76, 0.10, 1.5], [0.90, 0.42, 0.08, 1.2], [0.80, 0.72, 0.55, 0.8],
        [0.35, 0.15, 0.10, 0.7], [0.45, 0.20, 0.50, 0.7], [0.10, 0.55, 0.55, 1.0], [0.85, 0.45, 0.55, 0.5],
    ]
)  # fmt: skip


def sample_cars(count: int, generator: torch.Generator, body_type: str | None = None) -> Cars:
    """`count` random cars, of random body types or all of one.

    Returns measures in world units ([count]), colours ([count, 3]) and `type` (int64, an index of TYPE_NAMES).

    Raises:
        ValueError: `body_type` is not one of BODY_TYPES.
    """
    if body_type is not None and body_type not in BODY_TYPES:
        raise ValueError(f"Unknown body type {body_type!r}; the studio builds {', '.join(TYPE_NAMES)}.")

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    kind = torch.randint(len(TYPE_NAMES), (count,), generator=generator)
    if body_type is not None:
        kind = torch.full_like(kind, TYPE_NAMES.index(body_type))
    cars: Cars = {"type": kind}
    for name in [*_COMMON, "length"]:
        ranges = torch.tensor([(own.get(name) or _COMMON[name]) for own in BODY_TYPES.values()])[kind]
        cars[name] = ranges[:, 0] + (ranges[:, 1] - ranges[:, 0]) * torch.rand(count, generator=generator)
    cars["window_rows"] = cars["window_rows"].round()
    for name in cars:
        if name not in (*ABSOLUTE, "type"):
            cars[name] = cars[name] * cars["length"]

    is_sports, is_pickup = kind == TYPE_NAMES.index("sports"), kind == TYPE_NAMES.index("pickup")
    has_rails = (kind == TYPE_NAMES.index("wagon")) | (kind == TYPE_NAMES.index("suv"))
    cars["bed"] = is_pickup.float()
    cars["spoiler"] = (is_sports & (uniform(0, 1) < 0.6)).float()
    cars["rack"] = (has_rails & (uniform(0, 1) < 0.35)).float()
    cars["stripe"] = ((uniform(0, 1) < 0.35) & (is_sports | (kind == TYPE_NAMES.index("city")))).float()

    paint = _sample_paint(count, generator)
    two_tone = (uniform(0, 1) < 0.2)[:, None]
    neutral = torch.where((uniform(0, 1) < 0.5)[:, None], torch.tensor(0.92), torch.tensor(0.1)).expand(count, 3)
    cars["paint"], cars["roof_paint"] = paint, torch.where(two_tone, neutral, paint)
    cars["stripe_paint"] = torch.where(
        paint.mean(1, keepdim=True) > 0.5, torch.tensor(0.08), torch.tensor(0.93)
    ).expand(count, 3)
    cars["rim"] = uniform(0.35, 0.85)[:, None] * torch.ones(1, 3)
    cars["glass"] = uniform(0.05, 0.14)[:, None] * torch.tensor([[0.8, 1.0, 1.15]])
    cars["lamp_width"], cars["lamp_height"] = uniform(0.22, 0.38), uniform(0.14, 0.24)
    cars["grille_width"] = uniform(0.3, 0.5)
    return cars


def _sample_paint(count: int, generator: torch.Generator) -> Tensor:
    index = torch.multinomial(_PAINTS[:, 3], count, replacement=True, generator=generator)
    shift = 0.05 * torch.randn(count, 3, generator=generator)
    gain = 0.85 + 0.3 * torch.rand(count, 1, generator=generator)
    return (_PAINTS[index, :3] * gain + shift).clamp(0.03, 0.97)


def height(cars: Cars) -> Tensor:
    """[B] height of the car; it stands on the plane y = -height / 2."""
    return cars["roof"]
