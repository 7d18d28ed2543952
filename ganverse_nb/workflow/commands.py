"""What the training and measuring commands of the command line do, each in the stages of a run."""

from __future__ import annotations

import shlex
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ganverse_nb.categories import CATEGORIES
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.workflow.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ganverse_nb.evaluation.fid import InceptionDistance
    from ganverse_nb.evaluation.kid import Kid
    from ganverse_nb.gan.view_gate import SplitMeasure
    from ganverse_nb.gan.viewpoints import ViewCodes
    from ganverse_nb.studio.photos import Photos

LEARNED_PHOTOS = 1  # added to the seed of a run: GAN and segmenter learn from the same photos, tests never see them
PHOTOGRAPHS, VACANT_SCENES = 77, 99  # the same, of the networks for photographs
OBJECTS_PER_CAMERA = 4  # in the GAN's photos: each has three partners of exactly its view


def train_gan(run: Run, start: str | None = None) -> Path:
    """Photographs the training set, or takes a user's own pictures, and trains the GAN on it; returns its file.

    Args:
        start: a bundled name or a file: a finished GAN to go on from, or what else `gan_start` takes. Its pictures
            count, unless they are the studio's and these are a user's.

    Started by torchrun, or by accelerate launch where there are GPUs, all processes train one GAN.
    """
    from ganverse_nb.gan.augment import parse_policy
    from ganverse_nb.gan.checkpoint import resolve
    from ganverse_nb.gan.generator import block_resolutions
    from ganverse_nb.gan.training import check_frozen, check_start, train_gan
    from ganverse_nb.runtime.files import sha256
    from ganverse_nb.runtime.placement import compute_device
    from ganverse_nb.workflow.gan_start import AUTO, FRESH, NEAREST, augmented, gan_start

    config, seed = run.config.gan, run.config.seed
    command, begun = _typed(run, "train-gan"), None
    block_resolutions(config.resolution, config.channels)  # what is wrong is said before the minutes of photographing
    if config.augment != AUTO:
        parse_policy(config.augment)
    if start != NEAREST:  # which one that is will be seen when its pictures are there
        check_frozen(config, None if start == FRESH else start)
    images = pictures_folder(run)

    def seen_counts(network: str) -> bool:
        return not config.frozen_below and not (run.config.kind.is_own and network in CATEGORIES)

    if start not in (None, FRESH, NEAREST):  # what is wrong with it is said before anything is read
        check_start(start, config, config.images if seen_counts(start) else None)
    source = "gan_photos" if images is None else "gan_images"
    photos: Tensor
    partners: Tensor | None
    photos, partners = _studio_photos(run, source) if images is None else _folder(run, source, images)
    start = gan_start(run, start, photos, config, source)
    if start is not None:
        command, begun = f"{command} --from {start}", sha256(resolve(start))
    config = augmented(config, len(photos))

    def train(directory: Path) -> None:
        train_gan(
            photos,
            config,
            directory,
            seed,
            partners=partners,
            start=start,
            counted=start is None or seen_counts(start),
            device=compute_device(),
            command=command,
        )

    return run.stage("gan", train, [config, seed, begun], needs=[source], shared=True) / "teacher.safetensors"


def pictures_folder(run: Run) -> Path | None:
    """The folder of a user's own pictures; None where the studio takes them.

    Raises:
        ExpectedError: nobody said where they are.
    """
    kind = run.config.kind
    if kind.is_own and not kind.images:
        raise ExpectedError(
            f"Nobody said where the pictures of {kind.objects} are: give --images FOLDER, or write "
            f'images = "FOLDER" into {kind.source or "the file of the category"}.'
        )
    return Path(kind.images) if kind.images else None


def _studio_photos(run: Run, stage: str) -> tuple[Tensor, Tensor]:
    """The studio's photos for the GAN, which are a stage, and who shares a camera."""
    from ganverse_nb.gan.view_pairs import same_views
    from ganverse_nb.studio.archive import make_photo_archive
    from ganverse_nb.studio.photos import Photos

    config, category, seed = run.config.gan, run.config.category, run.config.seed + LEARNED_PHOTOS
    partners, edition = same_views(config.photos, OBJECTS_PER_CAMERA), run.config.studio.edition

    def photograph(directory: Path) -> None:
        make_photo_archive(
            category, config.photos, seed, directory, config.resolution, OBJECTS_PER_CAMERA, edition=edition
        )

    order = [category, config.photos, seed, config.resolution, OBJECTS_PER_CAMERA, edition]
    return Photos.load(run.stage(stage, photograph, order)).images, partners


