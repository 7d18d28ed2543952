"""The stages of a run, in the order of the paper. Each computes what it needs once and loads it ever after.

    studio -> photos -> teacher -> view codes -> multi-view dataset -> inverse graphics -> StyleGAN-R
    photos -> annotated photos -> photo model (the baseline)

Notebooks and the command line call these functions and nothing below them that is slow.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ganverse_nb.config import InverseGraphicsConfig
from ganverse_nb.data.annotated import AnnotatedPhotos
from ganverse_nb.data.generation import build_multiview
from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.data.pascal3d import read_pascal3d
from ganverse_nb.data.studio_keypoints import annotate_keypoints, keypoint_shape
from ganverse_nb.data.studio_views import studio_views
from ganverse_nb.errors import ExpectedError
from ganverse_nb.evaluation.ablation import ArmScores, score_arm
from ganverse_nb.evaluation.domain import Domain
from ganverse_nb.evaluation.domain_check import DomainCheck, check_domain
from ganverse_nb.evaluation.ground_truth import found_objects
from ganverse_nb.evaluation.kid import Kid
from ganverse_nb.evaluation.kid import gan_kid as measure_kid
from ganverse_nb.evaluation.scorecard import clear_photos
from ganverse_nb.evaluation.view_gate import ViewGate, photo_shape_variety
from ganverse_nb.evaluation.view_gate import view_gate as collect_view_gate
from ganverse_nb.files import read_json, sha256, write_json
from ganverse_nb.gan import checkpoint
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.keypoints import Keypoints, bundled_keypoints
from ganverse_nb.gan.pose import PoseRegressor, azimuth_error, train_regressor
from ganverse_nb.gan.view_choice import choose_views
from ganverse_nb.gan.view_gate import MASKED_VIEWS, measure_views, sample_w, view_shape_variety
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.structure_from_motion import Motion
from ganverse_nb.inverse_graphics.ablation import KEYPOINT_ARM, arm_settings
from ganverse_nb.inverse_graphics.cameras import CameraBank
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.perceptual import perceptual_features
from ganverse_nb.inverse_graphics.recovery import read_curve, recover_cameras, shortened
from ganverse_nb.inverse_graphics.training import MODEL, train_inverse_graphics
from ganverse_nb.neural_renderer.bank import Pictures
from ganverse_nb.neural_renderer.observer import Observer
from ganverse_nb.neural_renderer.stylegan_r import StyleGANR
from ganverse_nb.neural_renderer.training import FINAL, WARM, train_stylegan_r
from ganverse_nb.run import Run
from ganverse_nb.segmentation.mask_rcnn import Segmenter, load_segmenter
from ganverse_nb.sources import compute_device, labelled_views, needs_studio, teacher_file
from ganverse_nb.studio.all_round import TruthPhotos, make_truth_photos
from ganverse_nb.studio.archive import make_photo_archive
from ganverse_nb.studio.cameras import FOV, sample_cameras
from ganverse_nb.studio.photos import Photos, make_photos

# Seeds of photo sets that must not share a photo; `train-gan` and `train-segmenter` take the seeds below 1000.
TRAIN_PHOTOS, TEST_PHOTOS, PHOTO_VARIETY, DOMAIN_PHOTOS, DOMAIN_CHECK = 1000, 2000, 3000, 4000, 5000
TRUTH_PHOTOS, RECOVERY_OBJECTS = 6000, 7000
INITIALIZATIONS = ("view", "keypoint")
GATE, KID, VIEWS = "view_gate.json", "kid.json", "views.safetensors"
DOMAIN, CHECK, SCORES = "domain.safetensors", "check.json", "scores.json"
CHECK_SHARE = 6  # of the test photos, in pictures of each kind that the domain is checked with


def train_photos(run: Run) -> Photos:
    """Photos with known cameras, for the pose regressor that measures views."""
    return _photos(run, "train_photos", run.config.photos.train, TRAIN_PHOTOS + run.config.seed)


def test_photos(run: Run) -> Photos:
    """Photos that no network of the run learns from."""
    needs_studio(run, "A test photo with its true shape and camera")
    return _photos(run, "test_photos", run.config.photos.test, TEST_PHOTOS + run.config.seed)


def truth_photos(run: Run) -> TruthPhotos:
    """Photos that no network of the run learns from, and further ones of their objects from all sides."""

    def compute(directory: Path) -> None:
        make_truth_photos(*truth_order(run)).save(directory)

    return TruthPhotos.load(run.stage("truth_photos", compute, truth_order(run)))


def truth_order(run: Run) -> tuple[str, int, int, int]:
    """Category, number, seed and resolution of `truth_photos`."""
    needs_studio(run, "A photo with its object from all sides")
    config = run.config
    return config.category, config.photos.truth, TRUTH_PHOTOS + config.seed, config.resolution


def _photos(run: Run, name: str, count: int, seed: int) -> Photos:
    category, resolution = run.config.category, run.config.resolution

    def compute(directory: Path) -> None:
        make_photo_archive(category, count, seed, directory, resolution)

    return Photos.load(run.stage(name, compute, [category, count, seed, resolution]))


def teacher(run: Run) -> Generator:
    """The StyleGAN2 that makes the pictures (section 3.1): the setting `gan.network`."""
    _use_weights(run, "teacher")
    return checkpoint.load_generator(teacher_file(run))


def discriminator(run: Run) -> Discriminator:
    """The discriminator that the teacher was trained against; its features serve as perceptual features."""
    return checkpoint.load_discriminator(teacher_file(run))


def pose_regressor(run: Run) -> PoseRegressor:
    """Reads azimuths off pictures. Trained on photos, used for measuring only."""
    needs_studio(run, "An azimuth read off pictures")
    config, seed = run.config.views, run.config.seed

    def compute(directory: Path) -> None:
        photos = train_photos(run)
        train_regressor(photos.images, photos.camera, config, seed).save(directory / "pose.safetensors")

    settings = [config.regressor_steps, config.regressor_batch, seed]
    train_photos(run)
    return PoseRegressor.load(
        run.stage("pose_regressor", compute, settings, needs=["train_photos"]) / "pose.safetensors"
    )


def segmenter(run: Run) -> Segmenter:
    """The Mask R-CNN that cuts objects out."""
    found = load_segmenter(run.config.category, run.config.segmenter.weights)
    run.note("segmenter", found.source)
    return found


def view_codes(run: Run) -> ViewCodes:
    """The view codes of the teacher with their coarse labels: the setting `views.codes`."""
    _use_weights(run, "views")
    return ViewCodes.load(_views_file(run))


def split_layer(run: Run) -> int:
    """k, how many layers take the view code: known before there are view codes where those are made here."""
    config = run.config.views
    return config.split_layer if config.codes in ("chosen", "labelled") else view_codes(run).split_layer


def _views_file(run: Run) -> Path:
    """The file that `views.codes` names; view codes that are to be chosen are chosen.

    Raises:
        FileNotFoundError, ExpectedError: there is none; the message says how to make it.
    """
    config = run.config.views
    if config.codes == "bundled":
        return checkpoint.bundled(run.config.category, "views")
    if config.codes == "labelled":
        path = labelled_views(run)
        if not path.is_file():
            raise ExpectedError(f"No view code is labelled yet: do it in notebook 02, which keeps them in {path}.")
        return path
    if config.codes != "chosen":
        return Path(config.codes)

    def compute(directory: Path) -> None:
        gan, facts = teacher(run), {"command": run.command, "teacher": sha256(teacher_file(run))}
        regressor = pose_regressor(run)
        codes = choose_views(gan, regressor, config, config.split_layer, seed=run.config.seed, provenance=facts)
        codes.save(directory / VIEWS)

    pose_regressor(run)
    settings = [config, run.config.seed, _use_weights(run, "teacher")]
    return run.stage("view_codes", compute, settings, needs=["pose_regressor"]) / VIEWS


def view_gate(run: Run) -> ViewGate:
    """How well view codes hold the view and how much shape contents keep, for every split layer (DESIGN: view gate)."""
    config, seed, category = run.config.views, run.config.seed, run.config.category

    def compute(directory: Path) -> None:
        regressor, photos = pose_regressor(run), test_photos(run)
        cut, gan, views = segmenter(run), teacher(run), view_codes(run)

        def masks(pictures: Tensor) -> Tensor:
            return cut.segment(pictures).mask

        measures = measure_views(gan, regressor, config, seed=seed, masks=masks)
        contents = sample_w(gan, config.contents, seed + 1, config.content_truncation)
        chosen = view_shape_variety(gan, views.around.codes, contents, views.split_layer, masks)
        variety = photo_shape_variety(category, config.contents, MASKED_VIEWS, PHOTO_VARIETY + seed)
        error = azimuth_error(regressor, photos.image(), photos.camera.azimuth).median()
        collect_view_gate(measures, chosen, variety, float(error)).save(directory / GATE)

    pose_regressor(run)
    settings = [config, seed, *(_use_weights(run, name) for name in ("teacher", "views"))]
    return ViewGate.load(run.stage("view_gate", compute, settings, needs=["pose_regressor"]) / GATE)


def gan_kid(run: Run) -> Kid:
    """How far the teacher's samples are from photos it was not trained on: KID on own features."""
    needs_studio(run, "KID")
    seed = run.config.seed

    def compute(directory: Path) -> None:
        write_json(directory / KID, measure_kid(teacher(run), train_photos(run).images, seed=seed))

    train_photos(run)
    settings = [seed, _use_weights(run, "teacher")]
    return Kid(**read_json(run.stage("gan_kid", compute, settings, needs=["train_photos"]) / KID))


