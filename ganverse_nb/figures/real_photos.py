"""Figures of real photographs: what the network makes of them, from where they were taken and from other sides."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ganverse_nb.evaluation.photo_scores import PhotoSetScores
from ganverse_nb.figures.gan import outlined
from ganverse_nb.figures.grid import picture_grid
from ganverse_nb.figures.inverse import TURNS
from ganverse_nb.render.shots import orbit_views, textured


def scored_photos(scores: PhotoSetScores, rows: Sequence[int], size: int = 192) -> Figure:
    """Windows of photographs with their masks' outline, the prediction under both cameras, and from other sides.

    Args:
        rows: which of the reconstructed ones.
    """
    looked, pictures, notes = scores.looked, [], {}
    for place, row in enumerate(rows):
        mesh, photo = scores.mesh[row], scores.photos.photos[int(looked.rows[row])]
        seen = [textured(mesh, camera[row], size)[0] for camera in (scores.predicted, scores.refined)]
        turned = textured(*orbit_views(mesh, TURNS[:3]), size)
        pictures.append([outlined(looked.sight.images[row], looked.true_masks[row]), *seen, *turned])
        for column, camera, overlap in (
            (1, scores.predicted, scores.iou_predicted),
            (2, scores.refined, scores.iou_refined),
        ):
            notes[place, column] = f"IoU {overlap[row]:.2f}, {float(camera.azimuth[row]) % 360:.0f}°"
        if photo.azimuth is not None:
            notes[place, 0] = f"azimuth {photo.azimuth:.0f}°"
    columns = ["photograph", "camera read off", "refined", "", "", ""]
    spans = {(3, 5): "from other sides"}
    return picture_grid(
        pictures, column_labels=columns, column_spans=spans, column_groups=[1, 3], notes=notes, size=size
    )
