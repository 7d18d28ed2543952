"""What the training and picture commands of the command line do, each in the stages of a run."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .run import Run

if TYPE_CHECKING:
    from torch import Tensor

    from .evaluation.kid import Kid
    from .gan.projection import Distance
    from .gan.view_gate import SplitMeasure
    from .gan.viewpoints import ViewCodes
    from .segmentation.mask_rcnn import Segmenter

LEARNED_PHOTOS = 1  # added to the seed of a run: GAN and segmenter learn from the same photos, tests never see them


def train_gan(run: Run, start: str | None = None, images: Path | None = None) -> Path:
    """Photographs the training set, or takes the pictures in a folder, and trains the GAN on it; returns its file.

    Args:
        start: a bundled name or a file: a finished GAN to go on from, whose pictures count.
        images: a folder of pictures to learn from, in place of the studio's photos.

    Started by torchrun, or by accelerate launch where there are GPUs, all processes train one GAN.
    """
    from .files import sha256
    from .gan.augment import parse_policy
    from .gan.checkpoint import resolve
    from .gan.generator import block_resolutions
    from .gan.team import Team
    from .gan.training import check_start, train_gan
    from .sources import compute_device

    config, seed = run.config.gan, run.config.seed
    command, begun = _typed(run, "train-gan"), None
    block_resolutions(config.resolution, config.channels)  # what is wrong is said before the minutes of photographing
    parse_policy(config.augment)
    if images is not None:
        command = f"{command} --images {shlex.quote(str(images))}"
    if start is not None:
        check_start(start, config.images)
        command, begun = f"{command} --from {start}", sha256(resolve(start))
    team = Team.from_environment()
    source = "gan_photos" if images is None else "gan_images"
    load = _studio_photos(run, source, team.leads) if images is None else _folder(run, source, images, team.leads)
    team.wait()
    photos = load()

    def train(directory: Path) -> None:
        train_gan(photos, config, directory, seed, start=start, device=compute_device(), command=command)

    return run.stage("gan", train, [config, seed, begun], needs=[source], team=team) / "teacher.safetensors"


def _studio_photos(run: Run, stage: str, make: bool) -> Callable[[], Tensor]:
    """The studio's photos for the GAN as a stage; returns what loads them."""
    from .studio.archive import make_photo_archive
    from .studio.photos import Photos

    config, category, seed = run.config.gan, run.config.category, run.config.seed + LEARNED_PHOTOS

    def photograph(directory: Path) -> None:
        make_photo_archive(category, config.photos, seed, directory, config.resolution)

    if make:
        run.stage(stage, photograph, [category, config.photos, seed, config.resolution])
    return lambda: Photos.load(run.directory / stage).images


def _folder(run: Run, stage: str, folder: Path, make: bool) -> Callable[[], Tensor]:
    """The pictures of a folder for the GAN as a stage, which belongs to their content; returns what loads them."""
    from .data.image_folder import folder_key, load_image_archive, make_image_archive

    archive, resolution = "images.safetensors", run.config.gan.resolution

    def collect(directory: Path) -> None:
        make_image_archive(folder, resolution, directory / archive)

    if make:
        run.stage(stage, collect, [folder_key(folder), resolution])
    return lambda: load_image_archive(run.directory / stage / archive)


def train_segmenter(run: Run) -> Path:
    """Photographs the training set and trains the small Mask R-CNN on it; returns its file."""
    from .segmentation.training import WEIGHTS, train_segmenter
    from .studio.archive import make_photo_archive
    from .studio.photos import Photos

    config, category, seed = run.config.segmenter, run.config.category, run.config.seed

    settings = [category, config.photos, seed + LEARNED_PHOTOS, run.config.gan.resolution]

    def photograph(directory: Path) -> None:
        make_photo_archive(category, config.photos, seed + LEARNED_PHOTOS, directory, run.config.gan.resolution)

    photos = Photos.load(run.stage("segmenter_photos", photograph, settings))

    def train(directory: Path) -> None:
        train_segmenter(photos, config, directory, seed, category=category, command=_typed(run, "train-segmenter"))

    return run.stage("segmenter", train, [config, category, seed], needs=["segmenter_photos"]) / WEIGHTS


def train_pose(run: Run) -> Path:
    """Trains the pose regressor that measures views on studio photos; returns its file."""
    from . import stages

    stages.pose_regressor(run)
    return run.directory / "pose_regressor" / "pose.safetensors"


def measure_views(run: Run, gan: str) -> list[SplitMeasure]:
    """How well each split layer of a GAN holds the view, and how much shape it leaves to the content code."""
    from . import stages
    from .gan.checkpoint import load_generator
    from .gan.view_gate import measure_views

    regressor, segmenter = stages.pose_regressor(run), stages.segmenter(run)
    return measure_views(
        load_generator(gan),
        regressor,
        run.config.views,
        seed=run.config.seed,
        masks=lambda images: segmenter.segment(images).mask,
    )


def measure_gan(gan: str, real: Run | Path, seed: int) -> Kid:
    """KID on own features between a GAN and the studio photos of a run, or the pictures in a folder."""
    from . import stages
    from .data.image_folder import read_image_folder
    from .evaluation.kid import gan_kid
    from .gan.checkpoint import load_generator

    generator = load_generator(gan)
    if isinstance(real, Path):
        return gan_kid(generator, read_image_folder(real, generator.resolution), seed=seed)
    return gan_kid(generator, stages.train_photos(real).images, seed=seed)


