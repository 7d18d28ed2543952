"""Names of files from elsewhere on terminals, in pages and as files."""

import doctest

import pytest

from ganverse_nb.runtime import text
from ganverse_nb.runtime.text import as_html, file_name, megabytes, printable


def test_the_examples_are_true():
    assert doctest.testmod(text).attempted == 3 and doctest.testmod(text).failed == 0


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("\x1b]0;owned\x07\x1b[2J.png", "\\x1b]0;owned\\x07\\x1b[2J.png"),
        ("a\r\nganverse: all is well.png", "a\\r\\nganverse: all is well.png"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\udcff.png", "\\udcff.png"),  # half of a character: bytes that are no UTF-8
        ("Käfer 甲虫\u202f10 PM.png", "Käfer 甲虫\u202f10 PM.png"),
    ],
)
def test_nothing_steers_a_terminal(given, shown):
    assert printable(given) == shown
    shown.encode()


def test_nothing_means_anything_in_a_page():
    assert as_html("<img src=x onerror=alert(1)>&\x1b") == "&lt;img src=x onerror=alert(1)&gt;&amp;\\x1b"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("a/b.png", "b.png"),
        ("/", "file"),
        (".", "file"),
        ("😀" * 90 + ".png", "😀" * 56 + ".png"),
        ("a." + "b" * 90, None),
    ],
)
def test_names_are_names_of_files_here(given, name, tmp_path):
    found = file_name(given)
    assert name in (None, found)
    (tmp_path / found).write_bytes(b"")
    assert [path.name for path in tmp_path.iterdir()] == [found]


def test_sizes_in_words():
    assert [megabytes(size) for size in (40_000, 9_940_000, 12_000_000)] == ["0.0 MB", "9.9 MB", "12 MB"]
