"""Notebook 00 in JupyterLab: it runs, its sliders move the picture, its mesh is drawn and turns."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from ganverse_nb.notebooks import notebooks
from tests.browser.lab import NotebookPage

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(new_page, lab, parameters):
    (notebook,) = notebooks(only=["00"])
    return NotebookPage(new_page(), lab, lab.add(notebook, parameters))


def shown(opened, azimuth):
    """Waits until the status line tells the azimuth and the page shows the picture that Python holds; returns it."""
    expect(opened.page.locator(".gv-status")).to_contain_text(f"azimuth {azimuth % 360}°")
    seen = opened.picture("gv-picture")
    while base64.b64encode(seen).decode() != opened.value("gv-picture"):  # a picture may be on its way
        seen = opened.picture("gv-picture")
    assert opened.value("gv-azimuth") == azimuth == opened.python("dashboard.state.azimuth_deg")
    return np.asarray(Image.open(io.BytesIO(seen)).convert("RGB")).astype(int)


def test_sliders_and_mesh(opened, shoot):
    opened.run_all()
    page = opened.page
    opened.scroll_to("OrbitDashboard(")
    handle = page.locator(".gv-azimuth .noUi-handle")
    expect(handle).to_have_attribute("aria-valuenow", "120.0")  # the notebook's own last word
    before = shown(opened, 120)
    assert before.std() > 5, "the picture is one colour"

    handle.press("ArrowRight")
    expect(handle).to_have_attribute("aria-valuenow", "125.0")
    by_key = shown(opened, 125)
    assert np.abs(by_key - before).max() > 20

    track, knob = page.locator(".gv-azimuth .noUi-base").bounding_box(), handle.bounding_box()
    low, high = (float(handle.get_attribute(f"aria-value{end}")) for end in ("min", "max"))
    target = track["x"] + track["width"] * (-90 - low) / (high - low)
    page.mouse.move(knob["x"] + knob["width"] / 2, knob["y"] + knob["height"] / 2)
    page.mouse.down()
    page.mouse.move(target, knob["y"] + knob["height"] / 2, steps=8)
    page.mouse.up()
    expect(page.locator(".gv-status")).not_to_contain_text("azimuth 125°")
    reached = int(float(handle.get_attribute("aria-valuenow")))
    assert abs(reached + 90) <= 5
    assert np.abs(shown(opened, reached) - by_key).max() > 20
    assert opened.python("dashboard.errors") == []
    shoot(page, "start_here_sliders")

    opened.scroll_to("mesh_figure(")
    canvas = page.locator(".js-plotly-plot canvas").first
    expect(canvas).to_be_visible()
    drawn = page.locator(".js-plotly-plot")
    first = settled(drawn)
    assert covered(first) > 0.03, "no mesh is drawn"
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.5, steps=8)
    page.mouse.up()
    turned = settled(drawn, since=first)
    assert covered(turned) > 0.03
    shoot(page, "start_here_mesh")


def pixels(element):
    return np.asarray(Image.open(io.BytesIO(element.screenshot())).convert("RGB")).astype(int)


def covered(picture):
    """Share of pixels that are not background, the most frequent colour."""
    colors, counts = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
    return 1 - counts.max() / counts.sum()


def settled(element, since=None, tries=60):
    """The element once it has something in it, differs from what it was, and stays the same."""
    last = pixels(element)
    for _ in range(tries):
        now = pixels(element)
        if (now == last).all() and covered(now) > 0.01 and (since is None or np.abs(now - since).max() > 20):
            return now
        last = now
    raise AssertionError("the drawing is empty, does not change or never comes to rest")
