"""Named points of one object in every view code, placed by hand, and the cameras they imply (appendix D)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganverse_nb.gan.checkpoint import WEIGHTS
from ganverse_nb.geometry.structure_from_motion import Motion, structure_from_motion
from ganverse_nb.runtime.files import read_json, write_json

FORMAT = "ganverse_nb.keypoints/1"
PAUSE = 60.0  # seconds; a longer pause counts as this


class KeypointError(ValueError):
    """A file of keypoints that cannot be used; the message names it, says why and what to do."""


@dataclass(frozen=True)
class Keypoints:
    """Where K named points of one object are in V pictures.

    Attributes:
        names: K names; those that begin with left_ and right_, the object's own, mirror each other.
        places: [V, K, 2] picture coordinates in [0, 1] as `Camera.to_image`, NaN where a point is not placed.
        decided: [V, K] bool: placed, or looked for and not to be seen.
        picture_size: pixels of the square pictures they were placed in.
        seconds: the annotation took.
        content: [w_dim] the content code of the object; empty where the pictures come from no GAN.
        facts: who placed them and how, the teacher's hash, ...
    """

    names: tuple[str, ...]
    places: Tensor
    decided: Tensor
    picture_size: int
    seconds: float = 0.0
    content: Tensor = field(default_factory=lambda: torch.zeros(0))
    facts: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def placed(self) -> Tensor:
        """[V, K] bool."""
        return ~self.places.isnan().any(-1)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """(left, right) indices of the points that mirror each other."""
        other = {name: name.replace("left_", "right_", 1) for name in self.names if name.startswith("left_")}
        return [(self.names.index(a), self.names.index(b)) for a, b in other.items() if b in self.names]

    def save(self, path: str | Path) -> None:
        """Write a JSON file (atomic); places in pixels, null for what is not to be seen."""
        views = []
        for places, decided in zip(self.places * self.picture_size, self.decided):
            xy = [None if p.isnan().any() else [round(float(c), 2) for c in p] for p in places]
            views.append({n: p for n, p, d in zip(self.names, xy, decided.tolist()) if d})
        rounded = [round(float(c), 5) for c in self.content]
        head = {"format": FORMAT, "picture_size": self.picture_size, "seconds": round(self.seconds, 1), **self.facts}
        write_json(path, {**head, "names": list(self.names), "content": rounded, "views": views}, sealed=True)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        views: int | None = None,
        picture_size: int | None = None,
        made_from: Mapping[str, str] | None = None,
    ) -> Keypoints:
        """The keypoints of a file.

        Args:
            views: how many view codes there must be; picture_size: of which pictures; made_from: entries of
                `facts` that must be these, as the SHA-256 of the network's file.

        Raises:
            FileNotFoundError: there is none.
            KeypointError: damaged, of other pictures, or with points that it does not name itself.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"No keypoints at {path}; place them with widgets.KeypointLabeller (notebook 03).")
        found = read_json(path, 'restore it or annotate again; whoever has changed it by hand deletes its "checksum"')
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise KeypointError(f"{path} is no file of keypoints ({FORMAT}); give another file.")
        try:
            names, size, rows = tuple(found.pop("names")), int(found.pop("picture_size")), found.pop("views")
            unknown = sorted({name for row in rows for name in row} - set(names))
            if unknown:
                raise KeypointError(f"{path} places {', '.join(unknown)}, which its `names` lack; add or rename them.")
            places = torch.full((len(rows), len(names), 2), math.nan)
            decided = torch.zeros(len(rows), len(names), dtype=torch.bool)
            for v, row in enumerate(rows):
                for name, place in row.items():
                    decided[v, names.index(name)] = True
                    if place is not None:
                        places[v, names.index(name)] = torch.tensor(place, dtype=torch.float32) / size
            content, seconds = torch.tensor(found.pop("content")), float(found.pop("seconds"))
        except KeypointError:
            raise
        except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise KeypointError(f"{path} is damaged ({error}); restore it or annotate again.") from error
        found.pop("format")
        if views is not None and len(rows) != views:
            raise KeypointError(
                f"{path} has points of {len(rows)} views, there are {views} view codes; annotate those of this network."
            )
        if picture_size is not None and size != picture_size:
            raise KeypointError(
                f"{path} was made in pictures of {size} px, these have {picture_size}; annotate pictures of this size."
            )
        other = [name for name, value in (made_from or {}).items() if found.get(name) != value]
        if other:
            raise KeypointError(
                f"{path} was placed in other pictures ({', '.join(other)} differs); annotate those of this network."
            )
        return cls(names, places, decided, size, seconds, content, found)

    def motion(self, azimuth: Tensor, source: str | Path = "keypoints", **options: float | None) -> Motion:
        """The cameras of the V views by structure from motion, see `structure_from_motion`.

        Args:
            azimuth: [V] degrees, rough, where the search begins.
            source: what messages name.

        Raises:
            KeypointError: the points do not decide the cameras; the message says which are missing.
        """
        try:
            return structure_from_motion(self.places, azimuth, names=self.names, pairs=self.pairs, **options)  # type: ignore[arg-type]
        except ValueError as error:
            raise KeypointError(f"{source}: {error}") from error


