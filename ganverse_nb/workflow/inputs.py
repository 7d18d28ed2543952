"""What a run begins with: which teacher, whose labels, what the studio is asked for, and the device."""

from __future__ import annotations

from pathlib import Path

from ganverse_nb.categories import Category
from ganverse_nb.config import Config
from ganverse_nb.data.masked_folder import kind_of_masks
from ganverse_nb.gan.checkpoint import BUNDLED, bundled, provenance
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.segmentation.mask_rcnn import COCO, has_coco_label
from ganverse_nb.segmentation.rembg_network import DEFAULT, NETWORKS
from ganverse_nb.workflow.marks import COMPLETE
from ganverse_nb.workflow.places import CLICKS, FROM_FEATURES
from ganverse_nb.workflow.run import Run

LABELLED = "labelled_views.safetensors"  # in the run's directory; notebook 02 writes it
CLICKED = "my_clicks.json"  # the same
FEATURE_SEGMENTER = "feature_segmenter"  # the stage that teaches a segmenter by the GAN's features


def check_bundled(config: Config) -> None:
    """Whether the package has what the configuration asks of it, before anything is written.

    Raises:
        FileNotFoundError: it has not; the message says how to make it.
    """
    if config.gan.network in BUNDLED:
        bundled(config.category, BUNDLED[config.gan.network])
    if config.views.codes == "bundled":
        bundled(config.category, "views")


def teacher_file(run: Run) -> Path:
    """The file of the StyleGAN2 that `gan.network` names.

    Raises:
        FileNotFoundError, ExpectedError: there is none; the message says how to get it.
    """
    config = run.config
    if config.gan.network in BUNDLED:
        return bundled(config.category, BUNDLED[config.gan.network])
    if config.gan.network == "trained":
        if not run.is_complete("gan"):
            command = run.again("train-gan")
            raise ExpectedError(f"{run.directory} has no GAN of its own yet; train it first with `{command}`.")
        return run.directory / "gan" / "teacher.safetensors"
    path = Path(config.gan.network)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no GAN at {path} (setting gan.network): `ganverse fetch-gan` and `ganverse import-gan` bring "
            "NVIDIA's there, `ganverse train-gan` trains one of your own."
        )
    return path


def has_own_masks(kind: Category) -> bool:
    """Whether a user's pictures bring their masks: an alpha channel, or files beside them."""
    return bool(kind.images) and Path(kind.images).is_dir() and bool(kind_of_masks(kind.images))


def mask_source(config: Config, directory: Path) -> str:
    """The setting `segmenter.weights`, of a user's category with "auto" decided: who is here and can cut objects out.

    In this order: a segmenter trained on pictures that bring their masks, rembg, COCO's network where it has a word for
    the objects, clicks on the GAN's pictures; "" where there is none of these.
    """
    setting, kind = config.segmenter.weights, config.kind
    if setting != "auto" or not kind.is_own:
        return setting
    if (directory / "segmenter" / COMPLETE).exists() or has_own_masks(kind):
        return "trained"
    if NETWORKS[DEFAULT].find() is not None:
        return "rembg"
    if COCO.find() is not None and has_coco_label(kind):
        return "coco"
    return "clicks" if (directory / CLICKED).is_file() else ""


def is_from_features(source: str) -> bool:
    """Whether a `mask_source` means masks from the GAN's own features: "clicks", "clicks:FILE" or "features"."""
    return source in FROM_FEATURES or source.startswith(CLICKS)


def clicks_file(source: str, directory: Path) -> Path | None:
    """The file of clicks that a `mask_source` means: the one it names, or that of notebook 02; None for any other."""
    if source.startswith(CLICKS):
        return Path(source.removeprefix(CLICKS))
    return directory / CLICKED if source == "clicks" else None


def segmenter_weights(run: Run) -> str:
    """What `load_segmenter` takes for the GAN's pictures: the `mask_source`, or the file of what this run has trained.

    Raises:
        ExpectedError: none is trained yet; the message says how.
    """
    source = mask_source(run.config, run.directory) or "coco"  # which says what to do
    if source != "trained" and not is_from_features(source):
        return source
    stage = "segmenter" if source == "trained" else FEATURE_SEGMENTER
    if not run.is_complete(stage):
        command = run.again("train-segmenter")
        raise ExpectedError(f"{run.directory} has no segmenter of its own yet; train it first with `{command}`.")
    return str(run.directory / stage / "segmenter.safetensors")


def images_seen(run: Run) -> int | None:
    """How many real pictures the teacher was shown in its training; None where its file does not say."""
    seen = provenance(teacher_file(run)).get("images")
    return None if seen is None else int(seen)


def labelled_views(run: Run) -> Path:
    """Where the view codes that a person labels in notebook 02 are kept."""
    return run.directory / LABELLED


def needs_studio(run: Run, what: str) -> None:
    """Whether `what`, which is measured with the studio's photos, means anything in this run.

    Raises:
        ExpectedError: the GAN's pictures are not like the studio's.
    """
    if not run.config.has_studio:
        raise ExpectedError(
            f"{what} cannot be had in profile {run.config.profile}: it comes from photos of the studio, and "
            f"{run.config.gan.network} has learned from others; skip what needs it."
        )
