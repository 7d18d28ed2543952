"""Chromium, JupyterLab, and a page whose console has to stay free of errors. Screenshots are kept in build/browser/."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.lab import PATIENCE, serve

SHOTS = Path(__file__).parents[2] / "build" / "browser"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# No sandbox, so that root can start it; software WebGL; no host but this one, so that what asks for a CDN is found.
OPTIONS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
MISSING = "There is no Chromium: `apt install chromium` (Debian, Ubuntu), or put a Chrome that is there on the PATH."


@pytest.fixture(scope="session", autouse=True)
def chromium():
    """The browser's path. Without one the tests are skipped, but continuous integration must have it (.ci/run)."""
    if path := next(filter(None, map(shutil.which, NAMES)), None):
        return path
    (pytest.fail if os.environ.get("GANVERSE_BROWSER") == "required" else pytest.skip)(MISSING)


@pytest.fixture(scope="module")
def browser(chromium):
    """A module's own, closed with it: as long as it is open, Playwright's event loop occupies the thread."""
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(chromium, tmp_path_factory):
    with serve(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="session")
def parameters(smoke, tmp_path_factory):
    """Of notebooks: a copy of the finished run at smoke size, which the notebooks here share and may write to."""
    return smoke.copy(tmp_path_factory.mktemp("smoke_in_lab"))


@pytest.fixture(scope="module")
def new_page(browser):
    """Opens windows, each of a new visitor. In the end not one error may stand in their consoles."""
    complaints, contexts = [], []

    def heard(message):
        if message.type == "error":
            complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def open_page(width=1400, height=1000):
        context = browser.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(PATIENCE * 1000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints, "the browser's console shows\n" + "\n".join(complaints)


@pytest.fixture
def shoot():
    """Keeps a picture of a page for people to look at."""
    SHOTS.mkdir(parents=True, exist_ok=True)

    def take(page, name, **options):
        page.screenshot(path=SHOTS / f"{name}.png", **options)

    return take
