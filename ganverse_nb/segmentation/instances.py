"""Objects in a mask that only tells foreground from background: what hangs together of it."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.segmentation.detections import Detections, bounding_boxes

THRESHOLD = 0.5
SPECK = 0.1  # of the largest instance's pixels; what has fewer is part of no object
SEAM = 3  # pixels that a seam is wide at most
SMALLEST = 0.002  # of the picture's pixels; a largest instance that has fewer is a slip of the network


def instances(
    confidence: Tensor, seam: Tensor | None = None, speck: float = SPECK, threshold: float = THRESHOLD
) -> Detections:
    """What hangs together of a foreground: pixels above `threshold` that touch, corners included.

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
    foreground = confidence > threshold
    labels = _labels(foreground if seam is None else foreground & (seam <= THRESHOLD))
    divided = (foreground & (labels == 0)).flatten(1).any(1)
    if divided.any():
        near = F.max_pool2d(labels[divided], 2 * SEAM + 1, 1, SEAM) * foreground[divided]
        labels[divided] = torch.where(labels[divided] > 0, labels[divided], near)
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

    A part whose last pixel, row by row, comes later has the larger number: runs of pixels in rows are numbered, and the
    largest number of a part spreads through it, ever further with every step.
    """
    room = np.pad(foreground[:, 0].cpu().numpy(), ((0, 0), (0, 1), (0, 1)))  # nothing goes on in the next one
    row, flat = room.shape[-1], room.ravel()
    steps = np.diff(flat.astype(np.int8), prepend=0)
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    first, last = np.searchsorted(ends, starts + row), np.searchsorted(starts, ends + row, "right")
    below = last - first  # how many runs of the next row each one touches
    one = np.repeat(np.arange(len(starts)), below)
    other = np.arange(len(one)) + np.repeat(first - (below.cumsum() - below), below)
    numbers = np.arange(1, len(starts) + 1)
    while True:
        spread = numbers.copy()
        np.maximum.at(spread, one, numbers[other])
        np.maximum.at(spread, other, numbers[one])
        spread = spread[spread - 1]
        if np.array_equal(spread, numbers):
            break
        numbers = spread
    labels = np.zeros(flat.shape, np.float32)
    labels[flat] = np.repeat(numbers, ends - starts)
    return torch.from_numpy(labels.reshape(room.shape)[:, None, :-1, :-1].copy()).to(foreground.device)
