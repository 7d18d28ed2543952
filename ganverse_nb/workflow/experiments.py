"""Trainings beside the story's own, only to be compared with it and each other. Computed once, as stages are.

photos -> annotated photos -> the photo model (4.1); keypoints, recovery (D); ablations (Figures 6, P);
light (K); the joint stage with parts of its loss (08b)
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from ganverse_nb.config import InverseGraphicsConfig
from ganverse_nb.data.annotated import AnnotatedPhotos
from ganverse_nb.data.real_photos import read_real_photos
from ganverse_nb.data.studio_keypoints import annotate_keypoints, keypoint_shape
from ganverse_nb.data.studio_views import studio_views
from ganverse_nb.evaluation.ablation import VariantScores, score_variant
from ganverse_nb.evaluation.ground_truth import found_objects
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.inverse_graphics.ablation import KEYPOINT_VARIANT, variant_settings
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.light_variants import light_settings
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.recovery import read_curve, recover_cameras, shortened
from ganverse_nb.inverse_graphics.training import MODEL, train_inverse_graphics
from ganverse_nb.neural_renderer import joint_variants
from ganverse_nb.neural_renderer.properties import PropertyEncoder
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.neural_renderer.training import FINAL
from ganverse_nb.runtime.files import sha256
from ganverse_nb.runtime.placement import compute_device
from ganverse_nb.studio.cameras import FOV, sample_cameras
from ganverse_nb.workflow.keypoints import keypoint_motion, keypoints_file
from ganverse_nb.workflow.photo_stages import (
    RECOVERY_OBJECTS,
    ground_truth_views,
    ground_truth_views_stage,
    test_photos,
    test_photos_stage,
    train_photos,
    train_photos_stage,
)
from ganverse_nb.workflow.run import Run, Stage
from ganverse_nb.workflow.stages import (
    inverse_graphics,
    inverse_graphics_stage,
    multiview,
    multiview_stage,
    perceptual,
    perceptual_settings,
    segmenter,
    stylegan_r_stage,
    use_weights,
)

INITIALIZATIONS, SCORES = ("view", "keypoint"), "scores.json"


def annotated_photos(run: Run, test: bool = False) -> AnnotatedPhotos:
    """Photographs with annotated keypoints and the cameras fitted to them, for the baseline of section 4.1.

    Those of Pascal3D+, CUB-200-2011 or NABirds where `photo_model.photographs` says where it lies; else the studio's
    train or test photos.

    Raises:
        FileNotFoundError, ValueError: no such data set of this category; see `read_real_photos`.
    """
    return AnnotatedPhotos.load(run.finish(annotated_photos_stage(run, test)))


def annotated_photos_stage(run: Run, test: bool = False) -> Stage:
    config, seed = run.config.photo_model, run.config.seed
    resolution, folder = run.config.resolution, config.photographs
    if not folder and not run.config.has_studio:
        raise ValueError(
            f"There are no photographs of category {run.config.category!r} with keypoints in profile "
            f"{run.config.profile!r}; photo_model.photographs says where some lie."
        )
    source, name = (test_photos_stage, "annotated_test_photos") if test else (train_photos_stage, "annotated_photos")
    photos_of = test_photos if test else train_photos

    def compute(directory: Path) -> None:
        if folder:
            split = "test" if test else "train"
            category, masks = run.config.category, segmenter(run)
            read_real_photos(folder, category, split, resolution, masks, config.maximum_error).save(directory)
            return
        photos = photos_of(run)
        photos = photos if test else photos[: config.photos]
        clicked = annotate_keypoints(photos, config.keypoint_noise, config.keypoint_missed, seed + test)
        clicked.with_cameras(keypoint_shape(run.config.category), FOV, config.maximum_error).save(directory)

    keys = ("photos", "keypoint_noise", "keypoint_missed", "maximum_error")
    settings = [Path(folder).name, *(getattr(config, key) for key in keys), seed, resolution]  # wherever it lies
    if folder:
        settings += [run.config.category, use_weights(run, "segmenter")]
    return Stage(name, compute, settings, () if folder else (source(run),))


def true_shapes(run: Run, photos: AnnotatedPhotos, count: int) -> Mesh | None:
    """The true meshes of the first `count` of the annotated test photographs; None where nobody knows them.

    Pascal3D+ has one of ten CAD models for each car, which is not its shape; the sets of birds have none.
    """
    return None if run.config.photo_model.photographs else test_photos(run)[photos.index[:count]].mesh()


def photo_model(run: Run) -> InverseGraphicsModel:
    """The baseline of section 4.1: the network of `inverse_graphics`, trained on `annotated_photos`."""
    return InverseGraphicsModel.load(run.finish(photo_model_stage(run)) / MODEL).to(compute_device())


def photo_model_stage(run: Run) -> Stage:
    config, seed = photo_model_settings(run), run.config.seed

    def compute(directory: Path) -> None:
        features, photos = perceptual(run), annotated_photos(run)
        cameras = LearnableCameras.of(photos.camera)
        train_inverse_graphics(photos, config, directory, features, seed, compute_device(), cameras=cameras)

    teacher_hash = use_weights(run, "teacher")  # whose discriminator's features may be compared
    settings = [*perceptual_settings(config), seed, teacher_hash]
    return Stage("photo_model", compute, settings, (annotated_photos_stage(run),), shared=True)


def photo_model_settings(run: Run) -> InverseGraphicsConfig:
    """The settings of `inverse_graphics` for single photographs: as many pictures in a step, the baseline's length."""
    config = run.config.inverse.lasting(run.config.photo_model.steps)
    return replace(config, pairs=config.pairs * config.views_per_object, views_per_object=1)


