"""The stages of a run, in the order of the paper. Each computes what it needs once and loads it ever after.

    studio -> photos -> teacher -> view codes -> multi-view dataset -> inverse graphics -> StyleGAN-R

Notebooks and the command line call these functions and nothing below them that is slow. Each stage is told by a
function of its own, whose name ends in `_stage`: what it depends on is known without computing anything.

Examples:
    >>> run = open_run("mini", "car", runs=folder / "runs")
    >>> model = stages.inverse_graphics(run)  # computed once, or the package's where it has just this one
    Using the inverse_graphics that comes with the package instead of one of this run: same settings
    >>> len(stages.view_codes(run)), len(model.cameras)
    (40, 40)
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.config import StyleGANRConfig, ViewConfig
from ganverse_nb.data.generation import build_multiview
from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.data.pictures import as_image
from ganverse_nb.evaluation.domain_check import DomainCheck, check_domain
from ganverse_nb.evaluation.kid import Kid
from ganverse_nb.evaluation.kid import gan_kid as measure_kid
from ganverse_nb.evaluation.scorecard import clear_photos
from ganverse_nb.evaluation.view_gate import ViewGate, photo_shape_variety
from ganverse_nb.evaluation.view_gate import view_gate as collect_view_gate
from ganverse_nb.gan import checkpoint
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import sample_w
from ganverse_nb.gan.pose import PoseRegressor, azimuth_error, train_regressor
from ganverse_nb.gan.suggest import silhouette_descriptor, suggest_split_layer
from ganverse_nb.gan.suggest_order import UNKNOWN, suggested_views
from ganverse_nb.gan.view_choice import choose_views
from ganverse_nb.gan.view_gate import MASKED_VIEWS, Masks, measure_views, view_shape_variety
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.inverse_graphics.domain import Domain
from ganverse_nb.inverse_graphics.framing import Framing
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.photo_camera import load_photo_camera
from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
from ganverse_nb.inverse_graphics.sight import see
from ganverse_nb.inverse_graphics.training import MODEL, train_inverse_graphics
from ganverse_nb.neural_renderer.data import Pictures
from ganverse_nb.neural_renderer.properties import PropertyEncoder
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.neural_renderer.training import FINAL, WARM, train_stylegan_r
from ganverse_nb.runtime.checkpoints import STATE
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import content_of, read_json, sha256, write_json
from ganverse_nb.runtime.placement import compute_device
from ganverse_nb.segmentation.mask_rcnn import foreground_kind, load_segmenter
from ganverse_nb.segmentation.segmenter import Segmenter
from ganverse_nb.studio.photos import make_photos
from ganverse_nb.workflow.inputs import labelled_views, needs_studio, segmenter_weights, teacher_file
from ganverse_nb.workflow.networks import discriminator as discriminator
from ganverse_nb.workflow.networks import perceptual as perceptual
from ganverse_nb.workflow.networks import perceptual_settings as perceptual_settings
from ganverse_nb.workflow.networks import photo_segmenter as photo_segmenter
from ganverse_nb.workflow.networks import segmenter_path as segmenter_path
from ganverse_nb.workflow.networks import segmenter_settings as segmenter_settings
from ganverse_nb.workflow.photo_stages import (
    DOMAIN_CHECK,
    DOMAIN_PHOTOS,
    PHOTO_VARIETY,
    first_test_photos,
    test_photos,
    test_photos_stage,
    train_photos,
    train_photos_stage,
)
from ganverse_nb.workflow.photo_stages import ground_truth_order as ground_truth_order
from ganverse_nb.workflow.photo_stages import ground_truth_views as ground_truth_views
from ganverse_nb.workflow.photo_stages import ground_truth_views_stage as ground_truth_views_stage
from ganverse_nb.workflow.run import Run, Stage

GATE, KID, VIEWS, POSE = "view_gate.json", "kid.json", "views.safetensors", "pose.safetensors"
SPLIT, FRAMING = "split_layer.json", "framing.safetensors"
DOMAIN, CHECK = "domain.safetensors", "check.json"
PHOTO_SIDE = 128  # pixels of the studio's photos that a domain is made of and checked with
CHOICE = ("split_layer", "views", "tiers", "tier_views", "candidates", "contents")  # of ViewConfig: what choosing reads
MEASURING = ("contents", "bin_degrees", "split_layers", "measured")  # and what measuring reads
MOST_PICTURES = 512  # of the GAN's, evenly spread, that a domain is made of
CHECK_SHARE = 16  # of the test photos, in pictures of each kind that the domain is checked with


def teacher(run: Run) -> Generator:
    """The StyleGAN2 that makes the pictures (section 3.1): the setting `gan.network`."""
    use_weights(run, "teacher")
    return checkpoint.load_generator(teacher_file(run)).to(compute_device())


def pose_regressor(run: Run) -> PoseRegressor:
    """Reads azimuths off pictures. Trained on photos, used for measuring only."""
    return PoseRegressor.load(run.finish(pose_regressor_stage(run)) / POSE).to(compute_device())


def pose_regressor_stage(run: Run) -> Stage:
    needs_studio(run, "An azimuth read off pictures")
    config, seed = run.config.views, run.config.seed

    def compute(directory: Path) -> None:
        photos = train_photos(run)
        order = (photos.images, photos.camera, config, seed)
        train_regressor(*order, directory=directory, device=compute_device()).save(directory / POSE)
        (directory / STATE).unlink(missing_ok=True)

    settings = [config.regressor_steps, config.regressor_batch, seed]
    return Stage("pose_regressor", compute, settings, (train_photos_stage(run),))


def segmenter(run: Run) -> Segmenter:
    """Who cuts objects out: the setting `segmenter.weights`."""
    found = load_segmenter(run.config.kind, segmenter_weights(run), run.config.weights.download).to(compute_device())
    found.threshold = run.config.segmenter.score
    run.note("segmenter", found.source)
    use_weights(run, "segmenter")
    return found


def view_codes(run: Run) -> ViewCodes:
    """The view codes of the teacher with their coarse labels: the setting `views.codes`."""
    use_weights(run, "views")
    return ViewCodes.load(_views_file(run))


def split_layer(run: Run) -> int:
    """k, how many layers take the view code: known before there are view codes where those are made here."""
    config = run.config.views
    if config.codes not in ("chosen", "labelled", "suggested"):
        return view_codes(run).split_layer
    return config.split_layer or int(read_json(run.finish(split_layer_stage(run)) / SPLIT)["split_layer"])


def split_layer_stage(run: Run) -> Stage:
    """The stage that suggests k from silhouettes, where `views.split_layer` is 0."""
    seed = run.config.seed

    def compute(directory: Path) -> None:
        found = suggest_split_layer(teacher(run), silhouette_descriptor(_masks(run)), seed=seed)
        write_json(directory / SPLIT, found)

    return Stage("split_layer", compute, [seed, use_weights(run, "teacher"), use_weights(run, "segmenter")])


def _masks(run: Run) -> Masks:
    """What cuts objects out of the GAN's pictures."""
    cut = segmenter(run)
    return lambda pictures: cut.segment(pictures).mask


