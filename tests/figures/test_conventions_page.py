"""docs/conventions.md: every line of it is held by a test that exists, and its drawing is what its command makes."""

import ast
import re
from pathlib import Path

import pytest
from PIL import Image

from ganverse_nb.figures import conventions
from ganverse_nb.figures.style import DPI

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "conventions.md").read_text()
LINES = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")]


def convention_tests():
    """The names of all convention tests, each with the file it is in."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_convention_"):
                yield node.name, path


EXISTING = dict(convention_tests())


def test_the_table_has_a_column_for_its_tests():
    assert LINES[0] == ["what", "convention", "held by `test_convention_...`"]
    assert len(LINES) >= 16


@pytest.mark.parametrize("line", LINES[1:], ids=lambda line: line[0])
def test_every_line_names_tests_that_exist(line):
    names = re.findall(r"`(\w+)`", line[2])
    assert names and all(f"test_convention_{name}" in EXISTING for name in names)


def test_every_test_of_geometry_and_rendering_is_named_on_the_page():
    named = {f"test_convention_{name}" for line in LINES[1:] for name in re.findall(r"`(\w+)`", line[2])}
    named |= set(re.findall(r"`(test_convention_\w+)`", PAGE))
    here = {name for name, path in EXISTING.items() if path.parent.name in ("geometry", "render")}
    assert here <= named


def test_the_drawing_is_there_and_as_large_as_its_command_makes_it(monkeypatch):
    assert "(conventions.png)" in PAGE and "python -m ganverse_nb.figures.conventions docs/conventions.png" in PAGE
    for name in ("SIZE", "VIEW"):
        monkeypatch.setattr(conventions, name, 32)  # fewer pixels of the same drawing
    figure = conventions.conventions()
    width, height = figure.get_size_inches() * DPI
    with Image.open(ROOT / "docs" / "conventions.png") as picture:
        assert picture.size == (round(width), round(height))
    words = {text.get_text() for axes in figure.axes for text in axes.texts} | {a.get_title() for a in figure.axes}
    assert {"x", "y", "z", "0°", "90°", "180°", "270°", "origin", "azimuth 90°: its left side"} <= words
