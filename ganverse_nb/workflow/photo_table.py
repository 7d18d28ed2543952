"""The table of a folder's photographs: a row of each, as CSV, to which rows are added, and which an end may tear."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.inverse_graphics.reconstruction import Reconstruction, Refusal
from ganverse_nb.runtime.errors import DamagedError
from ganverse_nb.runtime.files import naming, write_text
from ganverse_nb.runtime.text import LONGEST, printable

IN, OUT, UNREADABLE = "in domain", "out of domain", "unreadable"
FORMULAS = "=+-@"  # spreadsheets take a cell that begins like this for something to compute


def no_mask(_: Path) -> None:
    """Of a folder without files of masks."""


@dataclass(frozen=True)
class Row:
    """What the table tells of a photograph; all of it is text, and empty where there is nothing to tell.

    Attributes:
        photo: its name below the folder, as `escaped`.
        verdict: `IN`, `OUT` or `UNREADABLE`.
        score, limit, border, doubt, misfit: see `domain.Verdict`; the last three are those of the cues.
        azimuth, elevation, distance, fov, target_x, target_y, target_z: the camera, degrees and world units.
        mask: who cut the object out.
        mesh, cutout: files, below the folder of the table.
        notes: what was done to the picture before.
        refusal: why there is no mesh, or why it cannot be trusted, in one sentence.
        bytes, modified: size and time (UTC) of the photograph's file, and of the file of its mask where it has one.
    """

    photo: str
    verdict: str
    score: str = ""
    limit: str = ""
    border: str = ""
    doubt: str = ""
    misfit: str = ""
    azimuth: str = ""
    elevation: str = ""
    distance: str = ""
    fov: str = ""
    target_x: str = ""
    target_y: str = ""
    target_z: str = ""
    mask: str = ""
    mesh: str = ""
    cutout: str = ""
    notes: str = ""
    refusal: str = ""
    bytes: str = ""
    modified: str = ""

    @classmethod
    def of(cls, photo: str, path: Path, result: Reconstruction | Refusal, beside: Path | None = None) -> Row:
        """The row of a result, which names no files yet.

        Args:
            photo: its name, as `escaped`.
            path: its file.
            beside: the file of its mask, if it has one.
        """
        size, modified = version(path, beside)
        refusal = result.refusal.replace(str(path), path.name)  # the table may be moved, with its folder
        told = {"refusal": cell(refusal), "bytes": size, "modified": modified}
        if isinstance(result, Refusal):
            return cls(photo, UNREADABLE, **told)
        verdict, camera = result.verdict, result.camera
        numbers = {"score": verdict.score, "limit": verdict.limit, **verdict.scores}
        if camera is not None:
            numbers |= {name: float(getattr(camera, name)[0]) for name in ("azimuth", "elevation", "distance", "fov")}
            numbers |= zip(("target_x", "target_y", "target_z"), camera.target[0].tolist(), strict=True)
        told |= {name: f"{value:.6g}" for name, value in numbers.items()}
        source = result.mask_source if beside is None else f"file {beside.name}"
        told |= {"mask": cell(source), "notes": cell("; ".join(result.notes))}
        return cls(photo, IN if verdict.in_domain else OUT, **told)

    def replace(self, **changes: str) -> Row:
        """With other values."""
        return replace(self, **changes)

    def is_of(self, path: Path, output: Path, beside: Path | None = None) -> bool:
        """Whether it tells of a photograph's file as it is now, and the files that it names are there."""
        files = [output / name for name in (self.mesh, self.cutout) if name]
        return (self.bytes, self.modified) == version(path, beside) and all(file.is_file() for file in files)

    @property
    def camera(self) -> Camera:
        """[1] of a row that has one."""
        numbers = {n: torch.tensor([float(getattr(self, n))]) for n in ("azimuth", "elevation", "distance", "fov")}
        target = [float(value) for value in (self.target_x, self.target_y, self.target_z)]
        return Camera(**numbers, target=torch.tensor([target]))


