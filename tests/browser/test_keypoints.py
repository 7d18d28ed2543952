"""The tool of notebook 03 that places keypoints, clicked, zoomed and typed in JupyterLab."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from ganverse_nb.gan.keypoints import Keypoints
from ganverse_nb.workflow.notebooks import notebooks
from tests.browser.lab import NotebookPage

pytestmark = pytest.mark.browser
ZOOM = 1.25  # of one turn of the wheel
TOLERANCE = 0.004  # of the picture's side: two pixels on the screen


def test_points_land_where_they_are_clicked_and_are_kept(new_page, lab, parameters, shoot):
    (notebook,) = notebooks(only=["03"])
    opened = NotebookPage(new_page(), lab, lab.add(notebook, parameters))
    opened.run_up_to("KeypointLabeller(")
    opened.scroll_to("KeypointLabeller(")
    page = opened.page
    picture, status = page.locator(".gv-keypoints canvas"), page.locator(".gv-keypoints .gv-status")
    names = opened.python("list(mine.keypoints.names)")
    picture.scroll_into_view_if_needed()
    side = picture.bounding_box()["width"]

    def click(x, y, then):
        picture.click(position={"x": x * side, "y": y * side})
        expect(status).to_contain_text(f"click on {then}.")

    expect(status).to_contain_text(f"click on {names[0]}.")
    click(0.25, 0.5, then=names[1])
    picture.press("x")  # not to be seen
    expect(status).to_contain_text(f"click on {names[2]}.")
    picture.press("u")
    expect(status).to_contain_text(f"click on {names[1]}.")
    picture.hover(position={"x": side / 2, "y": side / 2})
    page.mouse.wheel(0, -100)
    click(0.25, 0.25, then=names[2])
    shoot(page, "keypoints")
    click(0.9, 0.9, then=names[3])
    page.get_by_role("button", name="undo (u)").click()
    expect(status).to_contain_text(f"click on {names[2]}.")
    page.get_by_role("button", name="next view (n)").click()
    expect(status).to_contain_text("view 2 of")

    enlarged = 0.5 + (0.25 - 0.5) / ZOOM
    saved = Keypoints.load(opened.python("str(mine.path)"))
    assert saved.placed.sum() == 2 and saved.decided.sum() == 2 and saved.seconds > 0
    assert saved.places[0, 0].tolist() == pytest.approx([0.25, 0.5], abs=TOLERANCE)
    assert saved.places[0, 1].tolist() == pytest.approx([enlarged, enlarged], abs=TOLERANCE)
