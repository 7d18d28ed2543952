"""Object masks of pictures by Mask R-CNN, and the paper's filter on them (section 3.1)."""

from ganverse_nb.segmentation.detections import Detections, Kept, keep
from ganverse_nb.segmentation.mask_rcnn import Segmenter, load_segmenter
from ganverse_nb.segmentation.training import train_segmenter

__all__ = ["Detections", "Kept", "Segmenter", "keep", "load_segmenter", "train_segmenter"]