def _views_file(run: Run) -> Path:
    """The file that `views.codes` names; view codes that are to be chosen or suggested are made.

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
    if config.codes not in ("chosen", "suggested"):
        return Path(config.codes)
    return run.finish(view_codes_stage(run)) / VIEWS


def view_codes_stage(run: Run) -> Stage:
    """The stage that makes view codes where `views.codes` is "chosen" or "suggested"."""
    if run.config.views.codes == "suggested":
        return _suggested_views_stage(run)
    config, truncation = run.config.views, run.config.multiview.truncation

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

    settings = [_only(config, CHOICE), truncation, run.config.seed, use_weights(run, "teacher")]
    return Stage("view_codes", compute, settings, (pose_regressor_stage(run),))


def _suggested_views_stage(run: Run) -> Stage:
    """View codes that nobody labels: those in which outlines hold best, in order around the object."""
    config, seed, kind = run.config.views, run.config.seed, run.config.kind
    mirrored = kind.symmetry != "none"

    def compute(directory: Path) -> None:
        views = suggested_views(teacher(run), _masks(run), split_layer(run), config, symmetric=mirrored, seed=seed)
        facts = {"command": run.command, "teacher": sha256(teacher_file(run))}
        replace(views, provenance=views.provenance | facts).save(directory / VIEWS)
        run.note("view codes", f"suggested from outlines, ordered by likeness; {UNKNOWN}")

    made_of = [use_weights(run, "teacher"), use_weights(run, "segmenter")]
    needs = () if config.split_layer else (split_layer_stage(run),)
    return Stage("view_codes", compute, [config.codes, _only(config, CHOICE), mirrored, seed, *made_of], needs)


def _views_identity(run: Run) -> tuple[list[str], tuple[Stage, ...]]:
    """What view codes add to the settings and needs of the stages that are made with them."""
    if run.config.views.codes in ("chosen", "suggested"):
        return [], (view_codes_stage(run),)
    return [use_weights(run, "views")], ()


def view_gate(run: Run) -> ViewGate:
    """How well view codes hold the view and how much shape contents keep, for every split layer (DESIGN: view gate)."""
    return ViewGate.load(run.finish(view_gate_stage(run)) / GATE)


def view_gate_stage(run: Run) -> Stage:
    needs_studio(run, "the view gate")
    config, seed, category = run.config.views, run.config.seed, run.config.category
    truncation, edition = run.config.multiview.truncation, run.config.studio.edition

    def compute(directory: Path) -> None:
        regressor, photos = pose_regressor(run), test_photos(run)
        cut, gan, views = segmenter(run), teacher(run), view_codes(run)

        def masks(pictures: Tensor) -> Tensor:
            return cut.segment(pictures).mask

        measures = measure_views(gan, regressor, config, truncation=truncation, seed=seed, masks=masks)
        contents = sample_w(gan, config.contents, seed + 1, truncation)
        chosen = view_shape_variety(gan, views.orbit.codes, contents, views.split_layer, masks)
        variety = photo_shape_variety(category, config.contents, MASKED_VIEWS, PHOTO_VARIETY + seed, edition=edition)
        error = azimuth_error(regressor, photos.image(), photos.camera.azimuth).median()
        collect_view_gate(measures, chosen, variety, float(error)).save(directory / GATE)

    views, needs = _views_identity(run)
    weights = [use_weights(run, "teacher"), use_weights(run, "segmenter"), *views]
    settings = [_only(config, MEASURING), truncation, seed, category, edition, weights]
    return Stage("view_gate", compute, settings, (pose_regressor_stage(run), test_photos_stage(run), *needs))


def gan_kid(run: Run) -> Kid:
    """How far the teacher's samples are from photos it was not trained on: KID on own features."""
    path = run.finish(gan_kid_stage(run)) / KID
    with content_of(path, "KID", f"delete {path.parent} and run the same command again"):
        return Kid(**read_json(path))


