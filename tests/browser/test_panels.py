"""Notebooks 00 and 09 in JupyterLab: they run, their sliders move the picture; the mesh is drawn and turns."""

from __future__ import annotations

import base64
import io
import time
from functools import cache

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from ganverse_nb.workflow.notebooks import notebooks
from tests.browser.lab import PATIENCE, NotebookPage

pytestmark = pytest.mark.browser
PANEL, PICTURE = "panel", "gv-dibr"
SIZE = (128, 128)  # to which pictures are brought before they are compared


@pytest.fixture(scope="module")
def open_notebook(new_page, lab, parameters):
    """Opens a notebook by its number, with all its cells run; once."""

    @cache
    def open_it(number):
        (notebook,) = notebooks(only=[number])
        opened = NotebookPage(new_page(), lab, lab.add(notebook, parameters))
        opened.run_all()
        return opened

    return open_it


def shown(opened, handle):
    """Waits until slider, status line and picture are what Python holds; returns the azimuth and the picture."""
    azimuth = int(float(handle.get_attribute("aria-valuenow")))
    expect(opened.page.locator(".gv-status")).to_contain_text(f"azimuth {azimuth % 360}°")
    end = time.monotonic() + PATIENCE
    while base64.b64encode(seen := opened.picture(PICTURE)).decode() != opened.value(PICTURE):
        assert time.monotonic() < end, "the page does not show the picture that Python holds"
    assert opened.value("gv-azimuth") == azimuth == opened.python(f"{PANEL}.state.azimuth_deg")
    assert opened.python(f"{PANEL}.errors") == []
    return azimuth, np.asarray(Image.open(io.BytesIO(seen)).convert("RGB").resize(SIZE)).astype(int)


def drag(page, begin, end):
    """The mouse, pressed at one place and let go at another."""
    page.mouse.move(*begin)
    page.mouse.down()
    page.mouse.move(*end, steps=8)
    page.mouse.up()


def test_the_finished_picture_stands_below_the_title(open_notebook, shoot):
    opened = open_notebook("00")
    opened.scroll_to_top()
    picture = opened.page.locator(".jp-MarkdownOutput img").first
    expect(picture).to_be_visible()
    opened.page.wait_for_function("picture => picture.complete", arg=picture.element_handle())
    assert picture.evaluate("picture => picture.naturalWidth") > 500
    shoot(opened.page, "start_here_title")


@pytest.mark.parametrize("number", ["00", "09"])
def test_a_slider_follows_keys_and_mouse_and_moves_the_picture(open_notebook, number, shoot):
    opened = open_notebook(number)
    page = opened.page
    opened.scroll_to(f"{PANEL}.state")  # the panel stands above it, in the same window
    handle = page.locator(".gv-azimuth .noUi-handle")
    start, first = shown(opened, handle)
    assert first.std() > 5, "the picture has one colour"

    before = handle.get_attribute("aria-valuenow")
    handle.press("ArrowRight")
    expect(handle).not_to_have_attribute("aria-valuenow", before)
    by_key, second = shown(opened, handle)
    assert by_key > start and (first != second).any()

    before, goal = handle.get_attribute("aria-valuenow"), 0
    track, knob = page.locator(".gv-azimuth .noUi-base").bounding_box(), handle.bounding_box()
    low, high = (float(handle.get_attribute(f"aria-value{end}")) for end in ("min", "max"))
    height = knob["y"] + knob["height"] / 2
    place = track["x"] + track["width"] * (goal - low) / (high - low)
    drag(page, (knob["x"] + knob["width"] / 2, height), (place, height))
    expect(handle).not_to_have_attribute("aria-valuenow", before)
    by_mouse, third = shown(opened, handle)
    assert abs(by_mouse - goal) <= 5 and np.abs(third - second).mean() > 2
    shoot(page, f"slider_{number}")


def test_the_mesh_is_drawn_and_turns_with_the_mouse(open_notebook, shoot):
    opened = open_notebook("00")
    opened.scroll_to("mesh_figure(")
    drawing = opened.page.locator(".js-plotly-plot")
    expect(drawing.locator("canvas").first).to_be_visible()
    first = settled(drawing)
    shoot(opened.page, "start_here_mesh")
    box = drawing.bounding_box()
    middle = box["y"] + box["height"] / 2
    drag(opened.page, (box["x"] + 0.4 * box["width"], middle), (box["x"] + 0.7 * box["width"], middle))
    settled(drawing, since=first)
    shoot(opened.page, "start_here_mesh_turned")


def pixels(element):
    return np.asarray(Image.open(io.BytesIO(element.screenshot())).convert("RGB")).astype(int)


def covered(picture):
    """Share of pixels that are not background, the most frequent colour."""
    colors, counts = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
    return 1 - counts.max() / counts.sum()


def settled(element, since=None):
    """The element's pixels, once there is something in it, it has changed since then, and stays the same."""
    end, last = time.monotonic() + PATIENCE, pixels(element)
    while time.monotonic() < end:
        now = pixels(element)
        if (now == last).all() and covered(now) > 0.03 and (since is None or np.abs(now - since).max() > 20):
            return now
        last = now
    raise AssertionError("the drawing is empty, does not change or never comes to rest")
