"""Files of any size go through the upload button of a JupyterLab as it comes: over 10 MB, and over the limit."""

from __future__ import annotations

import hashlib

import pytest
from playwright.sync_api import expect

from tests.browser.lab import NotebookPage

pytestmark = pytest.mark.browser
CELL = """import hashlib
from ganverse_nb.widgets import PhotoUpload

def looked_at(path):
    raise ValueError(f"{path.name}: {hashlib.sha256(path.read_bytes()).hexdigest()}")

upload = PhotoUpload(looked_at, None)
upload.button.limit = 15_000_000
upload"""


def test_files_over_ten_megabytes_arrive_and_larger_ones_are_named(new_page, lab, tmp_path, shoot):
    page = new_page()
    opened = NotebookPage(page, lab, lab.write("upload.ipynb", [CELL]))
    opened.run_cell(0)
    status = page.locator(".gv-upload-status")
    expect(page.locator(".gv-upload button")).to_have_text("your photo, up to 100 MB")

    def choose(path):
        with page.expect_file_chooser() as chooser:
            page.locator(".gv-upload").click()
        chooser.value.set_files(path)

    large = tmp_path / "<b>large.png"
    large.write_bytes(bytes(range(250)) * 50_000)
    huge = tmp_path / "huge.png"
    huge.write_bytes(bytes(16_000_000))
    choose(large)
    expect(status).to_have_text(f"<b>large.png: {hashlib.sha256(large.read_bytes()).hexdigest()}")
    choose(huge)
    expect(status).to_have_text("huge.png has 16 MB, and up to 15 MB are taken; scale it down.")
    shoot(page, "upload")
    choose(large)  # the connection is there, and the same file can be given again
    expect(status).to_contain_text("large")
    assert opened.python("len(upload.errors)") == 3