def _folder(run: Run, stage: str, folder: Path) -> tuple[Tensor, None]:
    """The pictures of a folder for the GAN, as a stage that belongs to their content."""
    from ganverse_nb.data.image_folder import folder_key, load_image_archive, make_image_archive

    archive, resolution = "images.safetensors", run.config.gan.resolution

    def collect(directory: Path) -> None:
        make_image_archive(folder, resolution, directory / archive)

    return load_image_archive(run.stage(stage, collect, [folder_key(folder), resolution]) / archive), None


def prepare(run: Run) -> None:
    """Trains what a run of a user's own pictures begins with, where it is not there yet: the GAN, and a segmenter where
    pictures bring their masks or the GAN's features make them. What was trained there before, however, stays."""
    from ganverse_nb.workflow.inputs import has_own_masks, is_from_features, mask_source

    config = run.config
    if config.gan.network == "trained" and config.kind.images and not run.is_complete("gan"):
        train_gan(run)
    own_masks = config.segmenter.weights in ("auto", "trained") and has_own_masks(config.kind)
    if own_masks and not run.is_complete("segmenter"):
        train_segmenter(run)
    if is_from_features(mask_source(config, run.directory)):
        train_segmenter(run)


def train_segmenter(run: Run, masks: Path | None = None) -> Path:
    """Trains the small Mask R-CNN on photos of the studio, on a user's own, or, where `segmenter.weights` says so, on
    the GAN's pictures with masks from its features; returns its file.

    Args:
        masks: a folder of pictures that bring their masks; by default that of a user's category.

    Raises:
        ExpectedError: pictures of a user's own without masks.
    """
    from ganverse_nb.segmentation.training import WEIGHTS, train_segmenter
    from ganverse_nb.studio.archive import make_photo_archive
    from ganverse_nb.studio.photos import Photos
    from ganverse_nb.workflow.feature_segmenter import train_by_features
    from ganverse_nb.workflow.inputs import is_from_features, mask_source

    config, category, seed = run.config.segmenter, run.config.category, run.config.seed
    if masks is None and is_from_features(mask_source(run.config, run.directory)):
        return train_by_features(run)
    if masks is not None or run.config.kind.is_own:
        return _train_on_masked(run, masks or pictures_folder(run) or Path())

    edition = run.config.studio.edition
    settings = [category, config.photos, seed + LEARNED_PHOTOS, run.config.gan.resolution, edition]

    def photograph(directory: Path) -> None:
        make_photo_archive(
            category, config.photos, seed + LEARNED_PHOTOS, directory, run.config.gan.resolution, edition=edition
        )

    photos = Photos.load(run.stage("segmenter_photos", photograph, settings))

    def train(directory: Path) -> None:
        train_segmenter(photos, config, directory, seed, _typed(run, "train-segmenter"))

    needs = ["segmenter_photos"]
    return run.stage("segmenter", train, [config, category, seed], needs, shared=True) / WEIGHTS


