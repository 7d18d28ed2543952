"""Trainings from wrong initial cameras: how many of their degrees the optimisation takes back (appendix D)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ganverse_nb.config import Config, InverseGraphicsConfig
from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.geometry.angles import angle_error
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.training import PHASE, train_inverse_graphics
from ganverse_nb.runtime.checkpoints import METRICS, read_metrics
from ganverse_nb.runtime.files import read_json, write_json

START = "start.json"


def shortened(config: Config, steps: int | None = None) -> InverseGraphicsConfig:
    """The settings of inverse graphics for the trainings that compare initial cameras.

    f and cameras for `steps` (`config.initialization.steps`), without perceptual term and camera head.
    """
    steps = config.initialization.steps if steps is None else steps
    share = config.initialization.camera_share
    return replace(
        config.inverse, steps=steps, perceptual_after=steps, robust_steps=0, head_steps=0, camera_share=share
    )


def recover_cameras(
    dataset: MultiViewDataset,
    true: Camera,
    noise: float,
    config: InverseGraphicsConfig,
    directory: Path,
    seed: int = 0,
    device: str = "cpu",
) -> InverseGraphicsModel:
    """Train from azimuths that are up to `noise` degrees wrong; elevation and distance start at the constants of all.

    The metrics of the training get `azimuth_error` and `elevation_error`, mean absolute degrees over the views.

    Args:
        true: the V cameras that the pictures of `dataset` were taken with.

    Raises:
        ValueError: another number of cameras than views.
    """
    if len(true) != dataset.num_views:
        raise ValueError(f"recover_cameras: {len(true)} cameras for {dataset.num_views} views.")
    wrong = noise * (2 * torch.rand(len(true), generator=torch.Generator().manual_seed(seed)) - 1)
    fov = float(true.fov[0])
    start = Camera.orbit(true.azimuth + wrong, config.initial_elevation, config.initial_distance, fov)

    def errors(azimuth: Tensor, elevation: Tensor) -> dict[str, float]:
        height = (elevation - true.elevation).abs().mean()
        return {"azimuth_error": angle_error(azimuth, true.azimuth).mean, "elevation_error": float(height)}

    def watch(model: InverseGraphicsModel) -> dict[str, float]:
        camera = model.cameras().detach()
        return errors(camera.azimuth.cpu(), camera.elevation.cpu())

    write_json(directory / START, {"step": 0, **errors(start.azimuth, start.elevation)}, sealed=True)
    cameras = LearnableCameras.of(start, learned=True)
    return train_inverse_graphics(dataset, config, directory, None, seed, device, cameras=cameras, watch=watch)


def read_curve(directory: Path) -> list[dict[str, float]]:
    """What `recover_cameras` logged, from step 0 on."""
    return [read_json(directory / START), *read_metrics(directory / METRICS, PHASE)]
