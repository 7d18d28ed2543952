"""Mugs: what is photographed is a mug, the same one each time; and the measure takes off just what nobody can know."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.own_category.measure import Turn, fit_turn, shape_errors
from benchmarks.own_category.mugs import make_mug
from benchmarks.own_category.photograph import Photograph, photograph, write_photographs
from ganverse_nb.data.masked_folder import read_masked_folder
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.render.renderer import render


def test_a_mug_mirrors_itself_and_its_handle_is_behind():
    points = make_mug(np.random.default_rng(3)).vertices[0].double()
    low, high = points.amin(0), points.amax(0)
    torch.testing.assert_close(low, -high, atol=2e-3, rtol=0)  # in the middle of the world
    mirrored = points * points.new_tensor([-1.0, 1.0, 1.0])
    assert float(torch.cdist(mirrored, points).amin(1).max()) < 1e-5
    narrow = points[:, 0].abs() < 0.06
    middle = narrow & (points[:, 1].abs() < 0.1)
    assert float(points[middle, 2].min()) == pytest.approx(float(low[2]), abs=0.03)  # the handle
    assert float(high[2] - low[2]) > 1.1 * float(high[0] - low[0])


def test_it_is_hollow():
    """From above one sees the floor, far below the rim."""
    mug = make_mug(np.random.default_rng(3))
    depth = render(mug, Camera.orbit(0.0, 90.0, 2.5), 65).depth[0, 0]
    seen = depth[depth > 0]
    height = float(mug.vertices[0, :, 1].amax() - mug.vertices[0, :, 1].amin())
    assert float(seen.max() - seen.min()) > 0.8 * height


def test_a_folder_of_photographs_has_outlines_and_is_the_same_again(tmp_path):
    write_photographs(tmp_path / "mugs", 3, seed=5)
    pictures = read_masked_folder(tmp_path / "mugs", 64, "mug")
    assert len(pictures) == 3
    for number in range(3):
        again = photograph(np.random.default_rng([5, number]))
        assert torch.equal(pictures.images[number], again.rgb.mul(255).round().byte())
        assert torch.equal(pictures.masks[number], (again.mask >= 0.5).byte())
        drawn = render(again.mesh, again.camera, 64).mask[0]
        assert float((drawn != pictures.masks[number]).float().mean()) < 0.02


@pytest.mark.parametrize("turn", [Turn(1, 130.0), Turn(-1, 40.0)])
def test_one_turn_of_the_world_is_no_error(turn):
    taken = [photograph(np.random.default_rng([6, number])) for number in range(4)]
    true = torch.cat([one.camera.azimuth for one in taken] + [torch.tensor([20.0, 95.0, 230.0])])
    predicted = (turn.sign * true + turn.offset) % 360
    found = fit_turn(predicted, true)
    assert (found.sign, found.offset) == (turn.sign, turn.offset)
    back = turn.similarity()
    meshes = [Mesh((one.mesh.vertices.double() - back.translation) @ back.rotation, one.mesh.faces) for one in taken]
    single = Photograph(taken[0].rgb, taken[0].mask, taken[0].mesh, taken[0].camera)
    errors = shape_errors(meshes[0], [single], found.similarity())
    assert errors["gauge"][0].chamfer_l1 < 0.006  # two samplings of one surface
    other = shape_errors(meshes[0], [single], Turn(turn.sign, turn.offset + 180).similarity())
    assert other["gauge"][0].chamfer_l1 > 3 * errors["gauge"][0].chamfer_l1
    if turn.sign > 0:  # the turned mug seen from the turned camera is the photographed one
        camera = taken[0].camera.replace(azimuth=predicted[:1], target=taken[0].camera.target @ back.rotation.float())
        drawn = render(Mesh(meshes[0].vertices.float(), meshes[0].faces), camera, 64).mask
        assert float((drawn - (taken[0].mask >= 0.5).float()).abs().mean()) < 0.02
