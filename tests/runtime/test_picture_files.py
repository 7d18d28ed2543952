"""Picture files of strangers: what is no picture is named, what would take too much is refused before it is decoded."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from ganverse_nb.runtime import picture_files
from ganverse_nb.runtime.picture_files import MOST_BYTES, MOST_PIXELS, MOST_SCANS, decoded, picture_bytes


def written(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def read(file):
    file.load()
    return file.size


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8))
PHONE = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"hello", "is not a picture"),
        (b"%PDF-1.7\n%\xe2\xe3", "is a PDF document, not a picture"),
        (
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(out) (w) file\n",
            "is a PostScript drawing, not a picture",
        ),
        (b'<?xml version="1.0"?><svg/>', "is an SVG drawing or another XML file, not a picture"),
        (b'\xef\xbb\xbf\n <svg xmlns="x"/>', "is an SVG drawing, not a picture"),
        (b"<!DOCTYPE html><html>", "is a web page, not a picture"),
        (b"PK\x03\x04" + bytes(40), "is an archive, not a picture"),
        (written(NOISE, "ICO"), "is not a picture"),
        (written(NOISE)[:900], "is damaged or cannot be read"),
        (written(NOISE, "TGA"), "is not a picture"),
    ],
)
def test_what_is_no_picture_is_named(content, words):
    with pytest.raises(ValueError, match=f"^a.png {words}.*; give a PNG or JPEG.$") as refused:
        decoded(content, "a.png", read)
    assert "\n" not in str(refused.value)


def test_postscript_is_never_run(monkeypatch):
    """Pillow would give it to Ghostscript, a program of its own with files of its own."""
    drawing = written(NOISE, "EPS")
    opened = []
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *a, **k: opened.append(a))
    with pytest.raises(ValueError, match="is a PostScript drawing"):
        decoded(drawing, "a.png", read)
    assert not opened


def test_a_format_without_a_mark_is_known_by_its_name():
    assert decoded(written(NOISE, "TGA"), "a.TGA", read) == (32, 24)


@pytest.mark.parametrize("there", [False, True])
def test_phones_pictures_need_a_plugin(monkeypatch, there):
    monkeypatch.setattr(picture_files, "_readable", lambda: ["PNG", *["HEIF"] * there])
    if there:
        monkeypatch.setitem(Image.OPEN, "HEIF", Image.OPEN["PNG"])
    words = "a damaged HEIC picture; give" if there else r"as phones make them; .*pip install 'ganverse_nb\[photos\]'"
    with pytest.raises(ValueError, match=words):
        decoded(PHONE, "IMG_1.HEIC", read)


def test_phones_pictures_are_read_with_it():
    plugin = pytest.importorskip("pillow_heif")
    plugin.register_heif_opener()
    assert decoded(written(NOISE, "HEIF", quality=90), "IMG_1.HEIC", read) == (32, 24)


def png(width, height):
    """A PNG of one grey, whose rows are made as they are packed: a bomb is some thousand times smaller than it is."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + (width + 7) // 8) * 64) for _ in range(height // 64 + 1)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def progressive(scans):
    """A JPEG of 16 x 16 pixels that goes over them so often."""
    whole = written(Image.new("L", (16, 16), 99), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * (scans - whole.count(b"\xff\xda") + 1) + whole[-2:]


def tiled(side):
    """A TIFF of 32 x 24 pixels that says its only tile is far larger."""
    directory = [(256, 4, 32), (257, 4, 24), (258, 3, 8), (259, 3, 1), (262, 3, 1), (322, 4, side), (323, 4, side)]
    directory += [(324, 4, 8), (325, 4, 64)]
    packed = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in directory)
    return b"II*\0" + struct.pack("<I", 72) + bytes(64) + struct.pack("<H", len(directory)) + packed + bytes(4)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (png(16_384, 6_200), "has 16384 x 6200 pixels, and up to 100 megapixels are read; scale it down"),
        (b"qoif" + struct.pack(">IIBB", 5000, 5000, 3, 0) + bytes(9), "5000 x 5000 pixels, and up to 20 megapixels"),
        (progressive(MOST_SCANS + 1), "is a JPEG of more than 100 scans, which would take too long; save it again"),
        (tiled(20_000), "has 32 x 24 pixels in pieces of 20000 x 20000, and up to 100 megapixels"),
        (
            written(Image.new("1", (15_000, 15_000)), "TIFF", compression="group4"),
            "has more than the 100 megapixels that are read",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Image size")  # which Pillow says before it is asked
def test_what_would_take_too_much_is_refused_undecoded(content, words):
    def never(file):
        raise AssertionError("it was decoded")

    assert len(content) < 200_000
    with pytest.raises(ValueError, match=words):
        decoded(content, "a.png", never)


def test_what_is_just_allowed_is_read():
    assert decoded(progressive(MOST_SCANS), "a.jpg", read) == (16, 16)
    assert MOST_PIXELS > 9_000 * 9_000 and decoded(png(9_000, 9_000), "a.png", lambda file: file.size) == (9_000, 9_000)
    film = io.BytesIO()  # a JPEG with a film behind it, as phones append one, in which anything may look like a scan
    NOISE.save(film, "JPEG")
    assert decoded(film.getvalue() + b"\xff\xda\0\2" * 500, "a.jpg", read) == (32, 24)


def test_huge_and_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no picture at .*gone.png"):
        picture_bytes(tmp_path / "gone.png")
    with (tmp_path / "sparse.png").open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(ValueError, match="sparse.png has 2147 MB, and files of up to 100 MB are read"):
        picture_bytes(tmp_path / "sparse.png")
    assert MOST_BYTES == 100_000_000
