"""What each part of the joint stage is worth: the settings of trainings that lack the others (notebook 08b).

All begin at the same warm-up and take as many steps as the story's own. None ends early or keeps an earlier state, so
that what a loss leads to is seen, good or bad.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ganverse_nb.config import StyleGANRConfig

VARIANTS = {
    "eq6": "Eq 6 as printed",
    "adversarial": "Eq 6, Eq 5 and the game with the discriminator",
    "dual": "Eq 6, Eq 5 and the second renderer",
}
"""Name of a variant -> what its loss is made of. StyleGAN-R itself has all of these, the camera's term, and features
that are resampled to the asked scale, which no variant has."""

BESIDE = ("camera", "adversarial", "silhouette", "colors", "surroundings", "code", "anchor")
KEPT = {
    "eq6": (),
    "adversarial": ("code", "adversarial"),
    "dual": ("code", "silhouette", "colors", "surroundings"),
}
SCALES = (0.85, 1.1)  # more costs outline and colour where features are not resampled


def variant_settings(config: StyleGANRConfig, variant: str) -> StyleGANRConfig:
    """The settings of a variant: those of `config` with the terms beside Eq 6 that it has, and no others.

    Raises:
        ValueError: unknown variant.
    """
    if variant not in VARIANTS:
        raise ValueError(f"Unknown variant {variant!r} of the joint stage; the variants are {', '.join(VARIANTS)}.")
    changes: dict[str, Any] = {f"weight_{name}": 0.0 for name in BESIDE if name not in KEPT[variant]}
    return replace(config, keep_best=False, zoom_at=0, scales=SCALES, **changes)
