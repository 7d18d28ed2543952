"""The variants of the ablation study (Figures 6 and P): the settings of trainings that differ in one part.

Every variant is trained for as many steps with as many renders in each. Of what the study compares, "two views per
step" and "labels as initial cameras" are the variant `full`, and "one view per step" is `no_multiview`.
"""

from __future__ import annotations

from dataclasses import replace

from ganverse_nb.config import Config, InverseGraphicsConfig

KEYPOINT_VARIANT = "keypoint_cameras"
VARIANTS = {
    "full": "Eq 1 and Eq 2 with two views of an object, cameras optimised from labels of 30°",
    "no_multiview": "every picture explained by itself alone (Eq 1): twice the objects, one view each",
    "no_perceptual": "no perceptual term",
    "fixed_cameras": "cameras stay at their labels, one elevation and distance for all",
    "four_views": "half the objects, four views that share one shape and texture",
    KEYPOINT_VARIANT: "cameras begin at those of the keypoints (appendix D)",
}
"""Name of a variant -> what it changes."""


def variant_settings(config: Config, variant: str) -> InverseGraphicsConfig:
    """The settings of a variant's trainings: those of `config.inverse`, shortened to `config.ablation`, less one part.

    Raises:
        ValueError: unknown variant, or renders in a step that cannot be shared out among its views.
    """
    if variant not in VARIANTS:
        raise ValueError(f"Unknown variant {variant!r} of the ablation; the variants are {', '.join(VARIANTS)}.")
    full = replace(
        config.inverse.lasting(config.ablation.steps),
        camera_share=config.ablation.camera_share,
        robust_steps=0,  # pictures of the GAN only
        head_steps=0,  # every metric of the study has cameras of its own
    )
    match variant:
        case "no_multiview":
            return _with_views(full, 1)
        case "four_views":
            return _with_views(full, 4)
        case "no_perceptual":
            return replace(full, weight_perceptual=0.0)
        case "fixed_cameras":
            return replace(full, camera_lr=0.0)
    return full  # initial cameras are no setting


def _with_views(settings: InverseGraphicsConfig, views: int) -> InverseGraphicsConfig:
    """Another number of views of an object at the same number of renders in a step."""
    renders = settings.pairs * settings.views_per_object
    if renders % views:
        raise ValueError(f"{renders} renders in a step make no whole objects of {views} views; change inverse.pairs.")
    return replace(settings, pairs=renders // views, views_per_object=views)
