"""Public sets of real photographs, in the layouts of their archives: to be measured on, never to learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ganverse_nb.data.photo_sets.epfl import read_epfl
from ganverse_nb.data.photo_sets.folder import read_folder
from ganverse_nb.data.photo_sets.originals import (
    read_carvana,
    read_coil,
    read_cub,
    read_davis,
    read_weizmann,
)
from ganverse_nb.data.photo_sets.photo import PhotoSet, RealPhoto

READERS: dict[str, Callable[[Path], PhotoSet]] = {
    "carvana": read_carvana,
    "coil100": read_coil,
    "epfl": read_epfl,
    "weizmann": read_weizmann,
    "cub": read_cub,
    "davis": read_davis,
    "folder-with-masks": read_folder,
}

__all__ = ["READERS", "PhotoSet", "RealPhoto", "read_photo_set"]


def read_photo_set(
    dataset: str, folder: str | Path, category: str | None = None, objects: Sequence[str] | None = None
) -> PhotoSet:
    """The photographs of a public set; none is opened yet.

    Args:
        dataset: one of `READERS`.
        folder: where its archive was unpacked.
        category: of the objects wanted; needed where a set shows several.
        objects: names of the objects wanted; None: all (of COIL-100: five cars).

    Raises:
        FileNotFoundError: the folder, or a piece of the set, is missing.
        ValueError: an unknown set, a table that is not understood, or nothing of that category or those objects.
    """
    folder = Path(folder)
    if dataset not in READERS:
        raise ValueError(f"No reader knows the set {dataset!r}; the sets are {', '.join(READERS)}.")
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    if dataset == "coil100" and objects:
        return read_coil(folder, tuple(objects)).of_category(category)
    found = read_folder(folder, category) if dataset == "folder-with-masks" else READERS[dataset](folder)
    return (found.of_objects(objects) if objects else found).of_category(category)
