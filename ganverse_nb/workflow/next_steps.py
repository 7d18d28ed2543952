"""What to do after a command: the next one, for the same run, with the options that it needs."""

from __future__ import annotations

import shlex
from pathlib import Path

from ganverse_nb.config import as_json
from ganverse_nb.runtime.shipped import Shipped, is_shipped
from ganverse_nb.workflow.configuration import as_option, run_config, run_directory
from ganverse_nb.workflow.run import Run


def options_of(run: Run | str) -> str:
    """The options that mean a run, or networks that come with the package ("car", "car-128"), in a later command."""
    if isinstance(run, str):
        made = Shipped.of(run).facts["config"]
        return f"--category {made['category']}" + ("" if made["profile"] == "mini" else f" --profile {made['profile']}")
    config = run.config
    default = run_directory(run_config("mini", config.kind, 0, "nowhere"), "runs")
    if run.directory == default and is_shipped(as_json(config)):
        return f"--category {config.category}"
    return run.option


def after(command: str, run: Run | str, file: Path | str = "", gan: str | None = None) -> str:
    """The line with which a command ends.

    Args:
        command: that has ended.
        run: which it worked on, or the name of the package's networks.
        file: that it wrote, or took.
        gan: that it was about, where that is not the run's.
    """
    of_gan, with_gan = (f" --gan {shlex.quote(gan)}", f" {as_option('gan.network', gan)}") if gan else ("", "")
    means, path = options_of(run), shlex.quote(str(file))
    own = isinstance(run, Run) and run.config.kind.is_own
    uses_gan = isinstance(run, Run) and run.config.gan.network == "trained"
    trained = f"choose-views {means} --gan {path}"
    if isinstance(run, Run) and run.config.gan.frozen_below and run.config.views.codes == "bundled":  # they hold on
        trained = f"check {means} --runs elsewhere --set gan.network={path}"
    following = {
        "reproduce": f"reconstruct photo.jpg {means} --out mesh.glb",
        "train-gan": f"reproduce {means}" if uses_gan else trained,
        "train-segmenter": f"reproduce {means}" if own else f"config {means} --set segmenter.weights={path}",
        "train-segmenter --photographs": f"reconstruct photo.jpg {means} --segmenter {path} --out mesh.glb",
        "compute": f"reproduce {means}",
        "train-camera": f"reconstruct photo.jpg {means} --photo-camera {path} --out mesh.glb",
        "train-pose": f"choose-views {means}",
        "measure-views": f"choose-views {means}{of_gan} --split-layer K",
        "choose-views": f"check {means} --runs elsewhere{with_gan} --set views.codes={path}",
        "measure-gan": f"reproduce {means}" if uses_gan else f"train-gan {means}",
        "project": f"edit {path} {means} --azimuth 120 --fit",
        "fetch-weights": f"check {means}",
        "reconstruct": f"edit {path} {means} --azimuth 120 --fit",
        "edit": f"reconstruct {path} {means}",
        "score-photos": f"reproduce {means} --only 12",
        "ground-truth-views": f"score-meshes {path} {means}",
        "score-meshes": f"reproduce {means} --only 05,07",
        "bundle": f"reconstruct photo.jpg {means} --out mesh.glb",
    }
    return f"next: ganverse {following[command]}"
