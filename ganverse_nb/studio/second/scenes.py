"""Random places and light of the second edition: roads and meadows, halls, booths; lamps, things, film."""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.studio.randomization import Randomization
from ganverse_nb.studio.sampling import sample_rows, uniform
from ganverse_nb.studio.scene import Scene
from ganverse_nb.studio.second.kernels.picture import FRONT
from ganverse_nb.studio.second.scene_columns import CARD_KINDS, CARDS, LAMPS

_SKIES = torch.tensor(  # at the horizon, overhead, how often
    [
        [0.80, 0.86, 0.93, 0.38, 0.58, 0.86, 2], [0.88, 0.90, 0.92, 0.62, 0.70, 0.80, 2],
        [0.90, 0.90, 0.90, 0.80, 0.81, 0.83, 2], [0.95, 0.86, 0.74, 0.50, 0.60, 0.78, 1],
        [0.72, 0.74, 0.78, 0.52, 0.55, 0.62, 1], [0.85, 0.92, 0.96, 0.22, 0.45, 0.80, 1],
        [0.93, 0.72, 0.56, 0.34, 0.40, 0.60, 0.5],
    ]
)  # fmt: skip
_GROUNDS = {
    "road": torch.tensor(
        [
            [0.38, 0.38, 0.39, 3], [0.26, 0.26, 0.28, 2], [0.55, 0.54, 0.52, 2], [0.64, 0.57, 0.45, 1],
            [0.68, 0.67, 0.65, 1], [0.47, 0.38, 0.32, 0.7], [0.30, 0.38, 0.20, 1], [0.85, 0.86, 0.88, 0.5],
        ]
    ),
    "meadow": torch.tensor(
        [
            [0.30, 0.42, 0.16, 3], [0.42, 0.50, 0.22, 2], [0.22, 0.32, 0.12, 1], [0.55, 0.50, 0.32, 1.5],
            [0.66, 0.57, 0.42, 1.5], [0.45, 0.37, 0.30, 1], [0.78, 0.72, 0.60, 0.7], [0.35, 0.36, 0.36, 0.5],
        ]
    ),
    "hall": torch.tensor(
        [
            [0.10, 0.10, 0.11, 2], [0.32, 0.33, 0.35, 2], [0.72, 0.72, 0.70, 2], [0.62, 0.08, 0.08, 1],
            [0.15, 0.45, 0.18, 1], [0.85, 0.60, 0.12, 0.7], [0.48, 0.34, 0.22, 1], [0.2, 0.3, 0.5, 0.6],
        ]
    ),
}  # fmt: skip
_PAINTS = torch.tensor(
    [
        [0.85, 0.84, 0.80], [0.60, 0.60, 0.62], [0.30, 0.31, 0.33], [0.09, 0.09, 0.10], [0.70, 0.14, 0.12],
        [0.14, 0.25, 0.55], [0.80, 0.65, 0.15], [0.18, 0.42, 0.20], [0.55, 0.40, 0.28], [0.25, 0.55, 0.70],
        [0.72, 0.45, 0.35], [0.45, 0.25, 0.45],
    ]
)  # fmt: skip
_LEAVES = torch.tensor(
    [[0.22, 0.34, 0.14], [0.34, 0.42, 0.16], [0.14, 0.24, 0.12], [0.48, 0.40, 0.16], [0.30, 0.26, 0.18]]
)
# Of each kind of thing: width and height in metres, from and to; how often outdoors, in a hall, in a booth.
_THINGS = {
    "house": (5.0, 18.0, 3.5, 14.0, 1.2, 0.0, 0.0), "person": (0.5, 0.75, 1.55, 1.9, 0.8, 4.0, 0.5),
    "tree": (2.5, 7.0, 4.0, 11.0, 1.6, 0.2, 0.0), "car": (3.8, 4.8, 1.3, 1.8, 1.2, 1.0, 0.2),
    "sign": (0.5, 1.2, 1.8, 3.0, 0.7, 0.8, 0.3), "bush": (1.0, 3.5, 0.7, 2.0, 1.2, 0.4, 0.0),
    "banner": (1.5, 7.0, 0.8, 3.0, 0.4, 2.0, 0.8), "crate": (0.4, 2.0, 0.4, 1.6, 0.5, 0.8, 0.8),
    "fence": (5.0, 14.0, 1.0, 1.5, 0.9, 0.5, 0.0),
}  # fmt: skip
OUTDOORS, HALL, BOOTH = range(3)


