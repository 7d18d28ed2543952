"""Files that hypothesis draws: whole ones with changed bytes, trees with changed leaves; what readers make of them."""

from __future__ import annotations

import copy
import io
import json
import pickletools
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from ganverse_nb.runtime.errors import ExpectedError
from tests.geometry.gltf_writer import CUBE, SQUARE, SQUARE_FACES, SQUARE_UVS, Glb

SMALL = {"PPM", "BMP", "TGA", "TIFF", "GIF", "PNG", "JPEG", "WEBP", "JPEG2000", "QOI"}
LONGEST = 2000  # characters of a sentence: names of files and what a library says are in it
# sizes, counts and offsets that lie
NUMBERS = st.sampled_from(
    [0, 1, 2, 3, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    NUMBERS,
    st.floats(),
    st.sampled_from(["", "VEC3", "SCALAR", "MAT4", "data:,", "file:///etc/passwd", "../x.png", "\x1b[2J\n", "a" * 300]),
    st.text(max_size=8),
    st.lists(st.integers(-2, 70000) | st.floats(), max_size=5),
    st.just({}),
)
INSTRUCTIONS = st.one_of(  # of pickles
    st.sampled_from([op.code.encode("latin-1") for op in pickletools.opcodes]),
    st.sampled_from(
        [b"cos\nsystem\n", b"cbuiltins\neval\n", b"X\x01\0\0\0a", b"K\x01", b"h\0", b"(", b")R", b"t", b"}", b"b"]
    ),
    st.builds(lambda n: b"J" + struct.pack("<i", n), st.integers(-(2**31), 2**31 - 1)),
    st.binary(max_size=4),
)


def check(read: Callable[[], Any]) -> bool:
    """Whether something was read; what was not is one sentence."""
    try:
        read()
    except (ValueError, OSError, ExpectedError) as error:
        said = str(error)
        assert said and "\n" not in said and len(said) < LONGEST, repr(said)
        assert "Error(" not in said and "Traceback" not in said, said
        return False
    return True


def pictures() -> dict[str, bytes]:
    """A small file of every format that can be written here."""
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 32, 4), np.uint8))
    Image.init()
    made = {}
    for kind in sorted(SMALL & set(Image.SAVE)):
        file = io.BytesIO()
        plain = image if kind in ("PNG", "WEBP", "TIFF") else image.convert("RGB")
        options = {"GIF": {"save_all": True, "append_images": [plain]}, "JPEG": {"progressive": True}}
        plain.save(file, kind, **options.get(kind, {}))
        made[kind] = file.getvalue()
    return made


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A file with up to six changes: bytes set, cut out, put in, doubled, numbers of two and four bytes that lie."""
    data = bytearray(whole)
    for kind in draw(
        st.lists(st.sampled_from(["byte", "number", "cut", "insert", "double", "end"]), min_size=1, max_size=6)
    ):
        at = draw(st.integers(0, max(0, min(len(data), 200) - 1)) | st.integers(0, max(0, len(data) - 1)))
        length = draw(st.integers(1, 64))
        if kind == "byte" and data:
            data[at] = draw(st.integers(0, 255))
        elif kind == "number":
            number = draw(NUMBERS)
            form = draw(st.sampled_from(["<I", ">I", "<H", ">H"]))
            packed = struct.pack(form, number & (0xFFFF if form[1] == "H" else 0xFFFFFFFF))
            data[at : at + len(packed)] = packed
        elif kind == "cut":
            del data[at : at + length]
        elif kind == "insert":
            data[at:at] = draw(st.binary(max_size=16))
        elif kind == "double":
            data[at:at] = data[at : at + length]
        elif kind == "end":
            del data[at:]
    return bytes(data)


@st.composite
def damaged_pickle(draw: st.DrawFn, whole: bytes) -> bytes:
    """A pickle, alone or in an archive of torch's with right checksums, changed among its instructions too."""
    archive = zipfile.ZipFile(io.BytesIO(whole)) if whole.startswith(b"PK") else None
    inside = next(n for n in archive.namelist() if n.endswith("data.pkl")) if archive else ""
    data = bytearray(archive.read(inside) if archive else whole)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, min(len(data), 4000) - 1) | st.integers(0, len(data) - 1))
        new = b"".join(draw(st.lists(INSTRUCTIONS, min_size=1, max_size=3)))
        data[at : at + draw(st.integers(0, 2))] = new
    changed_ = draw(damaged(bytes(data))) if draw(st.booleans()) else bytes(data)
    if archive is None:
        return changed_
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as other:
        for part in archive.namelist():
            other.writestr(part, changed_ if part == inside else archive.read(part))
    return made.getvalue() if draw(st.booleans()) else draw(damaged(made.getvalue()))


@st.composite
def changed(draw: st.DrawFn, tree: Any, most: int = 3) -> Any:
    """A tree of JSON with up to `most` places changed: another leaf, nothing at all, or another branch of the tree."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, most))):
        places = list(_places(tree))
        if not places:
            break
        parent, key = draw(st.sampled_from(places))
        what = draw(st.sampled_from(["leaf", "leaf", "leaf", "gone", "other"]))
        if what == "gone":
            del parent[key]
        elif what == "other":
            other, name = draw(st.sampled_from(places))
            parent[key] = copy.deepcopy(other[name])
        else:
            parent[key] = draw(LEAVES)
    return tree


def _places(tree: Any) -> Any:
    """(parent, key) of everything in a tree."""
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        yield tree, key
        if isinstance(value, (dict, list)):
            yield from _places(value)


def glb_parts(folder: Any) -> tuple[Any, bytes]:
    """The tree and the binary part of a .glb with all that is read: nodes, a quantised part, pictures, samplers."""
    writer = Glb(nodes=[{"mesh": 0, "scale": [1, 2, -1], "children": [1]}, {"mesh": 0, "translation": [1, 0, 0]}])
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (4, 4, 3), np.uint8))
    material = writer.material(picture, [0.5, 1, 1, 1], sampler={"wrapS": 33071})
    writer.part(SQUARE, SQUARE_FACES, TEXCOORD_0=SQUARE_UVS, material=material)
    writer.part((CUBE * 60).astype(np.int16), None, mode=5)
    data = writer.write(folder / "whole.glb").read_bytes()
    (length,) = struct.unpack_from("<I", data, 12)
    return json.loads(data[20 : 20 + length]), data[28 + length :]


def as_glb(tree: Any, binary: bytes) -> bytes:
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<III", 0x46546C67, 2, 12 + len(body)) + body


NUMBER_WORDS = st.sampled_from(
    ["0", "1", "2", "3", "-1", "-2", "4", "99999999999", "1e400", "nan", "inf", "-", "1/1", "2/9/1", "1//", "x", ""]
)
OBJ_WORDS = st.sampled_from(
    [
        "v",
        "vt",
        "vn",
        "f",
        "usemtl",
        "mtllib",
        "o",
        "g",
        "s",
        "l",
        "curv",
        "call",
        "#",
        "\\",
        "F",
        "newmtl",
        "map_Kd",
        "Kd",
    ]
)
OBJ_NAMES = st.sampled_from(["a", "whole.mtl", "t.png", "/etc/passwd", "../up.mtl", "\0", "-s 2 2 t.png", "a" * 300])
OBJ_LINES = st.builds(
    lambda word, rest: f"{word} {' '.join(rest)}", OBJ_WORDS, st.lists(NUMBER_WORDS | OBJ_NAMES, max_size=6)
)
