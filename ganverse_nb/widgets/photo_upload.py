"""Your own photo: a button that takes it, the verdict, and controls for what was made of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets

from ganverse_nb.inverse_graphics.reconstructor import Reconstruction
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.widgets.base import as_pixels, as_png, picture_frame

Reconstruct = Callable[[Path], Reconstruction]
Controls = Callable[[Reconstruction], ipywidgets.Widget]
SHOWN = 160  # pixels


class PhotoUpload(ipywidgets.VBox):
    """A button for a picture file; below it the verdict, the photo and, if it is in domain, controls for it.

    Attributes:
        result: of the last photo, None before the first and after one that could not be read.
        errors: what went wrong, newest last; the status line shows the newest.

    Args:
        reconstruct: file -> result, as a `Reconstructor`.
        controls: result -> what stands beside the photo, as `lambda result: open_panel(run, result.image)`.
    """

    def __init__(self, reconstruct: Reconstruct, controls: Controls) -> None:
        self.reconstruct, self.controls = reconstruct, controls
        self.result: Reconstruction | None = None
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
            self._show(self.result)
        except (ValueError, OSError, ExpectedError) as error:
            self.errors.append(" ".join(str(error).replace(f"{folder}/", "").split()))
            self.status.value = self.errors[-1]
            return
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")
            self.status.value = self.errors[-1]
            raise

    def _show(self, result: Reconstruction) -> None:
        picture = picture_frame("own-photo", SHOWN)
        picture.value = as_png(as_pixels(result.image[0]))
        shown: list[ipywidgets.Widget] = [picture]
        if result.verdict.in_domain:
            shown.append(self.controls(result))
        self.body.children = shown
        self.status.value = f"{result.verdict}"
