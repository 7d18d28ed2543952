"""All that a configuration needs from outside, in one table: what is here, what is not, and how to get it."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ganverse_nb.config import Config
from ganverse_nb.gan.checkpoint import BUNDLED, WEIGHTS
from ganverse_nb.gan.fetch import NETWORKS
from ganverse_nb.inverse_graphics.perceptual import VGG16
from ganverse_nb.runtime.arrays import room_taken
from ganverse_nb.runtime.downloads import Weights
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.extras import missing_modules
from ganverse_nb.segmentation.mask_rcnn import COCO, bundled_path, has_coco_label
from ganverse_nb.segmentation.rembg_network import DEFAULT
from ganverse_nb.segmentation.rembg_network import NETWORKS as REMBG
from ganverse_nb.workflow.configuration import means, run_directory
from ganverse_nb.workflow.inputs import LABELLED, clicks_file, has_own_masks, mask_source
from ganverse_nb.workflow.keypoints import PLACED, has_bundled, is_annotated
from ganverse_nb.workflow.marks import COMPLETE
from ganverse_nb.workflow.places import ONNX, is_path
from ganverse_nb.workflow.weights import named_weights

SETS = {  # folders of annotated photographs -> where to get them, and how large they are
    "PASCAL3D+_release1.1": ("https://cvgl.stanford.edu/projects/pascal3d.html", "7.5 GB"),
    "CUB_200_2011": ("https://www.vision.caltech.edu/datasets/cub_200_2011/", "1.2 GB"),
}
UNKNOWN = "some hundred MB"


@dataclass(frozen=True)
class Need:
    """One thing that a configuration needs.

    Attributes:
        name: GAN, view codes, masks, LPIPS, photographs, ...
        what: which one, or where it lies or is to lie.
        size: in words; "" where that says nothing.
        here: whether it is there, or will be made by the run itself.
        command: what gets it.
        only: the notebook that alone needs it; "" where nothing goes on without it.
    """

    name: str
    what: str
    size: str
    here: bool
    command: str
    only: str = ""

    @property
    def state(self) -> str:
        """here, missing, or missing for one notebook."""
        return "here" if self.here else f"missing for {self.only}" if self.only else "MISSING"


def needs(config: Config, runs: str | Path = "runs") -> list[Need]:
    """Everything that comes from outside of the run, in the order in which it is needed; nothing is written.

    Raises:
        ExpectedError: a file of weights is damaged.
    """
    directory = run_directory(config, runs)
    found = [*_pictures(config), _gan(config, directory), _views(config, directory)]
    found += [*_masks(config, directory), *_perceptual(config), *_annotated(config), _keypoints(config, directory)]
    return [*found, _disk(config, directory)]


def missing(found: Sequence[Need]) -> list[Need]:
    """Those without which nothing goes on."""
    return [need for need in found if not need.here and not need.only]


def check_needs(config: Config, runs: str | Path = "runs", refuse: bool = True) -> None:
    """Says all that is missing at once, before anything takes long.

    Args:
        refuse: where nothing goes on without something; else that is only said, as some notebooks may do without.

    Raises:
        ExpectedError: something is missing.
    """
    found = needs(config, runs)
    if all(need.here or need.only for need in found):
        return
    print(table(found), flush=True)
    if refuse:
        names = ", ".join(need.name for need in missing(found))
        raise ExpectedError(
            f"Not begun, as these are missing: {names}; the table above says how to get each, and `ganverse check "
            f"{means(config, runs)}` looks again."
        )


def table(found: Sequence[Need]) -> str:
    """The needs for people, one line each, in columns."""
    rows = [("needed", "state", "size", "what"), *((n.name, n.state, n.size, n.what) for n in found)]
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    lines = ["  ".join([*(cell.ljust(w) for cell, w in zip(row, widths)), row[3]]).rstrip() for row in rows]
    for index, need in reversed(list(enumerate(found, 1))):
        if not need.here:
            lines.insert(index + 1, f"{'':{widths[0]}}  -> {need.command}")
    return "\n".join(lines)


def _command(name: str, config: Config, directory: Path) -> str:
    """A command of the run whose directory this is, or is to be."""
    return f"ganverse {name} {means(config, directory.parent)}"


def _size(path: Path) -> str:
    size = path.stat().st_size if path.is_file() else 0
    return f"{size / 1e6:.0f} MB" if size >= 5e5 else f"{size / 1e3:.0f} kB" if size else ""


def _pictures(config: Config) -> list[Need]:
    if not config.kind.is_own or config.gan.network != "trained":
        return []
    folder = config.kind.images
    command = f"--images FOLDER, or images in {config.kind.source or 'the file of the category'}"
    return [Need("pictures", folder or "a folder of pictures", "", bool(folder) and Path(folder).is_dir(), command)]


def _gan(config: Config, directory: Path) -> Need:
    network = config.gan.network
    if network in BUNDLED:
        path = WEIGHTS / config.category / f"{BUNDLED[network]}.safetensors"
        return Need("GAN", "comes with the package", _size(path), path.is_file(), "install the package again")
    if network == "trained":
        made = (directory / "gan" / COMPLETE).exists()
        own = bool(config.kind.images)  # which `reproduce` trains on by itself
        what = "this run's own" if made else "trained by this run" if own else f"to be trained into {directory / 'gan'}"
        return Need("GAN", what, "", made or own, _command("train-gan", config, directory))
    path = Path(network)
    command = f"ganverse import-gan FILE --output {path}, or ganverse train-gan and another gan.network"
    official = path.stem in {Path(file).stem for file in NETWORKS.values()}
    if official:
        command = _command("fetch-weights", config, directory)
    here = path.is_file()
    return Need("GAN", str(path), _size(path) if here else UNKNOWN if official else "", here, command)


def _views(config: Config, directory: Path) -> Need:
    codes, command = config.views.codes, _command("choose-views", config, directory) + " --split-layer 2"
    if is_path("views.codes", codes):
        command += f" --output {shlex.quote(codes)}"
    if codes == "bundled":
        path = WEIGHTS / config.category / "views.safetensors"
        return Need("view codes", "come with the package", _size(path), path.is_file(), command)
    if codes == "labelled":
        path = directory / LABELLED
        command = (
            f"notebook 02 with profile = {config.profile!r}, category = {config.category!r}: a click for each view code"
        )
        return Need("labels", f"{_view_count(config)} view codes, in {path}", "", path.is_file(), command)
    if is_path("views.codes", codes):
        return Need("view codes", codes, _size(Path(codes)), Path(codes).is_file(), command)
    by = {"chosen": "by the pose regressor", "suggested": "from silhouettes"}[codes]
    return Need("view codes", f"{codes} {by}, by this run", "", True, command)


def _view_count(config: Config) -> int:
    """How many view codes there are, or are to be."""
    views = config.views
    return views.views + (0 if views.codes in ("labelled", "suggested") else len(views.tiers) * views.tier_views)


def _masks(config: Config, directory: Path) -> list[Need]:
    setting, kind = mask_source(config, directory), config.kind
    if setting == "trained" and config.segmenter.weights in ("auto", "trained") and has_own_masks(kind):
        return [Need("masks", "a segmenter trained on your masked pictures, by this run", "", True, "")]
    clicks = clicks_file(setting, directory)
    if clicks is not None:
        command = (
            f"notebook 02 with profile = {config.profile!r}, category = {config.category!r}: ten clicks on one object"
        )
        return [Need("masks", f"clicks on the GAN's pictures, in {clicks}", "", clicks.is_file(), command)]
    if setting == "features":
        return [Need("masks", "clusters of the GAN's features, by this run", "", True, "")]
    if kind.is_own and config.segmenter.weights == "auto" and setting in ("rembg", "coco"):
        return [_published("masks", REMBG[DEFAULT] if setting == "rembg" else COCO)]
    if setting == "trained":
        made = (directory / "segmenter" / COMPLETE).exists()
        trains = _command("train-segmenter", config, directory)
        return [Need("masks", f"{directory / 'segmenter'}", "", made, trains)]
    if setting and is_path("segmenter.weights", setting):
        path = Path(setting.removeprefix(ONNX))
        return [Need("masks", str(path), _size(path), path.is_file(), f"put the file at {path}")]
    weights = [w for w in named_weights(config) if w != VGG16]
    if not weights or (COCO in weights and not has_coco_label(kind)):
        path = bundled_path(config.category)
        if path.is_file():
            return [Need("masks", "the package's segmenter", _size(path), True, "")]
        advice = (
            'masks beside the pictures, --set segmenter.weights=rembg, coco = "WORD" in the category\'s file, or ten '
            "clicks on the GAN's pictures (--set segmenter.weights=clicks, notebook 02)"
        )
        return [Need("masks", "nobody can cut these objects out yet", "", False, advice)]
    return [_published("masks", w) for w in weights]


def _published(name: str, weights: Weights) -> Need:
    return Need(name, weights.name, f"{weights.megabytes} MB", weights.find() is not None, weights.command)


def _perceptual(config: Config) -> list[Need]:
    if config.inverse.perceptual_backbone != "lpips":
        return []
    package = Need("LPIPS", "the package lpips", "", not missing_modules(["lpips"]), "pip install 'ganverse_nb[train]'")
    vgg = [_published("VGG16", w) for w in named_weights(config) if w == VGG16]
    return [package, *vgg]


def _annotated(config: Config) -> list[Need]:
    folder = config.photo_model.photographs
    if not folder:
        return []
    address, size = SETS.get(Path(folder).name, ("put the folder of the data set there", ""))
    command = f"download {address} and unpack it there" if size else address
    return [Need("photographs", folder, size, Path(folder).is_dir(), command, "notebook 05")]


def _keypoints(config: Config, directory: Path) -> Need:
    bundled, placed = WEIGHTS / config.category / "keypoints.json", directory / PLACED
    own = is_annotated(placed)
    here = own or (bundled.is_file() and has_bundled(config))
    what = str(placed) if own or not here else "come with the package"
    size = _size(placed if own else bundled) if here else ""
    return Need("keypoints", what, size, here, "the labeller of notebook 03", "notebook 03")


def _disk(config: Config, directory: Path) -> Need:
    """Room for the multi-view dataset, the largest that a run keeps; what f says of it comes and goes."""
    count = config.multiview.contents * _view_count(config)
    wanted = count * 4 * config.resolution**2  # a byte for each colour and the mask
    made = (directory / "multiview" / COMPLETE).exists()
    place = next(p for p in [directory, *directory.absolute().parents] if p.exists())
    free, taken = shutil.disk_usage(place).free, room_taken(directory / "multiview.partial")
    height, width = config.inverse.texture_size
    later = f"up to {count * 3 * height * width / 1e9:.1f} GB more while StyleGAN-R is trained"
    begun = f" ({taken / 1e9:.1f} GB of it are taken)" if taken else ""  # all at once, by a run that was interrupted
    what = f"for the multi-view pictures{begun}, and {later}; {free / 1e9:.0f} GB are free in {place}"
    here = made or free + taken > wanted
    return Need("disk", what, f"{wanted / 1e9:.1f} GB", here, "free some space, or --runs elsewhere")
