"""Random cars of the second edition: twelve body types with the proportions of real cars, and much that varies on them.

A batch of cars is a dictionary of [B] (colours: [B, 3]) tensors. As in the first edition, the tables hold fractions of
the car's own length; `sample_cars` multiplies by it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.studio.sampling import Objects, sample_measures, sample_rows, sample_types, uniform
from ganverse_nb.studio.randomization import PHOTOS, Randomization

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
        "length": (0.9, 0.98), "width": (0.40, 0.455), "clearance": (0.024, 0.036), "wheel_radius": (0.069, 0.08),
        "belt": (0.165, 0.195), "nose": (0.1, 0.138), "deck": (0.18, 0.215), "roof": (0.245, 0.285),
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

# Colours cars are painted in, then how often; real traffic is mostly grey, toys are not.
_PAINTS = torch.tensor(
    [
        [0.93, 0.93, 0.92, 3.0], [0.70, 0.72, 0.74, 2.5], [0.42, 0.44, 0.46, 2.0], [0.06, 0.06, 0.07, 2.5],
        [0.66, 0.06, 0.08, 2.0], [0.82, 0.10, 0.07, 1.2], [0.08, 0.16, 0.42, 1.2], [0.12, 0.35, 0.78, 1.2],
        [0.38, 0.66, 0.88, 0.6], [0.06, 0.25, 0.15, 0.6], [0.15, 0.62, 0.22, 0.6], [0.72, 0.82, 0.12, 0.5],
        [0.95, 0.78, 0.08, 1.0], [0.94, 0.45, 0.05, 0.9], [0.76, 0.68, 0.54, 0.8], [0.35, 0.24, 0.17, 0.6],
        [0.28, 0.10, 0.28, 0.4], [0.10, 0.52, 0.54, 0.5], [0.86, 0.55, 0.62, 0.3], [0.55, 0.62, 0.66, 0.8],
    ]
)  # fmt: skip
_INTERIORS = torch.tensor(
    [[0.08, 0.08, 0.09, 3], [0.30, 0.27, 0.24, 1], [0.62, 0.54, 0.42, 1], [0.45, 0.12, 0.10, 0.7], [0.4, 0.4, 0.42, 1]]
)
STICKERS = 3


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
    return cars | _sample_finish(count, generator, knobs, of)


def _ordered(cars: Objects) -> Objects:
    """What must not cross: the belt stays below the roof, the windows keep their length."""
    length = cars["length"]
    roof = torch.maximum(cars["roof"], cars["belt"] + 0.06 * length)
    cabin = length - cars["cowl"] - cars["screen"] - 0.16 * length
    return {
        "roof": roof,
        "tail_roof": torch.minimum(cars["tail_roof"], cabin).clamp_min(0.012),
        "tail_glass": (torch.minimum(cars["tail_roof"], cabin) - cars["tail_slant"]).clamp_min(0.008),
        "nose": torch.minimum(cars["nose"], cars["belt"] + 0.01),
    }


def _sample_finish(count: int, generator: torch.Generator, knobs: Randomization, of) -> Objects:  # type: ignore[no-untyped-def]
    """Paint, trim and what use has left on it."""

    def rand(low: float = 0.0, high: float = 1.0) -> Tensor:
        return uniform(count, generator, low, high)

    def chance(share: float) -> Tensor:
        return (rand() < share).float()

    def shade(spread: float = 0.04) -> Tensor:
        rows = sample_rows(_PAINTS, count, generator)
        gain = 0.8 + 0.35 * torch.rand(count, 1, generator=generator)
        return (rows * gain + spread * torch.randn(count, 3, generator=generator)).clamp(0.02, 0.97)

    def grey(low: float, high: float) -> Tensor:
        return rand(low, high)[:, None] * torch.ones(1, 3)

    paint = shade()
    neutral = torch.where(chance(0.5)[:, None] > 0, grey(0.85, 0.95), grey(0.04, 0.12))
    second = torch.where(chance(0.5)[:, None] > 0, neutral, shade())
    two_tone = chance(knobs.two_tone) * (1 + (2.999 * rand()).floor())  # 1 roof, 2 lower body, 3 roof and pillars
    finish: Objects = {
        "paint": paint,
        "second": second,
        "two_tone": two_tone,
        "stripe": chance(knobs.stripes) * (1 + (2.999 * rand()).floor()),  # 1 two along, 2 one along, 3 on the flanks
        "plastic": chance(0.35) * torch.maximum(of("suv", "pickup", "van", "box_van", "city"), chance(0.12)),
        "flake": chance(0.45) * rand(0.3, 1.0) * knobs.gloss,  # of metallic paint
        "coat": rand(0.7, 1.8) * knobs.gloss,
        "roughness": torch.where(chance(0.85) > 0, rand(0.02, 0.12), rand(0.3, 0.6)),
        "rim": torch.where(chance(0.75)[:, None] > 0, grey(0.5, 0.85), torch.where(chance(0.8)[:, None] > 0, grey(0.04, 0.2), shade())),
        "rim_size": rand(0.58, 0.76),
        "spokes": (5 + 6 * rand() ** 2).floor() * (1 + chance(0.3)),
        "spoke_width": rand(0.25, 0.7),
        "spoke_turn": rand(0.0, 6.28),
        "hubcap": chance(0.2),
        "glass": rand(0.25, 0.9),  # share of the light that passes a window
        "privacy": chance(0.35) * rand(0.4, 0.9),  # how much darker the rear side windows are
        "interior": sample_rows(_INTERIORS, count, generator),
        "chrome": chance(0.35),  # window surround and handles
        "lamp_width": rand(0.18, 0.42),
        "lamp_height": rand(0.1, 0.24),
        "lamp_dark": chance(0.3) * rand(0.3, 0.8),
        "tail_shape": (3 * rand()).floor(),  # 0 blocks, 1 upright, 2 a band
        "grille_width": rand(0.2, 0.66),
        "grille_top": rand(0.68, 0.9),
        "grille_low": rand(0.4, 0.6),
        "grille_bars": (rand() * 7).floor(),
        "grille_chrome": chance(0.45),
        "intake": rand(0.0, 0.85),
        "plate": chance(0.85),
        "plate_paint": torch.where(chance(0.6)[:, None] > 0, grey(0.82, 0.95), torch.where(chance(0.5)[:, None] > 0, torch.tensor([[0.9, 0.75, 0.15]]), torch.tensor([[0.2, 0.3, 0.65]]))),
        "dirt": chance(knobs.dirt) * rand(0.2, 1.0) ** 1.5,
        "dirt_paint": (torch.tensor([[0.46, 0.40, 0.32]]) * rand(0.6, 1.3)[:, None]).clamp(0, 1),
        "scratches": chance(knobs.scratches) * rand(0.3, 1.0),
        "sunroof": chance(0.15),
        "quarter": torch.where(of("sports", "coupe") > 0, rand(-0.6, -0.3), rand(-0.9, -0.6)),  # rear end of the windows
        "closed": of("van") * chance(0.3) + of("box_van"),  # no windows behind the doors
        "seed": (rand() * 4096).floor(),
    }  # fmt: skip
    for k in range(STICKERS):
        finish[f"sticker{k}"] = torch.stack(
            [
                chance(knobs.stickers / STICKERS) * (1 + (3.999 * rand()).floor()),  # 1 text, 2 disc, 3 flame, 4 block
                (4 * rand()).floor(),  # on the left, the right, the bonnet, the roof or the rear
                rand(-0.32, 0.32),
                rand(0.3, 0.75),
                rand(0.05, 0.17),
            ],
            1,
        )
        finish[f"sticker{k}_paint"] = shade()
    return finish
