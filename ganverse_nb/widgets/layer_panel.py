"""Layers of a StyleGAN in the reader's hands (section 3.1): mix two samples layer by layer, choose a view code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import ipywidgets
import numpy as np
import torch
from torch import Tensor

from ganverse_nb.figures.grid import degrees, seen_from
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import blend, broadcast, mix, sample_w
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.runtime.threads import one_thread
from ganverse_nb.widgets.base import Panel, Quiet, as_pixels, as_png, labelled, named, picture_frame

OWN = "of the mix"  # in the picker of view codes: the first layers are mixed like all others


@dataclass(frozen=True)
class LayerState:
    """What is shown.

    Attributes:
        amounts: for each layer of w how much of sample B it gets, 0 to 1.
        view: index of a view code for the layers below the split, None for those of the mix.
        seed_a, seed_b, truncation: of the two samples.
    """

    amounts: tuple[float, ...]
    view: int | None = None
    seed_a: int = 0
    seed_b: int = 1
    truncation: float = 0.7


def mixed_codes(generator: Generator, views: ViewCodes, state: LayerState) -> Tensor:
    """[3, num_ws, w_dim]: sample A, what the state makes of both, sample B."""
    a, b = (sample_w(generator, 1, seed, state.truncation) for seed in (state.seed_a, state.seed_b))
    both = blend(a, b, state.amounts)
    if state.view is not None:
        both = mix(views.codes[[state.view]].to(both), both, views.split_layer, generator.num_ws)
    return torch.cat([broadcast(a, generator.num_ws), both, broadcast(b, generator.num_ws)])


@torch.no_grad()
def render_layers(generator: Generator, views: ViewCodes, state: LayerState) -> list[np.ndarray]:
    """Pictures of sample A, the mix and sample B, uint8 [H, W, 3]."""
    with one_thread():
        pictures = generator.synthesize(generator.styles(mixed_codes(generator, views, state)))
    return [as_pixels(picture) for picture in pictures]


class LayerPanel(Panel):
    """A mixing desk: one slider per layer of w, between two samples; a picker for the view code.

    Buttons give B's view (the layers below the split), B's content (the others), all or nothing of B.

    Attributes:
        state: what is shown. `show` shows another one, as the controls do.
        controls, layers, buttons: by field of the state, by layer, by name.
    """

    def __init__(self, generator: Generator, views: ViewCodes, state: LayerState | None = None) -> None:
        self.generator, self.views, self._quiet = generator, views, Quiet()
        self.state = state or self._with_b(range(views.split_layer), LayerState((0.0,) * generator.num_ws))
        self.pictures = [picture_frame(name, 220) for name in ("sample-a", "mix", "sample-b")]
        self.layers = [self._make_layer(index) for index in range(generator.num_ws)]
        self.controls = self._make_controls()
        self.buttons = self._make_buttons()
        names = ("sample A", "mix", "sample B")
        shown = [labelled(name, place) for name, place in zip(names, self.pictures, strict=True)]
        sizes = {layer.w_index: layer.name.split(".")[0].removeprefix("b") for layer in reversed(generator.layers)}
        desk = [labelled(f"{i} · {sizes[i]} px", slider) for i, slider in enumerate(self.layers)]
        rows = (shown, desk, self.buttons.values(), self.controls.values())
        super().__init__([ipywidgets.HBox(list(row)) for row in rows])
        self.show(self.state)

    def show(self, state: LayerState) -> None:
        """Render `state` and set the controls to it. An error is shown, kept in `errors` and raised."""
        with self.reporting():
            shown = render_layers(self.generator, self.views, state)
            for place, picture in zip(self.pictures, shown, strict=True):
                place.value = as_png(picture)
            self.state = state
            with self._quiet():
                for name, control in self.controls.items():
                    value = getattr(state, name)
                    control.value = OWN if value is None else value
                for index, slider in enumerate(self.layers):
                    slider.value = state.amounts[index]
                    slider.disabled = state.view is not None and index < self.views.split_layer
            self.say(self._words(state))

    def _words(self, state: LayerState) -> str:
        k = self.views.split_layer
        if state.view is None:
            return f"layers 0 to {k - 1} hold the view, the others the content"
        azimuth, elevation = (float(getattr(self.views, n)[state.view]) for n in ("azimuth", "elevation"))
        measured = f"measured at azimuth {degrees(azimuth)}, elevation {elevation:.0f}°"
        return f"layers 0 to {k - 1} are view code {state.view}, {measured}"

    def _with_b(self, layers: range, state: LayerState) -> LayerState:
        return replace(state, amounts=tuple(float(index in layers) for index in range(self.generator.num_ws)))

    def _moved(self, change: Callable[[LayerState], LayerState]) -> None:
        if not self._quiet.on:
            self.show(change(self.state))

    def _make_layer(self, index: int) -> ipywidgets.FloatSlider:
        slider = ipywidgets.FloatSlider(
            self.state.amounts[index],
            min=0.0,
            max=1.0,
            step=0.05,
            orientation="vertical",
            readout_format=".2f",
            layout=ipywidgets.Layout(height="140px", width="66px"),
        )

        def moved(change: Any) -> None:
            amounts = list(self.state.amounts)
            amounts[index] = change["new"]
            self._moved(lambda state: replace(state, amounts=tuple(amounts)))

        slider.observe(moved, names="value")
        return named(slider, f"layer-{index}")

    def _make_controls(self) -> dict[str, Any]:
        codes = [(seen_from(a, e, " · "), i) for i, (a, e) in enumerate(zip(self.views.azimuth, self.views.elevation))]
        narrow = ipywidgets.Layout(width="160px")
        controls: dict[str, Any] = {
            "view": ipywidgets.Dropdown(options=[(OWN, OWN), *codes], description="view code"),
            "seed_a": ipywidgets.BoundedIntText(min=0, max=2**31 - 1, description="seed A", layout=narrow),
            "seed_b": ipywidgets.BoundedIntText(min=0, max=2**31 - 1, description="seed B", layout=narrow),
            "truncation": ipywidgets.FloatSlider(min=0.0, max=1.2, step=0.05, description="truncation ψ"),
        }
        for name, control in controls.items():
            control.observe(
                lambda change, name=name: self._moved(lambda state: replace(state, **{name: _chosen(change["new"])})),
                names="value",
            )
            named(control, name.replace("_", "-"))
        return controls

    def _make_buttons(self) -> dict[str, ipywidgets.Button]:
        k, count = self.views.split_layer, self.generator.num_ws
        parts = {
            "all-a": ("A alone", range(0)),
            "view-b": ("view of B", range(k)),
            "content-b": ("content of B", range(k, count)),
            "all-b": ("B alone", range(count)),
        }
        buttons = {}
        for name, (text, layers) in parts.items():
            buttons[name] = named(ipywidgets.Button(description=text, layout=ipywidgets.Layout(width="120px")), name)
            buttons[name].on_click(
                lambda _, layers=layers: self.show(self._with_b(layers, replace(self.state, view=None)))
            )
        return buttons


def _chosen(value: Any) -> Any:
    """What a control's value is in the state."""
    return None if value == OWN else value
