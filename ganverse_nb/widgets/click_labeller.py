"""Ten clicks on one object from several sides: object, background. Masks of all objects come from them."""

from __future__ import annotations

import ipywidgets
import numpy as np

from ganverse_nb.figures.style import BLUE, ORANGE
from ganverse_nb.gan.clicks import ENOUGH, ClickAnnotation
from ganverse_nb.widgets.base import Panel, as_pixels, named
from ganverse_nb.widgets.keypoint_labeller import ENLARGED, ClickableImage

OBJECT, BACKGROUND = "object", "background"


class ClickLabeller(Panel):
    """Shows one object from one side after the other and takes a click on it and one on the background in each.

    x changes between object and background, u takes the last click back, n and p go to the next and the previous
    picture. The wheel zooms. Everything is saved at once, see `ClickAnnotation`.

    Args:
        annotation: the state, new or continued.
    """

    def __init__(self, annotation: ClickAnnotation) -> None:
        self.annotation, self.pictures = annotation, annotation.pictures()
        self.view = 0
        self.image = ClickableImage(self.click, self.act)
        self.kind = named(ipywidgets.ToggleButtons(options=[OBJECT, BACKGROUND]), "kind")
        self.kind.observe(lambda _: self.mark(), names="value")
        self.buttons = {}
        for key, text in {"x": "other kind (x)", "u": "undo (u)", "p": "previous (p)", "n": "next view (n)"}.items():
            self.buttons[key] = ipywidgets.Button(description=text, layout=ipywidgets.Layout(width="120px"))
            self.buttons[key].on_click(lambda _, key=key: self.act(key))
        right = ipywidgets.VBox([self.kind, *self.buttons.values()])
        super().__init__([ipywidgets.HBox([self.image, right])], "clicks-status")  # not the one of the panel below it
        self.add_class("gv-clicks")
        done = len(annotation.clicks.points)
        self.kind.value = BACKGROUND if done % 2 else OBJECT
        self.go(done // 2)

    def go(self, view: int) -> None:
        """Show a picture (round the list)."""
        self.view = view % len(self.pictures)
        pixels = as_pixels(self.pictures[self.view])
        times = max(1, ENLARGED // pixels.shape[0])
        self.image.show(np.asarray(pixels).repeat(times, 0).repeat(times, 1))
        self.mark()

    def click(self, x: float, y: float) -> None:
        """Keep a point of the chosen kind and go on: to the background, then to the next picture."""
        with self.reporting():
            self.annotation.add(self.view, x, y, self.kind.value == OBJECT)
            if self.kind.value == OBJECT:
                self.kind.value = BACKGROUND
                self.mark()
            else:
                self.kind.value = OBJECT
                self.go(self.view + 1)

    def act(self, key: str) -> None:
        """What a key does; anything else is ignored. An error is shown, kept in `errors` and raised."""
        with self.reporting():
            if key == "x":
                self.kind.value = BACKGROUND if self.kind.value == OBJECT else OBJECT
            elif key == "u":
                undone = self.annotation.undo()
                if undone is not None:
                    self.kind.value = OBJECT if undone.object else BACKGROUND
                    self.go(undone.view)
            elif key in ("n", "p"):
                self.go(self.view + (1 if key == "n" else -1))

    def mark(self) -> None:
        """Draw the points that are placed, and say how far the clicking is."""
        points = self.annotation.clicks.points
        self.image.points = [
            {
                "name": OBJECT if p.object else BACKGROUND,
                "place": [p.x, p.y],
                "color": ORANGE if p.object else BLUE,
                "current": p is points[-1],
            }
            for p in points
            if p.view == self.view
        ]
        rest = ENOUGH - len(points)
        what = f"click on the {self.kind.value}, {rest} to go" if rest > 0 else "enough; more help where masks fail"
        self.say(f"view {self.view + 1} of {len(self.pictures)}, {len(points)} clicks: {what}.")