def gan_kid_stage(run: Run) -> Stage:
    needs_studio(run, "KID")
    seed = run.config.seed

    def compute(directory: Path) -> None:
        write_json(directory / KID, measure_kid(teacher(run), train_photos(run).images, seed=seed), sealed=True)

    return Stage("gan_kid", compute, [seed, use_weights(run, "teacher")], (train_photos_stage(run),))


def multiview(run: Run) -> MultiViewDataset:
    """The "StyleGAN multi-view dataset" of section 3.1."""
    return MultiViewDataset.load(run.finish(multiview_stage(run)))


def multiview_stage(run: Run) -> Stage:
    config, seed = run.config.multiview, run.config.seed

    def compute(directory: Path) -> None:
        views = view_codes(run)
        views.warn_of_unseen_side()
        size = replace(config, resolution=run.config.resolution)  # whatever that of somebody's GAN is
        build_multiview(teacher(run), views, segmenter(run), size, directory, seed)

    views, needs = _views_identity(run)
    weights = [use_weights(run, "teacher"), use_weights(run, "segmenter"), *views]
    return Stage("multiview", compute, [config, seed, weights], needs, shared=True)


def inverse_graphics(run: Run) -> InverseGraphicsModel:
    """Network f, the cameras of the view codes and the camera head (section 3.2)."""
    return InverseGraphicsModel.load(run.finish(inverse_graphics_stage(run)) / MODEL).to(compute_device())