def multiview(run: Run) -> MultiViewDataset:
    """The "StyleGAN multi-view dataset" of section 3.1."""
    config, seed = run.config.multiview, run.config.seed

    def compute(directory: Path) -> None:
        gan, cut = teacher(run).to(compute_device()), segmenter(run).to(compute_device())
        build_multiview(gan, view_codes(run), cut, config, directory, seed)

    weights = [_use_weights(run, name) for name in ("teacher", "views")]
    return MultiViewDataset.load(run.stage("multiview", compute, [config, seed, weights]))


def inverse_graphics(run: Run) -> InverseGraphicsModel:
    """Network f, the cameras of the view codes and the camera head (section 3.2)."""
    config, seed = run.config.inverse, run.config.seed

    def compute(directory: Path) -> None:
        features = perceptual_features(discriminator(run), config.perceptual_backbone)
        run.note("perceptual features", features.name)
        train_inverse_graphics(multiview(run), config, directory, features, seed, compute_device())

    multiview(run)
    return InverseGraphicsModel.load(
        run.stage("inverse_graphics", compute, [config, seed], needs=["multiview"]) / MODEL
    )


def domain(run: Run) -> Domain:
    """What photographs that can be trusted look like, and the limit of their score; from as many as there are tests.

    Where the GAN has learned from other photos than the studio's, its own pictures of held-out objects stand for them.
    """
    config, seed = run.config, DOMAIN_PHOTOS + run.config.seed
    order = (config.category, config.photos.test, seed, config.resolution)
    model, cut = inverse_graphics(run), segmenter(run)

    def compute(directory: Path) -> None:
        if config.has_studio:
            pictures = make_photos(*order).image()
        else:
            dataset = multiview(run)
            pictures, _ = dataset.batch(*dataset.kept_pictures(dataset.test_contents))
        Domain.fit(pictures, cut, model).save(directory / DOMAIN)

    return Domain.load(run.stage("domain", compute, [*order, cut.source], needs=["inverse_graphics"]) / DOMAIN)


