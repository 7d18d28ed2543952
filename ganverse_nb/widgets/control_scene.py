"""What the control panel shows, without any widget: state -> pictures is a plain function."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.views import moved
from ganverse_nb.neural_renderer.properties import Properties
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.render.shots import textured
from ganverse_nb.runtime.threads import one_thread
from ganverse_nb.widgets.base import as_pixels
from ganverse_nb.widgets.sources import Source, Sources

PARTS = ("shape", "texture", "background")
SAMPLE = "GAN sample"  # stands for the sample of the state's own seed and truncation


@dataclass(frozen=True)
class ControlState:
    """What is shown.

    Attributes:
        shape, texture, background: names of `Sources`, or `SAMPLE`.
        azimuth_deg, elevation_deg: where the camera stands (conventions of the package).
        scale: size of the object in the picture, 1 at the typical distance of the views: distance = typical / scale.
        seed, truncation: of the sample that `SAMPLE` stands for.
    """

    shape: str
    texture: str
    background: str
    azimuth_deg: int = 35
    elevation_deg: int = 12
    scale: float = 1.0
    seed: int = 0
    truncation: float = 0.7


@dataclass(frozen=True)
class Scene:
    """What a state refers to.

    Attributes:
        sources: the pictures.
        known: the cameras of the view codes, which StyleGAN-R was trained with.
        model: the neural renderer, or None where it is not trained.
    """

    sources: Sources
    known: Camera
    model: StyleGANR | None = None

    @property
    def distance(self) -> float:
        """The typical distance of the views: their median."""
        return float(self.known.distance.median())

    def source(self, state: ControlState, part: str) -> Source:
        """Where one of `PARTS` comes from."""
        name = getattr(state, part)
        return self.sources.sample(state.seed, round(state.truncation, 4)) if name == SAMPLE else self.sources[name]

    def properties(self, state: ControlState) -> Properties:
        """What is rendered. The object is as far from the middle as in the picture that its shape comes from."""
        shape, texture, background = (self.source(state, part).properties for part in PARTS)
        camera = moved(shape.camera, state.azimuth_deg, state.elevation_deg, self.distance / state.scale)
        return Properties(camera, shape.shape, texture.texture, background.background)

    def source_view(self, state: ControlState) -> ControlState:
        """The state with the camera of the picture that the shape comes from, to whole degrees and percents."""
        camera = self.source(state, "shape").properties.camera
        azimuth = round(float(wrap_degrees(camera.azimuth)))
        scale = round(self.distance / float(camera.distance), 2)
        return replace(state, azimuth_deg=azimuth, elevation_deg=round(float(camera.elevation)), scale=scale)

    def out_of_range(self, state: ControlState) -> str:
        """Which control is outside the range of all view codes, and of what StyleGAN-R was asked for while it was
        trained, in words; empty if none is."""
        asked = self.model.notes.get("scales", []) if self.model else []
        scales = torch.cat([self.distance / self.known.distance, self.known.distance.new_tensor(asked)])
        limits = [
            ("elevation", self.known.elevation, state.elevation_deg, 0.5, "{:.0f}° to {:.0f}°"),
            ("scale", scales, state.scale, 0.005, "{:.2f} to {:.2f}"),
        ]
        beyond = [
            f"{name} {words.format(float(known.min()), float(known.max()))}"
            for name, known, value, slack, words in limits
            if not float(known.min()) - slack <= value <= float(known.max()) + slack
        ]
        return f"beyond the GAN's views ({', '.join(beyond)})" if beyond else ""


@dataclass(frozen=True)
class Shown:
    """The answer of both renderers.

    Attributes:
        dibr: uint8 [size, size, 3], on white.
        stylegan_r: uint8 [R, R, 3]; None where there is no model.
    """

    dibr: np.ndarray
    stylegan_r: np.ndarray | None


def render_state(scene: Scene, state: ControlState, size: int) -> Shown:
    """Both renderers' pictures of a state, DIB-R's at `size` pixels, StyleGAN-R's at its own."""
    with one_thread():  # a small picture takes the half of the time, and on busy cores a quarter
        properties = scene.properties(state)
        dibr = as_pixels(textured(properties.mesh(), properties.camera, size)[0])
        neural = neural_picture(scene, properties)
    return Shown(dibr, None if neural is None else as_pixels(neural))


def neural_picture(scene: Scene, properties: Properties) -> Tensor | None:
    """[3, R, R] in [0, 1], StyleGAN-R's picture; None where there is no model."""
    if scene.model is None:
        return None
    p = properties
    return scene.model.render(p.camera, p.shape, p.texture, p.background)[0]