def _train_on_masked(run: Run, folder: Path) -> Path:
    """The segmenter of pictures that bring their masks: composites of them, the last eighth or less held out."""
    from ganverse_nb.data.image_folder import folder_key
    from ganverse_nb.data.masked_folder import MaskedPictures, masks_key, read_masked_folder
    from ganverse_nb.segmentation.training import WEIGHTS, train_segmenter

    config, category, seed = run.config.segmenter, run.config.category, run.config.seed
    archive, resolution = "pictures.safetensors", run.config.gan.resolution

    def collect(directory: Path) -> None:
        read_masked_folder(folder, resolution, category).save(directory / archive)

    key = [folder_key(folder), masks_key(folder), resolution]
    pictures = MaskedPictures.load(run.stage("segmenter_pictures", collect, key) / archive)
    config = replace(config, held_out=min(config.held_out, max(1, len(pictures) // 8)))
    command = f"{_typed(run, 'train-segmenter')} --masks {shlex.quote(str(folder))}"

    def train(directory: Path) -> None:
        train_segmenter(pictures, config, directory, seed, command)

    needs = ["segmenter_pictures"]
    return run.stage("segmenter", train, [config, category, seed], needs, shared=True) / WEIGHTS


def train_photo_segmenter(run: Run, begin: str = "") -> Path:
    """Photographs every category of the studio's second edition and trains the segmenter of photographs on them.

    Its weights are those that come with the package where `segmenter.photographs` is "auto"; the run's profile does not
    matter, its seed does. Returns its file.

    Args:
        begin: a file of such a network to go on from, or "bundled" for the package's; "" for none.
    """
    import torch

    from ganverse_nb.segmentation.mask_rcnn import PHOTOGRAPHS as KIND
    from ganverse_nb.segmentation.mask_rcnn import bundled_path
    from ganverse_nb.segmentation.photo_segmenter import PhotoSegmenterConfig, begin_network
    from ganverse_nb.segmentation.photo_training import WEIGHTS, train_photo_segmenter
    from ganverse_nb.studio.randomization import SEGMENTER
    from ganverse_nb.studio.second.photograph import vacant_scenes

    config, seed = PhotoSegmenterConfig(), run.config.seed
    start = bundled_path(KIND) if begin == "bundled" else Path(begin)
    config = config.going_on(start) if begin else config
    photos = _photographs(run, config.categories, config.photos, size := config.resolution)

    def train(directory: Path) -> None:
        each = config.scenes // len(config.categories)
        scenes = [vacant_scenes(c, each, seed + VACANT_SCENES, size, SEGMENTER) for c in config.categories]
        command = _typed(run, "train-segmenter --photographs" + (f" --from {begin}" if begin else ""))
        network = begin_network(start) if begin else None
        train_photo_segmenter(list(photos.values()), torch.cat(scenes), config, directory, seed, command, network)

    return run.stage("photo_segmenter", train, [config, seed], list(photos), shared=True) / WEIGHTS


def train_photo_camera(run: Run) -> Path:
    """Trains the network that reads cameras off photographs, on those that the segmenter of photographs learns from.

    Its weights are those that come with the package; the run's profile does not matter, its seed does. Returns its
    file.
    """
    from ganverse_nb.inverse_graphics.photo_camera import PhotoCameraConfig
    from ganverse_nb.inverse_graphics.photo_camera_training import WEIGHTS, train_photo_camera

    config, seed = PhotoCameraConfig(), run.config.seed
    photos = _photographs(run, config.categories, config.photos, config.resolution)

    def train(directory: Path) -> None:
        train_photo_camera(list(photos.values()), config, directory, seed, _typed(run, "train-camera"))

    return run.stage("photo_camera", train, [config, seed], list(photos)) / WEIGHTS


def _photographs(run: Run, categories: Sequence[str], count: int, size: int) -> dict[str, Photos]:
    """`count` photos of each category from the studio's second edition, by the names of their stages."""
    from ganverse_nb.studio.archive import make_photo_archive
    from ganverse_nb.studio.photos import Photos
    from ganverse_nb.studio.randomization import SEGMENTER

    seed, names = run.config.seed, [f"photographs_{category}" for category in categories]
    for name, category in zip(names, categories, strict=True):

        def photograph(directory: Path, category: str = category) -> None:
            order = category, count, seed + PHOTOGRAPHS, directory, size
            make_photo_archive(*order, edition=2, knobs=SEGMENTER)

        run.stage(name, photograph, [category, count, seed, size, asdict(SEGMENTER)])
    return {name: Photos.load(run.directory / name) for name in names}


def train_pose(run: Run) -> Path:
    """Trains the pose regressor that measures views on studio photos; returns its file."""
    from ganverse_nb.workflow import stages

    stages.pose_regressor(run)
    return run.directory / "pose_regressor" / "pose.safetensors"


def measure_views(run: Run, gan: str) -> list[SplitMeasure]:
    """How well each split layer of a GAN holds the view, and how much shape it leaves to the content code."""
    from ganverse_nb.gan.checkpoint import load_generator
    from ganverse_nb.gan.view_gate import measure_views
    from ganverse_nb.runtime.placement import compute_device
    from ganverse_nb.workflow import stages

    regressor, segmenter = stages.pose_regressor(run), stages.segmenter(run)
    return measure_views(
        load_generator(gan).to(compute_device()),
        regressor,
        run.config.views,
        truncation=run.config.multiview.truncation,
        seed=run.config.seed,
        masks=lambda images: segmenter.segment(images).mask,
    )


def measure_gan(gan: str, real: Run | Path, seed: int) -> tuple[InceptionDistance | None, Kid]:
    """How far a GAN is from the studio photos of a run, or the pictures in a folder.

    FID and KID where Inception's weights are on disk, and KID on own features.
    """
    from ganverse_nb.data.image_folder import read_image_folder
    from ganverse_nb.evaluation.fid import INCEPTION, gan_distance
    from ganverse_nb.evaluation.kid import gan_kid
    from ganverse_nb.gan.checkpoint import load_generator
    from ganverse_nb.runtime.placement import compute_device
    from ganverse_nb.workflow import photo_stages

    generator, weights = load_generator(gan).to(compute_device()), INCEPTION.find()
    if isinstance(real, Path):
        photos = read_image_folder(real, generator.picture_size)
    else:
        photos = photo_stages.train_photos(real).images
        if photos.shape[-1] != generator.resolution:
            raise ExpectedError(
                f"{gan} makes pictures of {generator.resolution} pixels and the photos of this run have "
                f"{photos.shape[-1]}; give a folder of pictures instead, with --images."
            )
        photos = generator.crop(photos)
    inception = None if weights is None else gan_distance(generator, photos, weights, seed)
    return inception, gan_kid(generator, photos, seed=seed)


def choose_views(run: Run, gan: str, split_layer: int, output: Path) -> ViewCodes:
    """Writes the view codes of a GAN: a closed path around the object that every content follows."""
    from ganverse_nb.gan.checkpoint import load_generator, resolve
    from ganverse_nb.gan.view_choice import choose_views
    from ganverse_nb.runtime.files import sha256
    from ganverse_nb.runtime.placement import compute_device
    from ganverse_nb.workflow import stages

    regressor = stages.pose_regressor(run)
    made_by = f"{_typed(run, 'choose-views')} --split-layer {split_layer}"
    provenance = {"command": made_by, "teacher": sha256(resolve(gan))}
    codes = choose_views(
        load_generator(gan).to(compute_device()),
        regressor,
        run.config.views,
        split_layer,
        truncation=run.config.multiview.truncation,
        seed=run.config.seed,
        provenance=provenance,
    )
    codes.save(output)
    return codes


def ground_truth_views(run: Run, folder: Path, resolution: int) -> int:
    """Writes the photographs that `score_meshes` knows the truth of, as PNG with their mask as alpha; how many."""
    from ganverse_nb.evaluation.mesh_folder import note_photos, write_photos
    from ganverse_nb.workflow.stages import ground_truth_order

    category, count, seed, _, edition = ground_truth_order(run)
    written = write_photos(folder, category, count, seed, resolution, edition)
    note_photos(folder, _photo_facts(run))
    return written


def _photo_facts(run: Run) -> dict[str, object]:
    config = run.config
    photos = {"photographs": config.photos.truth, "edition": config.studio.edition}
    return {"category": config.category, "seed": config.seed, **photos}


def score_meshes(run: Run, folder: Path, align: str, shape_only: bool) -> str:
    """Scores the .glb files of any system against the truth; writes scores.json beside them, and returns a table."""
    from ganverse_nb.evaluation.mesh_folder import check_align, check_photos, read_meshes, score_folder
    from ganverse_nb.runtime.files import write_json
    from ganverse_nb.workflow import stages

    check_align(align)
    check_photos(folder, _photo_facts(run))
    meshes = read_meshes(folder, run.config.photos.truth, shape_only)  # before anything that takes long
    report = score_folder(meshes, stages.ground_truth_views(run), stages.perceptual(run), align)
    write_json(folder / "scores.json", {"command": _typed(run, "score-meshes"), **report.as_dict()})
    return str(report)


def _typed(run: Run, command: str) -> str:
    """The command line that does this again."""
    return run.command.replace("ganverse reproduce", f"ganverse {command}")
