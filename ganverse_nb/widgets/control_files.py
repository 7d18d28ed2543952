"""What the control panel writes."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from ganverse_nb.figures.grid import picture_grid
from ganverse_nb.render.shots import textured
from ganverse_nb.runtime.files import atomic_path
from ganverse_nb.widgets.control_scene import PARTS, ControlState, Scene, neural_picture

SIDE = 256  # pixels of each picture


def free_name(folder: Path, stem: str, suffix: str) -> Path:
    """The first of STEM-001, STEM-002, ... that is not in the folder: nothing that was saved is lost."""
    return next(path for n in count(1) if not (path := folder / f"{stem}-{n:03d}{suffix}").exists())


def save_shown(scene: Scene, state: ControlState, path: Path) -> Path:
    """Writes the three sources and both renderers' pictures beside each other, with labels, as a .png."""
    properties = scene.properties(state)
    pictures = {f"{part} of": scene.source(state, part).picture[0] for part in PARTS}
    pictures["DIB-R"] = textured(properties.mesh(), properties.camera, SIDE)[0]
    neural = neural_picture(scene, properties)
    if neural is not None:
        pictures["StyleGAN-R"] = neural
    figure = picture_grid(
        [list(pictures.values())], column_labels=list(pictures), column_groups=[len(PARTS)], size=SIDE
    )
    with atomic_path(path) as partial:
        figure.savefig(partial, dpi=figure.dpi)
    return path
