"""The table of a folder's photographs: what it keeps, of what an end has left, and how it writes names of strangers."""

import csv
import os

import pytest

from ganverse_nb.runtime.errors import DamagedError
from ganverse_nb.workflow.contact_sheet import sample
from ganverse_nb.workflow.photo_table import COLUMNS, IN, UNREADABLE, Row, Table, escaped, output_names, version


@pytest.fixture
def made(tmp_path):
    """A table of five pictures, and the pictures."""
    files = {}
    for number in range(5):
        files[f"{number}.png"] = path = tmp_path / f"{number}.png"
        path.write_bytes(b"x" * number)
    table = Table(tmp_path / "table.csv", tmp_path)
    table.write([])
    sizes = {name: version(path) for name, path in files.items()}
    table.add([Row(name, IN, refusal='a "quoted", sentence', bytes=b, modified=m) for name, (b, m) in sizes.items()])
    return table, files


def test_rows_are_read_as_they_were_written_by_anybody(made):
    table, files = made
    rows = table.read()
    assert [row.photo for row in rows] == list(files) and rows[0].refusal == 'a "quoted", sentence'
    with table.path.open(newline="", encoding="utf-8") as file:
        assert [tuple(row) for row in csv.DictReader(file)] == [COLUMNS] * 5
    text = table.path.read_text()
    table.write(rows)
    assert table.path.read_text() == text


def test_after_what_was_known_rows_count_in_whole_batches(made):
    table, files = made
    whole = table.path.read_text()
    for known, batch, kept in ((0, 2, 4), (0, 3, 3), (3, 2, 5), (4, 2, 4), (5, 2, 5), (9, 2, 5), (0, 1, 5)):
        table.path.write_text(whole)
        assert len(table.keep(known, files, batch)) == len(table.read()) == kept


def test_a_torn_line_is_none_and_another_file_is_refused(made):
    table, files = made
    whole = table.path.read_text()
    for torn in range(1, len(whole.splitlines()[-1]) + 1):
        table.path.write_text(whole[:-torn])
        assert list(table.keep(0, files, 1)) == (list(files) if torn == 1 else list(files)[:4])
    table.path.write_bytes(whole.encode() + b"\0\xff,")
    assert len(table.read()) == 5
    table.path.write_text("a,b\n1,2\n")
    with pytest.raises(DamagedError, match="is not a table of reconstructions; delete"):
        table.read()


def test_what_has_changed_since_is_done_again(made):
    table, files = made
    files["1.png"].write_bytes(b"other")
    os.utime(files["2.png"], (1, 1))
    files["3.png"].unlink()
    rows = table.read()
    (table.output / "mesh.glb").touch()
    table.write([*rows[:4], rows[4].replace(mesh="mesh.glb")])
    assert list(table.keep(5, files, 1)) == ["0.png", "4.png"]
    (table.output / "mesh.glb").unlink()
    assert list(table.keep(5, files, 1)) == ["0.png"]


def test_names_of_strangers_are_one_line_of_text_each_and_no_two_are_the_same():
    names = ["a\nb.jpg", "a\\nb.jpg", "red\x1b[31m.png", "=cmd.jpg", "@x.jpg", "-1.jpg", "\u202egnp.jpg", "\udcff.jpg"]
    shown = [escaped(name) for name in names]
    assert len(set(shown)) == len(names) and all(name.isprintable() for name in shown)
    assert not [name for name in shown if name[0] in "=+-@"]
    assert escaped("plain name.jpg") == "plain name.jpg"


def test_files_that_are_made_have_names_of_their_own():
    photos = ["a/car.jpg", "a/car.png", "a/Car.webp", "b/car.jpg", "a\\nb.jpg", f"{'x' * 200}.jpg", f"{'x' * 201}.jpg"]
    names = output_names(photos)
    assert names["b/car.jpg"] == "b/car" and len({name.casefold() for name in names.values()}) == len(photos)
    assert all(len(part) < 80 and "\\" not in part for name in names.values() for part in name.split("/"))
    assert output_names(photos[:1])[photos[0]] == "a/car"  # what comes later takes nobody's name


def test_a_sheet_shows_all_or_an_even_sample():
    assert sample(0) == [] and sample(60) == list(range(60))
    places = sample(1000)
    assert len(set(places)) == 60 and (places[0], places[-1]) == (0, 999)
    assert {b - a for a, b in zip(places, places[1:])} == {16, 17}


def test_a_picture_that_could_not_be_read_has_no_numbers(tmp_path):
    from ganverse_nb.inverse_graphics.reconstruction import Refusal

    path = tmp_path / "evil\x1b.jpg"
    path.write_bytes(b"123")
    row = Row.of("evil", path, Refusal(str(path), f"{path} is damaged."))
    assert (row.verdict, row.refusal, row.bytes, row.score) == (UNREADABLE, "evil\\x1b.jpg is damaged.", "3", "")
