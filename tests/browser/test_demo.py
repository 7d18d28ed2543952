"""`ganverse demo`: notebook 00 as a page without code, in a browser: sliders turn the object, pickers swap parts."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from contextlib import closing
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect

from tests.browser.lab import BYTES, COMPUTING, PATIENCE

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(chromium, parameters, tmp_path_factory):
    """Of the page, of the run that the tests here share."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("demo")
    places = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "ganverse_nb", "demo", "--port", str(port), "--no-browser"]
    command += [word for name, value in parameters.items() for word in (f"--{name}", str(value))]
    with (home / "log").open("w") as said:
        server = subprocess.Popen(
            command, env=os.environ | places | {"IPYTHONDIR": str(home)}, stdout=said, stderr=said
        )
        try:
            yield wait_for(f"http://127.0.0.1:{port}/", server, home / "log")
        finally:
            server.terminate()  # it ends Voila and its kernels
            server.wait(PATIENCE)


def wait_for(address, server, log):
    end = time.monotonic() + COMPUTING  # it trains first, where no other test has
    while time.monotonic() < end and server.poll() is None:
        try:
            with urlopen(f"{address}voila/static/voila.js", timeout=PATIENCE):  # the page itself would start a kernel
                return address
        except URLError:
            time.sleep(0.2)
    raise RuntimeError(f"The demo does not answer:\n{log.read_text()}")


@pytest.fixture(scope="module")
def page(address, new_page):
    page = new_page(1200, 1000)
    page.goto(address)
    expect(page.locator(".gv-dibr")).to_be_visible(timeout=COMPUTING * 1000)
    expect(page.locator(".js-plotly-plot canvas").first).to_be_visible(timeout=COMPUTING * 1000)
    expect(page.locator(".gv-status").first).to_contain_text("azimuth", timeout=COMPUTING * 1000)
    return page


def picture(page, name="gv-dibr"):
    return bytes(page.locator(f".{name}").first.evaluate(BYTES))


def changed(page, before):
    """The picture of DIB-R, once it is another one and rests."""
    end, last = time.monotonic() + PATIENCE, picture(page)
    while time.monotonic() < end:
        time.sleep(0.5)
        now = picture(page)
        if now == last != before:
            return now
        last = now
    raise AssertionError("the picture does not change, or does not come to rest")


def test_the_page_tells_the_story_and_shows_no_code(page, shoot):
    expect(page.locator("h1")).to_contain_text("turn pictures of a GAN into 3D cars")
    expect(page.get_by_role("heading", name=re.compile("Your own photo"))).to_be_visible()
    assert page.locator(".jp-CodeCell .jp-Editor:visible, .jp-InputArea .highlight:visible").count() == 0
    words = page.locator("#rendered_cells").inner_text()
    assert not [said for said in ("import ", "run.record", "Traceback", "See also", "instead of") if said in words]
    pictures = "[...document.querySelectorAll('#rendered_cells img:not(.plot-img)')]"  # that one is Plotly's own
    assert page.evaluate(f"{pictures}.length") > 5
    page.wait_for_function(f"{pictures}.every(image => image.naturalWidth > 0)", timeout=120_000)  # decoded one by one
    assert page.evaluate("document.documentElement.scrollWidth") <= 1200, "it has to be scrolled sideways"
    page.locator("h1").scroll_into_view_if_needed()
    shoot(page, "demo")
    page.get_by_role("heading", name=re.compile("Your own photo")).scroll_into_view_if_needed()
    shoot(page, "demo_end")


def test_a_slider_turns_the_object(page, shoot):
    handle, before = page.locator(".gv-azimuth .noUi-handle"), picture(page)
    handle.scroll_into_view_if_needed()
    for _ in range(8):
        handle.press("PageUp")
    turned = changed(page, before)
    azimuth = int(float(handle.get_attribute("aria-valuenow")))
    expect(page.locator(".gv-status").first).to_contain_text(f"azimuth {azimuth % 360}°")
    assert turned != before
    shoot(page, "demo_turned")


def test_another_photograph_lends_its_shape_and_texture(page, shoot):
    before = picture(page)
    for part in ("shape", "texture"):
        page.locator(f".gv-{part} select").select_option("photograph 2")
        before = changed(page, before)
    shoot(page, "demo_swapped")
