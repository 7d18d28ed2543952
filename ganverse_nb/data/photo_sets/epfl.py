"""EPFL GIMS08: cars on turntables in a crowded hall, with boxes and the times at which they were photographed.

`tripod-seq/` as its archive unpacks:

    tripod-seq.txt           number of sequences, width, height; frames of each; two formats of names; frames of a full
                             turn; the frame that sees the front; the turn's sense (1: clockwise seen from above)
    times.txt                a line for each sequence: seconds since its first frame
    tripod_seq_XX_YYY.jpg    frame YYY of sequence XX, both from 1
    bbox_XX.txt              a line for each frame: left, top, width, height
"""

from __future__ import annotations

from pathlib import Path

from ganverse_nb.data.photo_sets.photo import PhotoSet, RealPhoto, need, photo_set
from ganverse_nb.runtime.text import finite_number

UNPACK = "unpack the archive of the multi-view car data set again"
TABLE = "tripod-seq.txt"


def read_epfl(folder: Path) -> PhotoSet:
    """The frames of all sequences that are there; azimuths from the times, good to a few degrees.

    A car that turns clockwise, seen from above, shows more and more of its left side after its front.

    Raises:
        FileNotFoundError: a table or a picture is missing.
        ValueError: a table that is not understood.
    """
    root = folder if (folder / TABLE).is_file() else folder / "tripod-seq"
    lines = need(root / TABLE, UNPACK).read_text().splitlines()
    if len(lines) < 7:
        raise ValueError(f"{root / TABLE} has {len(lines)} lines and 7 are needed; {UNPACK}.")
    frames, turn, front, sense = (_integers(root / TABLE, lines[row]) for row in (1, 4, 5, 6))
    times = [_numbers(root / "times.txt", line) for line in need(root / "times.txt", UNPACK).read_text().splitlines()]
    if not len(frames) == len(turn) == len(front) == len(sense) <= len(times):
        raise ValueError(
            f"The lines of {root / TABLE} and times.txt speak of different numbers of sequences; {UNPACK}."
        )
    photos: list[RealPhoto] = []
    for k, count in enumerate(frames):
        boxes = root / f"bbox_{k + 1:02}.txt"
        rows = [_numbers(boxes, line) for line in need(boxes, UNPACK).read_text().splitlines() if line.strip()]
        marks = (turn[k], front[k], count)
        if len(rows) < count or not 1 <= min(marks) <= max(marks) <= len(times[k]):
            raise ValueError(f"{boxes} or line {k + 1} of {root / 'times.txt'} has not the {count} frames; {UNPACK}.")
        period = times[k][turn[k] - 1] - times[k][0]
        if period <= 0:
            raise ValueError(f"Line {k + 1} of {root / 'times.txt'} gives a full turn no time; {UNPACK}.")
        for n in range(count):
            path = need(root / f"tripod_seq_{k + 1:02}_{n + 1:03}.jpg", UNPACK)
            left, top, width, height = rows[n][:4]
            azimuth = sense[k] * 360 * (times[k][n] - times[k][front[k] - 1]) / period % 360
            photos.append(RealPhoto(path, "car", f"seq{k + 1}", azimuth, (left, top, left + width, top + height)))
    return photo_set("epfl", photos, folder, f"tripod-seq/{TABLE}")


def _numbers(path: Path, line: str) -> list[float]:
    try:
        return [finite_number(word) for word in line.split()]
    except ValueError:
        raise ValueError(f"{path} has {line.strip()!r} where numbers belong; {UNPACK}.") from None


def _integers(path: Path, line: str) -> list[int]:
    return [int(number) for number in _numbers(path, line)]
