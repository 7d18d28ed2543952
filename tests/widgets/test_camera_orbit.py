"""Cameras as pyramids: they stand where the cameras stand, look where they look, and move the shorter way."""

import numpy as np
import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.widgets import camera_orbits
from ganverse_nb.widgets.camera_orbit import ARC, pyramids, ways

BEFORE = Camera.orbit(torch.tensor([350.0, 90.0]), 8.0, 2.0)
AFTER = Camera.orbit(torch.tensor([20.0, 75.0]), torch.tensor([8.0, 20.0]), torch.tensor([2.0, 2.4]))


def test_a_pyramid_has_the_four_edges_of_the_view_and_the_four_sides_of_the_picture():
    line = pyramids(AFTER)[1]
    corners = line.unique(dim=0)
    assert len(corners) == 5
    number = (line[:, None] == corners[None]).all(-1).int().argmax(1).tolist()
    drawn = {frozenset(pair) for pair in zip(number[:-1], number[1:])}
    eye = int((corners - AFTER.position[1]).norm(dim=1).argmin())
    assert sum(eye in pair for pair in drawn) == 4 and len(drawn) == 8


def test_the_way_goes_from_before_to_after_around_the_object_the_shorter_way():
    way = ways(BEFORE, AFTER)
    assert way.shape == (2, ARC, 3)
    torch.testing.assert_close(way[:, 0], BEFORE.position)
    torch.testing.assert_close(way[:, -1], AFTER.position, atol=1e-5, rtol=0)
    assert way[0].norm(dim=-1).sub(2.0).abs().max() < 1e-5  # neither the distance nor the elevation changes
    azimuth = torch.rad2deg(torch.atan2(way[0, :, 0], way[0, :, 2]))
    assert azimuth.abs().max() <= 20.01 and (azimuth.diff() > 0).all()


def test_both_sets_of_cameras_are_drawn_and_named():
    sphere = uv_sphere()
    mesh = type(sphere)(0.4 * sphere.vertices, sphere.faces, sphere.face_uvs, torch.rand(1, 3, 4, 8))
    figure = camera_orbits(BEFORE, AFTER, mesh)
    assert [trace.name for trace in figure.data if trace.showlegend] == ["moved", "coarse labels", "optimised"]
    dots = [trace for trace in figure.data if trace.type == "scatter3d" and trace.mode == "markers"]
    for trace, camera in zip(dots, (BEFORE, AFTER), strict=True):
        there = np.stack([trace.y, trace.z, trace.x], 1)  # plotly's axes are z, x, y
        np.testing.assert_allclose(there, camera.position.numpy(), atol=1e-6)
    assert dots[1].hovertext[1] == "view 1, optimised: azimuth 75°, elevation 20°, distance 2.40"
    assert len(camera_orbits(BEFORE, AFTER).data) == len(figure.data) - 1


def test_the_same_cameras_before_and_after():
    with pytest.raises(ValueError, match="1 cameras before and 2 after"):
        camera_orbits(BEFORE[0], AFTER)
