"""Where the files lie that settings name: relative paths are meant from where the command was given, and kept whole.

So they are the same files in a notebook, which runs in the folder of the notebooks, and in a later command given
elsewhere. A stage depends on what is in a file, not on where it lies.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganverse_nb.workflow.kernel import from_notebooks, given_from

FROM_FEATURES = ("clicks", "features")  # of `segmenter.weights`: taught on the GAN's pictures by the GAN's features
SEGMENTERS = ("auto", "bundled", "coco", "photographs", "trained", "rembg", *FROM_FEATURES)
PATHS: dict[str, tuple[str, ...]] = {  # settings that may name a file or a folder -> their values that name none
    "gan.network": ("bundled", "bundled-128", "trained"),
    "views.codes": ("bundled", "chosen", "labelled", "suggested"),
    "segmenter.weights": SEGMENTERS,
    "segmenter.photographs": SEGMENTERS,
    "segmenter.photo_camera": ("auto", "none"),
    "photo_model.photographs": ("",),
}
ONNX, CLICKS = "onnx:", "clicks:"  # before the file of a foreground network, and of clicks


def is_path(name: str, value: Any) -> bool:
    """Whether this value of a setting names a file or a folder."""
    words = PATHS.get(name)
    return words is not None and isinstance(value, str) and value not in words and not value.startswith("rembg:")


def whole(path: str | Path) -> str:
    """`path` as an absolute one. In a notebook `../x` is meant from the folder of the notebooks, `x` from above it."""
    path = Path(path).expanduser()
    if path.is_absolute():
        return str(path)
    return os.path.abspath(from_notebooks(path) if path.parts[:1] == ("..",) else given_from() / path)


def whole_paths(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted name, with absolute paths."""

    def kept(value: str) -> str:
        kind = next((kind for kind in (ONNX, CLICKS) if value.startswith(kind)), "")
        return kind + whole(value.removeprefix(kind))

    return {name: kept(value) if is_path(name, value) else value for name, value in settings.items()}
