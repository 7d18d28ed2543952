"""One click per view code: where does this camera stand? (section 3.1; the paper took a minute per class)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.gan.annotation import ViewAnnotation
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import crossed_pictures, sample_w
from ganverse_nb.gan.suggest import TRUNCATION
from ganverse_nb.widgets.base import Panel, as_png

KEYS = "1234567890-="  # of bins 0 to 11, the upper row of a keyboard
LEAVE_OUT, UNDO = "x", "u"
# Where the twelve buttons stand in a 5 x 5 grid: seen from above, the object's front looks down, to who reads this.
PLACES = ((5, 3), (5, 4), (4, 5), (3, 5), (2, 5), (1, 4), (1, 3), (1, 2), (2, 1), (3, 1), (4, 1), (5, 2))
SIDE = 128  # pixels of each picture
SIDES = {0: "front", 3: "left", 6: "rear", 9: "right"}


def sample_pictures(
    generator: Generator, split_layer: int, contents: int = 8, seed: int = 0
) -> Callable[[Tensor], Any]:
    """view code [w_dim] -> uint8 [H, W, 3], the same `contents` random objects for every code."""
    from torchvision.utils import make_grid

    content_w = sample_w(generator, contents, seed, TRUNCATION)

    def show(code: Tensor) -> np.ndarray:
        pictures = crossed_pictures(generator, code[None].to(content_w), content_w, split_layer)[0].cpu()
        pictures = F.interpolate(pictures, (SIDE, SIDE), mode="bilinear", antialias=True)
        return (make_grid(pictures, nrow=4, pad_value=1.0) * 255).round().byte().permute(1, 2, 0).numpy()

    return show


class ViewLabeller(Panel):
    """Shows samples of one view code after the other and takes a bin of azimuth for each.

    The twelve buttons stand around the object as the camera does, seen from above. In the field below them the keys
    1 2 ... 0 - = are the bins in their order, x leaves a code out, u undoes. Everything is saved at once, see
    `ViewAnnotation`; `annotation.views()` are the labelled codes.

    Args:
        annotation: the state, new or continued.
        show: view code [w_dim] -> picture uint8 [H, W, 3], for instance `sample_pictures(generator, split_layer)`.
    """

    def __init__(self, annotation: ViewAnnotation, show: Callable[[Tensor], np.ndarray]) -> None:
        self.annotation, self.show = annotation, show
        self.picture = ipywidgets.Image(format="png", layout=ipywidgets.Layout(width="520px"))
        self.bins = []
        for index, (row, column) in enumerate(PLACES):
            text = f"{30 * index}° {SIDES.get(index, '')}".strip()
            layout = ipywidgets.Layout(width="auto", grid_area=f"{row} / {column} / {row + 1} / {column + 1}")
            button = ipywidgets.Button(description=text, tooltip=f"key {KEYS[index]}", layout=layout)
            button.on_click(lambda _, index=index: self.act(KEYS[index]))
            button.add_class(f"gv-bin-{index}")
            self.bins.append(button)
        self.leave_out = ipywidgets.Button(description="leave out (x)", layout=ipywidgets.Layout(width="110px"))
        self.leave_out.on_click(lambda _: self.act(LEAVE_OUT))
        self.undo = ipywidgets.Button(description="undo (u)", layout=ipywidgets.Layout(width="90px"))
        self.undo.on_click(lambda _: self.act(UNDO))
        self.typed = ipywidgets.Text(placeholder="keys: 1-9 0 - = x u", layout=ipywidgets.Layout(width="160px"))
        self.typed.observe(self._typed, names="value")
        for name in ("picture", "leave_out", "undo", "typed"):
            getattr(self, name).add_class(f"gv-{name.replace('_', '-')}")
        around = ipywidgets.GridBox(
            self.bins, layout=ipywidgets.Layout(grid_template_columns="repeat(5, 104px)", grid_gap="4px")
        )
        super().__init__([self.picture, around, ipywidgets.HBox([self.typed, self.leave_out, self.undo])])
        self.refresh()

    def act(self, key: str) -> None:
        """What a key does; anything else is ignored. An error is shown, kept in `errors` and raised."""
        with self.reporting():
            if key in KEYS:
                self.annotation.label(KEYS.index(key))
            elif key == LEAVE_OUT:
                self.annotation.leave_out()
            elif key == UNDO:
                self.annotation.undo()
            else:
                return
            self.refresh()

    def refresh(self) -> None:
        """Show the current code, or that all is done."""
        annotation, index = self.annotation, self.annotation.current
        done = index is None
        for button in (*self.bins, self.leave_out):
            button.disabled = done
        if index is not None:
            self.picture.value = as_png(self.show(annotation.codes[index]))
        counted = [int((annotation.labels == k).sum()) for k in range(12)]
        for button, count in zip(self.bins, counted, strict=True):
            button.button_style = "success" if count else ""
        missing = ", ".join(f"{30 * k}°" for k in annotation.missing_bins) or "none"
        where = (
            f"All {len(annotation)} view codes are labelled" if index is None else f"{index + 1} of {len(annotation)}"
        )
        self.say(f"{where}, {annotation.seconds:.0f} s. Sides without a view: {missing}.")

    def _typed(self, change: Any) -> None:
        if change["new"]:
            self.typed.value = ""
            for key in change["new"]:
                self.act(key)
