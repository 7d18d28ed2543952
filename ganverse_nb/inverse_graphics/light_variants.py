"""What the trainings of appendix K have in common, and what differs."""

from __future__ import annotations

from dataclasses import replace

from ganverse_nb.config import Config, InverseGraphicsConfig


def light_settings(config: Config) -> dict[str, InverseGraphicsConfig]:
    """The settings of a training without light ("none"), with it ("light") and with an albedo prior too ("prior").

    Those of `config.inverse`, shortened to `config.light.steps` and without camera head. There is no "prior" where its
    weight is 0.
    """
    light = config.light
    without = replace(
        config.inverse.lasting(light.steps), robust_steps=0, head_steps=0, light=False, weight_albedo_prior=0.0
    )
    variants = {"none": without, "light": replace(without, light=True)}
    if light.weight_albedo_prior:
        variants["prior"] = replace(variants["light"], weight_albedo_prior=light.weight_albedo_prior)
    return variants
