"""The button that takes a file in pieces, driven by the messages of its browser."""

from datetime import UTC, datetime

import pytest

from ganverse_nb.widgets.file_button import FileButton

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def said():
    return []


@pytest.fixture
def button(said):
    button = FileButton("your photo", 12_000_000, said.append)
    yield button
    button.close()


def send(button, content=CONTENT, name="car.jpg", size=None, piece=1000, leave_out=None):
    facts = {"name": name, "type": "image/jpeg", "size": len(content) if size is None else size}
    facts["last_modified"] = 1_700_000_000_000
    button._handle_custom_msg({"begin": facts}, [])
    for start in range(0, len(content), piece):
        if start != leave_out:
            button._handle_custom_msg({"piece": start}, [memoryview(content[start : start + piece])])
    button._handle_custom_msg({"end": facts}, [])


def test_a_file_arrives_whole(button, said):
    heard = []
    button.observe(lambda change: heard.append(change["new"]), names="value")
    send(button)
    (file,) = button.value
    at = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    wanted = {"name": "car.jpg", "type": "image/jpeg", "size": 10240, "content": CONTENT, "last_modified": at}
    assert file == wanted and heard == [(file,)] and not said
    assert "value" not in button.get_state(), "the file would be sent back to the browser"


def test_the_limit_is_named_and_kept(button, said):
    assert button.description == "your photo, up to 12 MB" and button.get_state()["limit"] == 12_000_000
    facts = {"name": "huge.tif", "type": "", "size": 34_000_000, "last_modified": 0}
    button._handle_custom_msg({"too_large": facts}, [])
    assert said == ["huge.tif has 34 MB, and up to 12 MB are taken; scale it down."] and button.value == ()
    piece = memoryview(bytes(5_000_000))
    for _ in range(5):  # from something that is no browser
        button._handle_custom_msg({"piece": 0}, [piece])
    assert len(button._received) <= button.limit
    button._handle_custom_msg({"end": facts}, [])
    assert len(said) == 2 and said[0] == said[1] and not button._received


@pytest.mark.parametrize("fault", ["lost", "unreadable"])
def test_a_file_that_does_not_arrive_is_a_sentence(button, said, fault):
    if fault == "lost":
        send(button, leave_out=2000)
    else:
        button._handle_custom_msg({"unreadable": {"name": "car.jpg", "size": 5}}, [])
    assert said == ["car.jpg could not be read by the browser, or was lost on its way; choose it again."]
    send(button)  # and it can
    assert button.value[0]["content"] == CONTENT


def test_the_next_file_begins_anew(button):
    button._handle_custom_msg({"piece": 0}, [memoryview(b"of a browser that was closed")])
    send(button, b"")
    assert button.value[0]["content"] == b"" and button.value[0]["size"] == 0


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("..", "file"),
        ("", "file"),
        ("C:\\photos\\car.png", "car.png"),
        ("a\x1b[31m\n\u202egnp.png", "a\\x1b[31m\\n\\u202egnp.png"),
        ("x" * 300 + ".png", "x" * 56 + ".png"),
    ],
)
def test_names_are_names_of_files_here(button, given, name):
    send(button, name=given)
    assert button.value[0]["name"] == name
