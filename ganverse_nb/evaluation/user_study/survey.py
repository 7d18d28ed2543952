"""A survey as raters get it: one HTML file with everything in it, and a key that stays at home (Fig I)."""

from __future__ import annotations

import base64
import io
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ganverse_nb.runtime.files import content_of, digest, read_json, write_json, write_text

FORMAT = "ganverse_nb study 1"
QUESTIONS = {
    "shape": "Considering shape only, the better guess is:",
    "texture": "Considering texture (colours and patterns) only, the better guess is:",
    "overall": "Overall, the better guess is:",
}
ROOM = 6  # white rows of pixels that are kept above and below the objects
PAGE, KEY, PICTURES = "survey.html", "key.json", "pictures"
_TEMPLATE = Path(__file__).with_name("page.html")


@dataclass(frozen=True)
class Comparison:
    """What one question of the survey shows: a picture and what two systems make of it.

    Attributes:
        picture: [3, R, R] in [0, 1], the systems' input.
        shapes: [2, V, 3, S, S] in [0, 1], the bare shape of either system's result from V sides (the paper: six).
        textured: [2, V, 3, S, S], the same with texture.
        check: an attention check: the second result is obviously wrong, and who does not prefer the first was not
            looking.
    """

    picture: Tensor
    shapes: Tensor
    textured: Tensor
    check: bool = False

    def __post_init__(self) -> None:
        if self.picture.ndim != 3 or self.shapes.ndim != 5 or self.shapes.shape[::2] != (2, 3, self.shapes.shape[4]):
            raise ValueError(
                "Comparison: picture must be [3, R, R] and shapes [2, V, 3, S, S], "
                f"got {tuple(self.picture.shape)} and {tuple(self.shapes.shape)}."
            )
        if self.textured.shape != self.shapes.shape:
            raise ValueError(
                f"Comparison: shapes and textured differ, {tuple(self.shapes.shape)} and {tuple(self.textured.shape)}."
            )


@dataclass(frozen=True)
class Item:
    """A comparison in the survey: the result called `a` is of system `systems[0]`, `b` of the other.

    `comparison` counts through what `write_survey` was given; the items have an order of their own.
    """

    id: str
    comparison: int
    systems: tuple[int, int]
    check: bool

    def name(self, system: int) -> str:
        """`a` or `b`."""
        return "ab"[self.systems.index(system)]


@dataclass(frozen=True)
class Survey:
    """A survey and its key.

    Attributes:
        directory: holds the page, the key and the pictures.
        id: names this survey in every file of answers; other pictures or another key make another id.
        systems: the names of the two systems, which raters never see.
        items: in their order; attention checks stand among them unmarked.
    """

    directory: Path
    id: str
    systems: tuple[str, str]
    items: tuple[Item, ...]

    @property
    def page(self) -> Path:
        """The HTML file for raters."""
        return self.directory / PAGE

    def picture(self, item: str, name: str) -> bytes:
        """The file of an item's picture: `input` (PNG), or the views of `a` or `b` (JPEG), shapes above textures."""
        return _file(self.directory, item, name).read_bytes()

    @classmethod
    def load(cls, directory: str | Path) -> Survey:
        """Read what `write_survey` wrote.

        Raises:
            FileNotFoundError: there is no survey.
            ValueError: its key is damaged or of another kind.
        """
        directory = Path(directory)
        remedy = f"delete {directory} and write the survey again"
        key = read_json(directory / KEY, remedy)
        if not isinstance(key, dict) or key.get("format") != FORMAT:
            raise ValueError(f"{directory / KEY} is not the key of a survey of this package.")
        with content_of(directory / KEY, "key of a survey", remedy):
            first, second = key["systems"]
            items = tuple(Item(i["id"], i["comparison"], (i["a"], 1 - i["a"]), i["check"]) for i in key["items"])
            return cls(directory, key["survey"], (first, second), items)


def write_survey(
    directory: str | Path,
    comparisons: Sequence[Comparison],
    systems: tuple[str, str],
    seed: int = 0,
    title: str = "Which 3D reconstruction is better?",
) -> Survey:
    """Write `survey.html`, `key.json` and `pictures/` into `directory`.

    The page needs no server and no network. It holds the pictures under neutral names: neither its source nor the
    answers tell the systems apart; the key does. Every rater gets the comparisons in an order of their own, and
    with either result first.

    Raises:
        ValueError: no comparison that is not a check, or systems of one name.
    """
    if all(c.check for c in comparisons):
        raise ValueError("A survey needs at least one comparison beside its attention checks.")
    if systems[0] == systems[1]:
        raise ValueError(f"The two systems of a survey are both called {systems[0]!r}; give them two names.")
    directory = Path(directory)
    (directory / PICTURES).mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    order = rng.sample(range(len(comparisons)), len(comparisons))
    sides = rng.sample([n % 2 for n in range(len(order))], len(order))  # either system is `a` in half of the items
    items, shown, hashes = [], [], []
    for number, (index, a) in enumerate(zip(order, sides, strict=True), 1):
        comparison = comparisons[index]
        item = Item(f"{number:03d}", index, (a, 1 - a), comparison.check)
        files = {"input": _encode(comparison.picture, "png")}
        views = _without_empty_rows(torch.stack([comparison.shapes, comparison.textured], 1))
        for name, system in zip("ab", item.systems):
            rows = [torch.cat(list(row), -1) for row in views[system]]
            files[name] = _encode(torch.cat(rows, -2), "jpeg")
        for name, content in files.items():
            _file(directory, item.id, name).write_bytes(content)
        hashes.append({name: digest(content.hex()) for name, content in files.items()})
        items.append(item)
        shown.append({"id": item.id} | {name: _data_url(content) for name, content in files.items()})
    listed = [{"id": i.id, "comparison": i.comparison, "a": i.systems[0], "check": i.check} for i in items]
    survey = digest([FORMAT, systems, QUESTIONS, listed, hashes])
    data = {"survey": survey, "title": title, "questions": QUESTIONS, "items": shown}
    text = _TEMPLATE.read_text(encoding="utf-8").replace("__TITLE__", escape(title))
    write_text(directory / PAGE, text.replace("__DATA__", json.dumps(data).replace("<", "\\u003c")))
    write_json(directory / KEY, {"format": FORMAT, "survey": survey, "systems": systems, "items": listed})
    return Survey(directory, survey, systems, tuple(items))


def _without_empty_rows(views: Tensor) -> Tensor:
    """[..., H, W] without the rows above and below that are white in all pictures: both trials fit on one screen."""
    used = (views < 0.98).any(-1).flatten(0, -2).any(0).nonzero().flatten()
    low, high = (int(used[0]), int(used[-1])) if len(used) else (0, views.shape[-2])
    return views[..., max(0, low - ROOM) : high + 1 + ROOM, :]


def _file(directory: Path, item: str, name: str) -> Path:
    return directory / PICTURES / f"{item}-{name}.{'png' if name == 'input' else 'jpeg'}"


def _encode(picture: Tensor, kind: str) -> bytes:
    """[3, H, W] in [0, 1] as a file."""
    pixels = (picture.detach().cpu().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    options = {"quality": 92, "subsampling": 0} if kind == "jpeg" else {}
    Image.fromarray(pixels).save(buffer, format=kind, **options)
    return buffer.getvalue()


def _data_url(content: bytes) -> str:
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
