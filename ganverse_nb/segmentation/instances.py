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

    A part whose last pixel, row by row, comes later has the larger number.
    """
    from scipy.ndimage import label

    touching = np.ones((3, 3), bool)
    pictures = foreground[:, 0].cpu().numpy()[:, ::-1, ::-1]  # parts are numbered by the pixel that comes first
    numbered = [label(picture, touching) for picture in pictures]
    labels = [np.where(found > 0, count + 1 - found, 0)[::-1, ::-1] for found, count in numbered]
    stacked = np.stack(labels)[:, None] if labels else np.zeros(foreground.shape)
    return torch.from_numpy(stacked.astype(np.float32)).to(foreground.device)
