"""The columns of the tables of scenes and of the things that stand about in them, as kernels read them."""

from __future__ import annotations

from ganverse_nb.studio.second.columns import columns

LAMPS = 3
_COLORS = ("horizon", "zenith", "far", "far_second", "ground", "ground_second", "disc", "ink_color", "spot")
_NUMBERS = (
    "sky_bend", "clouds", "far_height", "far_kind", "spots", "ground_kind", "ground_scale", "ground_turn",
    "ground_contrast", "disc_radius", "horizon_soft", "haze", "ink_height", "ink_size", "ink_letters", "ink_floor",
    "gloss", "shadow", "contact", "seed",
)  # fmt: skip
SCENE_SIZES = dict.fromkeys(_COLORS, 3) | dict.fromkeys(_NUMBERS, 1)
SCENE_SIZES |= {"lamp_direction": 3 * LAMPS, "lamp_light": 3 * LAMPS, "lamp_size": LAMPS}
Scene = columns("Scene", SCENE_SIZES)

CARDS = 14
CARD_SIZES = {"x": 1, "z": 1, "width": 1, "height": 1, "kind": 1, "front": 1, "seed": 1, "color": 3, "second": 3}
Card = columns("Card", CARD_SIZES)
CARD_KINDS = ("none", "house", "person", "tree", "car", "sign", "bush", "banner", "crate", "fence")
