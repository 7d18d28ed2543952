"""Predictions fitted to studio photos: nearer to the photo, and no further from what other cameras see."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, detailed_sphere
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics.inference import compare, reconstruct
from ganverse_nb.inverse_graphics.network import TEMPLATE
from ganverse_nb.inverse_graphics.photo_fit import fit_photo, fit_shape, is_symmetric
from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
from ganverse_nb.inverse_graphics.refine import refine_camera
from ganverse_nb.render.renderer import render
from ganverse_nb.studio.ground_truth_views import VIEWS, ground_truth_photo, make_ground_truth_views
from ganverse_nb.studio.photos import join, make_photos

COUNT = 16


def ellipsoid(axes: tuple[float, float, float], texture: torch.Tensor | None = None, detail: int = 1) -> Mesh:
    sphere = detailed_sphere(detail)
    return Mesh(sphere.vertices * torch.tensor(axes), sphere.faces, sphere.face_uvs, texture)


def taller(mesh: Mesh, by: float) -> Mesh:
    """With a bump on its roof."""
    x, y, z = mesh.vertices.unbind(-1)
    bump = by * torch.exp(-(z / 0.2).square()) * (y > 0) * y / y.max()
    return replace(mesh, vertices=torch.stack([x, y + bump, z], -1))


@pytest.mark.parametrize("detail", [1, 2])
def test_a_shape_grows_to_what_the_photo_shows_at_no_cost_to_other_sides(detail: int) -> None:
    mesh, camera = ellipsoid(TEMPLATE, detail=detail), Camera.orbit(70.0, 10.0)
    true = taller(mesh, 0.08)
    mask, other = render(true, camera, 128).mask, Camera.orbit(torch.tensor([0.0, 180.0, 250.0]), 10.0)
    fitted, moved = fit_shape(mesh, camera, mask)
    before, after = (hard_iou(render(m, c, 128).mask, mask) for m, c in ((mesh, camera), (fitted, moved)))
    assert before < 0.92 and after > before + 0.025
    sides = [hard_iou(render(m, other, 128).mask, render(true, other, 128).mask).mean() for m in (mesh, fitted)]
    assert sides[1] > sides[0] - 0.002
    assert is_symmetric(fitted)
    torch.testing.assert_close(fitted.vertices.mean(1), mesh.vertices.mean(1), atol=1e-6, rtol=0)


def test_a_prediction_that_fits_stays_as_it_is() -> None:
    mesh, camera = taller(ellipsoid(TEMPLATE), 0.05), Camera.orbit(40.0, 10.0)
    fitted, moved = fit_shape(mesh, camera, render(mesh, camera, 128).mask)
    assert (fitted.vertices - mesh.vertices).norm(dim=-1).max() < 0.012
    assert (moved.azimuth - camera.azimuth).abs() < 2


def test_a_shape_that_is_not_symmetric_need_not_become_so() -> None:
    mesh = ellipsoid(TEMPLATE)
    bent = replace(mesh, vertices=mesh.vertices + 0.05 * mesh.vertices[..., 2:].square() * torch.tensor([1.0, 0, 0]))
    assert is_symmetric(mesh) and not is_symmetric(bent)
    front = Camera.orbit(0.0, 60.0)
    true = replace(bent, vertices=bent.vertices + 0.3 * bent.vertices[..., 2:].square() * torch.tensor([1.0, 0, 0]))
    fitted, _ = fit_shape(bent, front, render(true, front, 128).mask)
    assert not is_symmetric(fitted)


@pytest.fixture(scope="module")
def car() -> Reconstructor:
    return Reconstructor.from_pretrained("car")


def test_photos_are_explained_and_other_views_of_their_objects_no_worse(car: Reconstructor) -> None:
    truth = make_ground_truth_views("car", COUNT, seed=77, resolution=64)
    photos = join([ground_truth_photo("car", i, 77, 128) for i in range(COUNT)])
    pictures, masks = photos.image(), photos.masks.float()
    small = (F.avg_pool2d(masks, 2) > 0.5).float()
    mesh, camera = reconstruct(F.avg_pool2d(pictures, 2), small, car.model)
    fitted, moved = fit_photo(mesh, refine_camera(mesh, camera, small), pictures, masks)

    def score(mesh: Mesh, camera: Camera) -> torch.Tensor:
        """IoU and colour difference in the photo, and in the further views; means."""
        there = torch.arange(COUNT).repeat_interleave(VIEWS)
        return torch.cat([
            compare(mesh, camera, pictures, masks).mean(0),
            compare(mesh[there], truth.views.camera, truth.views.image(), truth.views.masks.float()).mean(0),
        ])  # fmt: skip

    before, after = score(mesh, camera), score(fitted, moved)
    assert after[0] > before[0] + 0.04 and after[0] > 0.92
    assert after[1] < 0.3 * before[1]
    assert after[2] > before[2] - 0.002
    assert after[3] < before[3]


def test_a_reconstructor_fits_if_asked_with_the_photos_own_pixels(car: Reconstructor) -> None:
    photo = make_photos("car", 1, seed=3, resolution=256).image()
    plain, fitted = car(photo), car(photo, refine=True)
    assert plain.mesh.texture.shape[-2:] == (64, 128) and fitted.mesh.texture.shape[-2:] == (256, 512)
    scores = [compare(r.mesh, r.camera, r.image, r.mask)[0] for r in (plain, fitted)]
    assert scores[1][0] > scores[0][0] and scores[1][1] < 0.5 * scores[0][1]


def test_what_does_not_fit_is_named() -> None:
    mesh = ellipsoid(TEMPLATE, torch.rand(1, 3, 8, 16))
    mask = torch.ones(2, 1, 16, 16)
    with pytest.raises(ValueError, match="1 meshes, 1 cameras and 2 masks"):
        fit_shape(mesh, Camera.orbit(0.0), mask)
    with pytest.raises(ValueError, match=r"sphere of 642, 2562, 5762, \.\.\. vertices, not 12"):
        is_symmetric(Mesh(torch.zeros(1, 12, 3), mesh.faces % 12))
