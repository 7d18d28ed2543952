"""Out-of-distribution cars: outside of every type's range, whole in the picture, closed surfaces as other cars are."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.geometry.mesh import face_normals
from ganverse_nb.studio.car_mesh import BODY, TRIM, WHEEL, car_mesh, face_parts
from ganverse_nb.studio.cars import sample_cars
from ganverse_nb.studio.ood_cars import OOD_CARS, sample_ood_cars
from ganverse_nb.studio.out_of_distribution import ood_photos


def proportions(cars):
    """Width and height as shares of the length, and height as a share of the width, [B] each, off the whole surface."""
    x, y, z = (car_mesh(cars).vertices.amax(1) - car_mesh(cars).vertices.amin(1)).unbind(-1)
    return {"width": x / z, "height": y / z, "upright": y / x}


@pytest.fixture(scope="module")
def usual():
    return sample_cars(2000, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", OOD_CARS)
def test_odd_cars_are_outside_of_the_range_of_all_others(kind, usual):
    odd = sample_ood_cars(kind, 16, torch.Generator().manual_seed(1))
    beyond = [
        name
        for name, share in proportions(usual).items()
        if (proportions(odd)[name] < share.min() - 0.02).all() or (proportions(odd)[name] > share.max() + 0.02).all()
    ]
    assert beyond, "in its proportions"
    measures = ("belt", "deck", "nose", "roof", "width", "cowl", "wheel_radius", "roundness")
    outside = [m for m in measures if (odd[m].max() < usual[m].min()) or (odd[m].min() > usual[m].max())]
    assert len(outside) >= 3, "and in single measures"


@pytest.mark.parametrize("kind", OOD_CARS)
def test_their_surfaces_are_closed_and_face_outwards(kind):
    mesh = car_mesh(sample_ood_cars(kind, 4, torch.Generator().manual_seed(0)))
    vertices = mesh.vertices.double()
    normals, centroids = face_normals(vertices, mesh.faces) / 2, vertices[:, mesh.faces].mean(2)
    for part in (BODY, WHEEL, TRIM):
        at = face_parts() == part
        assert normals[:, at].sum(1).abs().max() < 1e-6
        assert ((normals[:, at] * centroids[:, at]).sum((1, 2)) > 0).all()


def test_photographs_show_them_whole():
    kinds = ood_photos("car", 20, seed=3)
    assert set(kinds) == set(OOD_CARS)
    for photos in kinds.values():
        masks = photos.masks
        edges = [masks[..., 0], masks[..., -1], masks[:, :, 0], masks[:, :, -1]]
        assert len(photos) == 20 and not torch.cat([edge.flatten(1) for edge in edges], 1).any()
        assert masks.float().mean((1, 2, 3)).min() > 0.03
    again = ood_photos("car", 20, seed=3)
    assert all(torch.equal(kinds[kind].images, again[kind].images) for kind in OOD_CARS)


def test_beside_animals_stand_the_other_categories():
    kinds = ood_photos("bird", 2, seed=0, resolution=32)
    assert set(kinds) == {"car", "horse"} and kinds["horse"].category == "horse"


def test_bad_orders_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="Unknown .* car 'tank'; the studio builds bus, go-kart, batmobile"):
        sample_ood_cars("tank", 1, torch.Generator())
    with pytest.raises(ValueError, match="no 'boat'"):
        ood_photos("boat", 1, 0)
    with pytest.raises(ValueError, match="at least 1"):
        ood_photos("car", 0, 0)
