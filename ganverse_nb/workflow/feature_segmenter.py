"""Masks from the GAN's own features, in a run: clicked in notebook 02 or by no one, and taught to a segmenter.

The features tell what the generator itself makes; photographs, and pictures of StyleGAN-R, need a network that looks
at pictures. It learns from random pictures of the generator with the masks that the features give them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.data.generation import to_bytes
from ganverse_nb.data.masked_folder import MaskedPictures
from ganverse_nb.gan.checkpoint import load_generator
from ganverse_nb.gan.clicks import ClickAnnotation, Clicks
from ganverse_nb.gan.generator import Generator, resize_square
from ganverse_nb.gan.latents import broadcast, sample_w
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import sha256
from ganverse_nb.runtime.placement import compute_device
from ganverse_nb.segmentation.detections import keep
from ganverse_nb.segmentation.feature_masks import FeatureMasks, masks_from_clicks, masks_from_clusters
from ganverse_nb.workflow.inputs import (
    CLICKED,
    FEATURE_SEGMENTER,
    clicks_file,
    mask_source,
    teacher_file,
)
from ganverse_nb.workflow.run import Run

PICTURES, FILE = "feature_pictures", "pictures.safetensors"
MOST = 2048  # pictures that the segmenter learns from; each is bent, moved and recoloured anew in every step
TAUGHT = 5_000_000  # seed of those, added to the run's
ROUND = 64  # made at a time
FEWEST = 0.2  # share of the pictures that must show one object of a fit size


def click_annotation(run: Run) -> ClickAnnotation:
    """What the clicks of notebook 02 are kept in, new or continued: of one object of the run's GAN.

    Raises:
        ClickError: the file is of another GAN's pictures.
    """
    generator = load_generator(teacher_file(run)).to(compute_device())
    return ClickAnnotation(generator, run.directory / CLICKED, run.config.seed, run.config.views.split_layer)


def feature_masks(run: Run) -> FeatureMasks:
    """What the GAN's features say of its pictures: by clicks, or by clusters where `segmenter.weights` is "features".

    Raises:
        FileNotFoundError, ClickError: no clicks, or such as cannot be used.
        ExpectedError: they are all of one kind, or no cluster is an object.
    """
    generator = load_generator(teacher_file(run)).to(compute_device())
    path = clicks_file(mask_source(run.config, run.directory), run.directory)
    if path is None:
        return masks_from_clusters(generator, run.config.seed)
    return masks_from_clicks(generator, Clicks.load(path, generator), run.config.seed)


def train_by_features(run: Run) -> Path:
    """Trains the small Mask R-CNN on the GAN's pictures with masks from its features; returns its file.

    Raises:
        ExpectedError: as `feature_masks`, or too few pictures show one object.
    """
    from ganverse_nb.segmentation.training import WEIGHTS, train_segmenter

    config, seed, multi = run.config.segmenter, run.config.seed, run.config.multiview
    count, limits = min(config.photos, MOST), (multi.minimum_mask, multi.maximum_mask)
    path = clicks_file(mask_source(run.config, run.directory), run.directory)
    if path is not None:
        Clicks.load(path)  # before anything else is asked of it

    def collect(directory: Path) -> None:
        found = feature_masks(run)
        made = taught_pictures(found, run.config.category, count, seed, limits, config.working_size)
        made.save(directory / FILE)

    by = "clusters" if path is None else sha256(path)
    key = [by, sha256(teacher_file(run)), count, seed, *limits, config.working_size]
    pictures = MaskedPictures.load(run.stage(PICTURES, collect, key) / FILE)
    run.note("masks", pictures.origin)
    config = replace(config, held_out=min(config.held_out, max(1, len(pictures) // 8)))
    command = run.command.replace("ganverse reproduce", "ganverse train-segmenter")

    def train(directory: Path) -> None:
        train_segmenter(pictures, config, directory, seed, command)

    settings = [config, run.config.category, seed]
    return run.stage(FEATURE_SEGMENTER, train, settings, [PICTURES], shared=True) / WEIGHTS


def taught_pictures(
    found: FeatureMasks,
    category: str,
    count: int,
    seed: int = 0,
    limits: tuple[float, float] = (0.0, 1.0),
    largest: int = 128,
) -> MaskedPictures:
    """`count` random pictures of the generator with the masks of its features, where they show one object.

    Args:
        limits: the smallest and the largest share of the picture that an object covers.
        largest: pixels of their side at most.

    Raises:
        ExpectedError: fewer than a fifth of the pictures show one such object.
    """
    generator: Generator = found.columns.generator
    side = min(generator.resolution, largest)
    images: list[Tensor] = []
    masks: list[Tensor] = []
    w = broadcast(sample_w(generator, count, TAUGHT + seed), generator.num_ws)
    for part in tqdm(w.split(ROUND), desc="pictures with masks from features", unit="batch"):
        pictures, detections = found.cut(part)
        kept = keep(detections, *limits).keep
        squares, outlines = (resize_square(generator.uncrop(x), side) for x in (pictures, detections.mask))
        images.append(to_bytes(squares[kept]).cpu())
        masks.append((outlines[kept] > 0.5).to(torch.uint8).cpu())
    stacked = torch.cat(images)
    if len(stacked) < max(2, FEWEST * count):
        raise ExpectedError(
            f"Only {len(stacked)} of {count} pictures show one object by the GAN's features: click on more points "
            f"(notebook 02), or set the smallest and largest mask (multiview.minimum_mask, now {limits[0]}, and "
            f"multiview.maximum_mask, now {limits[1]})."
        )
    return MaskedPictures(category, stacked, torch.cat(masks), f"GAN pictures with masks from {found.told}")
