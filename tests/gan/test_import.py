"""`ganverse import-gan` and `ganverse fetch-gan`."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from safetensors import SafetensorError

from ganverse_nb.gan import fetch
from ganverse_nb.gan.checkpoint import CheckpointError, load_generator, provenance
from ganverse_nb.gan.convert import import_gan
from ganverse_nb.gan.fetch import NETWORKS, fetch_gan
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.workflow import cli

from . import foreign_files as files
from .foreign_reference import random_arrays


@pytest.fixture(scope="module")
def data():
    return files.tf_file(random_arrays((4, 3)))


@pytest.fixture
def source(data, tmp_path):
    path = tmp_path / "stylegan2-car-config-e.pkl"
    path.write_bytes(data)
    return path


def test_import_writes_weights_and_where_they_come_from(source, data, tmp_path, capsys):
    assert cli.main(["import-gan", str(source), "--output", str(tmp_path / "new" / "car.v1")]) == 0
    path = tmp_path / "new" / "car.v1.safetensors"
    assert f"wrote {path}" in capsys.readouterr().out
    z = torch.randn(2, 5)
    assert torch.equal(load_generator(path)(z), load_generator(source)(z))
    record = json.loads((tmp_path / "new" / "car.v1.json").read_text())
    assert record["sha256"] == hashlib.sha256(data).hexdigest()
    assert record["source"] == source.name and "TensorFlow" in record["format"]
    assert record["config"].startswith("neither") and "non-commercial" not in record["config"]
    assert "License-NC" in record["licence"]
    assert provenance(path) == record
    assert sorted(p.name for p in path.parent.iterdir()) == ["car.v1.json", "car.v1.safetensors"]


def test_import_beside_the_file(source):
    path, _ = import_gan(source)
    assert path == source.with_suffix(".safetensors") and path.with_suffix(".json").is_file()
    with pytest.raises(CheckpointError, match="already"):
        import_gan(path)


@pytest.mark.parametrize("failure", ["space", "weights", "rename", "half"])
def test_what_fails_leaves_nothing(failure, source, data, tmp_path, monkeypatch, capsys):
    def fail(*_, **__):
        raise SafetensorError("I/O error: No space left on device") if failure == "weights" else OSError("disk full")

    if failure == "space":
        monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    elif failure == "weights":
        monkeypatch.setattr("ganverse_nb.runtime.tensors.save_file", fail)
    elif failure == "rename":
        monkeypatch.setattr("os.replace", fail)
    else:
        source.write_bytes(data[: len(data) // 2])
    assert cli.main(["import-gan", str(source)]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and message.startswith("ganverse: ")
    assert ("half a file" if failure == "half" else "could not be written") in message
    assert [p.name for p in tmp_path.iterdir()] == [source.name]


def test_import_of_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match="fetch-gan car"):
        import_gan(tmp_path / "none.pkl")
    (tmp_path / "page.pkl").write_bytes(b"<html>moved</html>")
    with pytest.raises(CheckpointError, match="page.pkl"):
        import_gan(tmp_path / "page.pkl")


class Server(ThreadingHTTPServer):
    """Serves `content` with ranges; the first answer breaks off after `breaks` bytes."""

    def __init__(self, content: bytes):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.breaks, self.ranges, self.understands = content, None, [], True


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.understands else 0
        total = len(self.server.content)
        if start >= total:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{total}")
            self.end_headers()
            return
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.breaks])
        self.server.breaks = None

    def log_message(self, *_):
        pass


@pytest.fixture
def server(data, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    server = Server(data)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def base(server):
    return f"http://127.0.0.1:{server.server_address[1]}/"


def test_fetch_says_everything_and_loads(base, data, tmp_path):
    said = []
    path = fetch_gan("car", tmp_path, say=said.append, base=base)
    assert path == tmp_path / "stylegan2-car-config-e.pkl" and path.read_bytes() == data
    text = "\n".join(said)
    for part in ("non-commercial", base + NETWORKS["car"], str(path), hashlib.sha256(data).hexdigest()):
        assert part in text
    load_generator(path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("understands", [True, False])
def test_an_interrupted_download_goes_on(server, base, data, tmp_path, understands):
    server.breaks, server.understands = 1000, understands
    with pytest.raises(ExpectedError, match="1000 bytes are kept"):
        fetch_gan("car", tmp_path, say=lambda _: None, base=base)
    assert fetch_gan("car", tmp_path, say=lambda _: None, base=base).read_bytes() == data
    assert server.ranges == [None, "bytes=1000-"]


def test_a_whole_partial_file_is_enough(base, data, tmp_path):
    (tmp_path / (NETWORKS["horse"] + ".partial")).write_bytes(data)
    assert fetch_gan("horse", tmp_path, say=lambda _: None, base=base).read_bytes() == data


def test_wrong_hash_and_wrong_content(server, base, data, tmp_path):
    with pytest.raises(ExpectedError, match="another SHA-256"):
        fetch_gan("car", tmp_path, "0" * 64, say=lambda _: None, base=base)
    fetch_gan("car", tmp_path, hashlib.sha256(data).hexdigest().upper(), say=lambda _: None, base=base)
    server.content = b"<html>sign in first</html>"
    with pytest.raises(ExpectedError, match="no network"):
        fetch_gan("horse", tmp_path, say=lambda _: None, base=base)
    assert [p.name for p in tmp_path.iterdir()] == [NETWORKS["car"]]


def test_offline_says_what_to_do_by_hand(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(fetch, "ADDRESS", "http://127.0.0.1:9/networks/")
    assert cli.main(["fetch-gan", "car", "--directory", str(tmp_path / "gans")]) == 2
    out, err = capsys.readouterr()
    target = tmp_path / "gans" / NETWORKS["car"]
    assert "non-commercial" in out and err.count("\n") == 1
    for part in ("http://127.0.0.1:9/networks/" + NETWORKS["car"], f"put the file at {target}", "ganverse import-gan"):
        assert part in err
    assert cli.main(["fetch-gan", "bicycle"]) == 2
    assert "car, car-config-f, horse" in capsys.readouterr().err


def test_rows_are_said_where_no_painting_shows_them(source, tmp_path, capsys):
    path = tmp_path / "car.safetensors"
    assert cli.main(["import-gan", str(source), "--output", str(path), "--rows", "1:7"]) == 0
    assert "8x6 px" in capsys.readouterr().out
    z, whole = torch.randn(2, 5), load_generator(source)
    cropped = load_generator(path)
    assert cropped.picture_size == (6, 8) and torch.equal(cropped(z), whole(z)[:, :, 1:7])
    again, record = import_gan(path, tmp_path / "square", rows=(0, 8))  # of our own file, too
    assert torch.equal(load_generator(again)(z), whole(z)) and record["picture_size"] == (8, 8)
    with pytest.raises(CheckpointError, match="written over; give another --output"):
        import_gan(path, rows=(0, 8))
    for wrong in ((3, 3), (0, 9)):
        with pytest.raises(CheckpointError, match="rows of a 8 px picture"):
            import_gan(source, tmp_path / "wrong", rows=wrong)
    assert not list(tmp_path.glob("wrong*"))
    with pytest.raises(SystemExit):
        cli.main(["import-gan", str(source), "--rows", "top"])
    assert "as in 64:448" in capsys.readouterr().err
