import pytest
import torch
import torch.nn.functional as F
from torchvision.models.detection.roi_heads import project_masks_on_boxes

from ganverse_nb.config import SegmenterConfig
from ganverse_nb.segmentation.detections import paste
from ganverse_nb.segmentation.mask_rcnn import bounding_boxes
from ganverse_nb.segmentation.network import WholePictures, small_mask_rcnn


def discs(count: int, size: int) -> torch.Tensor:
    """[count, size, size] of 0 and 1."""
    generator = torch.Generator().manual_seed(1)
    centre = size * (0.4 + 0.2 * torch.rand(count, 2, 1, 1, generator=generator))
    radius = size * (0.1 + 0.2 * torch.rand(count, 1, 1, generator=generator))
    at = torch.arange(size) + 0.5
    distance = (at[None, None] - centre[:, 0]) ** 2 + (at[None, :, None] - centre[:, 1]) ** 2
    return (distance < radius**2).float()


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_paste_undoes_what_torchvision_does_to_training_masks(scale: int) -> None:
    masks = discs(12, 64)
    working = F.interpolate(masks[:, None], scale_factor=float(scale), mode="bilinear", align_corners=False)[:, 0]
    jitter = torch.rand(12, 4, generator=torch.Generator().manual_seed(2))
    boxes = bounding_boxes(working) + (jitter * 3 + 1) * torch.tensor([-1, -1, 1, 1])
    cut = project_masks_on_boxes(working, boxes, torch.arange(12), 56)
    again = paste(cut[:, None], boxes, float(scale), (64, 64)) > 0.5
    true = masks > 0.5
    iou = (again & true).sum((1, 2)) / (again | true).sum((1, 2))
    assert iou.min() > 0.985
    offset = centroid(again.float()) - centroid(masks)
    assert offset.abs().max() < 0.06  # of a pixel: no half pixel is lost anywhere


def centroid(masks: torch.Tensor) -> torch.Tensor:
    at = torch.arange(masks.shape[-1]).float()
    area = masks.sum((1, 2))
    return torch.stack([(masks.sum(1) * at).sum(1) / area, (masks.sum(2) * at).sum(1) / area])


def test_boxes_hold_their_masks_exactly() -> None:
    masks = torch.zeros(3, 8, 10)
    masks[0, 2:5, 3:9] = 1
    masks[1, 7, 9] = 1
    assert bounding_boxes(masks).tolist() == [[3, 2, 9, 5], [9, 7, 10, 8], [0, 0, 0, 0]]


def test_pictures_are_scaled_whole_and_padded() -> None:
    transform = WholePictures(128, 256, [0.5] * 3, [0.25] * 3)
    batch, _ = transform(torch.full((2, 3, 60, 90), 0.75))
    assert batch.image_sizes == [(128, 192), (128, 192)] and batch.tensors.shape == (2, 3, 128, 192)
    assert torch.allclose(batch.tensors, torch.ones(()))
    batch, _ = transform(torch.full((1, 3, 64, 320), 0.75))
    assert batch.image_sizes == [(51, 256)] and batch.tensors.shape == (1, 3, 64, 256)
    assert batch.tensors[:, :, 51:].abs().max() == 0


def test_proposals_come_from_the_coarse_level() -> None:
    network = small_mask_rcnn(SegmenterConfig()).eval()
    with torch.no_grad():
        features = network.backbone(torch.zeros(1, 3, 128, 128))
        scores, _ = network.rpn.head(list(features.values()))
    assert features["fine"].shape[-2:] == (64, 64) and features["coarse"].shape[-2:] == (8, 8)
    assert [s.shape for s in scores] == [(1, 9, 8, 8)]
