"""Objects in a mask that only tells foreground from background: what hangs together of it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.segmentation.detections import Detections, bounding_boxes

THRESHOLD = 0.5
SPECK = 0.1  # of the largest instance's pixels; what has fewer is part of no object
SEAM = 3  # pixels that a seam is wide at most
SMALLEST = 0.002  # of the picture's pixels; a largest instance that has fewer is a slip of the network


def instances(confidence: Tensor, seam: Tensor | None = None, speck: float = SPECK) -> Detections:
    """What hangs together of a foreground: pixels above 0.5 that touch, corners included.

    The largest is taken; its score is the mean confidence inside. Those with less than a share `speck` of its pixels do
    not count, and a picture whose largest covers less than two thousandths of it shows nothing.

    Args:
        confidence: [B, 1, H, W] in [0, 1] that a pixel is foreground.
        seam: [B, 1, H, W] in [0, 1] that it lies between two objects: those above 0.5 divide, and belong to whom they
            touch.

    Examples:
        >>> confidence = torch.zeros(1, 1, 32, 32)
        >>> confidence[..., 4:20, 4:20], confidence[..., 24:30, 24:30] = 0.9, 0.8
        >>> found = instances(confidence)
        >>> found.count.tolist(), found.box.tolist(), round(float(found.score), 2)
        ([2], [[4.0, 4.0, 20.0, 20.0]], 0.9)
    """
    foreground = confidence > THRESHOLD
    labels = _labels(foreground if seam is None else foreground & (seam <= THRESHOLD))
    if seam is not None:
        labels = torch.where(labels > 0, labels, F.max_pool2d(labels, 2 * SEAM + 1, 1, SEAM) * foreground)
    masks, counts, scores = [], [], []
    for label, sure in zip(labels, confidence):
        names, sizes = label[label > 0].unique(return_counts=True)
        largest = int(sizes.max()) if len(sizes) else 0
        if largest <= SMALLEST * label.numel():
            masks.append(torch.zeros_like(sure))
            counts.append(0)
            scores.append(0.0)
            continue
        mask = label == names[sizes.argmax()]
        masks.append(mask.float())
        counts.append(int((sizes >= speck * largest).sum()))
        scores.append(float(sure[mask].mean()))
    mask = torch.stack(masks) if masks else confidence.float()
    count = torch.tensor(counts, dtype=torch.int64, device=mask.device)
    score = torch.tensor(scores, dtype=torch.float32, device=mask.device)
    return Detections(mask, count, score, bounding_boxes(mask[:, 0]))


def _labels(foreground: Tensor) -> Tensor:
    """[B, 1, H, W] one positive number for each part of a foreground [B, 1, H, W] bool that hangs together, else 0.

    The largest number of a part spreads through it: along rows and columns at once, round corners step by step.
    """
    inside = foreground.double()
    shape = foreground.shape[1:]
    labels = torch.arange(1, shape.numel() + 1, device=inside.device).view(1, *shape) * inside
    while True:
        spread = F.max_pool2d(labels, 3, 1, 1) * inside
        for axis in (-1, -2):
            spread = _along(_along(spread, inside, axis).flip(axis), inside.flip(axis), axis).flip(axis)
        if torch.equal(spread, labels):
            return labels
        labels = spread


def _along(labels: Tensor, inside: Tensor, axis: int) -> Tensor:
    """Labels, each the largest so far of its run of pixels inside along an axis."""
    runs = (1 - inside).cumsum(axis) * (labels.shape[1:].numel() + 1)  # later runs are above all that came before
    return ((labels + runs).cummax(axis).values - runs) * inside
