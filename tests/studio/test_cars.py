"""Cars: closed surfaces in their place, in the axes of the conventions, with lamps that tell front from rear."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import face_normals
from ganverse_nb.studio.car_mesh import BODY, CABIN, WHEEL, car_mesh, face_parts
from ganverse_nb.studio.cars import BODY_TYPES, sample_cars
from ganverse_nb.studio.photos import make_photos, photograph_orbit
from ganverse_nb.studio.scene import sample_scenes


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
    photos = photograph_orbit(cars, scene, Camera.orbit(torch.tensor([0.0, 90.0]), 5.0, 2.1))
    at = photos.camera.to_image(photos.keypoints())
    left, right = (photos.keypoint_names.index(f"{side}_front_wheel") for side in ("left", "right"))
    assert at[0, left, 0] > 0.5 > at[0, right, 0]
    front, back = (photos.keypoint_names.index(f"left_{end}_wheel") for end in ("front", "back"))
    assert at[1, front, 0] < at[1, back, 0]  # seen from its left, the car points left


def test_lamps_tell_front_from_rear() -> None:
    generator = torch.Generator().manual_seed(4)
    cars, scene = sample_cars(1, generator, "suv"), sample_scenes(1, generator)
    cars["paint"] = torch.tensor([[0.1, 0.2, 0.6]])
    photos = photograph_orbit(cars, scene, Camera.orbit(torch.tensor([0.0, 180.0]), 8.0, 2.1))
    red, _, blue = (photos.image() * photos.masks).unbind(1)
    red_pixels = ((red > 0.35) & (blue < 0.2)).flatten(1).sum(1)
    assert red_pixels[1] > 20 > 5 > red_pixels[0]


def test_photos_of_cars_are_those_that_the_bundled_networks_learned_from() -> None:
    photos = make_photos("car", 2, seed=1)
    assert photos.objects["type"].tolist() == [6, 1]
    assert photos.camera.azimuth.tolist() == pytest.approx([25.9947, 119.9608], abs=1e-3)
    assert photos.images.float().mean((1, 2, 3)).tolist() == pytest.approx([139.72, 123.25], abs=0.05)
