"""The columns of the table of cars that the kernels read."""

from __future__ import annotations

from ganverse_nb.studio.second.car_finish import STICKERS
from ganverse_nb.studio.second.columns import columns

_COLORS = ("paint", "second", "rim", "interior", "plate_paint", "dirt_paint")
_NUMBERS = (
    "length", "width", "clearance", "wheel_radius", "axle_front", "axle_rear", "belt", "wedge", "nose", "deck", "roof",
    "cowl", "screen", "tail_roof", "tail_glass", "tumble", "bow", "tail_bow", "bonnet_curve", "window_rows", "tyre",
    "arch", "open", "bed", "fabric", "classic", "load_size", "two_tone", "stripe", "plastic", "flake", "coat",
    "roughness", "rim_size", "spokes", "spoke_width", "spoke_turn", "hubcap", "glass", "privacy", "chrome",
    "lamp_width", "lamp_height", "lamp_dark", "tail_shape", "grille_width", "grille_top", "grille_low", "grille_bars",
    "grille_chrome", "intake", "plate", "dirt", "scratches", "seed", "sunroof", "quarter", "closed",
)  # fmt: skip
CAR_SIZES = dict.fromkeys(_COLORS, 3) | dict.fromkeys(_NUMBERS, 1)
for _k in range(STICKERS):
    CAR_SIZES |= {f"sticker{_k}": 5, f"sticker{_k}_paint": 3}
Car = columns("Car", CAR_SIZES)
