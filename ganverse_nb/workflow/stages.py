"""The stages of a run, in the order of the paper. Each computes what it needs once and loads it ever after.

    studio -> photos -> teacher -> view codes -> multi-view dataset -> inverse graphics -> StyleGAN-R

Notebooks and the command line call these functions and nothing below them that is slow.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ganverse_nb.data.generation import build_multiview
from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.evaluation.domain import Domain
from ganverse_nb.evaluation.domain_check import DomainCheck, check_domain
from ganverse_nb.evaluation.kid import Kid
from ganverse_nb.evaluation.kid import gan_kid as measure_kid
from ganverse_nb.evaluation.scorecard import clear_photos
from ganverse_nb.evaluation.view_gate import ViewGate, photo_shape_variety
from ganverse_nb.evaluation.view_gate import view_gate as collect_view_gate
from ganverse_nb.gan import checkpoint
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.pose import PoseRegressor, azimuth_error, train_regressor
from ganverse_nb.gan.view_choice import choose_views
from ganverse_nb.gan.view_gate import MASKED_VIEWS, measure_views, sample_w, view_shape_variety
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.perceptual import perceptual_features
from ganverse_nb.inverse_graphics.training import MODEL, train_inverse_graphics
from ganverse_nb.neural_renderer.data import Pictures
from ganverse_nb.neural_renderer.properties import PropertyEncoder
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.neural_renderer.training import FINAL, WARM, train_stylegan_r
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import read_json, sha256, write_json
from ganverse_nb.segmentation.mask_rcnn import Segmenter, load_segmenter
from ganverse_nb.studio.archive import first_photos, make_photo_archive
from ganverse_nb.studio.ground_truth_views import GroundTruthViews, make_ground_truth_views
from ganverse_nb.studio.photos import Photos, make_photos
from ganverse_nb.workflow.inputs import compute_device, labelled_views, needs_studio, teacher_file
from ganverse_nb.workflow.run import Run

# Seeds of photo sets that must not share a photo; `train-gan` and `train-segmenter` take the seeds below 1000.
TRAIN_PHOTOS, TEST_PHOTOS, PHOTO_VARIETY, DOMAIN_PHOTOS, DOMAIN_CHECK = 1000, 2000, 3000, 4000, 5000
GROUND_TRUTH, RECOVERY_OBJECTS = 6000, 7000
GATE, KID, VIEWS = "view_gate.json", "kid.json", "views.safetensors"
DOMAIN, CHECK = "domain.safetensors", "check.json"
CHECK_SHARE = 6  # of the test photos, in pictures of each kind that the domain is checked with


def train_photos(run: Run) -> Photos:
    """Photos with known cameras, for the pose regressor that measures views."""
    return _photos(run, "train_photos", run.config.photos.train, TRAIN_PHOTOS + run.config.seed)


def test_photos(run: Run) -> Photos:
    """Photos that no network of the run learns from."""
    needs_studio(run, "A test photo with its true shape and camera")
    return _photos(run, "test_photos", run.config.photos.test, TEST_PHOTOS + run.config.seed)


def first_test_photos(run: Run, count: int) -> Photos:
    """The first of `test_photos`, a multiple of 16, at once: a first look need not wait for all of them."""
    needs_studio(run, "A test photo with its true shape and camera")
    config = run.config
    if count >= config.photos.test:
        return test_photos(run)
    return first_photos(config.category, count, TEST_PHOTOS + config.seed, config.resolution)


def ground_truth_views(run: Run) -> GroundTruthViews:
    """Photos that no network of the run learns from, and further ones of their objects from all sides."""

    def compute(directory: Path) -> None:
        make_ground_truth_views(*ground_truth_order(run)).save(directory)

    return GroundTruthViews.load(run.stage("ground_truth_views", compute, ground_truth_order(run)))


def ground_truth_order(run: Run) -> tuple[str, int, int, int]:
    """Category, number, seed and resolution of `ground_truth_views`."""
    needs_studio(run, "A photo with its object from all sides")
    config = run.config
    return config.category, config.photos.truth, GROUND_TRUTH + config.seed, config.resolution


def _photos(run: Run, name: str, count: int, seed: int) -> Photos:
    category, resolution = run.config.category, run.config.resolution

    def compute(directory: Path) -> None:
        make_photo_archive(category, count, seed, directory, resolution)

    return Photos.load(run.stage(name, compute, [category, count, seed, resolution]))


def teacher(run: Run) -> Generator:
    """The StyleGAN2 that makes the pictures (section 3.1): the setting `gan.network`."""
    use_weights(run, "teacher")
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
    use_weights(run, "views")
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
    config, truncation = run.config.views, run.config.multiview.truncation
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
        chosen = choose_views(
            gan,
            pose_regressor(run),
            config,
            config.split_layer,
            truncation=truncation,
            seed=run.config.seed,
            provenance=facts,
        )
        chosen.save(directory / VIEWS)

    pose_regressor(run)
    settings = [config, truncation, run.config.seed, use_weights(run, "teacher")]
    return run.stage("view_codes", compute, settings, needs=["pose_regressor"]) / VIEWS


def view_gate(run: Run) -> ViewGate:
    """How well view codes hold the view and how much shape contents keep, for every split layer (DESIGN: view gate)."""
    config, seed, category = run.config.views, run.config.seed, run.config.category
    truncation = run.config.multiview.truncation

    def compute(directory: Path) -> None:
        regressor, photos = pose_regressor(run), test_photos(run)
        cut, gan, views = segmenter(run), teacher(run), view_codes(run)

        def masks(pictures: Tensor) -> Tensor:
            return cut.segment(pictures).mask

        measures = measure_views(gan, regressor, config, truncation=truncation, seed=seed, masks=masks)
        contents = sample_w(gan, config.contents, seed + 1, truncation)
        chosen = view_shape_variety(gan, views.orbit.codes, contents, views.split_layer, masks)
        variety = photo_shape_variety(category, config.contents, MASKED_VIEWS, PHOTO_VARIETY + seed)
        error = azimuth_error(regressor, photos.image(), photos.camera.azimuth).median()
        collect_view_gate(measures, chosen, variety, float(error)).save(directory / GATE)

    pose_regressor(run)
    settings = [config, truncation, seed, *(use_weights(run, name) for name in ("teacher", "views"))]
    return ViewGate.load(run.stage("view_gate", compute, settings, needs=["pose_regressor"]) / GATE)


def gan_kid(run: Run) -> Kid:
    """How far the teacher's samples are from photos it was not trained on: KID on own features."""
    needs_studio(run, "KID")
    seed = run.config.seed

    def compute(directory: Path) -> None:
        write_json(directory / KID, measure_kid(teacher(run), train_photos(run).images, seed=seed))

    train_photos(run)
    settings = [seed, use_weights(run, "teacher")]
    return Kid(**read_json(run.stage("gan_kid", compute, settings, needs=["train_photos"]) / KID))


