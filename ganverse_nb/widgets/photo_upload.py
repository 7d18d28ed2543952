"""Your own photo: a button that takes it, the verdict, and controls for what was made of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets

from ganverse_nb.inverse_graphics.reconstruction import Reconstruction
from ganverse_nb.runtime.errors import ExpectedError, sentence
from ganverse_nb.runtime.picture_files import MOST_BYTES
from ganverse_nb.runtime.text import file_name
from ganverse_nb.widgets.base import Panel, as_pixels, as_png, close_all, closed_on_error, named, picture_frame
from ganverse_nb.widgets.file_button import FileButton

Reconstruct = Callable[[Path], Reconstruction]
Controls = Callable[[Reconstruction], ipywidgets.Widget]
SHOWN = 160  # pixels


class PhotoUpload(Panel):
    """A button for a picture file; below it the verdict, the photo and, if it is in domain, controls for it.

    The next photo takes the place of the last one, whose controls are closed.

    Attributes:
        result: of the last photo, None before the first and after one that could not be read.

    Args:
        reconstruct: file -> result, as a `Reconstructor`.
        controls: result -> what stands beside the photo, as `lambda result: open_panel(run, result.image)`.
    """

    def __init__(self, reconstruct: Reconstruct, controls: Controls) -> None:
        self.reconstruct, self.controls = reconstruct, controls
        self.result: Reconstruction | None = None
        self.button = named(FileButton("your photo", MOST_BYTES, self._refused), "upload")
        self.body = ipywidgets.HBox([])
        self.button.observe(self.update, names="value")
        super().__init__([self.button], "upload-status")
        self.children = (self.button, self.status, self.body)
        self.say("a photo of one whole object, in the middle of the picture")

    def update(self, change: Any = None) -> None:
        """Reconstruct what was given and show it; a picture that cannot be used is a sentence."""
        if not self.button.value:
            return
        (file,) = self.button.value
        self.button.value = ()  # it takes memory, and the same file can be given again
        self._clear()
        self.say("one moment")
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / file_name(file["name"])
                path.write_bytes(file["content"])
                result = self.reconstruct(path)
            self._show(result)
        except (ValueError, OSError, ExpectedError) as error:
            self._refused(sentence(error).replace(f"{folder}/", ""))
        except Exception as error:
            self._refused(f"{type(error).__name__}: {error}")
            raise

    def close(self) -> None:
        """As `Panel.close`; what was made of the last photo goes, too, where somebody keeps the closed panel."""
        self._clear()
        super().close()

    def _show(self, result: Reconstruction) -> None:
        with closed_on_error():
            picture = picture_frame("own-photo", SHOWN)
            picture.value = as_png(as_pixels(result.image[0]))
            self.body.children = [picture, *([self.controls(result)] if result.verdict.in_domain else [])]
        self.result = result
        self.say(str(result.verdict))

    def _clear(self) -> None:
        last, self.body.children, self.result = self.body.children, (), None
        close_all(*last)

    def _refused(self, why: str) -> None:
        self.errors.append(why)
        self.say(why)
