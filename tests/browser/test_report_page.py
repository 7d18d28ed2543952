"""report.html, opened as a file: every number and every picture is there, and it fits the window.

The page in figures/ is that of three categories; a run at smoke size writes another.
"""

from __future__ import annotations

import pytest

from ganverse_nb.runtime.files import read_json
from ganverse_nb.workflow.notebooks import folder

pytestmark = pytest.mark.browser
FIGURES = folder().parent / "figures"


@pytest.mark.parametrize(("width", "smoke_size"), [(1280, False), (480, False), (480, True)])
def test_it_renders_without_a_server(new_page, shoot, request, width, smoke_size):
    figures = request.getfixturevalue("smoke").figures if smoke_size else FIGURES
    page, asked = new_page(width), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((figures / "report.html").as_uri())
    assert page.locator("h1").inner_text().startswith("GANverse3D")
    rows = read_json(figures / "report.json")
    assert sorted(page.locator("td code").all_inner_texts()) == sorted(row["key"] for row in rows)

    pictures = page.locator("figure img")
    of_runs = [picture for run in figures.glob("*/run.json") for picture in run.parent.glob("*.png")]
    assert pictures.count() == len(of_runs) > 30
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()  # they are loaded lazily
        page.wait_for_function("picture => picture.complete", arg=picture.element_handle())
        assert picture.evaluate("picture => picture.naturalWidth") > 100, picture.get_attribute("src")
        assert picture.locator("xpath=../figcaption").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "it has to be scrolled sideways"
    assert len(asked) > pictures.count() and all(url.startswith("file://") for url in asked)
    page.evaluate("scrollTo(0, 0)")
    name = f"report_{'smoke_' * smoke_size}{width}"
    shoot(page, name)
    page.locator("figure").first.evaluate("figure => figure.scrollIntoView()")
    shoot(page, f"{name}_figures")  # the whole page is higher than a picture of it can be
