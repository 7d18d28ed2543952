import math
from dataclasses import replace

import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.neural_renderer.consistency import asked_cameras, consistency, shots
from ganverse_nb.neural_renderer.fitted_camera import FittedCameras, fitted_camera
from ganverse_nb.neural_renderer.properties import Properties, PropertyEncoder
from ganverse_nb.render.renderer import render

SIDE = 32


@pytest.fixture
def contents(world):
    """Two ellipsoids, dark with a bright end, before white."""
    axes = torch.tensor([[0.3, 0.2, 0.5], [0.25, 0.25, 0.45]])
    texture = torch.full((2, 3, *world.TEXTURE), 0.2)
    texture[:, :, :, : world.TEXTURE[1] // 2] = 0.6
    around = torch.ones(2, 4, SIDE, SIDE)
    return Properties(
        Camera.orbit(torch.zeros(2), 8.0, 2.4), world.SPHERE.vertices * axes[:, None] / 0.5, texture, around
    )


class Painter:
    """DIB-R as the renderer that is measured, of cameras that `moved` has changed; and an encoder that sees all."""

    def __init__(self, world, contents, moved=lambda camera: camera):
        self.sphere, self.contents, self.moved = world.SPHERE, contents, moved

    def render(self, target):
        self.camera = self.moved(target.camera)
        output = render(target.mesh(), self.camera, SIDE)
        return output.rgb * output.mask + 1 - output.mask

    def encoder(self):
        def infer(images, masks):
            return Mesh(self.contents.shape, self.sphere.faces, self.sphere.face_uvs, self.contents.texture)

        mask = lambda images: (images.mean(1, keepdim=True) < 0.9).float()  # noqa: E731
        return PropertyEncoder(infer, mask, lambda images, masks: self.camera)


def measured(world, contents, **changes):
    painter = Painter(world, contents, **changes)
    cameras = asked_cameras(contents.camera, 8, (0.0, 12.0), (1.0, 1.3))
    found = consistency(shots(painter.render, contents, cameras), painter.encoder(), lambda a, b: (a - b).abs().mean())
    return found.numbers(), cameras


def test_the_second_renderer_itself_keeps_to_every_scene(world, contents):
    numbers, cameras = measured(world, contents)
    assert len(cameras) == 32 and cameras.azimuth.unique().tolist() == [45.0 * k for k in range(8)]
    assert cameras.elevation.unique().tolist() == [8.0, 20.0] and cameras.target.abs().max() == 0
    assert cameras.distance.unique().numpy() == pytest.approx([2.4 / 1.3, 2.4])
    nothing = ("color", "perceptual", "shape_spread", "texture_spread", "background_spread", "azimuth_error_deg")
    assert all(numbers[name] == pytest.approx(0, abs=1e-4) for name in nothing)
    perfect = ("overlap", "found", "elevation_gain", "scale_gain", "elevation_correlation", "scale_correlation")
    assert all(numbers[name] == pytest.approx(1, abs=1e-3) for name in perfect)


def test_what_a_renderer_does_on_its_own_is_counted(world, contents):
    def stubborn(camera):
        """Thirty degrees on, always from one height, and half as much larger as asked."""
        return camera.replace(
            azimuth=camera.azimuth + 30,
            elevation=camera.elevation * 0 + 8,
            distance=2.4 * (camera.distance / 2.4) ** 0.5,
        )

    numbers, _ = measured(world, contents, moved=stubborn)
    assert numbers["azimuth_error_deg"] == pytest.approx(30, abs=1e-3) == numbers["azimuth_error_p90_deg"]
    assert numbers["elevation_gain"] == pytest.approx(0, abs=1e-4)
    assert numbers["scale_gain"] == pytest.approx(0.5, abs=1e-3)
    assert 0.5 < numbers["overlap"] < 0.9 and numbers["color"] > 0.01 and numbers["found"] == 1


def test_an_object_that_changes_as_it_turns_is_spread(world, contents):
    painter = Painter(world, contents)
    shown = []
    for k, shot in enumerate(shots(painter.render, contents, asked_cameras(contents.camera, 4, (0.0,), (1.0,)))):
        shown.append((shot, contents.shape + 0.1 * (-1) ** k))

    def infer(images, masks):
        return Mesh(shapes.pop(0), world.SPHERE.faces, world.SPHERE.face_uvs, contents.texture)

    shapes = [shape for _, shape in shown]
    encoder = PropertyEncoder(infer, painter.encoder().mask, lambda images, masks: contents.camera)
    spread = consistency([shot for shot, _ in shown], encoder).spread
    assert spread["shape"].numpy() == pytest.approx([0.1 * 3**0.5] * 2, rel=1e-4) and spread["texture"].max() < 1e-6


def test_fitted_cameras_are_those_from_which_pictures_were_taken(world, contents):
    """Whatever the camera head says within ten degrees, and a tenth of the size."""
    painter = Painter(world, contents, moved=lambda camera: camera.replace(distance=camera.distance * 1.1))
    cameras = asked_cameras(contents.camera, 4, (0.0, 8.0), (0.8, 1.0))

    def guessed(images, masks):
        true = painter.camera
        return true.replace(azimuth=true.azimuth + 8, elevation=true.elevation - 6, distance=true.distance * 0.92)

    encoder = replace(painter.encoder(), camera=guessed)
    found = consistency(shots(painter.render, contents, cameras), encoder, fit_every=2)
    looked_for = found.fitted.isfinite().all(-1)
    assert looked_for[::2].all() and not looked_for[1::2].any()
    error = (found.fitted - found.asked)[::2].abs().flatten(0, 1)
    assert error[:, 0].median() < 2 and error[:, 1].median() < 2  # ellipsoids have no edges
    assert (found.fitted - found.asked)[::2, :, 2].mean() == pytest.approx(-math.log(1.1), abs=0.02)  # half a pixel
    numbers = found.numbers()
    assert numbers["fitted_azimuth_error_deg"] < 2 < 7.9 < numbers["azimuth_error_deg"]
    assert numbers["fitted_scale_gain"] == pytest.approx(1, abs=0.05)
    assert "fitted_scale_gain" not in consistency(shots(painter.render, contents, cameras), encoder).numbers()


def test_cameras_of_small_batches_are_fitted_together_and_each_is_what_it_is_alone(world, contents):
    painter, waiting, alone = Painter(world, contents), FittedCameras(), []
    for asked, images in shots(painter.render, contents, asked_cameras(contents.camera, 5, (4.0,), (1.0,))):
        batch = asked, images, painter.encoder().mask(images), asked.camera.replace(azimuth=asked.camera.azimuth + 5)
        waiting.add(*batch)
        alone.append(fitted_camera(*batch))
    found = waiting.all()
    assert len(found) == len(alone) == 5
    for ours, its in zip(found, alone, strict=True):
        torch.testing.assert_close(ours.azimuth, its.azimuth, atol=0.05, rtol=0)
        torch.testing.assert_close(ours.distance, its.distance, atol=1e-3, rtol=0)