def initialized_graphics(run: Run, initial: str) -> InverseGraphicsModel:
    """A shortened training whose cameras start at the coarse labels ("view") or at the keypoints' ("keypoint").

    Raises:
        ValueError: neither of the two.
    """
    return InverseGraphicsModel.load(run.finish(initialized_graphics_stage(run, initial)) / MODEL).to(compute_device())


def initialized_graphics_stage(run: Run, initial: str) -> Stage:
    if initial not in INITIALIZATIONS:
        raise ValueError(f"Unknown initial cameras {initial!r}; give one of {', '.join(INITIALIZATIONS)}.")
    config, seed = shortened(run.config), run.config.seed
    file = sha256(keypoints_file(run)) if initial == "keypoint" else ""

    def compute(directory: Path) -> None:
        cameras = LearnableCameras.of(keypoint_motion(run).camera, learned=True) if initial == "keypoint" else None
        train_inverse_graphics(multiview(run), config, directory, None, seed, compute_device(), cameras=cameras)

    return Stage(f"{initial}_initialization", compute, [config, seed, file], (multiview_stage(run),), shared=True)


def ablation(run: Run, variant: str, seed: int) -> InverseGraphicsModel:
    """One training of a variant of the ablation study (Figures 6 and P), from a random state of its own.

    Variants and seeds are stages of one run, not runs of a sweep: all learn from the same pictures, in one figure.

    Raises:
        ValueError: unknown variant.
    """
    return InverseGraphicsModel.load(run.finish(ablation_stage(run, variant, seed)) / MODEL).to(compute_device())


def ablation_stage(run: Run, variant: str, seed: int) -> Stage:
    config, from_keypoints = variant_settings(run.config, variant), variant == KEYPOINT_VARIANT
    file = sha256(keypoints_file(run)) if from_keypoints else ""

    def compute(directory: Path) -> None:
        features = perceptual(run)
        cameras = LearnableCameras.of(keypoint_motion(run).camera, learned=True) if from_keypoints else None
        train_inverse_graphics(multiview(run), config, directory, features, seed, compute_device(), cameras=cameras)

    settings = [*perceptual_settings(config), seed, file]
    return Stage(f"ablation_{variant}_{seed}", compute, settings, (multiview_stage(run),), shared=True)


