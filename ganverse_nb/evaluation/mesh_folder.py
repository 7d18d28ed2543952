"""Reconstructions of any other system, as a folder of meshes, against the truth about the same photographs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tqdm.auto import tqdm

from ganverse_nb.evaluation.alignment import ALIGNMENTS
from ganverse_nb.evaluation.ground_truth import TruthScores, score_meshes
from ganverse_nb.geometry.export import load_mesh
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.inverse_graphics.perceptual import Features
from ganverse_nb.runtime.files import atomic_path, read_json, write_json
from ganverse_nb.studio.ground_truth_views import GroundTruthViews, ground_truth_photo

NAME, FACTS = "photo_{:03d}", "photographs.json"


@dataclass(frozen=True)
class FolderReport:
    """Scores of the photographs that have a mesh.

    Attributes:
        names: of the photographs with a mesh; missing: of those without one.
        align: how the meshes were brought to the truth.
        scores: of `names`, in their order.
    """

    names: list[str]
    missing: list[str]
    align: str
    scores: TruthScores

    def as_dict(self) -> dict[str, Any]:
        """Mean and median of every measure, and the measures of each mesh, in plain types."""
        values = self.scores.values()
        summary = {n: {"mean": float(v.nanmean()), "median": float(v.nanquantile(0.5))} for n, v in values.items()}
        single = {name: {n: float(v[i]) for n, v in values.items()} for i, name in enumerate(self.names)}
        scale = [t.scale for t in self.scores.transforms]
        return {"align": self.align, "missing": self.missing, "summary": summary, "meshes": single, "scale": scale}

    def __str__(self) -> str:
        lines = [f"{len(self.names)} meshes, alignment {self.align}", f"{'':14} {'mean':>8} {'median':>8}"]
        for name, both in self.as_dict()["summary"].items():
            lines.append(f"{name:14} {both['mean']:8.4f} {both['median']:8.4f}")
        if self.missing:
            first = ", ".join(self.missing[:3]) + ", ..." * (len(self.missing) > 3)
            lines.append(f"photographs without a mesh, which do not count: {len(self.missing)} ({first})")
        return "\n".join(lines)


def write_photos(folder: Path, category: str, count: int, seed: int, resolution: int, edition: int = 1) -> int:
    """Writes the photographs of `GroundTruthViews` at any resolution as photo_000.png, ..., alpha is the true mask.

    Raises:
        ValueError: a resolution below 32.
    """
    if resolution < 32:
        raise ValueError(f"--resolution {resolution}: give at least 32 pixels.")
    for index in tqdm(range(count), desc="photographs", unit="photo"):
        photo = ground_truth_photo(category, index, seed, resolution, edition)
        pixels = torch.cat([photo.images[0], 255 * photo.masks[0]]).permute(1, 2, 0).numpy()
        with atomic_path(folder / f"{NAME.format(index)}.png") as partial:
            Image.fromarray(np.ascontiguousarray(pixels), "RGBA").save(partial)
    return count


def note_photos(folder: Path, facts: dict[str, Any]) -> None:
    """Writes `photographs.json`: what the photographs of a folder are of."""
    write_json(folder / FACTS, facts)


def check_photos(folder: Path, facts: dict[str, Any]) -> None:
    """Raises a ValueError where a folder says that its photographs are of something else; one may say nothing."""
    theirs = read_json(folder / FACTS, f"delete {folder / FACTS}") if (folder / FACTS).is_file() else facts
    if theirs != facts:
        there, here = (", ".join(f"{name} {value}" for name, value in of.items()) for of in (dict(theirs), facts))
        raise ValueError(
            f"The photographs in {folder} are of {there}, and the truth would be that of {here}; name the run that "
            "they were written with (--run, or --category and --seed)."
        )


def read_meshes(folder: Path, count: int, shape_only: bool = False) -> dict[int, Mesh]:
    """The meshes (batch of 1) of `folder`, by the number of their photograph; all parts of a file become one mesh.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: no .glb in it, one that belongs to no photograph, is damaged or empty, or lacks a texture where
            `shape_only` does not allow it.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    files = sorted(folder.glob("*.glb"))
    if not files:
        raise ValueError(f"There is no .glb in {folder}; name them as the photographs: {NAME.format(0)}.glb.")
    meshes = {}
    for path in files:
        number = re.fullmatch(r"photo_(\d{3,})", path.stem)
        if not number or int(number[1]) >= count:
            last = NAME.format(count - 1)
            raise ValueError(f"{path} belongs to no photograph; the names go from {NAME.format(0)}.glb to {last}.glb.")
        mesh = load_mesh(path, shape_only)
        if mesh.texture is None and not shape_only:
            raise ValueError(
                f"{path} has no texture; export it with a picture as its base colour (colours of vertices are not "
                "read: bake them), or score the shape alone with --shape-only."
            )
        meshes[int(number[1])] = mesh
    return meshes


def check_align(align: str) -> None:
    """Raises a ValueError for an unknown alignment."""
    if align not in ALIGNMENTS:
        raise ValueError(f"Unknown alignment {align!r}; give one of {', '.join(ALIGNMENTS)}.")


def score_folder(
    meshes: dict[int, Mesh],
    photos: GroundTruthViews,
    features: Features | None = None,
    align: str = "any_pose",
    seed: int = 0,
) -> FolderReport:
    """Score meshes of some or all of `photos`, by their number.

    Raises:
        ValueError: unknown alignment, or a mesh without area.
    """
    check_align(align)
    there = sorted(meshes)
    scores = score_meshes([meshes[i] for i in there], photos[torch.tensor(there)], [align], features, seed)[align]
    missing = [NAME.format(i) for i in range(len(photos)) if i not in meshes]
    return FolderReport([NAME.format(i) for i in there], missing, align, scores)
