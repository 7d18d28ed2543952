"""Objects that are too small, too large or elsewhere in a photograph are shown as f has learned to see them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from ganverse_nb.data.crops import boxes, cut_window
from ganverse_nb.data.pictures import read_picture, write_picture
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.inverse_graphics import reconstructor
from ganverse_nb.inverse_graphics.framing import Framing
from ganverse_nb.render.renderer import render


@pytest.fixture(scope="module")
def framing(world) -> Framing:
    return Framing.of(world.dataset, world.azimuth)


def test_boxes_are_those_of_rectangles() -> None:
    masks = torch.zeros(2, 1, 20, 20)
    masks[0, 0, 2:6, 4:14] = 1  # rows, columns
    masks[1, 0, 10:20, 0:5] = 1
    center, side = boxes(masks)
    torch.testing.assert_close(center, torch.tensor([[0.45, 0.2], [0.125, 0.75]]))
    torch.testing.assert_close(side, torch.tensor([0.5, 0.5]))
    with pytest.raises(ValueError, match="empty mask"):
        boxes(torch.zeros(1, 1, 8, 8))


def test_the_datasets_own_pictures_are_framed_as_usual(world, framing: Framing) -> None:
    masks = world.dataset.masks.float()
    for view, azimuth in enumerate(world.azimuth.tolist()):
        usual = masks[2:3, view]  # of five widths the middle one
        assert framing.window(usual, azimuth + 5) is None


@pytest.mark.parametrize(("scale", "move"), [(0.5, (0.2, -0.15)), (0.7, (-0.1, 0.02)), (1.0, (0.05, 0.15))])
def test_the_window_undoes_what_was_done_to_a_picture(world, framing: Framing, scale, move) -> None:
    for view, azimuth in enumerate(world.azimuth.tolist()):
        shift = torch.tensor(move)
        theta = torch.tensor([[[1 / scale, 0, 0], [0, 1 / scale, 0]]])
        theta[0, :, 2] = -2 * shift / scale
        mask = world.dataset.masks[2:3, view].float()
        grid = torch.nn.functional.affine_grid(theta, [1, 1, 256, 256], align_corners=False)
        changed = torch.nn.functional.grid_sample(mask, grid, align_corners=False)
        window = framing.window(changed, azimuth)
        assert window is not None
        left, top, side = window
        # a point p of the old picture is now at 0.5 + move + scale (p - 0.5)
        assert side == pytest.approx(scale, rel=0.05)
        assert left == pytest.approx(0.5 + move[0] - 0.5 * scale, abs=0.02)
        assert top == pytest.approx(0.5 + move[1] - 0.5 * scale, abs=0.02)


def test_a_window_shows_its_part_and_goes_on_beyond_the_edge() -> None:
    rows = torch.linspace(0, 1, 256)[None, :, None].expand(3, 256, 256)
    pixels = (rows.permute(1, 2, 0) * 255).round().byte().numpy()
    picture = Image.fromarray(pixels)
    part = cut_window(picture, 0.25, 0.5, 0.25, 16)
    torch.testing.assert_close(part[0, 0, :, 3], 0.5 + 0.25 * (torch.arange(16) + 0.5) / 16, atol=0.01, rtol=0)
    beyond = cut_window(picture, -0.5, -0.5, 1.0, 16)
    assert beyond[0, :, :7].max() < 0.01 and beyond[0, :, 15].min() > 0.4


def found_by_colour(image: torch.Tensor) -> SimpleNamespace:
    """Everything that is not the blue background."""
    mask = (image[:, 2:] < 0.9).float()
    return SimpleNamespace(mask=mask, count=torch.ones(1, dtype=torch.int64))


@pytest.mark.parametrize(("distance", "target"), [(4.6, (0.3, 0.25, 0.0)), (1.9, (0.0, 0.0, 0.0))])
def test_a_small_or_large_object_of_a_photo_is_cut_out(
    world, framing: Framing, tmp_path: Path, monkeypatch, distance: float, target: tuple[float, float, float]
) -> None:
    mesh, view = world.true_mesh(2, 1), 4
    azimuth = float(world.azimuth[view])
    camera = Camera.orbit(azimuth, 12.0, distance, target=torch.tensor([target]))
    path = write_picture(
        render(mesh, camera, 256, background=torch.tensor([0.0, 0.0, 1.0])).rgb[0], tmp_path / "car.png"
    )
    monkeypatch.setattr(reconstructor, "read_azimuth", lambda *_: torch.tensor([azimuth]))
    segmenter = SimpleNamespace(segment=found_by_colour)
    image = read_picture(path, 64, fit=True)
    assert framing.window(found_by_colour(image).mask, azimuth) is not None
    found = reconstructor.Reconstructor(None, segmenter, None, framing)._framed(image, Image.open(path))
    framed, fine = found.image, found.fine()[0]
    assert fine.shape[-1] == max(64, round(256 * found.window[2]))
    mask = found_by_colour(framed).mask
    assert torch.equal(found.found.mask, mask)
    assert framing.window(mask, azimuth) is None
    wanted = world.dataset.masks[2:3, view].float()
    overlap = (mask * wanted).sum() / torch.maximum(mask, wanted).sum()
    assert overlap > 0.85


def test_a_photo_of_several_objects_or_of_part_of_one_stays_as_it_is(framing: Framing) -> None:
    image = torch.ones(1, 3, 64, 64)
    image[..., 2, 20:30, :12] = 0  # at the left edge
    cut_off = SimpleNamespace(segment=found_by_colour)
    photo = Image.new("RGB", (64, 64))
    assert reconstructor.Reconstructor(None, cut_off, None, framing)._framed(image, photo).image is image
    image[..., 2, :, :] = 1
    image[..., 2, 20:24, 20:24] = 0
    two = SimpleNamespace(segment=lambda x: SimpleNamespace(mask=found_by_colour(x).mask, count=torch.tensor([2])))
    assert reconstructor.Reconstructor(None, two, None, framing)._framed(image, photo).image is image


def test_it_comes_back_from_its_file(tmp_path):
    framing = Framing(torch.tensor([0.0, 90.0]), torch.rand(2, 3), torch.rand(2, 2), 0.25)
    framing.save(tmp_path / "framing.safetensors")
    found = Framing.load(tmp_path / "framing.safetensors")
    assert torch.equal(found.side, framing.side) and torch.equal(found.center, framing.center)
    assert torch.equal(found.azimuth, framing.azimuth) and found.away == 0.25
    (tmp_path / "other.safetensors").write_bytes(b"something else")
    with pytest.raises(ValueError, match="is no framing.*run the stage framing again"):
        Framing.load(tmp_path / "other.safetensors")
