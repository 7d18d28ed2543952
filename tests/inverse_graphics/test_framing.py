"""Objects that are too small, too large or elsewhere in a photograph are shown as f has learned to see them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.data.crops import boxes
from ganverse_nb.data.pictures import as_image
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.inverse_graphics import given_masks
from ganverse_nb.inverse_graphics.framing import Framing
from ganverse_nb.inverse_graphics.reconstructor import fine
from ganverse_nb.inverse_graphics.sight import see
from ganverse_nb.render.renderer import render
from ganverse_nb.segmentation.cutout import Cutout
from ganverse_nb.segmentation.segmenter import Segmenter


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


@pytest.mark.parametrize(("distance", "target"), [(4.6, (0.3, 0.25, 0.0)), (1.9, (0.0, 0.0, 0.0))])
def test_a_small_or_large_object_of_a_photo_is_cut_out(
    world, framing: Framing, monkeypatch, distance: float, target: tuple[float, float, float]
) -> None:
    mesh, view = world.true_mesh(2, 1), 4
    azimuth = float(world.azimuth[view])
    camera = Camera.orbit(azimuth, 12.0, distance, target=torch.tensor([target]))
    seen = render(mesh, camera, 256, background=torch.tensor([0.0, 0.0, 1.0]))
    photo, cutout = as_image(seen.rgb[0]), Cutout.of_mask(seen.mask[0, 0].numpy() > 0.5)
    monkeypatch.setattr(given_masks, "read_azimuth", lambda *_: torch.tensor([azimuth]))
    assert framing.window(torch.nn.functional.avg_pool2d(seen.mask, 4), azimuth) is not None
    sight = see([photo], [cutout], Nobody(), SimpleNamespace(resolution=64), framing)
    assert framing.window(sight.masks, azimuth) is None and sight.doubt is None
    wanted = world.dataset.masks[2:3, view].float()
    assert (sight.masks * wanted).sum() / torch.maximum(sight.masks, wanted).sum() > 0.85
    blue = (sight.images[:, 2:] > 0.9).float()
    assert (blue == sight.masks).float().mean() < 0.05  # the picture's window is the mask's
    image, mask = fine(photo, cutout, sight.corners[0], 64)
    assert image.shape[-1] == mask.shape[-1] == max(64, round(256 * float(sight.corners[0, 2])))


class Nobody(Segmenter):
    """Knows no category."""

    def __init__(self) -> None:
        super().__init__("car", "nobody")

    def to(self, device):
        return self

    def _segment(self, images):
        raise AssertionError("it is not asked for masks")


def test_it_comes_back_from_its_file(tmp_path):
    framing = Framing(torch.tensor([0.0, 90.0]), torch.rand(2, 3), torch.rand(2, 2), 0.25)
    framing.save(tmp_path / "framing.safetensors")
    found = Framing.load(tmp_path / "framing.safetensors")
    assert torch.equal(found.side, framing.side) and torch.equal(found.center, framing.center)
    assert torch.equal(found.azimuth, framing.azimuth) and found.away == 0.25
    (tmp_path / "other.safetensors").write_bytes(b"something else")
    with pytest.raises(ValueError, match="is no framing.*run the stage framing again"):
        Framing.load(tmp_path / "other.safetensors")
