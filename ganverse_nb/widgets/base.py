"""What all panels share: a status line that shows errors and hides none, names for browsers, pictures as bytes."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ipywidgets
import numpy as np
from PIL import Image
from torch import Tensor


class Panel(ipywidgets.VBox):
    """Controls above a status line.

    Nothing here swallows an error: an `Output` widget around a callback would (ipywidgets issue 3208), so there is
    none.

    Attributes:
        status: the line that says what is shown, or what went wrong.
        errors: what went wrong in callbacks, newest last.
    """

    def __init__(self, children: list[ipywidgets.Widget], status: ipywidgets.Widget) -> None:
        self.status, self.errors = status, list[str]()
        super().__init__([*children, named(status, "status")])

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """An error inside is shown in the status line, kept in `errors` and raised."""
        try:
            yield
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")
            self.status.value = str(error) or type(error).__name__
            raise


class Quiet:
    """Tells controls that a program sets from controls that a reader moves.

    Attributes:
        on: whether a program is setting controls.
    """

    on = False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        before, self.on = self.on, True
        try:
            yield
        finally:
            self.on = before


def named(control: ipywidgets.Widget, name: str) -> ipywidgets.Widget:
    """The control with the CSS class `gv-NAME`, by which a browser finds it."""
    control.add_class(f"gv-{name}")
    return control


def picture_frame(name: str, side: int) -> ipywidgets.Image:
    """A place of `side` CSS pixels for square pictures of any size."""
    place = ipywidgets.Layout(width=f"{side}px", height=f"{side}px", object_fit="contain", margin="0")
    return named(ipywidgets.Image(format="png", layout=place), name)


def labelled(text: str, control: ipywidgets.Widget) -> ipywidgets.VBox:
    """The control with a line of text in the middle above it."""
    return ipywidgets.VBox([ipywidgets.Label(text), control], layout=ipywidgets.Layout(align_items="center"))


def as_pixels(picture: Tensor) -> np.ndarray:
    """[3, H, W] in [0, 1] -> uint8 [H, W, 3]."""
    return (picture.detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()


def as_png(picture: np.ndarray) -> bytes:
    """uint8 [H, W, 3] -> bytes of a PNG file, packed lightly: it is looked at once."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="png", compress_level=1)
    return buffer.getvalue()


Cancel = Callable[[], None]
Later = Callable[[float, Callable[[], None]], Cancel]
"""(seconds, action) -> what calls it off."""


def call_later(seconds: float, action: Callable[[], None]) -> Cancel:
    """Runs `action` in this kernel's event loop in `seconds`; at once where no loop runs, as in a plain program."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        action()
        return lambda: None
    return loop.call_later(seconds, action).cancel
