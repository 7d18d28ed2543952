"""Materials of Wavefront .mtl files, their pictures, and the files that names in .obj and .mtl lead to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from ganverse_nb.geometry.parts import UnreadableError, Wrap, file_content, read_texels

NUMBERS = {"-s": 3, "-o": 3, "-t": 3, "-mm": 2}  # options of a map, and how many numbers may follow
ONE_WORD = {"-bm", "-boost", "-texres", "-imfchan", "-type", "-blendu", "-blendv", "-clamp", "-cc"}
NO_MATERIAL = {"none", "(null)"}  # what programs, Blender among them, call it


@dataclass
class Material:
    """What a .mtl in a `folder` says of one: a colour, and what follows its `map_Kd`."""

    folder: Path = Path()
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    map: str | None = None


@dataclass
class Map:
    """The picture of a material, [H, W, 3] uint8; its coordinates are `uv * scale + offset`."""

    texels: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 3), np.uint8))
    wrap: Wrap = "wrap"
    scale: list[float] = field(default_factory=lambda: [1.0, 1.0])
    offset: list[float] = field(default_factory=lambda: [0.0, 0.0])


class Library:
    """The materials of all .mtl that an .obj in the folder `root` names in `lines`."""

    def __init__(self, root: Path, lines: Sequence[str]) -> None:
        self.root = root
        self.missing: list[str] = []
        self.materials: dict[str, Material] = {}
        files = [file for line in dict.fromkeys(lines) for file in self._files(line)]
        for file in dict.fromkeys(files):
            self.materials = _read_mtl(file) | self.materials
        self.are_there = bool(files)
        short = Counter(map(uncommented, self.materials))
        self.short = {s: m for name, m in self.materials.items() if short[s := uncommented(name)] == 1}

    def find(self, name: str) -> Material:
        """The material of a `usemtl`, where "#" may belong to its name or, on one of both sides, begin a comment.

        Raises:
            UnreadableError: it is not there.
        """
        plain = uncommented(name)
        found = self.materials.get(name) or self.materials.get(plain) or self.short.get(name)
        if found is not None or not plain:
            return found or Material()
        if self.missing:
            raise UnreadableError(
                f"names a picture that is missing or damaged; an .obj needs its .mtl and pictures beside it: "
                f"{self.missing[0]!r} is not there, or read the shape alone with shape_only."
            )
        if self.are_there and plain.lower() not in NO_MATERIAL:
            raise UnreadableError(
                f"uses the material {name!r}, which its .mtl does not have; write it alike in both, capitals too, or "
                "read the shape alone with shape_only."
            )
        return Material()

    def _files(self, line: str) -> list[Path]:
        """Those that a `mtllib` names: one with blanks or "#" in its name, or several."""
        readings = (line, uncommented(line))
        words = readings[1].split()
        found = [find_file(self.root, [word]) for word in words]
        whole = find_file(self.root, readings, exactly=True)
        if whole is None and not all(found):
            whole = find_file(self.root, readings)
        if whole is not None:
            return [whole]
        self.missing += [word for word, file in zip(words, found) if file is None] if any(found) else [line]
        return [file for file in found if file is not None]

    def read_map(self, material: Material) -> Map:
        """The picture of a material, and its options; one that changes the picture itself is refused.

        Raises:
            UnreadableError: such an option, or a picture that is missing or damaged.
        """
        name, result = material.map or "", Map()
        file = find_file(self.root, (name, uncommented(name)), material.folder, exactly=True)
        if file is None:
            name = _read_options(result, name)
            file = find_file(self.root, (name, uncommented(name)), material.folder)
        if file is None:
            raise UnreadableError(
                f"names a picture that is missing or damaged: {name!r}; put it beside the .obj or in a folder there, "
                "or read the shape alone with shape_only."
            )
        result.texels = read_texels(file_content(file), repr(name))
        return result


def statements(file: Path) -> Iterator[tuple[str, str]]:
    """The first word of each line in small letters, and the rest; lines with a backslash at their end are joined.

    The rest has its comment: only whoever looks for a name can tell whether a "#" belongs to it (see `uncommented`).
    """
    text = file_content(file).decode("utf-8-sig", "surrogateescape")
    for line in text.replace("\r\n", "\n").replace("\r", "\n").replace("\\\n", " ").split("\n"):
        word, rest = (*line.split(None, 1), "", "")[:2]
        if word and not word.startswith("#"):
            yield word.lower(), rest.strip()


def names_file(file: Path, word: str, name: str) -> bool:
    """Whether an .obj or .mtl has a statement `word name`, of a name without blanks; it need not be there, or sound."""
    if not file.is_file():
        return False
    with file.open("rb") as lines:
        found = (line.split() for line in lines)
        return any(words[0].lower() == word.encode() and name.encode() in words for words in found if words)


def uncommented(text: str) -> str:
    """What stands before a comment."""
    return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()


def find_file(root: Path, names: Sequence[str], folder: Path | None = None, exactly: bool = False) -> Path | None:
    """The file that one of several readings of a name names, from `folder` or `root`; None where there is none.

    Unless it has to be there `exactly`, also one called as the last part of it: paths of other machines are common.
    Nothing outside of `root` is looked at, however it is named or linked: a file of a stranger must not bring those of
    this machine into a mesh.
    """
    slashed = [PurePosixPath(name.replace("\\", "/")) for name in names]
    places = [*names, *map(str, slashed), *([] if exactly else map(_last_part, slashed))]
    for place in places:
        for file in ((folder or root) / place, root / place):
            with suppress(OSError):  # what is no name at all, as it is too long
                if file.is_file() and file.resolve().is_relative_to(root):
                    return file
    return None


def _last_part(place: PurePosixPath) -> str:
    """The name of a file without its folders; none where a "/" may be of a comment, which tells of other files."""
    return "" if "/" in str(place)[len(uncommented(str(place))) :] else place.name


def _read_mtl(file: Path) -> dict[str, Material]:
    materials: dict[str, Material] = {}
    current = Material()
    for word, rest in statements(file):
        if word == "newmtl":
            current = materials[rest] = Material(file.parent)
        elif word == "kd" and not rest.startswith(("xyz", "spectral")):
            red, green, blue = ([float(x) for x in uncommented(rest).split()] * 3)[:3]
            current.color = (red, green, blue)
        elif word == "map_kd":
            current.map = rest
    return materials


def _read_options(into: Map, text: str) -> str:
    """What is left of a `map_Kd` without its options: the name of a file."""
    words = re.findall(r"\S+\s*", text)  # with the blanks behind them, of which a name may have several
    while len(words) > 1 and words[0].strip() in {*NUMBERS, *ONE_WORD}:
        option = words.pop(0).strip()
        numbers: list[float] = []
        while len(words) > 1 and len(numbers) < NUMBERS.get(option, 0) and re.fullmatch(r"[-+.\deE]+\s*", words[0]):
            numbers.append(float(words.pop(0)))
        if option in ("-s", "-o"):
            changed = into.scale if option == "-s" else into.offset
            changed[: len(numbers[:2])] = numbers[:2]
        elif option in ("-t", "-mm"):
            if numbers != [0.0, 1.0][: len(numbers)] if option == "-mm" else any(numbers):
                raise UnreadableError(
                    f"has a picture changed by {option}, which is not read; bake it into the picture."
                )
        else:
            value = words.pop(0).strip()
            into.wrap = "edge" if (option, value) == ("-clamp", "on") else into.wrap
    return "".join(words)