def inverse_graphics_stage(run: Run) -> Stage:
    config, seed = run.config.inverse, run.config.seed

    def compute(directory: Path) -> None:
        features = perceptual(run)
        run.note("perceptual features", features.name)
        model = train_inverse_graphics(multiview(run), config, directory, features, seed, compute_device())
        if not config.template:
            half_axes = ", ".join(f"{axis:.3f}" for axis in model.network.template.abs().amax(0))
            run.note("template", f"an ellipsoid fitted to the masks, of half axes x, y, z: {half_axes}")

    settings = [*perceptual_settings(config), seed]
    return Stage("inverse_graphics", compute, settings, (multiview_stage(run),), shared=True)


def framing(run: Run) -> Framing:
    """How large, and where, objects stand in the dataset's pictures: how a photograph is to be cut."""
    return Framing.load(run.finish(framing_stage(run)) / FRAMING)


def framing_stage(run: Run) -> Stage:
    def compute(directory: Path) -> None:
        azimuth = inverse_graphics(run).cameras().azimuth.detach()
        Framing.of(multiview(run), azimuth).save(directory / FRAMING)

    return Stage("framing", compute, needs=(multiview_stage(run), inverse_graphics_stage(run)))


def domain(run: Run) -> Domain:
    """What photographs that can be trusted look like, and the limit of their score; half as many as there are tests.

    Half of these are of the studio's first edition and half of its second. Where the GAN has learned from other photos
    than the studio's, its own pictures of held-out objects stand for them.
    """
    return Domain.load(run.finish(domain_stage(run)) / DOMAIN)


