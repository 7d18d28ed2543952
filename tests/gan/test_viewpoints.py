"""The file of view codes."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import torch

from ganverse_nb.gan.checkpoint import CheckpointError
from ganverse_nb.gan.viewpoints import ViewCodes, label_azimuth
from ganverse_nb.runtime.errors import ExpectedWarning


def codes(n=18):
    azimuth = torch.arange(n) * 360.0 / n
    ring = torch.arange(n) < n - 2
    return ViewCodes(
        torch.randn(n, 4), label_azimuth(azimuth), azimuth, torch.rand(n), torch.rand(n), ring, 2, {"seed": 0}
    )


def test_round_trip(tmp_path):
    mine = codes()
    mine.save(tmp_path / "views.safetensors")
    read = ViewCodes.load(tmp_path / "views.safetensors")
    for name in ("codes", "azimuth_bin", "azimuth", "deviation", "elevation", "on_orbit"):
        assert torch.equal(getattr(mine, name), getattr(read, name))
    assert (read.split_layer, read.provenance, len(read)) == (2, {"seed": 0}, 18)
    assert read.largest_gap == pytest.approx(20)
    assert len(read.orbit) == 16 and torch.equal(read.orbit.codes, mine.codes[:16])
    assert read.orbit.largest_gap == pytest.approx(60)


def test_labels_are_the_nearest_of_twelve():
    angles = torch.tensor([0.0, 14, 16, 344, 346, -16, -14, 180, -180, 90, 359])
    assert label_azimuth(angles).tolist() == [0, 0, 1, 11, 0, 11, 0, 6, 6, 3, 0]


def test_labels_of_half_a_circle_are_told():
    whole = codes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole.warn_of_unseen_side()
    half = replace(whole, azimuth=whole.azimuth / 2, azimuth_bin=label_azimuth(whole.azimuth / 2))
    with pytest.warns(ExpectedWarning, match="neighbours of the 18 view codes lie 190 degrees:"):
        half.warn_of_unseen_side()


def test_bad_files(tmp_path, generator, discriminator):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        ViewCodes.load(tmp_path / "nowhere")
    from ganverse_nb.gan.checkpoint import save_networks

    save_networks(tmp_path / "teacher.safetensors", generator, discriminator, {})
    with pytest.raises(CheckpointError, match="view_codes"):
        ViewCodes.load(tmp_path / "teacher.safetensors")


def test_inconsistent_codes_are_refused():
    three, one = torch.zeros(3), torch.zeros(1)
    with pytest.raises(ValueError, match="N bins"):
        ViewCodes(torch.zeros(3, 4), torch.zeros(2).long(), three, three, three, three.bool(), 2)
    with pytest.raises(ValueError, match="0 to 11"):
        ViewCodes(torch.zeros(1, 4), torch.tensor([12]), one, one, one, one.bool(), 2)
