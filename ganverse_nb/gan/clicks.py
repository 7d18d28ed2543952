"""A few points of object and of background, clicked in pictures of one content from several sides, and their file.

From them and the generator's features come masks of all contents (`segmentation.feature_masks`): for categories that no
segmenter knows. The pictures are drawn from a seed, so that the file holds points only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import mix, sample_w
from ganverse_nb.runtime.errors import DamagedError, ExpectedError
from ganverse_nb.runtime.files import read_json, write_json
from ganverse_nb.runtime.tensors import weights_of

FORMAT = "ganverse_nb.clicks/1"
VIEWS, ENOUGH = 10, 10  # pictures that are offered, and points that are asked for
TRUNCATION = 0.7  # of what is clicked on: an ordinary object, well drawn
PAUSE = 60.0  # seconds; a longer pause counts as this
KEYS = {"format", "network", "seed", "split_layer", "seconds", "clicks"}


class ClickError(ExpectedError, ValueError):
    """A file of clicks that cannot be used; the message names it, says why and what to do."""


@dataclass(frozen=True)
class Click:
    """One point.

    Attributes:
        view: which of the pictures.
        x, y: from the left and from the top, as shares of the generator's square.
        object: whether it is on the object.
    """

    view: int
    x: float
    y: float
    object: bool


@dataclass(frozen=True)
class Clicks:
    """What was clicked in the pictures of one network.

    Attributes:
        network: `weights_of` the generator.
        seed, split_layer: which pictures, see `pictures_codes`.
        points: in the order of the clicks.
        seconds: they took.
    """

    network: str
    seed: int
    split_layer: int
    points: tuple[Click, ...] = ()
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether there is a point of the object and one of the background."""
        return {point.object for point in self.points} == {True, False}

    def save(self, path: str | Path) -> None:
        """Writes a JSON file, whole or not at all."""
        head = {"format": FORMAT, "network": self.network, "seed": self.seed, "split_layer": self.split_layer}
        points = [{"view": p.view, "x": round(p.x, 4), "y": round(p.y, 4), "object": p.object} for p in self.points]
        write_json(path, {**head, "seconds": round(self.seconds, 1), "clicks": points}, sealed=True)

    @classmethod
    def load(cls, path: str | Path, generator: Generator | None = None) -> Clicks:
        """The clicks of a file.

        Args:
            generator: whose pictures they must be.

        Raises:
            FileNotFoundError: there is none.
            ClickError: damaged, of another network, with entries that nobody knows, or with points that no picture has.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"No clicks at {path}; ten clicks in notebook 02 make such a file.")
        try:
            found = read_json(path, 'restore it or click again; whoever has changed it by hand deletes its "checksum"')
        except DamagedError as error:
            raise ClickError(str(error)) from None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise ClickError(f"{path} is no file of clicks ({FORMAT}); give one that notebook 02 wrote.")
        other = sorted(found.keys() ^ KEYS)
        if other:
            what = "has an entry" if other[0] in found else "lacks the entry"
            raise ClickError(f"{path} {what} {other[0]!r}; a file of clicks has {', '.join(sorted(KEYS))}.")
        try:
            points = tuple(Click(int(c["view"]), float(c["x"]), float(c["y"]), c["object"]) for c in found["clicks"])
            numbers = int(found["seed"]), int(found["split_layer"])
            clicks = cls(str(found["network"]), *numbers, points, float(found["seconds"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ClickError(f"{path} is damaged ({error!r}); restore it or click again.") from None
        for number, point in enumerate(points, 1):
            wrong = _fault(point)
            if wrong:
                raise ClickError(f"Click {number} of {path} {wrong}; correct or delete it.")
        if generator is not None:
            clicks.check(generator, str(path))
        return clicks

    def check(self, generator: Generator, name: str = "The clicks") -> None:
        """Whether they are of this network's pictures.

        Raises:
            ClickError: they are not.
        """
        if self.network != weights_of(generator):
            raise ClickError(f"{name}: made in pictures of another network; click in those of this one (notebook 02).")
        if not 1 <= self.split_layer < generator.num_ws:
            raise ClickError(f"{name}: this network has no split layer {self.split_layer}; click again in notebook 02.")
        for number, point in enumerate(self.points, 1):
            if not _inside(generator, point.x, point.y):
                raise ClickError(f"{name}: click {number} lies on the bars beside the picture; correct or delete it.")


def _fault(point: Click) -> str:
    told: Any = point.object  # a file may say anything
    if not isinstance(told, bool):
        return f"says {told!r} where true (object) or false (background) belongs"
    if not 0 <= point.view < VIEWS:
        return f"is in view {point.view}, and the views are 0 to {VIEWS - 1}"
    if not (0 <= point.x <= 1 and 0 <= point.y <= 1):
        return f"lies outside of the picture, at ({point.x:.2f}, {point.y:.2f}), where both go from 0 to 1"
    return ""


def _inside(generator: Generator, x: float, y: float) -> bool:
    first, last = generator.rows or (0, generator.resolution)
    return first <= y * generator.resolution <= last


def default_split(generator: Generator) -> int:
    """How many layers are taken for the view where nobody has looked: a quarter, the paper's four of sixteen."""
    return max(1, generator.num_ws // 4)


def clicked_codes(generator: Generator, clicks: Clicks) -> Tensor:
    """[VIEWS, num_ws, w_dim]: one content under random view codes, the pictures that are clicked in."""
    view = sample_w(generator, VIEWS, clicks.seed, TRUNCATION)
    content = sample_w(generator, 1, clicks.seed + 1, TRUNCATION)
    return mix(view, content.expand(VIEWS, -1), clicks.split_layer, generator.num_ws)


@dataclass
class ClickAnnotation:
    """The state of the clicking; every click is written to `path` at once, and one begun again goes on.

    Args:
        generator: whose pictures.
        path: of the file (`Clicks`).
        seed, split_layer: which pictures; by default those of `default_split`.

    Attributes:
        clicks: all so far.

    Raises:
        ClickError: `path` holds clicks in other pictures.
    """

    generator: Generator
    path: Path
    seed: int = 0
    split_layer: int = 0
    clock: Callable[[], float] = time.monotonic
    clicks: Clicks = field(init=False)

    def __post_init__(self) -> None:
        self.path, k = Path(self.path), self.split_layer or default_split(self.generator)
        self.clicks = Clicks(weights_of(self.generator), self.seed, k)
        if self.path.is_file():
            saved = Clicks.load(self.path, self.generator)
            if (saved.seed, saved.split_layer) != (self.seed, k):
                raise ClickError(f"{self.path} holds clicks in other pictures; give another path or move it away.")
            self.clicks = saved
        self._since = self.clock()

    def pictures(self) -> Tensor:
        """[VIEWS, 3, R, R] in [0, 1], squares."""
        codes = clicked_codes(self.generator, self.clicks)
        with torch.no_grad():
            return self.generator.uncrop(self.generator.synthesize(self.generator.styles(codes)))

    def add(self, view: int, x: float, y: float, on_object: bool) -> None:
        """One more point.

        Raises:
            ClickError: no such view, or outside of the picture.
        """
        point = Click(view, x, y, on_object)
        wrong = _fault(point) or ("" if _inside(self.generator, x, y) else "lies outside of the picture, on its bars")
        if wrong:
            raise ClickError(f"The click {wrong}.")
        now = self.clock()
        seconds = self.clicks.seconds + min(now - self._since, PAUSE)
        self._since = now
        self._keep(replace(self.clicks, points=(*self.clicks.points, point), seconds=seconds))

    def undo(self) -> Click | None:
        """Takes the last point back: it, or None where there is none."""
        if not self.clicks.points:
            return None
        last = self.clicks.points[-1]
        self._keep(replace(self.clicks, points=self.clicks.points[:-1]))
        return last

    def _keep(self, clicks: Clicks) -> None:
        self.clicks = clicks
        if clicks.points:
            clicks.save(self.path)
        else:
            self.path.unlink(missing_ok=True)