class _Draw:
    """Random numbers for `count` scenes."""

    def __init__(self, count: int, generator: torch.Generator) -> None:
        self.count, self.generator = count, generator

    def between(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        return uniform(self.count, self.generator, low, high)

    def chance(self, share: float | Tensor) -> Tensor:
        return self.between() < share

    def pick(self, palette: Tensor, spread: float = 0.04) -> Tensor:
        index = torch.randint(len(palette), (self.count,), generator=self.generator)
        return (palette[index] + spread * self.normal(3)).clamp(0.02, 0.98)

    def rows(self, table: Tensor) -> Tensor:
        return sample_rows(table, self.count, self.generator)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(self.count, *shape, generator=self.generator)

    def kind(self, names: dict[str, float], order: tuple[str, ...]) -> Tensor:
        """[count] positions in `order` of names drawn with their shares."""
        at = torch.multinomial(torch.tensor(list(names.values())), self.count, True, generator=self.generator)
        return torch.tensor([float(order.index(name)) for name in names])[at]


_FAR = ("none", "trees", "houses", "wall", "hills")
_FLOORS = ("plain", "tiles", "planks", "marks", "grass", "straw")


def sample_scenes(
    count: int, generator: torch.Generator, knobs: Randomization, ground: str = "road", metres: float = 4.6
) -> Scene:
    """`count` random scenes, as [count, ...] tensors by name (`scene_columns`), with `cards` [count, CARDS, ...].

    Args:
        ground: "road" or "meadow", outdoors.
        metres: what a unit of the world is.
    """
    draw = _Draw(count, generator)
    drawn = draw.between()
    place = torch.where(drawn < knobs.booths, BOOTH, torch.where(drawn < knobs.booths + knobs.halls, HALL, OUTDOORS))
    options = (_outdoors(draw, ground), _hall(draw), _booth(draw))
    scene = {name: _choose(place, [option[name] for option in options]) for name in options[0]}
    scene["ground_contrast"] = scene["ground_contrast"] * knobs.ground_texture
    scene["lamp_size"] = torch.stack([draw.between(*knobs.softness) for _ in range(LAMPS)], 1)
    scene["shadow"] = knobs.shadows * draw.between(0.75, 1.0)
    scene["contact"] = knobs.contact * draw.between(0.65, 1.0)
    scene["seed"] = (65536 * draw.between()).floor()
    scene |= _writing(draw, knobs, place)
    scene["cards"] = _things(draw, knobs, place, metres)
    return scene | _film(draw, knobs)


def _choose(place: Tensor, options: list[Tensor]) -> Tensor:
    shape = (-1,) + (1,) * (options[0].ndim - 1)
    index = place.view(shape)
    return torch.where(index == OUTDOORS, options[0], torch.where(index == HALL, options[1], options[2]))


def _lamps(draw: _Draw, strengths: list[Tensor], tint: float, low: float, high: float) -> dict[str, Tensor]:
    """Lamps all round, `low` to `high` degrees above the horizon."""
    directions, lights = [], []
    for strength in strengths:
        azimuth, elevation = torch.deg2rad(draw.between(0, 360)), torch.deg2rad(draw.between(low, high))
        flat = elevation.cos()
        directions.append(torch.stack([flat * azimuth.sin(), elevation.sin(), flat * azimuth.cos()], 1))
        warm = draw.between(-1, 1)[:, None] * tint * torch.tensor([[1.0, 0.0, -1.0]])
        lights.append(strength[:, None] * (1 + warm))
    return {"lamp_direction": torch.cat(directions, 1), "lamp_light": torch.cat(lights, 1)}


def _outdoors(draw: _Draw, ground: str) -> Scene:
    horizon, zenith = draw.rows(_SKIES).split(3, 1)
    sun = draw.between() ** 1.3 * 2.2
    far = draw.kind({"trees": 2.0, "houses": 1.6, "hills": 0.8, "wall": 0.5, "none": 0.6}, _FAR)
    green = (far == _FAR.index("trees")) | (far == _FAR.index("hills"))
    leaves, leaves2 = draw.pick(_LEAVES, 0.03), draw.pick(_LEAVES, 0.03)
    floors = {"plain": 2.0, "tiles": 0.7, "marks": 1.0, "grass": 0.4, "straw": 0.3}
    if ground == "meadow":
        floors = {"plain": 0.8, "grass": 3.0, "straw": 1.0, "tiles": 0.2}
    zero = torch.zeros(draw.count)
    return {
        "horizon": (horizon + 0.03 * draw.normal(3)).clamp(0, 1),
        "zenith": (zenith + 0.03 * draw.normal(3)).clamp(0, 1),
        "sky_bend": draw.between(0.35, 0.9),
        "clouds": draw.chance(0.6) * draw.between(0.2, 1.0),
        "far_kind": far,
        "far": torch.where(green[:, None], leaves, draw.pick(_PAINTS)),
        "far_second": torch.where(green[:, None], leaves2, draw.pick(_PAINTS)),
        "far_height": draw.between(0.02, 0.42) ** 1.2,
        "spots": zero,
        "spot": torch.ones(draw.count, 3),
        "ground": (draw.rows(_GROUNDS[ground]) * draw.between(0.85, 1.15)[:, None] + 0.02 * draw.normal(3)).clamp(
            0.03, 0.97
        ),
        "ground_second": torch.where(draw.chance(0.5)[:, None], draw.pick(_PAINTS[:3]), draw.rows(_GROUNDS[ground])),
        "ground_kind": draw.kind(floors, _FLOORS),
        "ground_scale": draw.between(1.0, 4.5),
        "ground_turn": draw.between(0, 3.14),
        "ground_contrast": draw.between(0.4, 1.3),
        "disc": torch.ones(draw.count, 3),
        "disc_radius": zero,
        "horizon_soft": zero,
        "haze": draw.between(0.0, 0.5) ** 2,
        "gloss": draw.chance(0.08) * draw.between(0.2, 0.8),
    } | _lamps(draw, [sun, zero, zero], 0.1, 18, 78)


def _hall(draw: _Draw) -> Scene:
    dark = draw.between(0.02, 0.4)[:, None]
    far = draw.kind({"wall": 3.0, "none": 1.0, "houses": 0.6}, _FAR)
    return {
        "horizon": (draw.pick(_PAINTS) * 0.3 + dark).clamp(0, 1),
        "zenith": (draw.pick(_PAINTS) * 0.12 + 0.8 * dark).clamp(0, 1),
        "sky_bend": draw.between(0.3, 0.8),
        "clouds": torch.zeros(draw.count),
        "far_kind": far,
        "far": (draw.pick(_PAINTS) * draw.between(0.15, 1.0)[:, None]),
        "far_second": draw.pick(_PAINTS),
        "far_height": draw.between(0.05, 0.7),
        "spots": draw.chance(0.8) * draw.between(0.1, 0.5),
        "spot": 1 - 0.25 * torch.rand(draw.count, 3, generator=draw.generator),
        "ground": (draw.rows(_GROUNDS["hall"]) * draw.between(0.8, 1.2)[:, None] + 0.02 * draw.normal(3)).clamp(
            0.03, 0.97
        ),
        "ground_second": draw.pick(_PAINTS),
        "ground_kind": draw.kind({"plain": 3.0, "tiles": 1.5, "planks": 1.0}, _FLOORS),
        "ground_scale": draw.between(1.0, 5.0),
        "ground_turn": draw.between(0, 3.14),
        "ground_contrast": draw.between(0.05, 0.7),
        "disc": draw.pick(_PAINTS),
        "disc_radius": draw.chance(0.5) * draw.between(0.65, 1.2),
        "horizon_soft": torch.zeros(draw.count),
        "haze": torch.zeros(draw.count),
        "gloss": draw.chance(0.6) * draw.between(0.2, 1.0),
    } | _lamps(
        draw,
        [draw.between(0.5, 1.5), draw.chance(0.8) * draw.between(0.2, 1.0), draw.chance(0.6) * draw.between(0.1, 0.7)],
        0.12,
        25,
        85,
    )


def _booth(draw: _Draw) -> Scene:
    """One colour all round: white, grey, black or bright, the floor as well or not."""
    tone = draw.between()
    grey = torch.where(
        tone < 0.45,
        draw.between(0.8, 0.97),
        torch.where(tone < 0.72, draw.between(0.01, 0.12), draw.between(0.2, 0.75)),
    )
    wall = grey[:, None] + 0.02 * draw.normal(3)
    wall = torch.where((tone > 0.9)[:, None], draw.pick(_PAINTS), wall).clamp(0.005, 0.98)
    same = draw.chance(0.6)[:, None]
    floor = torch.where(
        same, wall * draw.between(0.85, 1.05)[:, None], draw.between(0.05, 0.85)[:, None] + 0.02 * draw.normal(3)
    )
    panels = draw.kind({"none": 3.0, "wall": 1.0}, _FAR)
    zero = torch.zeros(draw.count)
    return {
        "horizon": wall,
        "zenith": (wall * draw.between(0.85, 1.12)[:, None]).clamp(0, 1),
        "sky_bend": draw.between(0.4, 1.0),
        "clouds": zero,
        "far_kind": panels,
        "far": wall * 0.93,
        "far_second": wall,
        "far_height": draw.between(0.2, 0.7),
        "spots": draw.chance(0.5) * draw.between(0.1, 0.4),
        "spot": torch.ones(draw.count, 3),
        "ground": floor.clamp(0.01, 0.97),
        "ground_second": (floor * 0.85).clamp(0.01, 0.97),
        "ground_kind": draw.kind({"plain": 5.0, "tiles": 0.6}, _FLOORS),
        "ground_scale": draw.between(1.0, 4.0),
        "ground_turn": draw.between(0, 3.14),
        "ground_contrast": draw.between(0.0, 0.3),
        "disc": (floor * draw.between(0.85, 1.1)[:, None]).clamp(0.01, 0.97),
        "disc_radius": draw.chance(0.3) * draw.between(0.65, 1.2),
        "horizon_soft": same[:, 0] * draw.chance(0.7) * draw.between(0.2, 1.0),
        "haze": zero,
        "gloss": draw.chance(0.4) * draw.between(0.1, 0.7),
    } | _lamps(
        draw, [draw.between(0.35, 1.2), draw.between(0.1, 0.8), draw.chance(0.7) * draw.between(0.1, 0.7)], 0.05, 30, 85
    )


def _writing(draw: _Draw, knobs: Randomization, place: Tensor) -> Scene:
    there = draw.chance(knobs.writing * torch.where(place == OUTDOORS, 0.2, 1.6))
    return {
        "ink_letters": there * (4 + 5 * draw.between()).floor(),
        "ink_floor": draw.chance(0.3).float(),
        "ink_height": draw.between(0.02, 0.3),
        "ink_size": draw.between(0.05, 0.16),
        "ink_color": draw.pick(_PAINTS),
    }


def _things(draw: _Draw, knobs: Randomization, place: Tensor, metres: float) -> Tensor:
    """[count, CARDS, columns of `Card`]; the first FRONT stand between the camera and the object.

    Those have, in place of x and z, how far to the right of the line of sight they stand, and how far along it.
    """
    rows = torch.tensor(list(_THINGS.values()))
    cards = []
    for k in range(CARDS):
        shares = rows[:, 4 + place.clamp(0, 2)].T if place.ndim else rows[:, 4:]
        kind = torch.multinomial(shares, 1, generator=draw.generator)[:, 0]
        size = rows[kind]
        width = size[:, 0] + (size[:, 1] - size[:, 0]) * draw.between()
        height = size[:, 2] + (size[:, 3] - size[:, 2]) * draw.between()
        mean = knobs.occluders / FRONT if k < FRONT else knobs.clutter / (CARDS - FRONT)
        there = draw.chance(mean * torch.where(place == BOOTH, 0.35 if k >= FRONT else 1.0, 1.2))
        angle, away = draw.between(0, 2 * torch.pi), 1.0 + draw.between() ** 2 * 22 / metres + 0.6 * width / metres
        x, z = away * angle.sin(), away * angle.cos()
        if k < FRONT:
            shrink = (0.25 + 0.25 * draw.between()) * metres / torch.maximum(width, 0.6 * height)
            width, height = width * shrink, height * shrink
            x, z = draw.between(-0.45, 0.45), draw.between(0.62, 0.8)
        numbers = [
            x,
            z,
            width / metres,
            height / metres,
            torch.where(there, kind + 1.0, 0.0),
            draw.between(),
            (997 * draw.between()).floor(),
        ]
        tall = kind == CARD_KINDS.index("tree") - 1
        leafy = (tall | (kind == CARD_KINDS.index("bush") - 1))[:, None]
        color = torch.where(leafy, draw.pick(_LEAVES), draw.pick(_PAINTS))
        cards.append(torch.cat([torch.stack(numbers, 1), color, draw.pick(_PAINTS)], 1))
    return torch.stack(cards, 1)


def _film(draw: _Draw, knobs: Randomization) -> Scene:
    """The lens and what comes after it."""
    low, high = knobs.jpeg
    return {
        "blur": draw.between(*knobs.blur) * draw.chance(0.8),
        "background_blur": knobs.background_blur * draw.between() ** 2,
        "gain": 2 ** (knobs.exposure * draw.normal().clamp(-2, 2))[:, None]
        * (1 + knobs.white_balance * draw.normal(3).clamp(-2.5, 2.5)),
        "vignette": knobs.vignette * draw.between() * draw.chance(0.5),
        "noise": knobs.noise * draw.between() ** 2,
        "contrast": knobs.contrast * draw.normal().clamp(-1.5, 3) + knobs.contrast,
        "saturation": 1 + knobs.contrast * draw.normal().clamp(-3, 3),
        "black": (knobs.contrast > 0) * draw.chance(0.4) * draw.between(0.0, 0.06),
        "jpeg": draw.chance(knobs.jpeg_share) * (low + (high - low) * draw.between()).round(),
    }
