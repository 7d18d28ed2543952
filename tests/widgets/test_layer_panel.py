"""The mixing desk: every layer gets what its slider says, the view code what its picker says."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.gan.latents import mix, sample_w
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.widgets.base import as_pixels
from ganverse_nb.widgets.layer_panel import OWN, LayerPanel, LayerState, mixed_codes, render_layers

SPLIT = 2


@pytest.fixture
def generator(model):
    return model.generator


@pytest.fixture
def views(generator):
    numbers = torch.tensor([0.0, 90.0, 180.0])
    codes = sample_w(generator, 3, 77)
    return ViewCodes(codes, (numbers / 30).long(), numbers, numbers * 0, numbers * 0 + 12, numbers > -1, SPLIT)


@pytest.fixture
def panel(generator, views):
    return LayerPanel(generator, views)


def shown(place):
    return np.asarray(Image.open(io.BytesIO(place.value)))


def test_amounts_of_zero_and_one_are_the_split_of_the_paper(generator, views):
    a, b = sample_w(generator, 1, 3, 0.7), sample_w(generator, 1, 4, 0.7)
    count = generator.num_ws
    state = LayerState(tuple(float(i < SPLIT) for i in range(count)), seed_a=3, seed_b=4)
    first, mixed, last = mixed_codes(generator, views, state)
    assert torch.equal(first, a.repeat(count, 1)) and torch.equal(last, b.repeat(count, 1))
    assert torch.equal(mixed[None], mix(b, a, SPLIT, count))
    between = mixed_codes(generator, views, replace(state, amounts=(0.25,) * count))[1]
    torch.testing.assert_close(between[0], 0.75 * a[0] + 0.25 * b[0])


def test_a_view_code_takes_the_layers_below_the_split_and_no_other(generator, views):
    state = LayerState((0.5,) * generator.num_ws)
    free, placed = (mixed_codes(generator, views, replace(state, view=view))[1] for view in (None, 1))
    assert torch.equal(placed[:SPLIT], views.codes[1].expand(SPLIT, -1)) and torch.equal(placed[SPLIT:], free[SPLIT:])


def test_it_begins_with_the_view_of_b(panel, generator, views):
    assert panel.controls["view"].label == OWN
    assert panel.state.amounts == (1.0,) * SPLIT + (0.0,) * (generator.num_ws - SPLIT)
    pictures = render_layers(generator, views, panel.state)
    assert all(np.array_equal(shown(place), p) for place, p in zip(panel.pictures, pictures, strict=True))
    a = generator.synthesize(generator.styles(sample_w(generator, 1, 0, 0.7)[:, None].repeat(1, generator.num_ws, 1)))
    assert np.abs(shown(panel.pictures[0]).astype(int) - as_pixels(a[0])).max() <= 1


def test_a_slider_moves_one_layer(panel):
    before = panel.state.amounts
    panel.layers[3].set_state({"value": 0.4})  # as the front end does it
    assert panel.state.amounts == (*before[:3], 0.4, *before[4:]) and not panel.errors


@pytest.mark.parametrize(
    ("button", "layers"), [("all-a", ""), ("view-b", "01"), ("content-b", "2345"), ("all-b", "012345")]
)
def test_buttons_set_the_whole_desk(panel, generator, button, layers):
    panel.controls["view"].value = 2
    panel.buttons[button].click()
    assert generator.num_ws == 6 and panel.state.view is None and panel.controls["view"].value == OWN
    assert panel.state.amounts == tuple(float(str(i) in layers) for i in range(6))
    assert tuple(slider.value for slider in panel.layers) == panel.state.amounts


def test_while_a_view_code_is_chosen_its_layers_have_no_slider(panel):
    panel.controls["view"].value = 1
    assert [slider.disabled for slider in panel.layers] == [True] * SPLIT + [False] * 4
    assert "view code 1, measured at azimuth 90°, elevation 12°" in panel.status.value
    panel.controls["view"].value = OWN
    assert not any(slider.disabled for slider in panel.layers)


def test_an_error_is_shown_kept_and_raised(panel, monkeypatch):
    def fail(*_):
        raise ValueError("no such layer")

    before = panel.state
    monkeypatch.setattr("ganverse_nb.widgets.layer_panel.render_layers", fail)
    with pytest.raises(ValueError, match="no such layer"):
        panel.controls["seed_b"].value = 8
    assert panel.errors == ["ValueError: no such layer"] and panel.status.value == "no such layer"
    assert panel.state == before


def test_controls_can_be_found_in_a_browser(panel):
    assert "gv-status" in panel.status._dom_classes and "gv-mix" in panel.pictures[1]._dom_classes
    for name, control in panel.controls.items():
        assert f"gv-{name.replace('_', '-')}" in control._dom_classes
    for index, slider in enumerate(panel.layers):
        assert f"gv-layer-{index}" in slider._dom_classes
