"""Named points of one object, clicked in every view: the annotation that structure from motion begins with (App D)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import numpy as np
import traitlets
from torch import Tensor

from ganverse_nb.figures.style import BLUE, GREEN, ORANGE
from ganverse_nb.gan.keypoints import KeypointAnnotation
from ganverse_nb.runtime.text import as_html
from ganverse_nb.widgets.base import Panel, as_png

SIDE = 560  # pixels of the picture on the screen
ENLARGED = 512  # pixels that smaller pictures are sent at, so that zooming shows smooth edges


class ClickableImage(anywidget.AnyWidget):
    """A square picture with points on it; the wheel zooms, shift and drag moves, clicks and keys are reported.

    Args:
        on_click: called with picture coordinates in [0, 1], x to the right, y down.
        on_key: called with x, u, n or p, typed while the picture has the focus.
    """

    _esm = Path(__file__).with_suffix(".js").read_text()  # a Path would be watched, and keep every widget alive
    side = traitlets.Int(SIDE).tag(sync=True)
    picture = traitlets.Unicode("").tag(sync=True)
    points: Any = traitlets.List().tag(sync=True)

    def __init__(self, on_click: Callable[[float, float], None], on_key: Callable[[str], None]) -> None:
        super().__init__()
        self._on_click, self._on_key = on_click, on_key
        self.on_msg(self._message)

    def show(self, pixels: np.ndarray) -> None:
        """Show uint8 [H, W, 3]."""
        self.picture = "data:image/png;base64," + base64.b64encode(as_png(pixels)).decode()

    def _message(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        if "click" in content:
            self._on_click(*(min(max(float(c), 0.0), 1.0) for c in content["click"]))
        elif "key" in content:
            self._on_key(content["key"])


class KeypointLabeller(Panel):
    """Shows one view after the other and takes clicks on the named points.

    A click places the chosen point and goes on to the next one; x says that it is not to be seen, u takes the last
    decision back, n and p go to the next and the previous view. The wheel zooms. Everything is saved at once, see
    `KeypointAnnotation`.

    Args:
        annotation: the state, new or continued.
        pictures: [V, 3, R, R] in [0, 1], the one object in every view.
    """

    def __init__(self, annotation: KeypointAnnotation, pictures: Tensor) -> None:
        points = annotation.keypoints
        if len(pictures) != len(points) or pictures.shape[-1] != points.picture_size:
            raise ValueError(
                f"The annotation is of {len(points)} pictures of {points.picture_size} px, these are "
                f"{len(pictures)} of {pictures.shape[-1]}; give the pictures it was begun with."
            )
        self.annotation, self.pictures = annotation, pictures
        self.view = annotation.next_view or 0
        self.image = ClickableImage(self.click, self.act)
        self.names = ipywidgets.Select(options=list(points.names), rows=len(points.names))
        self.names.observe(lambda _: self.mark(), names="value")
        buttons = {"x": "not seen (x)", "u": "undo (u)", "p": "previous (p)", "n": "next view (n)"}
        self.buttons = {}
        for key, text in buttons.items():
            self.buttons[key] = ipywidgets.Button(description=text, layout=ipywidgets.Layout(width="120px"))
            self.buttons[key].on_click(lambda _, key=key: self.act(key))
        right = ipywidgets.VBox([self.names, ipywidgets.VBox(list(self.buttons.values()))])
        super().__init__([ipywidgets.HBox([self.image, right])])
        self.add_class("gv-keypoints")
        self.go(self.view)

    def go(self, view: int) -> None:
        """Show a view (round the list) and choose its first open point."""
        self.view = view % len(self.pictures)
        pixels = (self.pictures[self.view].detach().cpu().clamp(0, 1) * 255).round().byte()
        times = max(1, ENLARGED // pixels.shape[-1])
        large = np.asarray(pixels.permute(1, 2, 0).numpy()).repeat(times, 0).repeat(times, 1)
        self.image.show(large)
        self.names.value = self.annotation.next_open(self.view) or self.names.options[0]
        self.mark()

    def click(self, x: float, y: float) -> None:
        """Place the chosen point there and go on."""
        self.annotation.place(self.view, self.names.value, x, y)
        self._advance()

    def act(self, key: str) -> None:
        """What a key does; anything else is ignored. An error is shown, kept in `errors` and raised."""
        with self.reporting():
            if key == "x":
                self.annotation.not_seen(self.view, self.names.value)
                self._advance()
            elif key == "u":
                undone = self.annotation.undo()
                if undone is not None:
                    self.go(undone[0])
                    self.names.value = undone[1]
            elif key in "np":
                self.go(self.view + (1 if key == "n" else -1))

    def mark(self) -> None:
        """Draw the points that are placed, and say how far the annotation is."""
        points = self.annotation.keypoints
        drawn = []
        for name, place, placed in zip(points.names, points.places[self.view].tolist(), points.placed[self.view]):
            color = BLUE if name.startswith("left") else ORANGE if name.startswith("right") else GREEN
            if placed:
                drawn.append({"name": name, "place": place, "color": color, "current": name == self.names.value})
        self.image.points = drawn
        views, minutes = int(points.decided.all(1).sum()), points.seconds / 60
        what = f"click on <b>{as_html(self.names.value)}</b>"
        if self.annotation.next_view is None:
            what = "everything is decided"
        here = f"view {self.view + 1} of {len(points)}, {len(drawn)} points here"
        self.status.value = f"{here}: {what}. {views} views done, {minutes:.1f} minutes."

    def _advance(self) -> None:
        following = self.annotation.next_open(self.view, self.names.value)
        if following is None:
            self.go(self.view if self.annotation.next_view is None else self.annotation.next_view)
        else:
            self.names.value = following
            self.mark()
