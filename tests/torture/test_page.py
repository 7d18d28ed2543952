"""The page says what was measured."""

from ganverse_nb.runtime.files import read_json
from tests.torture.page import MEASURED, PAGE, SECTIONS, page, table


def test_the_page_is_made_of_the_measurements():
    measured = read_json(MEASURED)
    assert measured.keys() <= SECTIONS.keys() and measured["kills"]["rows"]
    assert PAGE.read_text(encoding="utf-8") == page(measured)
    assert table({"a": {"x": 1, "y": "b|c"}, "d": {"x": 2}}).splitlines()[2:] == ["| a | 1 | b\\|c |", "| d | 2 |  |"]
