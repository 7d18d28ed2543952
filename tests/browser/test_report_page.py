"""figures/report.html, opened as a file: every number and every picture is there, and it fits the window."""

from __future__ import annotations

import pytest

from ganverse_nb.runtime.files import read_json
from ganverse_nb.workflow.notebooks import folder

pytestmark = pytest.mark.browser
FIGURES = folder().parent / "figures"


@pytest.mark.parametrize("width", [1280, 480])
def test_it_renders_without_a_server(new_page, shoot, width):
    page, asked = new_page(width), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((FIGURES / "report.html").as_uri())
    assert page.locator("h1").inner_text().startswith("GANverse3D")
    rows = read_json(FIGURES / "report.json")
    assert sorted(page.locator("td code").all_inner_texts()) == sorted(row["key"] for row in rows)

    pictures = page.locator("figure img")
    assert pictures.count() == len(list(FIGURES.glob("*/*.png")))
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()  # they are loaded lazily
        page.wait_for_function("picture => picture.complete", arg=picture.element_handle())
        assert picture.evaluate("picture => picture.naturalWidth") > 100, picture.get_attribute("src")
        assert picture.locator("xpath=../figcaption").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "it has to be scrolled sideways"
    assert all(url.startswith("file://") for url in asked)
    page.evaluate("scrollTo(0, 0)")
    shoot(page, f"report_{width}")
    page.locator("figure").first.evaluate("figure => figure.scrollIntoView()")
    shoot(page, f"report_{width}_figures")  # the whole page is higher than a picture of it can be