def project(gan: str, picture: Path, output: Path, space: str, steps: int, seed: int, fit: bool) -> str:
    """Writes the picture of a GAN's that is most like the given one, and its latent beside it; how like, in words."""
    from .data.pictures import read_picture, write_picture
    from .gan.checkpoint import atomic_save, load_generator
    from .gan.projection import project

    generator = load_generator(gan)
    image = read_picture(picture, generator.resolution, fit)
    distance, name, noise_weight = _likeness()
    found = project(generator, image, space, distance, steps=steps, noise_weight=noise_weight, seed=seed)
    write_picture(found.picture[0], output)
    tensors = {"latent": found.latent, "styles": found.styles}
    tensors |= {f"noise.{index}": noise for index, noise in enumerate(found.noise or [])}
    facts = {"format": "ganverse_nb.projection/1", "gan": gan, "space": space, "distance": name, "seed": str(seed)}
    atomic_save(tensors, output.with_suffix(".safetensors"), facts)
    psnr = -10 * (found.picture - image).square().mean().clamp_min(1e-10).log10()
    return f"PSNR {float(psnr):.1f} dB after {found.steps} steps in {space}, compared by {name}"


def _likeness() -> tuple[Distance, str, float]:
    """How projections compare pictures, its name, and the weight of noise regularisation that goes with it."""
    from .gan.projection import NOISE_WEIGHT, PERCEPTUAL_NOISE_WEIGHT, pyramid_distance
    from .inverse_graphics.perceptual import LpipsFeatures, lpips_weights, perceptual_loss

    weights = lpips_weights()
    if weights is None:
        return pyramid_distance, "an image pyramid, as VGG16's weights are not on disk", NOISE_WEIGHT
    features = LpipsFeatures(weights)
    return lambda a, b: perceptual_loss(features, a, b, b.new_ones(())), features.name, PERCEPTUAL_NOISE_WEIGHT


def choose_views(run: Run, gan: str, split_layer: int, output: Path) -> ViewCodes:
    """Writes the view codes of a GAN: a closed path around the object that every content follows."""
    from . import stages
    from .files import sha256
    from .gan.checkpoint import load_generator, resolve
    from .gan.view_choice import choose_views

    regressor = stages.pose_regressor(run)
    made_by = f"{_typed(run, 'choose-views')} --split-layer {split_layer}"
    provenance = {"command": made_by, "teacher": sha256(resolve(gan))}
    codes = choose_views(
        load_generator(gan), regressor, run.config.views, split_layer, seed=run.config.seed, provenance=provenance
    )
    codes.save(output)
    return codes


def reconstruct(run: Run, picture: Path, output: Path, fit: bool, turntable: Path | None = None) -> str:
    """Writes the textured mesh of the object in a picture to `output` (.glb or .obj); returns its camera in words.

    With `turntable` also a .gif of it, turning.
    """
    from . import stages
    from .data.pictures import read_picture
    from .figures.shots import save_turntable
    from .geometry.export import save_mesh
    from .inverse_graphics.inference import reconstruct

    if turntable is not None and turntable.suffix.lower() != ".gif":
        raise ValueError(f"--turntable: {turntable} must end in .gif.")

    image = read_picture(picture, run.config.resolution, fit)  # before anything that takes long
    model = stages.inverse_graphics(run)
    mask = _mask(picture, image, stages.segmenter(run))
    mesh, camera = reconstruct(image, mask, model)
    save_mesh(mesh, output)
    if turntable is not None:
        save_turntable(mesh, turntable)
    values = {name: float(getattr(camera, name)[0]) for name in ("azimuth", "elevation", "distance")}
    return (
        f"azimuth {values['azimuth'] % 360:.0f}, elevation {values['elevation']:.0f}, distance {values['distance']:.2f}"
    )


def edit(run: Run, sources: dict[str, Path], turn: dict[str, float], output: Path, fit: bool) -> None:
    """Writes the picture that StyleGAN-R makes of camera, shape, texture and background of four pictures.

    Args:
        sources: for each of camera, shape, texture and background the picture it comes from.
        turn: azimuth, elevation or distance to use instead of the camera's own.
    """
    import torch

    from . import stages
    from .data.pictures import read_picture, write_picture
    from .neural_renderer.editing import edit, observe

    pictures = {path: read_picture(path, run.config.resolution, fit) for path in sorted(set(sources.values()))}
    model = stages.stylegan_r(run)
    seen = {path: observe(model, picture, str(path)) for path, picture in pictures.items()}
    camera = seen[sources["camera"]].camera
    camera = camera.replace(**{name: torch.tensor([value]) for name, value in turn.items()})
    others = {f"{name}_from": seen[sources[name]] for name in ("shape", "texture", "background")}
    write_picture(model.paint(edit(model, camera_from=camera, **others).properties)[0], output)


def _mask(path: Path, image: Tensor, segmenter: Segmenter) -> Tensor:
    """The mask of the object in a picture; the surest of several; ValueError where there is none."""
    from .segmentation.detections import keep

    found = segmenter.segment(image)
    if found.count[0] == 0:
        raise ValueError(f"{path}: no object was found in the picture; crop it closer, or give another one.")
    reason = keep(found).reason[0]
    if reason:
        print(f"{path}: {reason}; the result may be poor.")
    return found.mask


def _typed(run: Run, command: str) -> str:
    """The command line that does this again."""
    return run.command.replace("ganverse reproduce", f"ganverse {command}")
