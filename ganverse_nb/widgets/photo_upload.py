"""Your own photo: a button that takes it, the verdict, and sliders to walk around what was made of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets

from ganverse_nb.errors import ExpectedError
from ganverse_nb.photo import PhotoResult
from ganverse_nb.widgets.orbit import OrbitDashboard, as_png, mesh_renderer

Reconstruct = Callable[[Path], PhotoResult]
SHOWN = "160px"


class PhotoUpload(ipywidgets.VBox):
    """A button for a picture file; below it the photo, the verdict and, if it is in domain, an `OrbitDashboard`.

    Attributes:
        result: of the last photo, None before the first and after one that could not be read.
        errors: what went wrong, newest last; the status line shows the newest.

    Args:
        reconstruct: file -> result, as `lambda path: reconstruct_photo(run, path)`.
    """

    def __init__(self, reconstruct: Reconstruct) -> None:
        self.reconstruct = reconstruct
        self.result: PhotoResult | None = None
        self.errors: list[str] = []
        self.button = ipywidgets.FileUpload(accept="image/*", multiple=False, description="your photo")
        self.status = ipywidgets.Label("a photo of one whole object, in the middle of the picture")
        self.body = ipywidgets.HBox([])
        self.button.add_class("gv-upload")
        self.status.add_class("gv-upload-status")
        self.button.observe(self.update, names="value")
        super().__init__([self.button, self.status, self.body])

    def update(self, change: Any = None) -> None:
        """Reconstruct what was given and show it; a picture that cannot be used is a sentence."""
        if not self.button.value:
            return
        file = self.button.value[0]
        self.status.value, self.body.children, self.result = "one moment", (), None
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / Path(file["name"]).name
                path.write_bytes(bytes(file["content"]))
                self.result = self.reconstruct(path)
        except (ValueError, OSError, ExpectedError) as error:
            self.errors.append(" ".join(str(error).replace(f"{folder}/", "").split()))
            self.status.value = self.errors[-1]
            return
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")
            self.status.value = self.errors[-1]
            raise
        self._show(self.result)

    def _show(self, result: PhotoResult) -> None:
        pixels = (result.image[0] * 255).round().byte().permute(1, 2, 0).numpy()
        picture = ipywidgets.Image(
            value=as_png(pixels), format="png", layout=ipywidgets.Layout(width=SHOWN, height=SHOWN)
        )
        shown: list[ipywidgets.Widget] = [picture]
        if result.verdict.inside and result.mesh is not None:
            shown.append(OrbitDashboard(mesh_renderer(result.mesh)))
        self.body.children = shown
        self.status.value = f"{result.verdict}"