def ablation_scores(run: Run, variant: str, seed: int) -> VariantScores:
    """How good `ablation` is on the GAN's held-out objects and, where there is a studio, on `ground_truth_views`."""
    return VariantScores.load(run.finish(ablation_scores_stage(run, variant, seed)) / SCORES)


def ablation_scores_stage(run: Run, variant: str, seed: int) -> Stage:
    config, studio = run.config, run.config.has_studio

    def compute(directory: Path) -> None:
        photos = found_objects(segmenter(run), ground_truth_views(run)) if studio else None
        model = ablation(run, variant, seed)
        score_variant(model, multiview(run), photos, perceptual(run), config.seed).save(directory / SCORES)

    settings = [*perceptual_settings(config.inverse, only=True), config.seed, studio]
    truth = (ground_truth_views_stage(run),) if studio else ()
    return Stage(f"ablation_{variant}_{seed}_scores", compute, settings, (ablation_stage(run, variant, seed), *truth))


def joint_variant(run: Run, variant: str) -> StyleGANR:
    """StyleGAN-R with a part of the joint stage's loss (notebook 08b), as `neural_renderer.joint_variants` names them.

    Raises:
        ValueError: unknown variant.
    """
    directory = run.finish(joint_variant_stage(run, variant))
    encoder = PropertyEncoder.of(inverse_graphics(run), segmenter(run))
    return StyleGANR.load(directory / FINAL, encoder).to(compute_device())


def joint_variant_stage(run: Run, variant: str) -> Stage:
    return stylegan_r_stage(run, f"joint_{variant}", joint_variants.variant_settings(run.config.stylegan_r, variant))


def recovery(run: Run) -> dict[float, list[dict[str, float]]]:
    """Largest error of the initial azimuths in degrees -> errors of the cameras over the steps of a training.

    The pictures are the studio's, so that their cameras are known (`inverse_graphics.recovery`).
    """
    noises = run.config.initialization.recovery_noise
    return {noise: read_curve(run.finish(recovery_stage(run, noise))) for noise in noises}


def recovery_stage(run: Run, noise: float) -> Stage:
    settings, seed = run.config.initialization, run.config.seed
    size, category = run.config.resolution, run.config.category
    config, counts = (
        shortened(run.config, settings.recovery_steps),
        (settings.recovery_contents, settings.recovery_views),
    )

    def compute(directory: Path) -> None:
        contents, cameras = counts
        true = sample_cameras(cameras, torch.Generator().manual_seed(seed))
        views = studio_views(category, contents, true, RECOVERY_OBJECTS + seed, size)
        recover_cameras(views, true, noise, config, directory, seed, compute_device())

    return Stage(f"recovery_{noise:.0f}", compute, [config, seed, size, category, counts, noise])


def light_variants(run: Run) -> dict[str, InverseGraphicsModel]:
    """Appendix K: f trained without light ("none"), with it ("light") and with an albedo prior too ("prior").

    All see the same pictures from the cameras that `stages.inverse_graphics` found, which stay, and have its camera
    head: what differs is the light. There is no "prior" where its weight is 0.
    """
    story, models = inverse_graphics(run), {}
    for name in light_settings(run.config):
        model = InverseGraphicsModel.load(run.finish(light_variant_stage(run, name)) / MODEL)
        models[name] = model.to(compute_device())
        models[name].head = story.head
    return models


def light_variant_stage(run: Run, name: str) -> Stage:
    config, seed = light_settings(run.config)[name], run.config.seed

    def compute(directory: Path) -> None:
        features = perceptual(run)
        cameras = LearnableCameras.of(inverse_graphics(run).cameras().detach())
        train_inverse_graphics(multiview(run), config, directory, features, seed, compute_device(), cameras=cameras)

    needs = (multiview_stage(run), inverse_graphics_stage(run))
    return Stage(f"light_{name}", compute, [*perceptual_settings(config), seed], needs, shared=True)
