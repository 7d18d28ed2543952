"""What random cars of the second edition are painted with, and the details that paint alone makes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ganverse_nb.studio.randomization import Randomization
from ganverse_nb.studio.sampling import Objects, sample_rows, uniform

# Colours cars are painted in, then how often; real traffic is mostly grey, toys are not.
_PAINTS = torch.tensor(
    [
        [0.93, 0.93, 0.92, 4.5], [0.72, 0.73, 0.74, 4.0], [0.44, 0.45, 0.46, 2.5], [0.06, 0.06, 0.07, 2.5],
        [0.66, 0.06, 0.08, 2.0], [0.82, 0.10, 0.07, 1.2], [0.08, 0.16, 0.42, 1.2], [0.12, 0.35, 0.78, 1.2],
        [0.38, 0.66, 0.88, 0.6], [0.06, 0.25, 0.15, 0.6], [0.15, 0.62, 0.22, 0.6], [0.72, 0.82, 0.12, 0.5],
        [0.95, 0.78, 0.08, 1.0], [0.94, 0.45, 0.05, 0.9], [0.76, 0.68, 0.54, 0.8], [0.35, 0.24, 0.17, 0.6],
        [0.28, 0.10, 0.28, 0.4], [0.10, 0.52, 0.54, 0.5], [0.86, 0.55, 0.62, 0.3], [0.55, 0.62, 0.66, 0.8],
    ]
)  # fmt: skip
_INTERIORS = torch.tensor(
    [[0.08, 0.08, 0.09, 3], [0.30, 0.27, 0.24, 1], [0.62, 0.54, 0.42, 1], [0.45, 0.12, 0.10, 0.7], [0.4, 0.4, 0.42, 1]]
)
_YELLOW, _BLUE = torch.tensor([[0.9, 0.75, 0.15]]), torch.tensor([[0.2, 0.3, 0.65]])  # number plates
STICKERS = 3


def sample_finish(count: int, generator: torch.Generator, knobs: Randomization, of: Callable[..., Tensor]) -> Objects:
    """Paint, trim and what use has left on them, of `count` cars; `of` tells which of them are of the types named."""

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

    def either(share: float, one: Tensor, other: Tensor) -> Tensor:
        return torch.where(chance(share)[:, None] > 0, one, other)

    paint = shade()
    second = either(0.5, either(0.5, grey(0.85, 0.95), grey(0.04, 0.12)), shade())
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
        "rim": either(0.75, grey(0.5, 0.85), either(0.8, grey(0.04, 0.2), shade())),
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
        "plate_paint": either(0.6, grey(0.82, 0.95), either(0.5, _YELLOW.expand(count, 3), _BLUE.expand(count, 3))),
        "dirt": chance(knobs.dirt) * rand(0.2, 1.0) ** 1.5,
        "dirt_paint": (torch.tensor([[0.46, 0.40, 0.32]]) * rand(0.6, 1.3)[:, None]).clamp(0, 1),
        "scratches": chance(knobs.scratches) * rand(0.3, 1.0),
        "sunroof": chance(0.15),
        "quarter": torch.where(of("sports", "coupe") > 0, rand(-0.6, -0.3), rand(-0.9, -0.6)),  # where windows end
        "closed": of("van") * chance(0.3) + of("box_van"),  # no windows behind the doors
        "seed": (rand() * 4096).floor(),
    }  # fmt: skip
    for k in range(STICKERS):
        finish[f"sticker{k}"] = torch.stack(
            [
                chance(knobs.stickers / STICKERS) * (1 + (3.999 * rand()).floor()),  # 1 text, 2 disc, 3 flame, 4 block
                (4 * rand()).floor(),  # on the left, the right, the bonnet or the roof
                rand(-0.32, 0.32),
                rand(0.3, 0.75),
                rand(0.05, 0.17),
            ],
            1,
        )
        finish[f"sticker{k}_paint"] = shade()
    return finish