def multiview(run: Run) -> MultiViewDataset:
    """The "StyleGAN multi-view dataset" of section 3.1."""
    config, seed = run.config.multiview, run.config.seed

    def compute(directory: Path) -> None:
        gan, cut = teacher(run).to(compute_device()), segmenter(run).to(compute_device())
        build_multiview(gan, view_codes(run), cut, config, directory, seed)

    weights = [use_weights(run, name) for name in ("teacher", "views")]
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


def stylegan_r(run: Run, mapping_only: bool = False) -> StyleGANR:
    """The neural renderer of section 3.3; `mapping_only` gives the state before the joint fine-tuning (Fig J)."""
    config, seed = run.config.stylegan_r, run.config.seed
    model = inverse_graphics(run)
    encoder = PropertyEncoder.of(model, segmenter(run))

    def compute(directory: Path) -> None:
        dataset, multi, device = multiview(run), run.config.multiview, compute_device()
        train_stylegan_r(
            Pictures.of_dataset(dataset.images, dataset.masks, dataset.keep),
            dataset.train_contents.tolist(),
            dataset.content_w,
            dataset.view_w,
            dataset.split_layer,
            model.cameras().detach(),
            teacher(run).to(device),
            PropertyEncoder.of(inverse_graphics(run).to(device), segmenter(run).to(device)),
            config,
            directory,
            seed,
            on_orbit=view_codes(run).on_orbit,
            psi=multi.truncation,
            minimum_mask=multi.minimum_mask,
        )

    directory = run.stage("stylegan_r", compute, [config, seed], needs=["multiview", "inverse_graphics"])
    return StyleGANR.load(directory / (WARM if mapping_only else FINAL), encoder=encoder)


def use_weights(run: Run, name: str) -> str:
    """Record "teacher" or "views" in the run's manifest; returns its SHA-256, which the stages made with it need."""
    path = teacher_file(run) if name == "teacher" else _views_file(run)
    run.use_weights(f"{run.config.category}/{name}", path)
    return sha256(path)
