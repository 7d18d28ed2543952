"""What all panels share: a status line that shows errors and hides none, names for browsers, pictures as bytes."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import ipywidgets
import numpy as np
from PIL import Image
from torch import Tensor

from ganverse_nb.runtime.errors import sentence
from ganverse_nb.runtime.text import as_html


class Panel(ipywidgets.VBox):
    """Controls above a status line.

    Nothing here swallows an error: an `Output` widget around a callback would (ipywidgets issue 3208), so there is
    none.

    Attributes:
        status: the line that says what is shown, or what went wrong; `say` writes it.
        errors: what went wrong in callbacks, newest last.

    Args:
        children: what stands above the line.
        status: its CSS class, see `named`.
    """

    def __init__(self, children: Sequence[ipywidgets.Widget], status: str = "status") -> None:
        self.status, self.errors = named(ipywidgets.HTML(), status), list[str]()
        super().__init__([*children, self.status])

    def say(self, text: str) -> None:
        """Show plain text in the status line: what a file brought into it is neither HTML nor TeX there."""
        self.status.value = as_html(text)

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """An error inside is shown in the status line, kept in `errors` and raised."""
        try:
            yield
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")
            self.say(sentence(error) or type(error).__name__)
            raise

    def close(self) -> None:
        """Closes all that the panel consists of: a widget that is not closed is kept for ever, and so is its panel."""
        if self.comm is not None:
            super().close()
            close_all(self)


def close_all(*widgets: ipywidgets.Widget) -> None:
    """Closes widgets and everything inside them: children, layouts, styles."""
    waiting, found = list(widgets), set[ipywidgets.Widget]()
    while waiting:
        widget = waiting.pop()
        if widget not in found:
            found.add(widget)
            for value in widget.trait_values(sync=True).values():
                inside = value if isinstance(value, (tuple, list)) else [value]
                waiting += [part for part in inside if isinstance(part, ipywidgets.Widget)]
    for widget in found:
        widget.close()


@contextmanager
def closed_on_error() -> Iterator[None]:
    """Where something inside fails, the widgets that were made until then are closed: nobody else could."""
    made: list[ipywidgets.Widget] = []
    before = ipywidgets.Widget._widget_construction_callback
    ipywidgets.Widget.on_widget_constructed(made.append)
    try:
        yield
    except BaseException:
        close_all(*made)
        raise
    finally:
        ipywidgets.Widget.on_widget_constructed(before)


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
