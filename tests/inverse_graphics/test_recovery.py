"""Cameras that begin at a wrong place, and one that is told where to begin."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ganverse_nb.config import load_config
from ganverse_nb.geometry.angles import angle_error, wrap_degrees
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.inverse_graphics.camera_head import Pose
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.recovery import read_curve, recover_cameras, shortened
from ganverse_nb.inverse_graphics.training import new_model


def test_wrong_azimuths_are_taken_back(world, tmp_path):
    """Known cameras, made wrong by up to 20 degrees, without any label."""
    config = load_config("mini", initialization__camera_share=1.0, inverse__camera_lr=1e-2, inverse__lr=1e-3)
    config = replace(shortened(config, 120), pairs=3, texture_size=(32, 64))
    true = Camera.orbit(world.azimuth, 12.0, 2.3)
    model = recover_cameras(world.dataset, true, 20.0, config, tmp_path)
    curve = read_curve(tmp_path)
    assert [row["step"] for row in curve] == [0, 50, 100, 120]
    assert 4 < curve[0]["azimuth_error"] < 20 and curve[-1]["azimuth_error"] < 0.6 * curve[0]["azimuth_error"]
    assert curve[0]["elevation_error"] == pytest.approx(4)
    found = angle_error(model.cameras().azimuth.detach(), world.azimuth).mean
    assert found == pytest.approx(curve[-1]["azimuth_error"], abs=1e-3)


def test_initial_cameras_are_where_the_training_begins(world):
    start = Pose(world.azimuth + 3, torch.full((6,), 11.0), torch.full((6,), 2.1), torch.full((6, 2), 0.02))
    config = shortened(load_config("smoke"))
    cameras = LearnableCameras.of(start.camera(30.0), learned=True)
    camera = new_model(world.dataset, config, 0, cameras).cameras().detach()
    assert all(parameter.requires_grad for parameter in cameras.parameters())
    assert wrap_degrees(camera.azimuth - world.azimuth - 3).abs().max() < 1e-3
    assert (camera.elevation - 11).abs().max() < 1e-4 and (camera.distance - 2.1).abs().max() < 1e-5
    assert (camera.position - start.camera(30.0).position).norm(dim=-1).max() < 1e-5
    few = Pose(*(t[:4] for t in (start.azimuth, start.elevation, start.distance, start.shift)))
    with pytest.raises(ValueError, match="4 cameras for 6 view codes; give one for each"):
        new_model(world.dataset, config, 0, LearnableCameras.of(few.camera(30.0)))
