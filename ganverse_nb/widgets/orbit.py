"""The first slider: walk a camera around a reconstructed object.

State -> picture is a plain function; the dashboard only holds the controls and calls it. Nothing here swallows an
error: an `Output` widget around a callback would (ipywidgets issue 3208), so there is none.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ipywidgets
import numpy as np
from PIL import Image

from ganverse_nb.figures.shots import textured
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh


@dataclass(frozen=True)
class OrbitState:
    """What is shown: which object, from where (degrees, conventions of the package)."""

    subject: int = 0
    azimuth_deg: int = 35
    elevation_deg: int = 15


Render = Callable[[OrbitState], np.ndarray]
"""State -> picture, uint8 [H, W, 3]."""


def mesh_renderer(meshes: Mesh, size: int = 320, distance: float = 2.1) -> Render:
    """A renderer of B meshes with DIB-R, `state.subject` telling which one."""

    def render(state: OrbitState) -> np.ndarray:
        camera = Camera.orbit(float(state.azimuth_deg), float(state.elevation_deg), distance)
        picture = textured(meshes[state.subject], camera, size)[0]
        return (picture * 255).round().byte().permute(1, 2, 0).numpy()

    return render


class OrbitDashboard(ipywidgets.VBox):
    """Sliders for azimuth and elevation, a choice of objects, and the picture.

    Attributes:
        state: what is shown.
        errors: what went wrong in callbacks, newest last; the status line shows the newest.

    Args:
        render: state -> picture, called once per change.
        subjects: names of the objects to choose from; no choice is offered among one.
        state: where it begins.
    """

    def __init__(self, render: Render, subjects: Sequence[str] = ("object",), state: OrbitState | None = None) -> None:
        self.render = render
        self.state = state or OrbitState()
        self.errors: list[str] = []
        release = {"continuous_update": False}  # one picture per move, not one per pixel of it
        self.subject = ipywidgets.Dropdown(
            options=[(name, index) for index, name in enumerate(subjects)],
            value=self.state.subject,
            description="object",
        )
        self.azimuth = ipywidgets.IntSlider(
            self.state.azimuth_deg, min=-180, max=180, step=5, description="azimuth", **release
        )
        self.elevation = ipywidgets.IntSlider(
            self.state.elevation_deg, min=-10, max=60, step=5, description="elevation", **release
        )
        self.picture = ipywidgets.Image(format="png", layout=ipywidgets.Layout(width="320px", height="320px"))
        self.status = ipywidgets.Label()
        controls = {"subject": self.subject, "azimuth": self.azimuth, "elevation": self.elevation}
        for name, control in controls.items():
            control.add_class(f"gv-{name}")
            control.observe(self.update, names="value")
        self.picture.add_class("gv-picture")
        self.status.add_class("gv-status")
        shown = [c for c in controls.values() if c is not self.subject or len(subjects) > 1]
        super().__init__([*shown, self.picture, self.status])
        self.update()

    def update(self, change: Any = None) -> None:
        """Read the controls, render, show. An error is shown, kept in `errors` and raised."""
        state = replace(
            self.state,
            subject=self.subject.value,
            azimuth_deg=self.azimuth.value,
            elevation_deg=self.elevation.value,
        )
        try:
            picture = self.render(state)
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")
            self.status.value = self.errors[-1]
            raise
        self.state = state
        self.picture.value = as_png(picture)
        self.status.value = f"azimuth {state.azimuth_deg % 360}°, elevation {state.elevation_deg}°"


def as_png(picture: np.ndarray) -> bytes:
    """uint8 [H, W, 3] -> bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="png")
    return buffer.getvalue()