def domain_check(run: Run) -> DomainCheck:
    """How well `domain` tells fresh photographs from pictures that should be refused."""
    needs_studio(run, "A test of the out-of-domain score")
    config, seed = run.config, DOMAIN_CHECK + run.config.seed
    order = (config.category, max(8, config.photos.test // CHECK_SHARE), seed, config.resolution)
    usual = domain(run)

    def compute(directory: Path) -> None:
        check_domain(usual, *order, segmenter(run), inverse_graphics(run)).save(directory / CHECK)

    return DomainCheck.load(run.stage("domain_check", compute, list(order), needs=["domain"]) / CHECK)


def annotated_photos(run: Run, test: bool = False) -> AnnotatedPhotos:
    """Photographs with annotated keypoints and the cameras fitted to them, for the baseline of section 4.1.

    Those of Pascal3D+ where `photo_model.pascal3d` says where it is; else the studio's train or test photos.
    """
    config, seed = run.config.photo_model, run.config.seed
    resolution, folder = run.config.resolution, config.pascal3d
    source, name = ("test_photos", "annotated_test_photos") if test else ("train_photos", "annotated_photos")
    photos_of = test_photos if test else train_photos

    def compute(directory: Path) -> None:
        if folder:
            split = "test" if test else "train"
            read = read_pascal3d(folder, run.config.category, split, resolution, segmenter(run))
            read.photos.with_cameras(read.shape, maximum=config.maximum_error).save(directory)
            return
        photos = photos_of(run)
        photos = photos if test else photos[: config.photos]
        clicked = annotate_keypoints(photos, config.keypoint_noise, config.keypoint_missed, seed + test)
        clicked.with_cameras(keypoint_shape(run.config.category), FOV, config.maximum_error).save(directory)

    if not folder:
        photos_of(run)
    keys = ("pascal3d", "photos", "keypoint_noise", "keypoint_missed", "maximum_error")
    settings = [*(getattr(config, key) for key in keys), seed, resolution]
    return AnnotatedPhotos.load(run.stage(name, compute, settings, needs=[] if folder else [source]))


def true_shapes(run: Run, photos: AnnotatedPhotos, count: int) -> Mesh | None:
    """The true meshes of the first `count` of the annotated test photographs; None where nobody knows them.

    Pascal3D+ has one of ten CAD models for each car, which is not its shape.
    """
    return None if run.config.photo_model.pascal3d else test_photos(run)[photos.index[:count]].mesh()


def photo_model(run: Run) -> InverseGraphicsModel:
    """The baseline of section 4.1: the network of `inverse_graphics`, trained on `annotated_photos`."""
    config, seed = photo_model_settings(run), run.config.seed

    def compute(directory: Path) -> None:
        features, photos = perceptual_features(discriminator(run), config.perceptual_backbone), annotated_photos(run)
        bank = CameraBank.of(photos.camera)
        train_inverse_graphics(photos, config, directory, features, seed, compute_device(), bank=bank)

    annotated_photos(run)
    return InverseGraphicsModel.load(
        run.stage("photo_model", compute, [config, seed], needs=["annotated_photos"]) / MODEL
    )


def unseen_pictures(run: Run, count: int) -> tuple[Tensor, Tensor]:
    """`count` pictures [n, 3, R, R] with one clear object that no network has learned from, and masks [n, 1, R, R].

    Test photos (fewer where fewer are clear); where the GAN has learned from other photos than the studio's, its own
    pictures of held-out objects, each in another view.
    """
    if run.config.has_studio:
        photos, masks = clear_photos(segmenter(run), test_photos(run), count)
        return photos.image(), masks
    dataset = multiview(run)
    content, view = dataset.kept_pictures(dataset.test_contents)
    chosen = torch.linspace(0, len(content) - 1, min(count, len(content))).long()
    return dataset.batch(content[chosen], view[chosen])


def photo_model_settings(run: Run) -> InverseGraphicsConfig:
    """The settings of `inverse_graphics` for single photographs: as many pictures in a step, the baseline's length."""
    config, steps = run.config.inverse, run.config.photo_model.steps
    later = round(config.perceptual_after * steps / config.steps)
    pictures = config.pairs * config.views_per_object
    return replace(config, pairs=pictures, views_per_object=1, steps=steps, perceptual_after=later)


def keypoints(run: Run) -> Keypoints:
    """The bundled points of one content in every view code (appendix D)."""
    path = bundled_keypoints(run.config.category)
    made_from = {"teacher": _use_weights(run, "teacher"), "views_file": _use_weights(run, "views")}
    views, size = len(view_codes(run)), teacher(run).resolution
    return Keypoints.load(path, views=views, picture_size=size, made_from=made_from)


def keypoint_motion(run: Run) -> Motion:
    """Cameras of the view codes from the keypoints; the search begins at the coarse labels (seconds)."""
    path, config = bundled_keypoints(run.config.category), run.config.inverse
    start = {"elevation": config.initial_elevation, "distance": config.initial_distance}
    return keypoints(run).motion(view_codes(run).labelled_azimuth, path, **start)


def initialized_graphics(run: Run, cameras: str) -> InverseGraphicsModel:
    """A shortened training whose cameras start at the coarse labels ("view") or at the keypoints' ("keypoint").

    Raises:
        ValueError: neither of the two.
    """
    if cameras not in INITIALIZATIONS:
        raise ValueError(f"Unknown initial cameras {cameras!r}; give one of {', '.join(INITIALIZATIONS)}.")
    config, seed = shortened(run.config), run.config.seed
    file = sha256(bundled_keypoints(run.config.category)) if cameras == "keypoint" else ""

    def compute(directory: Path) -> None:
        bank = CameraBank.of(keypoint_motion(run).camera, learned=True) if cameras == "keypoint" else None
        train_inverse_graphics(multiview(run), config, directory, None, seed, compute_device(), bank=bank)

    multiview(run)
    directory = run.stage(f"{cameras}_initialization", compute, [config, seed, file], needs=["multiview"])
    return InverseGraphicsModel.load(directory / MODEL)


def ablation(run: Run, arm: str, seed: int) -> InverseGraphicsModel:
    """One training of an arm of the ablation study (Figures 6 and P), from a random state of its own.

    Arms and seeds are stages of one run, not runs of a sweep: all learn from the same pictures, in one figure.

    Raises:
        ValueError: unknown arm.
    """
    config, from_keypoints = arm_settings(run.config, arm), arm == KEYPOINT_ARM
    file = sha256(bundled_keypoints(run.config.category)) if from_keypoints else ""

    def compute(directory: Path) -> None:
        features = perceptual_features(discriminator(run), config.perceptual_backbone)
        bank = CameraBank.of(keypoint_motion(run).camera, learned=True) if from_keypoints else None
        train_inverse_graphics(multiview(run), config, directory, features, seed, compute_device(), bank=bank)

    multiview(run)
    directory = run.stage(f"ablation_{arm}_{seed}", compute, [config, seed, file], needs=["multiview"])
    return InverseGraphicsModel.load(directory / MODEL)


def ablation_scores(run: Run, arm: str, seed: int) -> ArmScores:
    """How good `ablation` is on the GAN's held-out objects and, where there is a studio, on `truth_photos`."""
    model, backbone = ablation(run, arm, seed), run.config.inverse.perceptual_backbone
    truth = truth_photos(run) if run.config.has_studio else None

    def compute(directory: Path) -> None:
        photos = None if truth is None else found_objects(segmenter(run), truth)
        features = perceptual_features(discriminator(run), backbone)
        score_arm(model, multiview(run), photos, features, run.config.seed).save(directory / SCORES)

    needs = [f"ablation_{arm}_{seed}", *([] if truth is None else ["truth_photos"])]
    return ArmScores.load(run.stage(f"ablation_{arm}_{seed}_scores", compute, [backbone], needs=needs) / SCORES)


def recovery(run: Run) -> dict[float, list[dict[str, float]]]:
    """Largest error of the initial azimuths in degrees -> errors of the cameras over the steps of a training.

    The pictures are the studio's, so that their cameras are known (`inverse_graphics.recovery`).
    """
    settings, seed = run.config.initialization, run.config.seed
    size, config = run.config.resolution, shortened(run.config, settings.recovery_steps)
    curves = {}
    for noise in settings.recovery_noise:

        def compute(directory: Path, noise: float = noise) -> None:
            true = sample_cameras(settings.recovery_views, torch.Generator().manual_seed(seed))
            contents = settings.recovery_contents
            views = studio_views(run.config.category, contents, true, RECOVERY_OBJECTS + seed, size)
            recover_cameras(views, true, noise, config, directory, seed, compute_device())

        counts = [settings.recovery_contents, settings.recovery_views]
        directory = run.stage(f"recovery_{noise:.0f}", compute, [config, seed, size, counts, noise])
        curves[noise] = read_curve(directory)
    return curves


def stylegan_r(run: Run, mapping_only: bool = False) -> StyleGANR:
    """The neural renderer of section 3.3; `mapping_only` gives the state before the joint fine-tuning (Fig J)."""
    config, seed = run.config.stylegan_r, run.config.seed
    model = inverse_graphics(run)
    observer = Observer.of(model, segmenter(run))

    def compute(directory: Path) -> None:
        dataset, multi, device = multiview(run), run.config.multiview, compute_device()
        train_stylegan_r(
            Pictures.of_dataset(dataset.images, dataset.masks, dataset.keep),
            dataset.train_contents.tolist(),
            dataset.content_w,
            dataset.view_w,
            dataset.split_layer,
            model.bank().detach(),
            teacher(run).to(device),
            Observer.of(inverse_graphics(run).to(device), segmenter(run).to(device)),
            config,
            directory,
            seed,
            ring=view_codes(run).ring,
            psi=multi.truncation,
            minimum_mask=multi.minimum_mask,
        )

    directory = run.stage("stylegan_r", compute, [config, seed], needs=["multiview", "inverse_graphics"])
    return StyleGANR.load(directory / (WARM if mapping_only else FINAL), observer=observer)


def _use_weights(run: Run, name: str) -> str:
    """Record "teacher" or "views" in the run's manifest; returns its SHA-256, which the stages made with it need."""
    path = teacher_file(run) if name == "teacher" else _views_file(run)
    run.use_weights(f"{run.config.category}/{name}", path)
    return sha256(path)
