"""Downloads of others' weights: whole, half, without a network, and never unasked."""

from __future__ import annotations

import hashlib
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ganverse_nb.runtime import downloads
from ganverse_nb.runtime.downloads import Weights
from ganverse_nb.runtime.errors import ExpectedError

CONTENT = bytes(range(256)) * 40
NAME = f"net-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"


@pytest.fixture
def server():
    """Sends the file; under /half/ it says its length and stops in the middle, under /other/ other bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            content = CONTENT[::-1] if "/other/" in self.path else CONTENT
            self.send_response(200 if self.path.endswith(NAME) else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if "/half/" in self.path else content)

        def log_message(self, *arguments):
            pass

    asked = []
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)  # seconds between looks for a stop
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}", asked
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints"


def weights(address):
    return Weights("A network", f"{address}/{NAME}", 1, "use another", "it")


def answer(monkeypatch, line):
    """A person at the terminal who types `line`."""

    class Terminal:
        isatty = staticmethod(lambda: True)
        readline = staticmethod(lambda: line)

    monkeypatch.setattr(sys, "stdin", Terminal)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)


def test_what_is_allowed_is_downloaded_once_with_a_bar(server, cache, capfd):
    wanted = weights(server[0])
    assert wanted.find() is None
    assert wanted.get(download=True) == wanted.path == cache / NAME == wanted.find()
    assert wanted.path.read_bytes() == CONTENT and list(cache.iterdir()) == [cache / NAME]
    assert "100%" in capfd.readouterr().err
    assert wanted.get() == wanted.get(download=True) == wanted.path and len(server[1]) == 1
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize(
    ("typed", "comes"), [("y\n", True), ("Yes\n", True), ("\n", False), ("n\n", False), ("", False)]
)
def test_the_person_at_the_terminal_is_asked(server, cache, monkeypatch, capsys, typed, comes):
    answer(monkeypatch, typed)
    wanted = weights(server[0])
    if comes:
        assert wanted.get().is_file()
    else:
        with pytest.raises(ExpectedError, match="is not at"):
            wanted.get()
    assert f"Download A network (1 MB) from {wanted.url} to {cache / NAME}? [y/N] " in capsys.readouterr().err
    assert len(server[1]) == comes


def test_nobody_is_asked_where_nobody_is(server, cache):
    told = r"`ganverse fetch-weights it` or the option --yes .*, or use another\.$"
    with pytest.raises(ExpectedError, match=told) as e:
        weights(server[0]).get()
    assert str(cache / NAME) in str(e.value) and not server[1] and not cache.exists()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (f"half/{NAME}", "invalid hash value"),
        (f"other/{NAME}", "invalid hash value"),
        ("gone-00000000.pth", "Not Found"),
    ],
)
def test_a_bad_download_is_one_sentence_and_leaves_nothing(server, cache, address, reason):
    wanted = Weights("A network", f"{server[0]}/{address}", 1, "use another", "it")
    with pytest.raises(ExpectedError, match=f"could not be downloaded .*{reason}") as caught:
        wanted.get(download=True)
    assert "use another" in str(caught.value) and "\n" not in str(caught.value)
    assert not list(cache.iterdir())


def test_without_a_network_it_is_one_sentence(cache):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(ExpectedError, match=r"could not be downloaded \(.*refused.*put it at"):
            weights(address).get(download=True)
    assert not list(cache.iterdir())


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(monkeypatch, cache):
    monkeypatch.setattr(downloads, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ExpectedError, match="timed out"):
        weights(f"http://127.0.0.1:{silent.getsockname()[1]}").get(download=True)
    assert not list(cache.iterdir())


def test_a_damaged_file_in_the_cache_is_named(cache):
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(CONTENT[:100])
    with pytest.raises(ExpectedError, match=f"{NAME} is damaged .*delete it and run `ganverse fetch-weights it`"):
        weights("http://127.0.0.1:9").get(download=True)
    assert (cache / NAME).is_file()
