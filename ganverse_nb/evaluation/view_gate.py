"""The view gate of a teacher beside the variety of shape in photographs: which split layer, and what it costs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ganverse_nb.gan.shape_variety import ShapeVariety, shape_variety
from ganverse_nb.gan.view_gate import SplitMeasure
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.runtime.files import content_of, read_json, write_json
from ganverse_nb.studio.cameras import FOV
from ganverse_nb.studio.photos import make_photos

FIXED_ELEVATION, FIXED_DISTANCE = 12.0, 2.1


@dataclass(frozen=True)
class ViewGate:
    """What every split layer means.

    Attributes:
        rows: one per split layer, see `SplitMeasure.as_row`.
        chosen: the spread of shape under the chosen view codes.
        photos: the spread of shape of photographs, every view of them taken by one fixed camera.
        regressor_error: [degrees] median error of the pose regressor on photos it was not trained on.
    """

    rows: list[dict[str, Any]]
    chosen: ShapeVariety
    photos: ShapeVariety
    regressor_error: float

    def row(self, split_layer: int) -> dict[str, Any]:
        """The measures of one split layer.

        Raises:
            ValueError: it was not measured.
        """
        for row in self.rows:
            if row["split_layer"] == split_layer:
                return row
        raise ValueError(f"Split layer {split_layer} was not measured; {[r['split_layer'] for r in self.rows]} were.")

    def save(self, path: Path) -> None:
        write_json(path, asdict(self), sealed=True)

    @classmethod
    def load(cls, path: Path) -> ViewGate:
        remedy = f"delete {path.parent} and run the same command again"
        with content_of(path, "view gate", remedy):
            data = read_json(path, remedy)
            chosen, photos = (ShapeVariety(**data[name]) for name in ("chosen", "photos"))
            return cls(data["rows"], chosen, photos, data["regressor_error"])


def view_gate(
    measures: list[SplitMeasure], chosen: ShapeVariety, photos: ShapeVariety, regressor_error: float
) -> ViewGate:
    """Collects the curve over k and what it is compared with."""
    return ViewGate([m.as_row() for m in measures], chosen, photos, regressor_error)


def photo_shape_variety(
    category: str, objects: int, views: int, seed: int, resolution: int = 64, edition: int = 1
) -> ShapeVariety:
    """Spread of the true masks of `objects` random objects under each of `views` fixed cameras round the circle."""
    azimuths = torch.arange(views) * (360.0 / views)
    masks = []
    for number, azimuth in enumerate(azimuths):
        camera = Camera.orbit(float(azimuth), FIXED_ELEVATION, FIXED_DISTANCE, FOV)
        masks.append(make_photos(category, objects, seed + number, resolution, camera, edition=edition).masks)
    return shape_variety(torch.stack(masks).float())
