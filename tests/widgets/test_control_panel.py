"""The control panel, driven as a front end and as a notebook drive it, without a kernel."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.geometry.export import load_mesh
from ganverse_nb.widgets.base import as_pixels, as_png, call_later
from ganverse_nb.widgets.control_panel import COARSE, FINE, UNTRAINED, ControlPanel
from ganverse_nb.widgets.control_scene import SAMPLE, Scene, render_state


class Clock:
    """A clock that stands still: what is put off waits for `ring`."""

    def __init__(self):
        self.waiting = []

    def __call__(self, seconds, action):
        entry = (seconds, action)
        self.waiting.append(entry)
        return lambda: entry in self.waiting and self.waiting.remove(entry)

    def ring(self):
        waiting, self.waiting = self.waiting, []
        for _, action in waiting:
            action()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def panel(scene, clock, tmp_path):
    return ControlPanel(scene, tmp_path / "saved", later=clock)


def shown(place):
    return np.asarray(Image.open(io.BytesIO(place.value)))


def upload(panel, name, content):
    """As the front end does it."""
    file = {"name": name, "type": "image/png", "size": len(content), "content": memoryview(content)}
    panel.upload.value = (file | {"last_modified": datetime.now(UTC)},)


def test_it_begins_with_the_first_picture_in_its_own_view(panel, scene):
    assert (panel.state.shape, panel.state.azimuth_deg, panel.state.elevation_deg) == ("red", -70, 14)
    truth = render_state(scene, panel.state, FINE)
    assert np.array_equal(shown(panel.dibr), truth.dibr) and np.array_equal(shown(panel.stylegan_r), truth.stylegan_r)
    source = as_pixels(scene.sources["red"].picture[0])
    assert all(np.array_equal(shown(place), source) for place in panel.thumbnails.values())
    assert "azimuth 290°, elevation 14°, scale 1.09" in panel.status.value


def test_a_moving_slider_shows_a_coarse_picture_and_a_resting_one_a_fine_one(panel, scene, clock):
    panel.controls["azimuth_deg"].value = 20
    panel.controls["azimuth_deg"].set_state({"value": 40})  # as the front end does it
    assert panel.state.azimuth_deg == 40 and len(clock.waiting) == 1
    assert np.array_equal(shown(panel.dibr), render_state(scene, panel.state, COARSE).dibr)
    clock.ring()
    assert np.array_equal(shown(panel.dibr), render_state(scene, panel.state, FINE).dibr)
    assert shown(panel.dibr).shape == (FINE, FINE, 3) and not clock.waiting


def test_without_an_event_loop_the_fine_picture_comes_at_once(scene, tmp_path):
    calls = []
    call_later(5.0, lambda: calls.append(1))
    assert calls == [1]
    panel = ControlPanel(scene, tmp_path)
    panel.controls["scale"].value = 1.2
    assert shown(panel.dibr).shape[0] == FINE


@pytest.mark.parametrize(
    ("name", "value"),
    [("elevation_deg", 30), ("scale", 0.9), ("shape", "long blue"), ("texture", "long blue"), ("background", SAMPLE)],
)
def test_a_control_changes_one_thing(panel, name, value):
    before = panel.state
    panel.controls[name].value = value
    assert panel.state == replace(before, **{name: value}) and not panel.errors


def test_seed_and_truncation_change_what_is_sampled(panel, scene):
    panel.controls["shape"].value = SAMPLE
    panel.controls["seed"].value = 7
    panel.controls["truncation"].value = 0.5
    source = scene.source(panel.state, "shape")
    assert source.name == "GAN sample, seed 7, ψ 0.50"
    assert np.array_equal(shown(panel.thumbnails["shape"]), as_pixels(source.picture[0]))


def test_a_kept_sample_stays_when_the_next_one_is_drawn(panel):
    panel.controls["texture"].value = SAMPLE
    panel.buttons["keep"].click()
    name = "GAN sample, seed 0, ψ 0.70"
    assert panel.controls["texture"].value == name == panel.state.texture and panel.state.shape == "red"
    assert list(panel.controls["shape"].options) == ["red", "long blue", name, SAMPLE]
    before = shown(panel.thumbnails["texture"])
    panel.controls["seed"].value = 9
    assert np.array_equal(shown(panel.thumbnails["texture"]), before)


def test_reset_and_the_view_of_the_source(panel):
    start = panel.state
    panel.controls["azimuth_deg"].value = 90
    panel.controls["shape"].value = "long blue"
    panel.buttons["source-view"].click()
    assert panel.state == replace(start, shape="long blue")
    panel.buttons["reset"].click()
    assert panel.state == start and panel.controls["shape"].value == "red"
    assert panel.controls["azimuth_deg"].value == start.azimuth_deg


def test_a_file_becomes_a_source(panel, world, scene):
    big = Image.new("RGB", (80, 60), (0, 0, 255))
    buffer = io.BytesIO()
    big.save(buffer, format="png")
    upload(panel, "mine.png", buffer.getvalue())
    assert panel.state.shape == panel.state.texture == panel.state.background == "mine.png"
    assert panel.controls["texture"].value == "mine.png" and panel.upload.value == ()
    assert torch.equal(scene.sources["mine.png"].picture[0, :, 8, 8], world.BLUE)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"GIF89 but no more", "bad.png is not a picture"), (b"", "bad.png is empty"), (None, "no object was found")],
)
def test_a_file_that_cannot_be_used_changes_nothing_and_says_why(panel, content, words):
    before, picture = panel.state, panel.dibr.value
    content = as_png(np.zeros((16, 16, 3), np.uint8)) if content is None else content
    with pytest.raises(ValueError, match=words):
        upload(panel, "bad.png", content)
    assert words in panel.status.value and words in panel.errors[-1] and len(panel.errors) == 1
    assert panel.state == before and panel.dibr.value == picture
    assert "bad.png" not in panel.controls["shape"].options


def test_an_error_is_shown_kept_and_raised_and_the_next_move_works(panel, monkeypatch):
    def fail(seed, truncation):
        raise ValueError("GAN sample, seed 8: no object was found")

    before = panel.state
    monkeypatch.setattr(panel.scene.sources, "sample", fail)
    with pytest.raises(ValueError, match="seed 8"):
        panel.controls["shape"].value = SAMPLE
    assert panel.errors == ["ValueError: GAN sample, seed 8: no object was found"]
    assert panel.status.value == "GAN sample, seed 8: no object was found" and panel.state == before
    panel.controls["azimuth_deg"].value = 10
    assert panel.state == replace(before, azimuth_deg=10) and panel.controls["shape"].value == "red"


def test_without_stylegan_r_it_says_so(scene, tmp_path):
    panel = ControlPanel(Scene(scene.sources, scene.known), tmp_path)
    assert UNTRAINED in panel.status.value and shown(panel.stylegan_r).std() == 0
    panel.controls["azimuth_deg"].value = 90
    assert UNTRAINED in panel.status.value and not panel.errors and panel.state.azimuth_deg == 90


def test_pictures_are_saved_side_by_side_and_nothing_is_overwritten(panel):
    for number in (1, 2):
        panel.buttons["save-picture"].click()
        assert panel.status.value == f"Saved {panel.folder / f'picture-00{number}.png'}"
    with Image.open(panel.folder / "picture-001.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert pixels.shape[1] > 5 * 256
    reds = (pixels == [255, 0, 0]).all(-1).sum()
    assert reds > 3 * 0.9 * 256**2  # the three sources
    assert sorted(path.name for path in panel.folder.iterdir()) == ["picture-001.png", "picture-002.png"]


def test_the_exported_mesh_has_the_picked_shape_and_texture(panel):
    panel.controls["texture"].value = "long blue"
    panel.buttons["save-mesh"].click()
    mesh = load_mesh(panel.folder / "mesh-001.glb")
    p = panel.scene.properties(panel.state)
    torch.testing.assert_close(
        mesh.vertices[0].sort(0).values, p.shape[0].sort(0).values, atol=1e-6, rtol=0
    )  # a reader may order them anew
    torch.testing.assert_close(mesh.texture, p.texture, atol=1 / 255, rtol=0)


def test_the_turntable_turns_once(panel):
    panel.buttons["save-turntable"].click()
    with Image.open(panel.folder / "turntable-001.gif") as film:
        frames = []
        for index in range(film.n_frames):
            film.seek(index)
            frames.append(np.asarray(film.convert("RGB")).astype(int)[128, 256 + 128])  # DIB-R's half
    assert frames[0][0] > 200 and frames[len(frames) // 2][0] < 60  # a red front, a black rear


def test_controls_can_be_found_in_a_browser(panel):
    names = ["shape", "texture", "background", "azimuth", "elevation", "scale", "seed", "truncation", "upload"]
    names += ["dibr", "stylegan-r", "status", *panel.buttons, *(f"{part}-source" for part in panel.thumbnails)]
    found, queue = [], [panel]
    while queue:
        widget = queue.pop()
        found += [name for name in widget._dom_classes if name.startswith("gv-")]
        queue += getattr(widget, "children", ())
        assert type(widget).__name__ != "Output"
    assert sorted(found) == sorted(f"gv-{name}" for name in names)
