"""What f is shown of photographs: the window of each that shows its object as large as f has learned objects to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ganverse_nb.data.crops import boxes
from ganverse_nb.inverse_graphics.camera_head import SHARE, CameraReading
from ganverse_nb.inverse_graphics.framing import Framing
from ganverse_nb.inverse_graphics.given_masks import given_windows, window_mask
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.photo_camera import Opinion, PhotoCamera
from ganverse_nb.segmentation.cutout import Cutout
from ganverse_nb.segmentation.segmenter import SEEN, Segmenter
from ganverse_nb.segmentation.squares import cut_window, square_outline, whole_square

WHOLE = (0.0, 0.0, 1.0)
FINER = 2  # times as many pixels as a window has are enough to cut it from


@dataclass(frozen=True)
class Sight:
    """N photographs as f sees them.

    Attributes:
        images, masks: [N, 3, R, R] and [N, 1, R, R] in [0, 1]: windows and the object in them; the whole picture and an
            empty mask where there is none.
        corners: [N, 3] the windows, see `given_masks.Windows`.
        count: [N] int64 how many objects were found.
        border: [N] share of the object's outline on the border of its photograph.
        doubt: [N] log-odds against its being of the category; None where nobody can tell.
        opinion: of the network for photographs on each camera; None where there is none for the category.
    """

    images: Tensor
    masks: Tensor
    corners: Tensor
    count: Tensor
    border: Tensor
    doubt: Tensor | None = None
    opinion: Opinion | None = None

    def __len__(self) -> int:
        return len(self.count)

    @classmethod
    def join(cls, parts: Sequence[Sight]) -> Sight:
        """One after the other; none has `doubt` or `opinion`, or all have."""
        names = [n for n in cls.__annotations__ if n != "opinion" and getattr(parts[0], n) is not None]
        opinions = [part.opinion for part in parts if part.opinion is not None]
        opinion = Opinion.join(opinions) if opinions else None
        return cls(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names}, opinion=opinion)

    def read(self, model: InverseGraphicsModel, rows: Tensor) -> CameraReading:
        """What is read off the cameras of some of the photographs."""
        reading = model.head.read(self.images[rows], self.masks[rows])
        return reading if self.opinion is None else self.opinion[rows].beside(reading)


def see(
    photos: Sequence[Image.Image],
    cutouts: Sequence[Cutout],
    segmenter: Segmenter,
    model: InverseGraphicsModel,
    framing: Framing,
    camera: PhotoCamera | None = None,
) -> Sight:
    """What f sees of photographs, and what the segmenter thinks of what was cut out, whoever did it.

    Args:
        camera: the network that has an opinion on where they were taken from.
    """
    squares = [whole_square(photo) for photo in photos]
    size, number = model.resolution, len(squares)
    corners = torch.tensor(WHOLE).repeat(number, 1)
    images, masks = torch.zeros(number, 3, size, size), torch.zeros(number, 1, size, size)
    there = torch.tensor([bool(cutout.mask.any()) for cutout in cutouts], dtype=torch.bool)
    rows = there.nonzero().flatten().tolist()
    outlines = [np.asarray(square_outline(cutouts[row].outline)) >= 128 for row in rows]
    windows = given_windows([squares[row] for row in rows], outlines, model, framing)
    images[there], masks[there], corners[there] = windows.images, windows.masks, windows.corners
    for row in (~there).nonzero().flatten().tolist():
        images[row] = cut_window(squares[row], *WHOLE, size)[0]
    shown = [
        cut_window(square, left, top, side, SEEN)
        for square, (left, top, side) in zip(squares, corners.tolist(), strict=True)
    ]
    odds = segmenter.log_odds(torch.cat([images.new_zeros(0, 3, SEEN, SEEN), *shown]), F.interpolate(masks, SEEN))
    count = torch.tensor([cutout.count for cutout in cutouts], dtype=torch.int64)
    border = torch.tensor([cutout.on_border for cutout in cutouts])
    opinion = None if camera is None else _opinion(camera, segmenter.category, squares, cutouts)
    return Sight(images, masks, corners, count, border, None if odds is None else -odds.cpu(), opinion)


def _opinion(camera: PhotoCamera, category: str, squares: Sequence[Image.Image], cutouts: Sequence[Cutout]) -> Opinion:
    """On all of the photographs; on those without an object it means nothing."""
    size, windows = camera.resolution, []
    for square, cutout in zip(squares, cutouts, strict=True):
        outline = square_outline(cutout.outline)
        known = torch.from_numpy(np.asarray(outline).copy())[None, None] / 255
        left, top, side = WHOLE
        if (known > 0.5).any():
            (center,), (longer,) = boxes(known)
            side = float(longer) / SHARE
            left, top = (center - side / 2).tolist()
        if (times := int(side * square.width / size) // FINER) > 1:  # large photographs take seconds otherwise
            square, outline = square.reduce(times), outline.reduce(times)
        mask = window_mask(outline, torch.tensor([left, top, side]), size)
        windows.append((cut_window(square, left, top, side, size) * mask, mask))
    images = torch.cat([torch.zeros(0, 3, size, size), *(image for image, _ in windows)])
    masks = torch.cat([torch.zeros(0, 1, size, size), *(mask for _, mask in windows)])
    return camera.read(images, masks, category)
