"""Figures of the ablation study: its examples (6, P) and its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from torch import Tensor

from ganverse_nb.evaluation.ablation import OTHERS, Example
from ganverse_nb.evaluation.spread import Cell
from ganverse_nb.figures.grid import picture_grid
from ganverse_nb.figures.inverse import letterboxed
from ganverse_nb.figures.tables import number_table
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.inverse_graphics.network import repeat_mesh
from ganverse_nb.render.shots import plain, textured

VARIANT_LABELS = {
    "full": "full (2 views per step)",
    "no_multiview": "w.o. M. V. (1 view per step)",
    "no_perceptual": "w.o. P.",
    "fixed_cameras": "fixed cameras",
    "four_views": "4 views per step",
    "keypoint_cameras": "cameras from keypoints",
}
COLUMNS = {
    "same_view_iou": "IoU, same view",
    "novel_view_iou": "IoU, other views",
    "novel_view_color_error": "colour error, other views",
    "photo_chamfer": "Chamfer",
    "photo_fscore": "F-score, 2 %",
    "photo_novel_view_iou": "IoU, other views",
    "photo_hidden_color_error": "colour error, unseen side",
    "photo_perceptual_distance": "perceptual distance",
}
DIGITS = {"photo_chamfer": 4}  # behind the point; 3 of the others
SIDE = 40.0  # degrees from the input's camera, of the bare shapes


def ablation_examples(examples: Mapping[str, Example], size: int = 144) -> Figure:
    """Figures 6 and P: for every example the pictures, then a row per variant: the same views, its texture, its shape.

    Args:
        examples: why each was chosen -> example; all with the same variants.
    """
    rows: list[list[Tensor | None]] = []
    labels: list[str] = []
    notes: dict[tuple[int, int], str] = {}
    groups = []
    for reason, example in examples.items():
        gap: list[Tensor | None] = [None] * (OTHERS + 1 - len(example.pictures))
        groups.append(len(rows))
        notes |= {(len(rows), 1 + k): f"{turn:+.0f}°" for k, turn in enumerate(example.turns)}
        shape = None
        if example.true is not None:
            mesh, camera = example.true
            shape = plain(mesh, _aside(camera), size)[0]
        rows.append([*example.pictures, *gap, None, shape])
        labels.append(f"{reason}:\npictures")
        for variant, (mesh, camera) in example.meshes.items():
            assert mesh.texture is not None
            notes |= {
                (len(rows), k): f"IoU {overlap:.2f}" for k, overlap in enumerate(example.overlap[variant].tolist())
            }
            shots = textured(repeat_mesh(mesh, len(camera)), camera, size)
            rows.append([*shots, *gap, letterboxed(mesh.texture[0]), plain(mesh, _aside(camera), size)[0]])
            labels.append(VARIANT_LABELS.get(variant, variant).split(" (")[0])
    return picture_grid(
        rows,
        row_labels=labels,
        column_labels=["input"],
        column_spans={
            (1, OTHERS): "other views of the same object",
            (OTHERS + 1,) * 2: "texture",
            (OTHERS + 2,) * 2: "shape",
        },
        notes=notes,
        row_groups=groups[1:],
        column_groups=[1, OTHERS + 1],
        size=size,
    )


def _aside(camera: Camera) -> Camera:
    """A camera beside the first of `camera`, a little higher, at the same distance."""
    return Camera.orbit(camera.azimuth[:1] + SIDE, 18.0, float(camera.distance[0]))


def ablation_table(cells: Mapping[str, Mapping[str, Cell]], variants: Sequence[str]) -> Figure:
    """Mean ± standard deviation over the seeds: a row for each variant, a column for each measure.

    Args:
        cells: measure -> variant -> its values over the seeds, as `evaluation.spread.table` gives them.
    """
    columns = [name for name in COLUMNS if name in cells]
    rows = [
        (
            VARIANT_LABELS.get(variant, variant),
            [_text(cells[name].get(variant), DIGITS.get(name, 3)) for name in columns],
        )
        for variant in variants
    ]
    photos = sum(name.startswith("photo_") for name in columns)
    groups = {"GAN, held-out objects": (0, len(columns) - photos - 1)}
    if photos:
        groups["photographs, against the truth"] = (len(columns) - photos, len(columns) - 1)
    seeds = sorted({seed for columns in cells.values() for cell in columns.values() for seed in cell.values})
    return number_table(
        [COLUMNS[name] for name in columns],
        rows,
        formats=[""] * len(columns),
        groups=groups,
        total=False,
        title=f"Mean ± standard deviation over trainings of the seeds {', '.join(map(str, seeds))}",
    )


def _text(cell: Cell | None, digits: int) -> str:
    if cell is None:
        return "–"
    return f"{cell.mean:.{digits}f}" + ("" if cell.deviation is None else f" ± {cell.deviation:.{digits}f}")
