"""Camera, shape, texture and background in the reader's hands (sections 4.2 and 4.3): two renderers answer at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
from torch import Tensor

from ganverse_nb.data.pictures import decode_picture
from ganverse_nb.geometry.export import save_mesh
from ganverse_nb.neural_renderer.properties import PropertyEncoder
from ganverse_nb.neural_renderer.renderer import StyleGANR, encode_pictures
from ganverse_nb.neural_renderer.turning import save_turning
from ganverse_nb.render.shots import save_turntable
from ganverse_nb.runtime.picture_files import MOST_BYTES
from ganverse_nb.runtime.text import file_name
from ganverse_nb.widgets.base import Later, Panel, Quiet, as_pixels, as_png, call_later, labelled, named, picture_frame
from ganverse_nb.widgets.control_files import free_name, save_shown
from ganverse_nb.widgets.control_scene import PARTS, SAMPLE, ControlState, Scene, render_state
from ganverse_nb.widgets.file_button import FileButton
from ganverse_nb.widgets.sources import Source, Sources
from ganverse_nb.workflow import stages
from ganverse_nb.workflow.run import Run

COARSE, FINE = 128, 320  # pixels of DIB-R's picture while a slider moves, and when it rests
REST = 0.25  # seconds after which a slider rests; a browser does not say when the mouse is let go
UNTRAINED = "StyleGAN-R is not trained in this run yet (notebook 08 trains it); DIB-R alone answers."


class ControlPanel(Panel):
    """Sliders for the camera, pickers for shape, texture and background, a GAN to sample from, and files.

    Beside the pickers stand the pictures they take from, then DIB-R's and StyleGAN-R's picture of the state. While
    a slider moves, DIB-R's is coarse.

    Attributes:
        state: what is shown. `show` shows another one, as the controls do.
        controls: by field of the state; `buttons` by name.

    Args:
        scene: sources and renderers.
        folder: where saved pictures, turntables and meshes go.
        state: where it begins, and what reset returns to; the first picture in its own view if not given.
        later: how the fine picture is put off, see `call_later`.
    """

    def __init__(
        self, scene: Scene, folder: str | Path, state: ControlState | None = None, later: Later = call_later
    ) -> None:
        self.scene, self.folder, self._later = scene, Path(folder), later
        self._quiet, self._call_off = Quiet(), _nothing
        first = scene.sources.names[0]
        self.state = self.start = state or scene.source_view(ControlState(first, first, first))
        self.controls = self._make_controls()
        self.buttons = self._make_buttons()
        self.thumbnails = {part: picture_frame(f"{part}-source", 96) for part in PARTS}
        self._thumbnail_of: dict[str, Source] = {}
        self.dibr, self.stylegan_r = picture_frame("dibr", 280), picture_frame("stylegan-r", 280)
        self.stylegan_r.value = as_png(np.full((8, 8, 3), 240, np.uint8))  # until there is a model
        self.upload = named(FileButton("open a picture", MOST_BYTES, self.say), "upload")
        self.upload.observe(self._uploaded, names="value")
        super().__init__(self._arranged())
        self.show(self.start)

    def show(self, state: ControlState) -> None:
        """Render `state` finely and set the controls to it. An error is shown, kept in `errors` and raised."""
        with self.reporting():
            self._render(state, FINE)

    def add(self, name: str, picture: Tensor) -> None:
        """Offer a picture [1, 3, R, R] in [0, 1] in every picker, and show it in its own view.

        Raises:
            ValueError: wrong size or range, or nothing was found in it.
        """
        with self.reporting():
            self.scene.sources.add(name, picture)
            self._offer()
            self._render(self.scene.source_view(replace(self.state, shape=name, texture=name, background=name)), FINE)

    def save_picture(self) -> Path:
        """Writes the sources and both renderers' pictures side by side, as a .png."""
        return save_shown(self.scene, self.state, free_name(self.folder, "picture", ".png"))

    def save_turntable(self) -> Path:
        """Writes the object turning once as a .gif: by both renderers, or by DIB-R where there is no StyleGAN-R."""
        path, properties = free_name(self.folder, "turntable", ".gif"), self.scene.properties(self.state)
        if self.scene.model is None:
            save_turntable(properties.mesh(), path)
        else:
            save_turning(self.scene.model, properties, path)
        return path

    def save_mesh(self) -> Path:
        """Writes shape and texture as a .glb."""
        return save_mesh(self.scene.properties(self.state).mesh(), free_name(self.folder, "mesh", ".glb"))

    def close(self) -> None:
        """As `Panel.close`; a fine picture that was put off is called off."""
        self._call_off()
        super().close()

    # ---- from the controls to the picture

    def _render(self, state: ControlState, size: int) -> None:
        """Show `state`; where that fails, everything stays as it was."""
        self._call_off()
        shown = render_state(self.scene, state, size)
        sources = {part: self.scene.source(state, part) for part in PARTS}
        self.state, self.dibr.value = state, as_png(shown.dibr)
        if shown.stylegan_r is not None:
            self.stylegan_r.value = as_png(shown.stylegan_r)
        for part, source in sources.items():
            if self._thumbnail_of.get(part) is not source:
                self.thumbnails[part].value = as_png(as_pixels(source.picture[0]))
                self._thumbnail_of[part] = source
        with self._quiet():
            for name, control in self.controls.items():
                control.value = getattr(state, name)
        where = f"azimuth {state.azimuth_deg % 360}°, elevation {state.elevation_deg}°, scale {state.scale:.2f}"
        note = UNTRAINED if self.scene.model is None else self.scene.out_of_range(state)
        self.say(" · ".join(filter(None, [where, note])))

    def _moved(self, name: str, value: Any) -> None:
        """A control has another value: a coarse picture at once, and a fine one when it rests."""
        if not self._quiet.on:
            with self.reporting():
                self._render(replace(self.state, **{name: value}), COARSE)
                self._call_off = self._later(REST, lambda: self.show(self.state))

    def _offer(self) -> None:
        """The pickers offer what there is now."""
        with self._quiet():
            for part in PARTS:
                self.controls[part].options = self._options()
                self.controls[part].value = getattr(self.state, part)

    def _options(self) -> list[str]:
        return [*self.scene.sources.names, SAMPLE]

    # ---- buttons and files

    def _keep(self) -> None:
        """The sample of the moment gets a place of its own in the pickers."""
        sample = self.scene.sources.sample(self.state.seed, self.state.truncation)
        self.scene.sources.add(sample.name, sample.picture)
        self._offer()
        kept: dict[str, Any] = {part: sample.name for part in PARTS if getattr(self.state, part) == SAMPLE}
        self._render(replace(self.state, **kept), FINE)
        self.say(f"{sample.name} can be picked now.")

    def _save(self, write: Callable[[], Path]) -> None:
        self.say("Writing ...")
        self.say(f"Saved {write()}")

    def _uploaded(self, change: Any) -> None:
        """The opened picture becomes a source; afterwards the same file can be opened again."""
        files = change["new"]
        if not files:
            return
        self.upload.value = ()
        with self.reporting():
            side = self.scene.sources[self.scene.sources.names[0]].picture.shape[-1]
            name = file_name(files[0]["name"])
            picture = decode_picture(bytes(files[0]["content"]), name, side, fit=True)
        self.add(name, picture)

    def _pressed(self, action: Callable[[], None]) -> None:
        with self.reporting():
            action()

    def _make_buttons(self) -> dict[str, ipywidgets.Button]:
        actions = {
            "keep": ("keep this sample", self._keep),
            "source-view": ("view of the source", lambda: self._render(self.scene.source_view(self.state), FINE)),
            "reset": ("reset", lambda: self._render(self.start, FINE)),
            "save-picture": ("save picture", lambda: self._save(self.save_picture)),
            "save-turntable": ("save turntable", lambda: self._save(self.save_turntable)),
            "save-mesh": ("export .glb", lambda: self._save(self.save_mesh)),
        }
        buttons = {}
        for name, (text, action) in actions.items():
            buttons[name] = named(ipywidgets.Button(description=text, layout=ipywidgets.Layout(width="150px")), name)
            buttons[name].on_click(lambda _, action=action: self._pressed(action))
        return buttons

    def _make_controls(self) -> dict[str, Any]:
        """One control for every field of the state."""
        narrow, wide = (ipywidgets.Layout(width=f"{width}px") for width in (180, 300))
        start, slider = self.start, ipywidgets.FloatSlider
        controls: dict[str, Any] = {part: ipywidgets.Dropdown(options=self._options(), layout=narrow) for part in PARTS}
        turn = {"continuous_update": True, "layout": wide}
        controls["azimuth_deg"] = ipywidgets.IntSlider(min=-180, max=180, description="azimuth °", **turn)
        controls["elevation_deg"] = ipywidgets.IntSlider(min=-10, max=60, description="elevation °", **turn)
        controls["scale"] = slider(1.0, min=0.6, max=1.6, step=0.01, description="scale", **turn)
        controls["seed"] = ipywidgets.BoundedIntText(min=0, max=2**31 - 1, description="seed", layout=narrow)
        controls["truncation"] = slider(min=0.0, max=1.2, step=0.05, description="truncation ψ", **turn)
        for name, control in controls.items():
            control.value = getattr(start, name)
            control.observe(lambda change, name=name: self._moved(name, change["new"]), names="value")
            named(control, name.removesuffix("_deg"))
        return controls

    def _arranged(self) -> list[ipywidgets.Widget]:
        """Sources, DIB-R and StyleGAN-R beside each other; camera, sampling and files below."""
        box, at, middle = ipywidgets.HBox, self.controls, ipywidgets.Layout(align_items="center")
        pickers = [
            box([self.thumbnails[part], ipywidgets.VBox([ipywidgets.Label(f"{part} of"), at[part]])], layout=middle)
            for part in PARTS
        ]
        pictures = [labelled("DIB-R", self.dibr), labelled("StyleGAN-R", self.stylegan_r)]
        keep, *others = self.buttons.values()
        return [
            box([ipywidgets.VBox(pickers, layout=ipywidgets.Layout(flex="0 0 auto")), *pictures]),
            box([at["azimuth_deg"], at["elevation_deg"], at["scale"]]),
            box([at["seed"], at["truncation"], keep, self.upload]),
            box(others),
        ]


def _nothing() -> None:
    pass


def open_panel(
    run: Run, pictures: Tensor, model: StyleGANR | None = None, label: str = "photograph", folder: str | Path = ""
) -> ControlPanel:
    """The control panel of a run.

    Args:
        pictures: [B, 3, R, R] in [0, 1] to choose from, called `label` 1 to B.
        model: StyleGAN-R; without it DIB-R alone answers.
        folder: where it saves; `panel` in the run's directory if not given.
    """
    inverse = stages.inverse_graphics(run)
    encoder = PropertyEncoder.of(inverse, stages.segmenter(run))
    sources = Sources(
        lambda picture, name: encode_pictures(encoder, inverse.resolution, picture, name=name),
        {f"{label} {number}": picture[None] for number, picture in enumerate(pictures, 1)},
        stages.teacher(run),
    )
    return ControlPanel(Scene(sources, inverse.cameras().detach(), model), folder or run.directory / "panel")
