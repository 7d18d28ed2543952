"""Random cars of the second edition: twelve body types with the proportions of real cars, and much that varies on them.

A batch of cars is a dictionary of [B] (colours: [B, 3]) tensors. As in the first edition, the tables hold fractions of
the car's own length; `sample_cars` multiplies by it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.studio.randomization import PHOTOS, Randomization
from ganverse_nb.studio.sampling import Objects, sample_measures, sample_types, uniform
from ganverse_nb.studio.second.car_finish import sample_finish

_COMMON = {
    "length": (0.93, 1.0),
    "width": (0.37, 0.405),
    "clearance": (0.034, 0.048),  # of the sill above the ground
    "wheel_radius": (0.066, 0.077),
    "axle_front": (0.165, 0.205),  # from the front end
    "axle_rear": (0.19, 0.235),  # from the rear end
    "belt": (0.192, 0.215),  # lower edge of the side windows
    "wedge": (0.0, 0.02),  # how much the belt rises to the rear
    "nose": (0.132, 0.158),  # height of the bonnet's front edge
    "deck": (0.198, 0.225),  # height of the rear edge
    "roof": (0.285, 0.318),
    "cowl": (0.26, 0.315),  # lower edge of the windscreen, from the front end
    "screen": (0.13, 0.185),  # how far the windscreen leans back
    "tail_roof": (0.24, 0.33),  # rear end of the roof, from the rear end
    "tail_slant": (0.12, 0.18),  # how far the rear window reaches behind it
    "tumble": (0.16, 0.26),  # how much narrower the roof is than the belt
    "arc": (0.012, 0.03),  # how much lower the roof's ends are than its top
    "roundness": (4.5, 8.0),  # exponent of the body's cross-section
    "bow": (0.02, 0.055),  # how far the corners of the front stand back from its middle
    "tail_bow": (0.015, 0.04),
    "rake": (0.0, 0.03),  # how far the upper edge of the nose leans back
    "bonnet_width": (1.0, 1.0),
    "bonnet_curve": (1.2, 2.2),
    "window_rows": (2.0, 2.0),  # windows on a side; 1: closed behind the door
}
ABSOLUTE = ("tumble", "roundness", "window_rows", "length", "bonnet_width", "bonnet_curve")
BODY_TYPES: dict[str, dict[str, tuple[float, float]]] = {
    "sedan": {},
    "hatchback": {
        "length": (0.84, 0.93), "width": (0.40, 0.435), "wheel_radius": (0.071, 0.082), "belt": (0.215, 0.24),
        "nose": (0.155, 0.185), "deck": (0.24, 0.27), "roof": (0.335, 0.372), "cowl": (0.225, 0.275),
        "screen": (0.15, 0.21), "tail_roof": (0.05, 0.13), "tail_slant": (0.03, 0.09), "axle_rear": (0.15, 0.19),
    },
    "wagon": {
        "roof": (0.292, 0.325), "tail_roof": (0.05, 0.10), "tail_slant": (0.03, 0.07), "deck": (0.21, 0.235),
        "window_rows": (3.0, 3.0), "arc": (0.004, 0.016),
    },
    "suv": {
        "length": (0.9, 0.98), "width": (0.395, 0.435), "clearance": (0.048, 0.075), "wheel_radius": (0.076, 0.092),
        "belt": (0.235, 0.27), "nose": (0.19, 0.23), "deck": (0.25, 0.285), "roof": (0.345, 0.405),
        "cowl": (0.24, 0.29), "screen": (0.1, 0.17), "tail_roof": (0.03, 0.09), "tail_slant": (0.01, 0.06),
        "tumble": (0.12, 0.22), "roundness": (6.0, 10.0), "window_rows": (2.0, 3.0), "axle_rear": (0.17, 0.21),
        "rake": (0.0, 0.015), "arc": (0.004, 0.018),
    },
    "van": {
        "width": (0.38, 0.425), "clearance": (0.036, 0.05), "wheel_radius": (0.064, 0.075), "belt": (0.215, 0.255),
        "nose": (0.165, 0.205), "deck": (0.22, 0.26), "roof": (0.34, 0.425), "cowl": (0.15, 0.23),
        "screen": (0.13, 0.22), "tail_roof": (0.015, 0.05), "tail_slant": (0.008, 0.03), "tumble": (0.08, 0.18),
        "roundness": (6.0, 10.0), "window_rows": (1.0, 3.4), "axle_rear": (0.17, 0.22), "arc": (0.002, 0.014),
    },
    "pickup": {
        "length": (0.98, 1.02), "width": (0.335, 0.385), "clearance": (0.05, 0.078), "wheel_radius": (0.07, 0.085),
        "belt": (0.215, 0.245), "wedge": (0.0, 0.006), "nose": (0.198, 0.228), "deck": (0.212, 0.24),
        "roof": (0.31, 0.365), "cowl": (0.24, 0.29), "screen": (0.08, 0.13), "tail_roof": (0.375, 0.54),
        "tail_slant": (0.0, 0.02), "tumble": (0.12, 0.2), "roundness": (7.0, 11.0), "window_rows": (1.0, 2.49),
        "rake": (0.0, 0.012), "axle_rear": (0.2, 0.24), "arc": (0.003, 0.014), "bow": (0.01, 0.03),
    },
    "sports": {
        "length": (0.9, 0.98), "width": (0.40, 0.455), "clearance": (0.024, 0.036), "wheel_radius": (0.064, 0.074),
        "belt": (0.165, 0.195), "nose": (0.108, 0.142), "deck": (0.18, 0.215), "roof": (0.245, 0.285),
        "cowl": (0.29, 0.39), "screen": (0.14, 0.22), "tail_roof": (0.24, 0.38), "tail_slant": (0.14, 0.25),
        "tumble": (0.22, 0.34), "roundness": (3.4, 5.0), "rake": (0.02, 0.06), "bow": (0.04, 0.08),
        "window_rows": (1.0, 1.0),
    },
    "coupe": {
        "width": (0.38, 0.42), "roof": (0.27, 0.30), "belt": (0.19, 0.21), "tail_roof": (0.25, 0.34),
        "tail_slant": (0.15, 0.22), "tumble": (0.2, 0.3), "screen": (0.15, 0.2),
    },
    "convertible": {
        "length": (0.88, 0.98), "width": (0.39, 0.44), "roof": (0.258, 0.30), "belt": (0.178, 0.205),
        "nose": (0.12, 0.15), "tail_roof": (0.26, 0.33), "tail_slant": (0.05, 0.12), "cowl": (0.29, 0.36),
        "screen": (0.12, 0.17), "window_rows": (1.0, 2.0), "roundness": (4.0, 6.5),
    },
    "city": {
        "length": (0.78, 0.88), "width": (0.425, 0.485), "wheel_radius": (0.078, 0.094), "belt": (0.25, 0.285),
        "nose": (0.185, 0.225), "deck": (0.27, 0.305), "roof": (0.385, 0.455), "cowl": (0.16, 0.22),
        "screen": (0.14, 0.22), "tail_roof": (0.05, 0.14), "tail_slant": (0.02, 0.08), "window_rows": (1.0, 2.0),
        "axle_front": (0.16, 0.19), "axle_rear": (0.12, 0.17), "bow": (0.04, 0.08),
    },
    "box_van": {
        "length": (0.97, 1.0), "width": (0.35, 0.39), "clearance": (0.05, 0.07), "wheel_radius": (0.062, 0.074),
        "belt": (0.22, 0.25), "nose": (0.175, 0.215), "deck": (0.13, 0.15), "roof": (0.33, 0.39),
        "cowl": (0.1, 0.17), "screen": (0.06, 0.12), "tail_roof": (0.62, 0.68), "tail_slant": (0.0, 0.01),
        "tumble": (0.08, 0.14), "roundness": (8.0, 12.0), "window_rows": (1.0, 1.0), "axle_front": (0.15, 0.18),
        "rake": (0.0, 0.01), "arc": (0.002, 0.01), "wedge": (0.0, 0.0),
    },
    "classic": {
        "length": (0.88, 0.98), "width": (0.385, 0.43), "clearance": (0.05, 0.07), "wheel_radius": (0.08, 0.1),
        "axle_front": (0.13, 0.18), "axle_rear": (0.16, 0.22), "belt": (0.25, 0.285), "wedge": (0.0, 0.0),
        "nose": (0.23, 0.265), "deck": (0.22, 0.27), "roof": (0.375, 0.45), "cowl": (0.32, 0.42),
        "screen": (0.015, 0.06), "tail_roof": (0.03, 0.22), "tail_slant": (0.01, 0.06), "tumble": (0.05, 0.14),
        "roundness": (4.0, 7.0), "bow": (0.0, 0.012), "rake": (0.0, 0.01), "bonnet_width": (0.5, 0.68),
        "bonnet_curve": (2.0, 3.0), "window_rows": (1.0, 2.49), "arc": (0.006, 0.02),
    },
}  # fmt: skip
TYPE_NAMES = tuple(BODY_TYPES)
_SHARES = torch.tensor([1.6, 1.2, 1.2, 1.6, 1.2, 1.2, 1.0, 1.0, 1.0, 0.8, 0.6, 0.6])  # of TYPE_NAMES


def sample_cars(
    count: int, generator: torch.Generator, body_type: str | None = None, knobs: Randomization = PHOTOS
) -> Objects:
    """`count` random cars, of random body types or all of one.

    Returns measures in world units ([count]), colours ([count, 3]) and `type` (int64, an index of TYPE_NAMES).

    Raises:
        ValueError: `body_type` is not one of BODY_TYPES.
    """

    def rand(low: float = 0.0, high: float = 1.0) -> Tensor:
        return uniform(count, generator, low, high)

    def chance(share: float) -> Tensor:
        return (rand() < share).float()

    drawn = torch.multinomial(_SHARES, count, replacement=True, generator=generator)
    kind = sample_types(count, TYPE_NAMES, generator, body_type) if body_type else drawn
    cars = {"type": kind} | sample_measures(BODY_TYPES, _COMMON, kind, generator)
    for name in _COMMON:
        spread = 1 + knobs.proportions * torch.randn(count, generator=generator).clamp(-2, 2)
        if name not in ("window_rows", "length", "bonnet_width"):
            cars[name] = cars[name] * spread
        if name not in ABSOLUTE:
            cars[name] = cars[name] * cars["length"]
    cars["window_rows"] = cars["window_rows"].round()
    cars |= _ordered(cars)

    def of(*names: str) -> Tensor:
        return sum((kind == TYPE_NAMES.index(name) for name in names), torch.zeros_like(kind)).float()

    open_top = of("convertible") * chance(0.65)
    cars["open"] = open_top
    cars["bed"] = of("pickup") * chance(0.85)
    cars["fabric"] = of("convertible") * (1 - open_top)
    cars["box"], cars["classic"] = of("box_van"), of("classic")
    cars["spoiler"] = torch.maximum(of("sports", "coupe") * chance(0.4), of("sedan") * chance(0.08))
    cars["rack"] = of("wagon", "suv", "van") * chance(0.4)
    cars["load"] = of("wagon", "suv", "hatchback", "city", "sedan") * chance(0.06)  # a box or a sign on the roof
    cars["load_size"] = rand()
    cars["steps"] = torch.maximum(of("pickup", "suv") * chance(0.25), of("classic"))
    cars["chrome_bars"] = torch.maximum(of("classic") * chance(0.7), of("pickup") * chance(0.25))
    cars["spare"] = of("suv") * chance(0.12)
    cars["steer"] = chance(0.4) * rand(-26, 26)  # degrees that the front wheels point to the left
    cars["tyre"] = rand(0.044, 0.056) * cars["length"]
    cars["arch"] = rand(1.1, 1.24)
    return cars | sample_finish(count, generator, knobs, of)


def _ordered(cars: Objects) -> Objects:
    """What must not cross: the belt stays below the roof, the windows keep their length."""
    length = cars["length"]
    roof = torch.maximum(cars["roof"], cars["belt"] + 0.06 * length)
    cabin = length - cars["cowl"] - cars["screen"] - 0.16 * length
    return {
        "roof": roof,
        "tail_roof": torch.minimum(cars["tail_roof"], cabin).clamp_min(0.012),
        "tail_glass": (torch.minimum(cars["tail_roof"], cabin) - cars["tail_slant"]).clamp_min(0.008),
        "nose": torch.minimum(torch.maximum(cars["nose"], 1.75 * cars["wheel_radius"]), cars["belt"] + 0.01),
    }
