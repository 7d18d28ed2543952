"""The tool of notebook 02 that labels view codes, clicked and typed through to its end in JupyterLab."""

from __future__ import annotations

import base64

import pytest
from playwright.sync_api import expect

from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.workflow.notebooks import notebooks
from tests.browser.lab import NotebookPage

pytestmark = pytest.mark.browser
LEFT_OUT = -2


def test_all_view_codes_are_labelled(new_page, lab, parameters, shoot):
    (notebook,) = notebooks(only=["02"])
    opened = NotebookPage(new_page(), lab, lab.add(notebook, parameters))
    opened.run_all()
    opened.scroll_to("ViewLabeller(")
    page, status = opened.page, opened.page.locator(".gv-status")
    count = opened.python("len(labels)")
    expect(status).to_contain_text(f"1 of {count}")
    first = opened.picture("gv-picture")

    def click(name, then):
        page.locator(f".gv-{name}").click()
        expect(status).to_contain_text(f"{then} of {count}")

    def type_key(key, then):
        page.locator(".gv-typed input").press(key)
        expect(status).to_contain_text(f"{then} of {count}")

    click("bin-3", then=2)
    second = opened.picture("gv-picture")
    assert second != first and base64.b64encode(second).decode() == opened.value("gv-picture")
    click("leave-out", then=3)
    type_key("0", then=4)
    click("bin-6", then=5)
    click("undo", then=4)
    type_key("x", then=5)
    type_key("u", then=4)
    expected = [3, LEFT_OUT, 9]
    shoot(page, "labelling")
    for index in range(3, count):
        expected.append(index % 12)
        if index + 1 < count:
            click(f"bin-{index % 12}", then=index + 2)
    page.locator(f".gv-bin-{expected[-1]}").click()
    expect(status).to_contain_text(f"All {count} view codes are labelled")
    expect(page.locator(".gv-bin-0")).to_be_disabled()
    expect(page.locator(".gv-undo")).to_be_enabled()
    shoot(page, "labelling_done")

    assert opened.python("labels.labels.tolist()") == expected
    saved = ViewCodes.load(opened.python("str(labels.path)"))
    assert saved.azimuth_bin.tolist() == sorted(label for label in expected if label >= 0)
    assert saved.provenance["left_out"] == [1]