def domain_stage(run: Run) -> Stage:
    config, seed, studio = run.config, DOMAIN_PHOTOS + run.config.seed, run.config.has_studio
    order = (config.category, max(8, config.photos.test // 4), seed, PHOTO_SIDE)

    def compute(directory: Path) -> None:
        if studio:
            pictures = torch.cat([make_photos(*order, edition=edition).image() for edition in (1, 2)])
        else:
            dataset = multiview(run)
            content, view = dataset.kept_pictures(dataset.test_contents)
            some = slice(None, None, math.ceil(len(content) / MOST_PICTURES) or None)
            pictures, _ = dataset.batch(content[some], view[some])
        segmenter, model = photo_segmenter(run), inverse_graphics(run)
        photos = [as_image(picture) for picture in pictures]
        cutouts = [segmenter.cut_out(photo) for photo in tqdm(photos, desc="domain", unit="photo")]
        sight = see(photos, cutouts, segmenter, model, framing(run))
        Domain.fit(sight, model, config.category).save(directory / DOMAIN)

    needs = (inverse_graphics_stage(run), framing_stage(run))
    return Stage("domain", compute, [*order, studio, use_weights(run, "photo segmenter")], needs)


def reconstructor(run: Run, photos: str | None = None) -> Reconstructor:
    """From a photograph to a mesh, with the networks of the run.

    Args:
        photos: who cuts photographs out instead of the run's own, as `load_segmenter` names them.
    """
    cut = photo_segmenter(run, photos)  # says what is missing before anything is computed
    camera = load_photo_camera(run.config.category, run.config.segmenter.photo_camera)
    camera = None if camera is None else camera.to(compute_device())
    return Reconstructor(inverse_graphics(run), cut, domain(run), framing(run), camera)


def domain_check(run: Run) -> DomainCheck:
    """How well `domain` tells fresh photographs from pictures that should be refused."""
    return DomainCheck.load(run.finish(domain_check_stage(run)) / CHECK)


def domain_check_stage(run: Run) -> Stage:
    needs_studio(run, "A test of the out-of-domain score")
    config, seed = run.config, DOMAIN_CHECK + run.config.seed
    order = (config.category, max(8, config.photos.test // CHECK_SHARE), seed, PHOTO_SIDE, config.studio.edition)

    def compute(directory: Path) -> None:
        judge = Reconstructor(inverse_graphics(run), photo_segmenter(run), domain(run), framing(run))
        check_domain(judge, *order).save(directory / CHECK)

    return Stage("domain_check", compute, [*order], (domain_stage(run),))


def unseen_pictures(run: Run, count: int) -> tuple[Tensor, Tensor]:
    """`count` pictures [n, 3, R, R] with one clear object that no network has learned from, and masks [n, 1, R, R].

    Test photos (fewer where fewer are clear); where the GAN has learned from other photos than the studio's, its own
    pictures of held-out objects, each in another view.
    """
    if run.config.has_studio:
        cut, few = segmenter(run), 16 * math.ceil(count / 8)  # nine of ten photos are clear: two for each will do
        photos, masks = clear_photos(cut, first_test_photos(run, few), count)
        if len(photos) < count:
            photos, masks = clear_photos(cut, test_photos(run), count)
        return photos.image(), masks
    dataset = multiview(run)
    content, view = dataset.kept_pictures(dataset.test_contents)
    chosen = torch.linspace(0, len(content) - 1, min(count, len(content))).long()
    return dataset.batch(content[chosen], view[chosen])


def stylegan_r(run: Run, mapping_only: bool = False) -> StyleGANR:
    """The neural renderer of section 3.3; `mapping_only` gives the state before the joint fine-tuning (Fig J)."""
    directory = run.finish(stylegan_r_stage(run))
    encoder = PropertyEncoder.of(inverse_graphics(run), segmenter(run))
    if mapping_only:
        return StyleGANR.load(directory / WARM, encoder, teacher(run)).to(compute_device())
    return StyleGANR.load(directory / FINAL, encoder).to(compute_device())


def stylegan_r_stage(run: Run, name: str = "stylegan_r", config: StyleGANRConfig | None = None) -> Stage:
    config, seed = config or run.config.stylegan_r, run.config.seed

    def compute(directory: Path) -> None:
        judge = discriminator(run) if config.weight_adversarial > 0 else None  # missing? then before what takes long
        dataset, multi = multiview(run), run.config.multiview
        train_stylegan_r(
            Pictures.of_dataset(dataset.images, dataset.masks, dataset.keep),
            dataset.train_contents.tolist(),
            dataset.content_w,
            dataset.view_w,
            dataset.split_layer,
            inverse_graphics(run).cameras().detach(),
            teacher(run),
            PropertyEncoder.of(inverse_graphics(run), segmenter(run)),
            config,
            directory,
            seed,
            on_orbit=view_codes(run).on_orbit,
            psi=multi.truncation,
            minimum_mask=multi.minimum_mask,
            discriminator=judge,
        )

    needs = (multiview_stage(run), inverse_graphics_stage(run))
    return Stage(name, compute, [config, seed], needs, shared=True)


def use_weights(run: Run, name: str) -> str:
    """Records "teacher", "views", "segmenter" or "photo segmenter" in the run's manifest; returns its SHA-256, which
    stages made with it need.

    Before that of a foreground network stands its kind: the same file may be prepared for in two ways. And before that
    of a segmenter the score from which its instances count, where that is another than by default.
    """
    if name in ("teacher", "views"):
        path, kind = {"teacher": teacher_file, "views": _views_file}[name](run), ""
    else:
        setting = segmenter_settings(run)[name]
        path, kind = segmenter_path(run, setting), foreground_kind(setting)
        score = run.config.segmenter.score
        kind += f" {score}" if name == "segmenter" and score != Segmenter.threshold else ""
    run.use_weights(f"{run.config.category}/{name}", path)
    return f"{kind} {sha256(path)}".lstrip()


def _only(config: ViewConfig, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(config, name) for name in names}