COLUMNS = tuple(field.name for field in fields(Row))


class Table:
    """The rows in a file of a folder.

    Args:
        path: of the file.
        output: the folder that rows name files in.
    """

    def __init__(self, path: Path, output: Path) -> None:
        self.path, self.output = path, output

    def keep(
        self, known: int, pictures: Mapping[str, Path], batch: int, mask_of: Callable[[Path], Path | None] = no_mask
    ) -> dict[str, Row]:
        """The rows of those pictures that need not be done again, by their names; others are dropped from the file.

        Args:
            mask_of: the file of a photograph's mask, if it has one.
            known: so many of the first rows are whole. After them, rows count in whole batches: pictures that are done
                beside others are the same to rounding, and so to the last bit beside the same ones.

        Raises:
            ValueError: it is no such table.
        """
        rows = self.read()
        whole = known + max(0, len(rows) - known) // batch * batch
        there = ((row, pictures[row.photo]) for row in rows[:whole] if row.photo in pictures)
        valid = [row for row, path in there if row.is_of(path, self.output, mask_of(path))]
        kept = {row.photo: row for row in valid}
        self.write(kept.values())
        return kept

    def read(self) -> list[Row]:
        """Its rows; none where there is no file. A line that an interruption has torn is none."""
        if not self.path.exists():
            return []
        head, *lines = self.path.read_text(encoding="utf-8", errors="replace").split("\n")
        if head != ",".join(COLUMNS):
            raise DamagedError(f"{self.path} is not a table of reconstructions; delete {self.output} to begin again.")
        cells = [_cells(line) for line in lines]
        return [Row(*values) for values in cells if len(values) == len(COLUMNS)]

    def write(self, rows: Iterable[Row]) -> None:
        """Writes the file anew with these rows."""
        write_text(self.path, ",".join(COLUMNS) + "\n" + _lines(rows))

    def add(self, rows: Sequence[Row]) -> None:
        """Adds rows to the file."""
        with naming(self.path), self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(_lines(rows))


def version(path: Path, beside: Path | None = None) -> tuple[str, str]:
    """Size and time of a file, and of one `beside` it, as rows tell them; empty where one has gone."""
    try:
        facts = [one.stat() for one in (path, beside) if one is not None]
    except OSError:
        return "", ""
    times = (datetime.fromtimestamp(one.st_mtime, UTC).isoformat() for one in facts)
    return " ".join(str(one.st_size) for one in facts), " ".join(times)


def escaped(name: str) -> str:
    r"""The name of a file on one line, and of no other file: as `printable`, with backslashes doubled.

    Examples:
        >>> escaped("red\x1b[31m car.png"), escaped("=1+1.png")
        ('red\\x1b[31m car.png', './=1+1.png')
    """
    return cell(name.replace("\\", "\\\\"))


def cell(text: str) -> str:
    """`printable` text that a spreadsheet takes for nothing but text; what begins like a formula is a path."""
    shown = printable(text)
    return f"./{shown}" if shown.startswith(tuple(FORMULAS)) else shown


def output_names(photos: Iterable[str]) -> dict[str, str]:
    """Names of photographs -> what files made of them are called, without a suffix; no two share one.

    Args:
        photos: as `escaped`.

    Examples:
        >>> output_names(["red/car.jpg", "dog.jpg"])
        {'red/car.jpg': 'red/car', 'dog.jpg': 'dog'}
    """
    plain = {photo: PurePosixPath(photo).with_suffix("").as_posix() for photo in photos}
    taken = Counter(name.casefold() for name in plain.values())
    names = {}
    for photo, name in plain.items():
        safe = "/".join(part.replace("\\", "_")[:LONGEST] for part in name.split("/"))
        alone = safe == name and taken[name.casefold()] == 1
        names[photo] = safe if alone else f"{safe}-{hashlib.sha256(photo.encode()).hexdigest()[:8]}"
    return names


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return []


def _lines(rows: Iterable[Row]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([getattr(row, name) for name in COLUMNS] for row in rows)
    return text.getvalue()
