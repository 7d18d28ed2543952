"""The pose regressor learns a known angle and mirrors it correctly."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.config import ViewConfig
from ganverse_nb.gan import pose
from ganverse_nb.gan.checkpoint import CheckpointError
from ganverse_nb.gan.pose import PoseRegressor, azimuth_error, train_regressor
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.runtime import demand
from ganverse_nb.runtime.errors import DivergedError


def pictures(azimuth, elevation=14.0):
    """A disc at (sin, -cos) around the middle: azimuth 0 is up; mirroring negates it, as for a car. A larger elevation
    makes it larger.
    """
    angle = torch.deg2rad(azimuth)[:, None, None]
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    size = torch.as_tensor(elevation).float().reshape(-1, 1, 1) / 14
    disc = torch.exp(-12 / size * ((x - 0.6 * angle.sin()) ** 2 + (y + 0.6 * angle.cos()) ** 2))
    return (disc[:, None].expand(-1, 3, -1, -1) * 200 + 30).to(torch.uint8)


@pytest.fixture(scope="module")
def regressor():
    rng = torch.Generator().manual_seed(0)
    azimuth, elevation = 360 * torch.rand(256, generator=rng) - 180, 4 + 20 * torch.rand(256, generator=rng)
    config = ViewConfig(regressor_steps=60, regressor_batch=32)
    camera = Camera.orbit(azimuth, elevation)
    return train_regressor(pictures(azimuth, elevation), camera, config, seed=0, progress=False)


def test_it_reads_the_angle(regressor):
    azimuth = torch.arange(-180, 180, 7.0)
    images = pictures(azimuth).float() / 255
    error = azimuth_error(regressor, images, azimuth)
    assert error.shape == azimuth.shape and float(error.median()) < 12
    assert float(azimuth_error(regressor, images, azimuth + 180).median()) > 150
    mirrored = azimuth_error(regressor, images.flip(3), -azimuth)
    assert float(mirrored.median()) < 12


def test_it_reads_the_elevation(regressor):
    elevation = torch.arange(5, 24, 0.5)
    read = regressor.pose(pictures(torch.arange(38.0) * 9 - 170, elevation).float() / 255).elevation
    assert float((read - elevation).abs().median()) < 3
    assert float(torch.corrcoef(torch.stack([read, elevation]))[0, 1]) > 0.8


def test_other_sizes_are_resampled(regressor):
    azimuth = torch.arange(-180, 180, 30.0)
    images = pictures(azimuth).float() / 255
    large = torch.nn.functional.interpolate(images, scale_factor=2, mode="bilinear")
    difference = azimuth_error(regressor, large, regressor.pose(images).azimuth)
    assert float(difference.max()) < 10


def test_file_round_trip(regressor, tmp_path):
    regressor.provenance = {"seed": 0}
    regressor.save(tmp_path / "pose.safetensors")
    assert (tmp_path / "pose.safetensors").stat().st_size < 3e6
    read = PoseRegressor.load(tmp_path / "pose.safetensors")
    images = torch.rand(8, 3, 64, 64)
    torch.testing.assert_close(read(images), regressor(images), rtol=0, atol=0.02)
    assert read.provenance == {"seed": 0}
    (tmp_path / "pose.safetensors").write_bytes(b"\x01")
    with pytest.raises(CheckpointError, match="pose.safetensors"):
        PoseRegressor.load(tmp_path / "pose.safetensors")


def test_the_shortest_training(regressor):
    azimuth = torch.tensor([0.0, 90])
    config = ViewConfig(regressor_steps=1, regressor_batch=2)
    one = train_regressor(pictures(azimuth), Camera.orbit(azimuth), config, progress=False)
    assert one.pose(torch.rand(2, 3, 64, 64)).azimuth.isfinite().all()


def test_an_interrupted_training_ends_like_an_uninterrupted_one(tmp_path, monkeypatch):
    monkeypatch.setattr(pose, "SAVE_EVERY", 2)
    azimuth = torch.tensor([0.0, 90, 180, 270])
    order = pictures(azimuth), Camera.orbit(azimuth), ViewConfig(regressor_steps=5, regressor_batch=4)
    whole = train_regressor(*order, progress=False)
    augment, calls = pose._augment, []

    def interrupted(*arguments):
        calls.append(0)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return augment(*arguments)

    monkeypatch.setattr(pose, "_augment", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_regressor(*order, progress=False, directory=tmp_path)
    resumed = train_regressor(*order, progress=False, directory=tmp_path)
    assert len(calls) == 7  # steps 3 to 5 again
    one, two = whole.state_dict(), resumed.state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_loss_that_is_not_finite_ends_the_training(monkeypatch):
    monkeypatch.setattr(pose, "ELEVATION_WEIGHT", float("nan"))
    config = ViewConfig(regressor_steps=3, regressor_batch=8)
    with pytest.raises(DivergedError, match="pose_regressor diverged: loss is not finite at step 1 .*another seed"):
        train_regressor(pictures(torch.zeros(2)), Camera.orbit(torch.zeros(2)), config, progress=False)


def test_photos_and_cameras_must_pair_up():
    photos = torch.zeros(3, 3, 64, 64, dtype=torch.uint8)
    with pytest.raises(ValueError, match="one camera each"):
        train_regressor(photos, Camera.orbit(torch.zeros(2)), ViewConfig(), progress=False)


def test_what_the_training_will_take_is_told_and_changes_nothing(monkeypatch, capsys):
    order = (pictures(torch.zeros(9)), Camera.orbit(torch.zeros(9)), ViewConfig(regressor_steps=2, regressor_batch=8))
    silent = train_regressor(*order, progress=False)
    assert "regressor" not in capsys.readouterr().err
    monkeypatch.setattr(demand, "TOLD", 1)
    told = train_regressor(*order, progress=False)
    assert "The pose regressor: about " in capsys.readouterr().err
    one, two = silent.state_dict(), told.state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
