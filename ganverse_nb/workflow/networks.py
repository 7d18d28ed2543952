"""Networks that a run is given and does not train itself, on the device of the run, and what stages say of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ganverse_nb.config import InverseGraphicsConfig
from ganverse_nb.gan.checkpoint import load_discriminator
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.inverse_graphics.perceptual import VGG16, Features, chosen_backbone, perceptual_features
from ganverse_nb.runtime.placement import compute_device, moved
from ganverse_nb.segmentation.mask_rcnn import load_segmenter, photo_weights, segmenter_file
from ganverse_nb.segmentation.segmenter import Segmenter
from ganverse_nb.workflow.inputs import segmenter_weights, teacher_file
from ganverse_nb.workflow.run import Run


def discriminator(run: Run) -> Discriminator:
    """The discriminator that the teacher was trained against; its features serve as perceptual features."""
    return load_discriminator(teacher_file(run)).to(compute_device())


def perceptual(run: Run) -> Features:
    """What L_percept compares pictures by: the setting `inverse.perceptual_backbone`."""
    config = run.config
    judge = None if chosen_backbone(config.inverse.perceptual_backbone) == "lpips" else discriminator(run)
    features = perceptual_features(judge, config.inverse.perceptual_backbone, config.weights.download)
    return moved(features, compute_device())


def perceptual_settings(config: InverseGraphicsConfig, only: bool = False) -> list[Any]:
    """The settings of a training of f; of the perceptual backbone, the one that "auto" finds on this machine.

    Args:
        only: what says which features they are, for a stage that compares pictures and trains nothing.
    """
    backbone = chosen_backbone(config.perceptual_backbone)
    found = backbone if only else replace(config, perceptual_backbone=backbone)
    return [found, *([VGG16.hash_prefix] if backbone == "lpips" else [])]


def photo_segmenter(run: Run, photographs: str | None = None) -> Segmenter:
    """Who cuts photographs out: the setting `segmenter.photographs`, or `photographs` in its place."""
    weights = photographs or segmenter_settings(run)["photo segmenter"]
    kind, download = run.config.kind, run.config.weights.download
    found = load_segmenter(kind, weights, download).to(compute_device())
    run.note("photo segmenter", found.source)
    return found


def segmenter_settings(run: Run) -> dict[str, str]:
    """What `load_segmenter` takes for the GAN's pictures ("segmenter"), and for photographs ("photo segmenter")."""
    weights = segmenter_weights(run)
    photographs = photo_weights(run.config.category, weights, run.config.segmenter.photographs)
    return {"segmenter": weights, "photo segmenter": photographs}


def segmenter_path(run: Run, setting: str) -> Path:
    """The file that a setting of `load_segmenter` names.

    Raises:
        FileNotFoundError, ExpectedError: there is none, see `load_segmenter`.
    """
    path = segmenter_file(run.config.kind, setting)
    if not path.is_file():
        load_segmenter(run.config.kind, setting, run.config.weights.download)  # brings it, or says what to do
    return path
