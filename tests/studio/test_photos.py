"""What a photo says about itself is what the picture shows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import face_normals
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.studio import archive
from ganverse_nb.studio.car_mesh import BODY, CABIN, WHEEL, car_mesh, face_parts
from ganverse_nb.studio.cars import BODY_TYPES, TYPE_NAMES, sample_cars
from ganverse_nb.studio.photos import Photos, make_photos, photograph_all_round
from ganverse_nb.studio.scene import sample_scenes


@pytest.fixture(scope="module")
def photos() -> Photos:
    return make_photos("car", 24, seed=5)


def _iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    a, b = a.flatten(1) > 0.5, b.flatten(1) > 0.5
    return (a & b).sum(1) / (a | b).sum(1)


@pytest.mark.parametrize("body_type", BODY_TYPES)
def test_surfaces_are_closed_and_face_outwards(body_type: str) -> None:
    mesh = car_mesh(sample_cars(4, torch.Generator().manual_seed(0), body_type))
    vertices = mesh.vertices.double()
    normals = face_normals(vertices, mesh.faces) / 2
    centroids = vertices[:, mesh.faces].mean(2)
    for part in (BODY, WHEEL):
        at = face_parts() == part
        assert normals[:, at].sum(1).abs().max() < 1e-6  # a closed surface has no net area
        volume = (normals[:, at] * centroids[:, at]).sum((1, 2)) / 3
        assert (volume > 1e-4).all()
    cabin = face_parts() == CABIN  # open below, where the body closes it
    assert (normals[:, cabin][..., 1].sum(1) > 0).all()


@pytest.mark.parametrize("body_type", BODY_TYPES)
def test_cars_stand_centred_and_face_the_front(body_type: str) -> None:
    cars = sample_cars(6, torch.Generator().manual_seed(1), body_type)
    vertices = car_mesh(cars).vertices
    assert torch.allclose(vertices[..., 1].amin(1), -cars["roof"] / 2, atol=1e-3)
    assert torch.allclose(vertices[..., 2].amax(1), -vertices[..., 2].amin(1), atol=0.02)
    assert torch.allclose(vertices[..., 0].amax(1), -vertices[..., 0].amin(1), atol=1e-4)
    assert (vertices[..., 2].amax(1) <= 0.51).all()


def test_convention_azimuth_zero_shows_the_front_with_its_left_wheel_on_the_right_of_the_picture() -> None:
    generator = torch.Generator().manual_seed(2)
    cars, scene = sample_cars(1, generator, "sedan"), sample_scenes(1, generator)
    photos = photograph_all_round(cars, scene, Camera.orbit(torch.tensor([0.0, 90.0]), 5.0, 2.1))
    at = photos.camera.to_image(photos.keypoints())
    left, right = (photos.keypoint_names.index(f"{side}_front_wheel") for side in ("left", "right"))
    assert at[0, left, 0] > 0.5 > at[0, right, 0]
    front, back = (photos.keypoint_names.index(f"left_{end}_wheel") for end in ("front", "back"))
    assert at[1, front, 0] < at[1, back, 0]  # seen from its left, the car points left


def test_mask_is_the_projection_of_the_mesh(photos: Photos) -> None:
    mesh = photos.mesh()
    seen = rasterize(photos.camera.to_clip(mesh.vertices), mesh.faces, 64)
    assert _iou(photos.masks.float(), seen.mask).min() > 0.93


def test_depth_agrees_with_the_mesh(photos: Photos) -> None:
    mesh = photos.mesh()
    seen = rasterize(photos.camera.to_clip(mesh.vertices), mesh.faces, 64)
    both = (photos.masks > 0) & (seen.mask > 0)
    error = (photos.depth.float() - seen.depth[:, None]).abs()[both]
    assert error.median() < 0.005
    assert (photos.depth[photos.masks == 0] == 0).all()


def test_keypoints_of_the_seen_side_lie_on_the_car(photos: Photos) -> None:
    at = (photos.camera.to_image(photos.keypoints()) * 64).long().clamp(0, 63)
    grown = torch.nn.functional.max_pool2d(photos.masks.float(), 5, 1, 2)
    on_car = grown[torch.arange(len(photos))[:, None], 0, at[..., 1], at[..., 0]]
    assert on_car.mean() > 0.97


def test_lamps_tell_front_from_rear() -> None:
    generator = torch.Generator().manual_seed(4)
    cars, scene = sample_cars(1, generator, "suv"), sample_scenes(1, generator)
    cars["paint"] = torch.tensor([[0.1, 0.2, 0.6]])
    photos = photograph_all_round(cars, scene, Camera.orbit(torch.tensor([0.0, 180.0]), 8.0, 2.1))
    red, _, blue = (photos.image() * photos.masks).unbind(1)
    red_pixels = ((red > 0.35) & (blue < 0.2)).flatten(1).sum(1)
    assert red_pixels[1] > 20 > 5 > red_pixels[0]


def test_body_types_have_different_silhouettes() -> None:
    side = Camera.orbit(90.0, 5.0, 2.1)
    masks = torch.cat([make_photos("car", 1, seed=6, camera=side, body_type=t).masks for t in TYPE_NAMES]).float()
    pairs = torch.combinations(torch.arange(len(masks)))
    assert _iou(masks[pairs[:, 0]], masks[pairs[:, 1]]).median() < 0.8


def test_masks_fill_a_useful_part_of_the_picture(photos: Photos) -> None:
    share = photos.masks.float().mean((1, 2, 3))
    assert share.min() > 0.1 and share.max() < 0.6


def test_one_seed_gives_the_same_photos_and_another_others(photos: Photos) -> None:
    again = make_photos("car", 24, seed=5)
    assert torch.equal(photos.images, again.images)
    assert not torch.equal(photos.images, make_photos("car", 24, seed=6).images)


def test_photos_survive_saving(photos: Photos, tmp_path: Path) -> None:
    photos.save(tmp_path)
    loaded = Photos.load(tmp_path)
    assert torch.equal(loaded.images, photos.images)
    assert torch.equal(loaded.mesh().vertices, photos.mesh().vertices)
    assert torch.equal(loaded.camera.azimuth, photos.camera.azimuth)
    assert [p.name for p in tmp_path.iterdir()] == ["photos.safetensors"]


def test_an_interrupted_archive_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "PIECE", 16)
    whole = archive.make_photo_archive("car", 40, 0, tmp_path / "whole", workers=1)
    made = archive._make_piece
    calls = []

    def fail_after_one(*order: object) -> int:
        if calls:
            raise KeyboardInterrupt
        calls.append(order)
        return made(*order)

    monkeypatch.setattr(archive, "_make_piece", fail_after_one)
    with pytest.raises(KeyboardInterrupt):
        archive.make_photo_archive("car", 40, 0, tmp_path / "cut", workers=1)
    monkeypatch.setattr(archive, "_make_piece", lambda *order: calls.append(order) or made(*order))
    resumed = archive.make_photo_archive("car", 40, 0, tmp_path / "cut", workers=1)
    assert len(calls) == 3  # one before the interruption, the other two after it
    assert torch.equal(whole.images, resumed.images)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_photos("boat", 1, 0), "no 'boat'"),
        (lambda: make_photos("car", 0, 0), "at least 1"),
        (lambda: make_photos("car", 1, 0, body_type="tank"), "Unknown body type 'tank'"),
    ],
)
def test_bad_orders_are_refused_in_a_sentence(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_missing_photos_say_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make_photos"):
        Photos.load(tmp_path)
