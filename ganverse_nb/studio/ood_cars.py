"""Cars as no photograph of the studio shows them: a bus, a go-kart, a batmobile.

They play the part of the paper's failure cases (Figure O): shapes outside of all that a network has learned from.
"""

from __future__ import annotations

import torch

from ganverse_nb.studio.cars import ABSOLUTE, Cars, sample_cars

# As in `studio.cars`: shares of the length, which is the first; `track` is how far the wheels stand apart.
_SHAPES: dict[str, dict[str, tuple[float, float]]] = {
    "bus": {
        "length": (0.88, 0.91), "width": (0.205, 0.225), "track": (0.205, 0.225), "clearance": (0.025, 0.032),
        "wheel_radius": (0.04, 0.045), "axle_front": (0.2, 0.23), "axle_rear": (0.24, 0.27), "belt": (0.13, 0.145),
        "nose": (0.13, 0.145), "deck": (0.13, 0.145), "roof": (0.275, 0.3), "cowl": (0.006, 0.008),
        "screen": (0.004, 0.008), "tail_roof": (0.008, 0.01), "tail_glass": (0.006, 0.008), "tumble": (0.01, 0.03),
        "roundness": (12.0, 14.0), "rake": (0.0, 0.0), "window_rows": (7.0, 7.0),
    },
    "go-kart": {
        "length": (0.68, 0.74), "width": (0.3, 0.33), "track": (0.72, 0.78), "clearance": (0.035, 0.045),
        "wheel_radius": (0.095, 0.105), "axle_front": (0.17, 0.19), "axle_rear": (0.13, 0.15), "belt": (0.12, 0.13),
        "nose": (0.07, 0.08), "deck": (0.11, 0.13), "roof": (0.42, 0.46), "cowl": (0.52, 0.54), "screen": (0.09, 0.1),
        "tail_roof": (0.22, 0.24), "tail_glass": (0.2, 0.22), "tumble": (0.2, 0.3), "roundness": (4.0, 5.0),
        "rake": (0.0, 0.0), "window_rows": (1.0, 1.0),
    },
    "batmobile": {
        "length": (0.88, 0.91), "width": (0.36, 0.39), "track": (0.38, 0.41), "clearance": (0.02, 0.03),
        "wheel_radius": (0.075, 0.08), "axle_front": (0.2, 0.23), "axle_rear": (0.17, 0.2), "belt": (0.15, 0.16),
        "nose": (0.05, 0.06), "deck": (0.12, 0.13), "roof": (0.235, 0.25), "cowl": (0.5, 0.53), "screen": (0.12, 0.14),
        "tail_roof": (0.27, 0.3), "tail_glass": (0.13, 0.16), "tumble": (0.45, 0.55), "roundness": (2.4, 2.8),
        "rake": (0.0, 0.0), "window_rows": (1.0, 1.0),
    },
}  # fmt: skip
# Five rounded boxes each: centre (x, height above the ground, z), half sizes, how far the top leans back; colour.
_RED, _BLACK, _WHITE = (0.75, 0.06, 0.05), (0.03, 0.03, 0.035), (0.93, 0.93, 0.9)
_BOXES = {
    "bus": [
        ((0.0, 0.295, -0.1, 0.06, 0.015, 0.12, 0.0), _WHITE),  # air conditioning
        ((0.125, 0.2, 0.5, 0.012, 0.03, 0.01, 0.0), _BLACK),  # mirrors
        ((-0.125, 0.2, 0.5, 0.012, 0.03, 0.01, 0.0), _BLACK),
        ((0.0, 0.262, 0.495, 0.085, 0.014, 0.008, 0.0), _BLACK),  # destination sign
        ((0.0, 0.035, 0.0, 0.1, 0.012, 0.498, 0.0), _BLACK),  # skirt
    ],
    "go-kart": [
        ((0.0, 0.5, -0.13, 0.085, 0.095, 0.095, 0.0), _WHITE),  # helmet
        ((0.0, 0.085, 0.49, 0.3, 0.035, 0.03, 0.0), _WHITE),  # front bumper
        ((0.25, 0.1, 0.0, 0.07, 0.05, 0.16, 0.0), _WHITE),  # side pods
        ((-0.25, 0.1, 0.0, 0.07, 0.05, 0.16, 0.0), _WHITE),
        ((0.0, 0.27, 0.14, 0.1, 0.09, 0.012, -0.05), _BLACK),  # steering wheel
    ],
    "batmobile": [
        ((0.17, 0.2, -0.34, 0.009, 0.1, 0.1, 0.07), _BLACK),  # fins
        ((-0.17, 0.2, -0.34, 0.009, 0.1, 0.1, 0.07), _BLACK),
        ((0.0, 0.12, -0.49, 0.055, 0.045, 0.03, 0.0), _RED),  # jet
        ((0.0, 0.165, -0.3, 0.025, 0.04, 0.16, 0.0), _BLACK),  # spine
        ((0.0, 0.06, 0.49, 0.05, 0.02, 0.05, 0.0), _RED),  # nose
    ],
}
_PAINTS = {"bus": (0.93, 0.72, 0.08), "go-kart": (0.75, 0.06, 0.05), "batmobile": (0.03, 0.03, 0.04)}
OOD_CARS = tuple(_SHAPES)


def sample_ood_cars(kind: str, count: int, generator: torch.Generator) -> Cars:
    """`count` random cars of one of OOD_CARS, as `sample_cars` returns them, with `track`, `boxes` and `box_paint`.

    Raises:
        ValueError: unknown kind.
    """
    if kind not in OOD_CARS:
        raise ValueError(f"Unknown out-of-distribution car {kind!r}; the studio builds {', '.join(OOD_CARS)}.")
    cars = sample_cars(count, generator, "van")
    length = torch.empty(0)
    for name, (low, high) in _SHAPES[kind].items():
        share = low + (high - low) * torch.rand(count, generator=generator)
        length = share if name == "length" else length
        cars[name] = share if name in ABSOLUTE else share * length
    for name in ("bed", "spoiler", "rack", "stripe"):
        cars[name] = torch.zeros(count)
    boxes, colors = zip(*_BOXES[kind])
    cars["boxes"] = torch.tensor(boxes)[None] * length[:, None, None]
    cars["box_paint"] = torch.tensor(colors)[None].repeat(count, 1, 1)
    cars["paint"] = cars["roof_paint"] = torch.tensor(_PAINTS[kind])[None].repeat(count, 1)
    return cars
