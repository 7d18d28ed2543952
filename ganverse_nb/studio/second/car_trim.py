"""What is bolted onto a car: rounded boxes for mirrors, bars, seats, wings, a load."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from ganverse_nb.studio.sampling import Objects

TRIM_NAMES = (
    "left_mirror", "right_mirror", "spoiler", "left_rail", "right_rail", "left_seat", "right_seat", "rear_seat",
    "dashboard", "cargo", "left_front_wing", "right_front_wing", "left_rear_wing", "right_rear_wing", "left_headlamp",
    "right_headlamp", "front_bar", "rear_bar", "left_step", "right_step", "load", "spare",
)  # fmt: skip
BOX_RINGS, BOX_SEGMENTS = 6, 16


def power(x: Tensor, exponent: Tensor) -> Tensor:
    """|x| to the `exponent`, with the sign of x."""
    return x.sign() * x.abs().clamp_min(1e-9) ** exponent


@cache
def box_places() -> Tensor:
    """[P, 3] vertices of a box with round edges that reaches from -1 to 1."""
    latitude = (torch.arange(BOX_RINGS) + 0.5) * (torch.pi / BOX_RINGS) - torch.pi / 2
    longitude = (torch.arange(BOX_SEGMENTS) + 0.5) * (2 * torch.pi / BOX_SEGMENTS)
    edge, corner = torch.tensor(0.32), torch.tensor(0.32)
    flat = power(latitude.cos(), edge)[:, None]
    unit = torch.stack(
        [
            flat * power(longitude.sin(), corner),
            power(latitude.sin(), edge)[:, None].expand(-1, BOX_SEGMENTS),
            flat * power(longitude.cos(), corner),
        ],
        -1,
    ).reshape(-1, 3)
    return torch.cat([unit, torch.tensor([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]])])


def trim(cars: Objects) -> list[Tensor]:
    """[B, P, 3] each, in the order of TRIM_NAMES; what a car lacks shrinks to a point inside it."""
    unit, result = box_places(), []
    for name, (centre, size, present) in _boxes(cars).items():
        here = present[:, None] > 0
        inside = torch.stack([0 * cars["belt"], 0.6 * cars["belt"], 0 * cars["belt"]], -1)
        centre, size = torch.where(here, centre, inside), torch.where(here, size, torch.zeros_like(size))
        shape = unit.expand(len(size), -1, -1)
        if "wing" in name:
            shape = _arched(unit).expand_as(shape)
        if "seat" in name:  # leans back
            shape = torch.stack([shape[..., 0], shape[..., 1], shape[..., 2] - 0.9 * (shape[..., 1] + 1) * 0.5], -1)
        result.append(centre[:, None] + size[:, None] * shape)
    return result


def _arched(unit: Tensor) -> Tensor:
    """The box bent over a wheel: its upper side sinks towards both ends."""
    x, y, z = unit.unbind(-1)
    return torch.stack([x, torch.where(y > 0, y * (1 - 0.75 * z.abs() ** 2.2), y), z], -1)


def _boxes(cars: Objects) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """Centre [B, 3], half size [B, 3] and presence [B] by name."""
    length, half, left = cars["length"], cars["length"] / 2, cars["width"] / 2
    one, zero = torch.ones_like(left), torch.zeros_like(left)
    front, rear = half - cars["cowl"] - cars["screen"], -half + cars["tail_roof"]
    roof_x, belt, roof = 0.8 * left * (1 - cars["tumble"]), cars["belt"], cars["roof"]
    boxes: dict[str, tuple[Tensor, Tensor, Tensor]] = {}

    def add(name: str, centre: tuple[Tensor, ...], size: tuple[Tensor, ...], present: Tensor) -> None:
        boxes[name] = torch.stack(centre, -1), torch.stack(size, -1), present

    def pair(name: str, centre: tuple[Tensor, ...], size: tuple[Tensor, ...], present: Tensor) -> None:
        for side, sign in (("left", 1.0), ("right", -1.0)):
            add(f"{side}_{name}", (sign * centre[0], *centre[1:]), size, present)

    mirror = (left + 0.008 * length, belt + 0.022 * length, half - cars["cowl"] - 0.3 * cars["screen"])
    pair("mirror", mirror, (0.02 * length, 0.014 * length, 0.011 * length), one)
    spoiler = (zero, cars["deck"] + 0.03 * length, -half + 0.035 * length)
    add("spoiler", spoiler, (0.82 * left, 0.006 * length, 0.024 * length), cars["spoiler"])
    along = 0.42 * (front - rear).clamp_min(0.02)
    top = roof - 0.6 * cars["arc"] + 0.008 * length
    pair("rail", (roof_x, top, (front + rear) / 2), (0.007 * length, 0.009 * length, along), cars["rack"])
    seat = half - cars["cowl"] - cars["screen"] - 0.09 * length
    tall = 0.5 * (belt + 0.035 * length - cars["clearance"] - 0.055 * length)
    floor = cars["clearance"] + 0.055 * length
    size = (0.32 * left, tall, 0.035 * length)
    pair("seat", (0.42 * left, floor + tall, seat), size, cars["open"])
    back = torch.minimum(seat - 0.14 * length, -half + cars["tail_glass"] + 0.1 * length)
    add(
        "rear_seat",
        (zero, floor + 0.9 * tall, back),
        (0.72 * left, 0.85 * tall, 0.03 * length),
        cars["open"] * (cars["window_rows"] > 1),
    )
    dash = (zero, belt - 0.02 * length, half - cars["cowl"] - 0.05 * length)
    add("dashboard", dash, (0.8 * left, 0.02 * length, 0.03 * length), cars["open"])
    end = -half + cars["tail_roof"] - 0.012 * length
    tall = roof * (0.55 + 0.16 * cars["load_size"])
    cargo = (zero, 0.085 * length + tall, (end - half) / 2)
    add("cargo", cargo, (1.02 * left, tall, (end + half) / 2), cars["box"])
    wing_z = {"front": half - cars["axle_front"], "rear": -half + cars["axle_rear"]}
    names = [f"{side}_{end_}_wing" for end_ in wing_z for side in ("left", "right")]
    for name in names:
        z = wing_z[name.split("_")[1]]
        sign = 1.0 if name.startswith("left") else -1.0
        centre = (sign * (left - 0.045 * length), 1.5 * cars["wheel_radius"], z)
        reach = torch.minimum(1.62 * cars["wheel_radius"], half - z.abs())
        add(name, centre, (0.05 * length, 0.85 * cars["wheel_radius"], reach), cars["classic"])
    lamp = (0.56 * left, cars["nose"] - 0.03 * length, half - 0.05 * length)
    pair("headlamp", lamp, (0.035 * length, 0.035 * length, 0.035 * length), cars["classic"])
    bar = (0.96 * left, 0.012 * length, 0.014 * length)
    add("front_bar", (zero, cars["clearance"] + 0.045 * length, half - 0.004 * length), bar, cars["chrome_bars"])
    add("rear_bar", (zero, cars["clearance"] + 0.045 * length, -half + 0.004 * length), bar, cars["chrome_bars"])
    reach = (length - cars["axle_front"] - cars["axle_rear"]) / 2 - 1.2 * cars["wheel_radius"]
    middle = (cars["axle_rear"] - cars["axle_front"]) / 2
    pair(
        "step",
        (left - 0.01 * length, cars["clearance"] + 0.004, middle),
        (0.028 * length, 0.008 * length, reach),
        cars["steps"],
    )
    small = cars["load_size"] < 0.35
    size = (
        torch.where(small, 0.35, 0.6) * left,
        torch.where(small, 0.018, 0.03) * length,
        torch.where(small, 0.02 * one, 0.7 * along),
    )
    add("load", (zero, top + size[1], (front + rear) / 2), size, cars["load"])
    add(
        "spare",
        (zero, 0.6 * belt, -half - 0.012 * length),
        (cars["wheel_radius"], cars["wheel_radius"], 0.02 * length),
        cars["spare"],
    )
    return dict(sorted(boxes.items(), key=lambda item: TRIM_NAMES.index(item[0])))
