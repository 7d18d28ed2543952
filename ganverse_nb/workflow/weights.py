"""All that a profile needs of others' weights, brought beforehand: `ganverse fetch-weights`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ganverse_nb.config import Config
from ganverse_nb.evaluation.fid import INCEPTION
from ganverse_nb.gan.checkpoint import BUNDLED
from ganverse_nb.gan.convert import import_gan
from ganverse_nb.gan.fetch import LICENCE, NETWORKS, fetch_gan
from ganverse_nb.inverse_graphics.perceptual import VGG16
from ganverse_nb.runtime.downloads import Weights, agreed
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.segmentation import rembg_network
from ganverse_nb.segmentation.mask_rcnn import COCO, foreground_kind

WEIGHTS: dict[str, Weights] = {
    weights.key: weights for weights in (COCO, VGG16, INCEPTION, *rembg_network.NETWORKS.values())
}


def named_weights(config: Config) -> list[Weights]:
    """Those that the settings ask for by name; what is "auto" is used where it is, and never downloaded."""
    segmenter = config.segmenter.weights
    named: list[Weights] = []
    if segmenter == "coco":
        named.append(COCO)
    if foreground_kind(segmenter).startswith("rembg"):
        named.append(rembg_network.network_of(segmenter))
    if config.inverse.perceptual_backbone == "lpips":
        named.append(VGG16)
    return named


def offer_weights(config: Config) -> None:
    """Downloads what the settings ask for by name, if they allow it or the person at the terminal agrees.

    For what computes where nobody can be asked, as notebooks do. Without agreement the stage that needs it refuses.

    Raises:
        ExpectedError: a file is damaged, or a download failed.
    """
    for weights in named_weights(config):
        if weights.find() is None and (config.weights.download or agreed(weights.question)):
            weights.get(download=True)


def fetch_weights(
    config: Config, names: Sequence[str] = (), yes: bool = False, say: Callable[[str], None] = print
) -> None:
    """Says what is here and what is missing, and downloads that after one question.

    Args:
        names: keys of `WEIGHTS`, instead of what the configuration needs.
        yes: do not ask.
        say: gets each line for the user.

    Raises:
        ExpectedError: unknown name, nobody agreed, a damaged file, or a download that failed.
    """
    unknown = [name for name in names if name not in WEIGHTS]
    if unknown:
        raise ExpectedError(f"No weights {unknown[0]!r}; there are {', '.join(WEIGHTS)}.")
    missing = []
    for weights in [WEIGHTS[name] for name in names] or named_weights(config):
        if weights.find() is None:
            missing.append(weights)
            say(f"missing: {weights.name} ({weights.megabytes} MB), goes to {weights.path}")
        else:
            say(f"here:    {weights.name}, {weights.path}")
    network = None if names else _official_network(config, say)
    if not missing and network is None:
        say("nothing to download")
        return
    total = f"{sum(weights.megabytes for weights in missing)} MB" if missing else ""
    what = " and ".join(filter(None, [total, network and "NVIDIA's network"]))
    if not (yes or agreed(f"Download {what}?")):
        raise ExpectedError("Nothing was downloaded: answer with y, or give the same command with --yes.")
    for weights in missing:
        say(f"fetched: {weights.name}, {weights.get(download=True)}")
    if network is not None:
        target = Path(config.gan.network)
        made, _ = import_gan(fetch_gan(network, target.parent, say=say), target)
        say(f"fetched: NVIDIA's network of category {config.category}, {made}")


def _official_network(config: Config, say: Callable[[str], None]) -> str | None:
    """Which of NVIDIA's networks is still to be fetched, if the settings name one; says where it is or goes."""
    path = Path(config.gan.network)
    if config.gan.network in ("trained", *BUNDLED):
        return None
    if path.is_file():
        say(f"here:    the GAN, {path}")
        return None
    official = {Path(file).stem: name for name, file in NETWORKS.items()}
    if path.stem not in official:
        say(
            f"by hand: the GAN, {path}: nobody publishes it; `ganverse train-gan` trains one, `ganverse import-gan` "
            "converts another"
        )
        return None
    say(f"missing: NVIDIA's GAN (some hundred MB; {LICENCE}), goes to {path}")
    return official[path.stem]