def bundled_keypoints(category: str) -> Path:
    """The file of keypoints that comes with the package for a category.

    Raises:
        FileNotFoundError: there is none; the message lists those there are.
    """
    path = WEIGHTS / category / "keypoints.json"
    if not path.is_file():
        known = ", ".join(sorted(p.parent.name for p in WEIGHTS.glob("*/keypoints.json"))) or "none"
        raise FileNotFoundError(
            f"There are no keypoints for {category} (the package has them for: {known}); place them with "
            f"widgets.KeypointLabeller (notebook 03) and put the file at {path}."
        )
    return path


class KeypointAnnotation:
    """The state of an annotation; every click is written to `path` at once, and one begun again goes on.

    Args:
        names: the K points to place.
        views: V, how many pictures; picture_size: their side in pixels.
        path: of the file (`Keypoints`).
        content, facts: written beside the points.

    Attributes:
        keypoints: all that is placed so far.

    Raises:
        KeypointError: `path` holds points of other pictures or with other names.
    """

    def __init__(
        self,
        names: Sequence[str],
        views: int,
        picture_size: int,
        path: str | Path,
        content: Tensor | None = None,
        facts: dict[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path, self.clock = Path(path), clock
        content = torch.zeros(0) if content is None else content.detach().float().cpu().flatten()
        shape = (views, len(names))
        blank = torch.full((*shape, 2), math.nan), torch.zeros(shape, dtype=torch.bool)
        self.keypoints = Keypoints(tuple(names), *blank, picture_size, 0.0, content, dict(facts or {}))
        if self.path.is_file():
            self._resume()
        self._past: list[tuple[int, int, Tensor, bool]] = []
        self._since = clock()

    def index(self, name: str) -> int:
        """Which of the names.

        Raises:
            ValueError: none of them.
        """
        if name not in self.keypoints.names:
            raise ValueError(f"There is no point {name!r}; the points are {', '.join(self.keypoints.names)}.")
        return self.keypoints.names.index(name)

    def next_open(self, view: int, name: str | None = None) -> str | None:
        """The first point after `name` that is not decided in this view, round the list; None when all are."""
        names = self.keypoints.names
        start = 0 if name is None else self.index(name) + 1
        order = [*range(start, len(names)), *range(start)]
        return next((names[k] for k in order if not self.keypoints.decided[view, k]), None)

    @property
    def next_view(self) -> int | None:
        """The first view with an undecided point, None when all is done."""
        open_ones = (~self.keypoints.decided.all(1)).nonzero()
        return int(open_ones[0]) if len(open_ones) else None

    def place(self, view: int, name: str, x: float, y: float) -> None:
        """Put a point at picture coordinates in [0, 1], from the left and from the top; again moves it.

        Raises:
            ValueError: no such view or point, or outside of the picture.
        """
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise ValueError(f"{name} lies outside of the picture, at ({x:.2f}, {y:.2f}); both go from 0 to 1.")
        self._decide(view, name, torch.tensor([x, y]))

    def not_seen(self, view: int, name: str) -> None:
        """Say that a point is not to be seen in a view.

        Raises:
            ValueError: no such view or point.
        """
        self._decide(view, name, torch.full((2,), math.nan))

    def undo(self) -> tuple[int, str] | None:
        """Take the last decision of this session back: (view, name) of it, None where there is none."""
        if not self._past:
            return None
        view, k, place, decided = self._past.pop()
        self.keypoints.places[view, k], self.keypoints.decided[view, k] = place, decided
        self.keypoints.save(self.path)
        return view, self.keypoints.names[k]

    def _decide(self, view: int, name: str, place: Tensor) -> None:
        k, points = self.index(name), self.keypoints
        if not 0 <= view < len(points):
            raise ValueError(f"There is no view {view}; the views are 0 to {len(points) - 1}.")
        self._past.append((view, k, points.places[view, k].clone(), bool(points.decided[view, k])))
        points.places[view, k], points.decided[view, k] = place, True
        now = self.clock()
        self.keypoints = replace(points, seconds=points.seconds + min(now - self._since, PAUSE))
        self._since = now
        self.keypoints.save(self.path)

    def _resume(self) -> None:
        asked = self.keypoints
        saved = Keypoints.load(self.path, views=len(asked), picture_size=asked.picture_size)
        if saved.names != asked.names:
            raise KeypointError(f"{self.path} holds points with other names; give another path or move it away.")
        if len(saved.content) != len(asked.content) or not torch.allclose(saved.content, asked.content, atol=1e-4):
            raise KeypointError(f"{self.path} holds points of another object; give another path or move it away.")
        self.keypoints = replace(saved, facts={**saved.facts, **asked.facts})
