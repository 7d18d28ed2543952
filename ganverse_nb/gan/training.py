"""Training the StyleGAN2 teacher, resumable bit for bit.

    train_gan(photos, config.gan, directory, seed=0, partners=nearest_views(camera.axes()[:, 2]))

or, with processes that share each batch, in a program started by `torchrun --nproc_per_node 2` (two processors) or
`accelerate launch` (every GPU).

`directory` then holds `teacher.safetensors` (the averaged generator and the discriminator), `metrics.jsonl`, `grids/`
and `state.pt`, from which the same call goes on after an interruption. `start` begins with the networks that
another training shipped instead of random ones, with fresh optimisers; its pictures count, unless they showed
something else (`counted`).
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.config import GanConfig
from ganverse_nb.gan.beginning import check_beginning
from ganverse_nb.gan.checkpoint import (
    CheckpointError,
    load_generator,
    provenance,
    resolve,
    save_networks,
)
from ganverse_nb.gan.graphed import GraphedSteps
from ganverse_nb.gan.rehearsal import tell
from ganverse_nb.gan.snapshots import save_grid
from ganverse_nb.gan.trainer import GanTrainer
from ganverse_nb.runtime.files import sha256
from ganverse_nb.runtime.memory import keep_freed_memory
from ganverse_nb.runtime.precision import without_denormals
from ganverse_nb.runtime.team import Team

TEACHER = "teacher.safetensors"


def train_gan(
    photos: Tensor,
    config: GanConfig,
    directory: str | Path,
    seed: int = 0,
    *,
    partners: Tensor | None = None,
    images: int | None = None,
    start: str | Path | None = None,
    counted: bool = True,
    snapshot_every: int = 10_000,
    device: str | torch.device = "cpu",
    command: str | None = None,
    progress: bool = True,
) -> Path:
    """Train until `images` real pictures were shown (default `config.images`), from the state in `directory` if any.

    Args:
        photos: uint8 [N, 3, R, R].
        partners: int64 [N, K] other photos of each photo's view, for `pair_weight` (see `gan.view_pairs`).
        start: a bundled name or a file of `save_networks` to begin with, instead of random networks.
        counted: whether the pictures that it has seen count.
        snapshot_every: pictures between grids, lines of metrics and files of the teacher, each with a checkpoint.
        command: how this was started, for the provenance (default: the process' arguments).

    Returns:
        Path of `teacher.safetensors`.

    Raises:
        ValueError: photos or configuration that cannot be used. CheckpointError: a state that is damaged, or of another
            configuration, seed, beginning, or other photos.
        DivergedError: the training came to numbers that are not finite; its last finite state is kept.
    """
    team = Team.from_environment()
    directory = Path(directory)
    (directory / "grids").mkdir(parents=True, exist_ok=True)
    goal = config.images if images is None else images
    keep_freed_memory()
    trainer = GanTrainer(photos, config, seed, device, team, partners)
    teacher = directory / TEACHER
    check_frozen(config, start)
    if start is not None:
        check_start(start, config, goal if counted else None)
        trainer.begun = sha256(resolve(start))
        trainer.keep_to(start)
    checkpoints = trainer.checkpoints(directory)
    sums: dict[str, list[float]] = {}  # losses since the last line of metrics

    def restore(state: dict[str, Any]) -> None:
        trainer.restore(state)
        sums.update(state.get("sums", {}))

    try:
        if checkpoints.resume(restore) == 0 and start is not None:
            trainer.start_from(start, counted)
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    where = {"command": command or " ".join(sys.argv), "seed": seed, "commit": _commit(), "config": asdict(config)}
    where |= {"photos": len(photos), "torch": torch.__version__}
    if start is not None:
        where["start"] = {"sha256": trainer.begun} | provenance(start)

    def snapshot(metrics: dict[str, float]) -> None:
        """What belongs to this step: the state last, so that whatever is missing after a kill is made again."""
        state = trainer.state()
        checkpoints.check(trainer.steps, metrics | state)
        if team.is_main:
            checkpoints.log(trainer.steps, images=trainer.images, **metrics)
            save_grid(directory / "grids" / f"{trainer.images:08d}.png", trainer.average, seed)
            save_networks(teacher, trainer.average, trainer.discriminator, where | {"images": trainer.images})
            checkpoints.save(trainer.steps, **state)

    tell(trainer, directory, (goal - trainer.images) // config.batch)
    step = trainer.step
    if trainer.device.type == "cuda" and team.size == 1:
        torch.backends.cudnn.benchmark = True
        step = GraphedSteps(trainer)
    started, done = time.perf_counter(), trainer.images
    quiet = not (progress and team.is_main)
    shown = tqdm(total=goal, initial=trainer.images, unit="img", disable=quiet, smoothing=0.02)
    with without_denormals(), shown as bar:
        while trainer.images < goal:
            found = step()
            losses = dict(zip(found, torch.stack(list(found.values())).tolist()))  # one wait for a GPU, not seven
            left_out = losses.pop("left_out", 0.0)
            checkpoints.check(trainer.steps, losses)
            if left_out:
                checkpoints.left_out(trainer.steps)
            for key, value in losses.items():
                sums.setdefault(key, []).append(value)
            bar.update(config.batch)
            if trainer.steps % 10 == 0:
                bar.set_postfix({k: f"{v[-1]:.2f}" for k, v in sums.items()}, refresh=False)
            crossed = trainer.images // snapshot_every > (trainer.images - config.batch) // snapshot_every
            if crossed or trainer.images >= goal:
                now = time.perf_counter()
                metrics = {key: sum(values) / len(values) for key, values in sums.items()}
                snapshot(metrics | {"images_per_second": (trainer.images - done) / (now - started)})
                sums.clear()
                started, done = time.perf_counter(), trainer.images
            elif checkpoints.due():
                checkpoints.save(trainer.steps, **trainer.state(), sums=sums)
    if team.is_main and not _is_of(teacher, trainer.images):
        save_networks(teacher, trainer.average, trainer.discriminator, where | {"images": trainer.images})
    team.wait()
    return teacher


def _is_of(teacher: Path, images: int) -> bool:
    """Whether a file holds the networks after so many pictures: one that was killed may have left others, or none."""
    try:
        return load_generator(teacher) is not None and provenance(teacher).get("images") == images
    except (FileNotFoundError, CheckpointError):
        return False


def check_frozen(config: GanConfig, start: str | Path | None) -> None:
    """Whether what is to stay as it is has been learned by anybody, and something is left to learn.

    Raises:
        ValueError: random weights would stay, or all of them. FileNotFoundError, CheckpointError: no such networks.
    """
    if config.frozen_below and start is None:
        raise ValueError("gan.frozen_below keeps what a training begins with: give that (--from car), or set it to 0.")
    if config.keep_weight and not config.frozen_below:
        raise ValueError("gan.keep_weight keeps pictures of the same codes: freeze these, too, by gan.frozen_below.")
    if config.frozen_below and start is not None:
        learned = min(config.resolution, 2 * load_generator(start).resolution)
        if config.frozen_below > learned:
            raise ValueError(
                f"gan.frozen_below is at most {learned} for {config.resolution} px begun with {start}, got "
                f"{config.frozen_below}: blocks that nobody has trained must learn."
            )


def check_start(source: str | Path, config: GanConfig, goal: int | None) -> None:
    """Whether a training of `goal` pictures can go on from these networks; None where theirs do not count.

    Raises:
        FileNotFoundError, CheckpointError: as `check_beginning`.
        ValueError: they have seen that many pictures already.
    """
    check_beginning(source, config)
    seen = int(provenance(source).get("images", 0))
    if goal is not None and seen >= goal:
        raise ValueError(f"{source} has seen {seen} pictures already; ask for more, as in --set gan.images={2 * seen}.")


def _commit() -> str:
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):  # no git, or no checkout
        return "unknown"
