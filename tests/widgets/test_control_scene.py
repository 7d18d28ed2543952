"""State -> pictures, without a widget: every field of the state does what it says and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganverse_nb.render.shots import textured
from ganverse_nb.widgets.base import as_pixels
from ganverse_nb.widgets.control_scene import SAMPLE, ControlState, Scene, render_state

STATE = ControlState("red", "red", "red", azimuth_deg=0, elevation_deg=0)


def dibr(scene, size=64, **changes):
    return render_state(scene, replace(STATE, **changes), size).dibr


def object_of(picture):
    """[H, W] bool, where the picture is not white."""
    return (picture < 250).any(-1)


def test_azimuth_and_elevation_show_the_side_that_they_name(scene):
    """Front and top are red, the rear is black."""
    middle = (slice(31, 33), slice(31, 33))
    assert (dibr(scene)[middle] == [255, 0, 0]).all()
    assert (dibr(scene, azimuth_deg=180)[middle] == 0).all()
    assert (dibr(scene, azimuth_deg=180, elevation_deg=89)[middle] == [255, 0, 0]).all()


def test_scale_is_the_size_in_the_picture(scene):
    widths = [object_of(dibr(scene, 256, scale=scale)).any(0).sum() for scale in (1.0, 1.2)]
    assert widths[1] / widths[0] == pytest.approx(1.2, abs=0.05)


def test_each_part_comes_from_its_own_source(scene, world):
    """From the side, the blue object is longer; colours follow the texture, outlines the shape."""
    own, longer = dibr(scene, azimuth_deg=90), dibr(scene, azimuth_deg=90, shape="long blue")
    assert object_of(longer).sum() > 1.5 * object_of(own).sum()
    painted = dibr(scene, azimuth_deg=90, texture="long blue")
    assert (object_of(painted) == object_of(own)).all()
    inside = object_of(own)
    assert own[inside][:, 0].max() == 255 and own[inside][:, 2].max() < painted[inside][:, 2].max() == 255
    assert np.array_equal(own, dibr(scene, azimuth_deg=90, background="long blue"))  # DIB-R knows none
    blue = scene.properties(replace(STATE, background="long blue")).background
    assert torch.equal(blue, world.encode(world.picture(world.BLUE, 1.0), "").background)


def test_the_view_of_the_source_is_the_view_of_the_source(scene):
    """Up to whole degrees and percents, which these cameras have; the object off the middle too."""
    state = scene.source_view(replace(STATE, shape="long blue", texture="long blue"))
    assert (state.azimuth_deg, state.elevation_deg) == (-70, 14)
    assert state.scale == round(float(scene.known.distance.median()) / 2.0, 2)
    own = scene.sources["long blue"].properties
    exact = replace(state, scale=scene.distance / 2.0)
    mine = scene.properties(exact)
    for name in ("position", "target", "fov"):
        torch.testing.assert_close(getattr(mine.camera, name), getattr(own.camera, name), atol=1e-5, rtol=0)
    pictures = [textured(p.mesh(), p.camera, 64)[0] for p in (mine, own)]
    assert (pictures[0] - pictures[1]).abs().mean() < 1e-3


def test_stylegan_r_renders_the_same_properties(scene):
    state = replace(STATE, texture="long blue", azimuth_deg=40, scale=1.1)
    p = scene.properties(state)
    assert float(p.camera.azimuth) == 40 and float(p.camera.distance) == pytest.approx(scene.distance / 1.1)
    expected = scene.model.render(p.camera, p.shape, p.texture, p.background)[0]
    assert np.array_equal(render_state(scene, state, 32).stylegan_r, as_pixels(expected))
    assert render_state(Scene(scene.sources, scene.known), state, 32).stylegan_r is None


def test_the_sample_is_that_of_the_states_own_seed_and_truncation(scene):
    state = replace(STATE, shape=SAMPLE, seed=5, truncation=0.3)
    assert scene.source(state, "shape") is scene.sources.sample(5, 0.3)
    assert scene.source(state, "texture") is scene.sources["red"]


def test_cameras_that_nobody_taught_are_named(scene):
    """The known cameras stand at elevations of 5 to 20 degrees."""
    assert scene.out_of_range(replace(STATE, elevation_deg=12)) == ""
    assert "elevation 5° to 20°" in scene.out_of_range(replace(STATE, elevation_deg=30))
    low, high = (scene.distance / float(d) for d in (scene.known.distance.max(), scene.known.distance.min()))
    assert f"scale {low:.2f} to {high:.2f}" in scene.out_of_range(replace(STATE, elevation_deg=12, scale=1.3))
    scene.model.notes["scales"] = [0.75, 1.33]  # that it was asked for in training
    assert scene.out_of_range(replace(STATE, elevation_deg=12, scale=1.3)) == ""
    assert "scale 0.75 to 1.33" in scene.out_of_range(replace(STATE, elevation_deg=12, scale=1.4))
