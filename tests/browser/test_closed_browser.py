"""A browser that is closed while a cell runs loses no work: the cell ends, its values and the labels are there."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from ganverse_nb.gan.viewpoints import ViewCodes
from tests.browser.lab import NotebookPage

pytestmark = pytest.mark.browser
LABELLING = """from ganverse_nb.gan.annotation import ViewAnnotation
from ganverse_nb.gan.checkpoint import load_generator
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.widgets import ViewLabeller, sample_pictures

views = ViewCodes.load("car")
labels = ViewAnnotation(views.codes[:5], views.split_layer, "labelled_views.safetensors")
ViewLabeller(labels, sample_pictures(load_generator("car"), views.split_layer, contents=4))"""
LONG_WORK = """import time
from pathlib import Path

while not Path("go_on").exists():
    time.sleep(0.05)
result = "computed while nobody looked"
Path("done").touch()"""


def test_work_goes_on_and_is_found_again(new_page, lab, shoot):
    name = lab.write("closed.ipynb", [LABELLING, LONG_WORK])
    page = new_page()
    opened = NotebookPage(page, lab, name)
    opened.run_cell(0)
    expect(page.locator(".gv-status")).to_contain_text("1 of 5")
    page.locator(".gv-bin-3").click()
    expect(page.locator(".gv-status")).to_contain_text("2 of 5")
    page.locator(".gv-bin-0").click()
    expect(page.locator(".gv-status")).to_contain_text("3 of 5")
    page.keyboard.press("Control+s")  # JupyterLab does it every two minutes
    opened.run_cell(1)
    opened.wait_for_kernel("busy")
    kernel = lab.kernel(name)
    page.context.close()

    assert not (lab.directory / "done").exists()
    (lab.directory / "go_on").touch()
    page = new_page()
    again = NotebookPage(page, lab, name)
    assert lab.kernel(name) == kernel
    assert again.python("result") == "computed while nobody looked" and (lab.directory / "done").exists()
    assert again.python("labels.labels.tolist()") == [3, 0, -1, -1, -1]
    assert ViewCodes.load(lab.directory / "labelled_views.safetensors").azimuth_bin.tolist() == [0, 3]

    expect(page.locator(".gv-status")).to_contain_text("3 of 5")  # the tool itself, alive again
    page.locator(".gv-bin-6").click()
    expect(page.locator(".gv-status")).to_contain_text("4 of 5")
    shoot(page, "closed_and_reopened")
    assert again.python("labels.labels.tolist()") == [3, 0, 6, -1, -1]
