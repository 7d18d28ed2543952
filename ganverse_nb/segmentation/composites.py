"""Training pictures for the segmenter: studio photos moved, bent, blurred and recoloured, some with a second object
pasted in, some with none. So "exactly one" is learned as a statement about the picture, and the faults of GAN pictures
(soft edges, wobbling outlines, blotches) are nothing new to it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.studio.cameras import sample_cameras
from ganverse_nb.studio.scene import background, sample_scenes

EMPTY_SHARE, SECOND_SHARE = 0.10, 0.35
VISIBLE_SHARE, VISIBLE_PIXELS = 0.35, 0.015  # an instance that shows less (of itself, of the picture) is not pasted


@dataclass(frozen=True)
class Composites:
    """B pictures with up to K instances each.

    Attributes:
        images: [B, 3, R, R] float32 in [0, 1].
        masks: [B, K, R, R] float32, 0 or 1, what shows of each instance; all 0 where it is not there.
        labels: [B, K] int64 their categories, from 1.
    """

    images: Tensor
    masks: Tensor
    labels: Tensor

    @property
    def count(self) -> Tensor:
        """[B] int64 instances per picture."""
        return self.masks.flatten(2).any(2).sum(1)


def empty_scenes(count: int, generator: torch.Generator, resolution: int = 64) -> Tensor:
    """[count, 3, R, R] studio scenes without an object."""
    scenes, cameras = sample_scenes(count, generator), sample_cameras(count, generator)
    floor = -0.1 - 0.2 * torch.rand(count, generator=generator)
    picture = background(scenes, cameras, floor, torch.zeros(count, 1, resolution, resolution))
    return picture.permute(0, 3, 1, 2).clamp(0, 1)


def emptied(images: Tensor, masks: Tensor) -> Tensor:
    """Pictures [B, 3, R, R] whose object is painted over with what surrounds it, from near to far."""
    ground, weight = images * (1 - masks), 1 - masks
    found, known = ground, weight
    size = images.shape[-1] // 2
    while size >= 1:
        coarse, seen = F.adaptive_avg_pool2d(ground, size), F.adaptive_avg_pool2d(weight, size)
        mean = F.interpolate(coarse / seen.clamp_min(1e-6), images.shape[-2:], mode="nearest")
        there = F.interpolate((seen > 0.2).float(), images.shape[-2:], mode="nearest")
        found, known = torch.where(known > 0, found, mean * there), torch.maximum(known, there)
        size //= 2
    return blur(found, torch.ones(len(images))) * masks + ground


def compose(
    images: Tensor, masks: Tensor, count: int, generator: torch.Generator, own_grounds: bool = False
) -> Composites:
    """`count` training pictures from photos [N, 3, R, R] uint8 and their masks [N, 1, R, R] uint8.

    Args:
        own_grounds: pictures without an object are made of the photos (`emptied`), instead of the studio's scenes.
    """
    resolution = images.shape[-1]

    def pick() -> tuple[Tensor, Tensor]:
        index = torch.randint(len(images), (count,), generator=generator)
        return images[index].float() / 255, masks[index].float()

    first, first_mask = warp(*pick(), generator, scale=(0.8, 1.15), shift=0.12)
    first_mask = (first_mask > 0.5).float()
    second, second_soft = warp(*pick(), generator, scale=(0.4, 1.0), shift=0.9)
    behind = chance(count, 0.4, generator)
    alpha = torch.where(behind, second_soft * (1 - first_mask), second_soft)
    second_whole, second_mask = (second_soft > 0.5).float(), (alpha > 0.5).float()
    rest = first_mask * (1 - second_mask)
    pasted = chance(count, SECOND_SHARE, generator) & shows(second_mask, second_whole) & shows(rest, first_mask)
    picture = torch.where(pasted, second * alpha + first * (1 - alpha), first)
    visible = torch.cat([torch.where(pasted, rest, first_mask), second_mask * pasted], 1)

    empty = chance(count, EMPTY_SHARE, generator)
    scenes = emptied(*pick()) if own_grounds else empty_scenes(count, generator, resolution)
    picture = torch.where(empty, scenes, picture)
    visible = visible * ~empty
    return Composites(degrade(picture, generator), visible, torch.ones(visible.shape[:2], dtype=torch.int64))


def chance(count: int, share: float, generator: torch.Generator) -> Tensor:
    """[count, 1, 1, 1] bool, true with a probability of `share`."""
    return torch.rand(count, 1, 1, 1, generator=generator) < share


def uniform(count: int, low: float, high: float, generator: torch.Generator, channels: int = 1) -> Tensor:
    """[count, channels, 1, 1] between `low` and `high`."""
    return low + (high - low) * torch.rand(count, channels, 1, 1, generator=generator)


def shows(visible: Tensor, whole: Tensor) -> Tensor:
    """[B, 1, 1, 1] bool: enough of each instance is visible."""
    seen, all_of_it = visible.mean((1, 2, 3), keepdim=True), whole.mean((1, 2, 3), keepdim=True)
    return (seen >= VISIBLE_SHARE * all_of_it) & (seen >= VISIBLE_PIXELS)


def warp(
    images: Tensor, masks: Tensor, generator: torch.Generator, scale: tuple[float, float], shift: float
) -> tuple[Tensor, Tensor]:
    """Pictures and masks mirrored (half of them), scaled, moved by up to `shift` half-pictures and bent a little.

    What comes in from outside repeats the border of the picture; of the mask it is empty where it would be invented.
    """
    n, size = len(images), images.shape[-1]

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    at = (torch.arange(size) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(at, at, indexing="ij")
    grid = torch.stack([x, y], -1).expand(n, size, size, 2)
    bend = F.interpolate(0.03 * torch.randn(n, 2, 5, 5, generator=generator), size=size, mode="bicubic")
    bend = bend.permute(0, 2, 3, 1) * (torch.rand(n, 1, 1, 1, generator=generator) < 0.5)
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    factors = torch.stack([mirror, torch.ones(n)], -1) / uniform(*scale)[:, None]
    grid = (grid - uniform(-shift, shift, 2)[:, None, None]) * factors[:, None, None] + bend
    outside = (grid.abs() > 1).any(-1)[:, None]
    moved = F.grid_sample(torch.cat([images, masks], 1), grid, padding_mode="border", align_corners=False)
    return moved[:, :3], moved[:, 3:] * ~outside


def degrade(images: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures [B, 3, R, R] in [0, 1] with other colours, softer, blotched and noisy; about half of each."""
    n, _, size, _ = images.shape

    channels = torch.randperm(3, generator=generator)
    x = torch.where(chance(n, 0.2, generator), images[:, channels], images)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * uniform(n, 0.6, 1.4, generator)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * uniform(n, 0.8, 1.2, generator) + uniform(n, -0.08, 0.08, generator)
    x = x * uniform(n, 0.93, 1.07, generator, 3)
    x = torch.where(chance(n, 0.5, generator), blur(x, uniform(n, 0.3, 1.0, generator).flatten()), x)
    blotches = F.interpolate(torch.randn(n, 3, 12, 12, generator=generator), size=size, mode="bicubic")
    x = x + blotches * uniform(n, 0, 0.035, generator) * chance(n, 0.25, generator)
    x = x + torch.randn(x.shape, generator=generator) * uniform(n, 0, 0.02, generator) * chance(n, 0.4, generator)
    return x.clamp(0, 1)


def blur(images: Tensor, sigma: Tensor, reach: int = 3) -> Tensor:
    """Gaussian blur of each picture by its own `sigma` [B] pixels."""
    n, channels = images.shape[:2]
    offset = torch.arange(-reach, reach + 1)
    kernel = torch.exp(-0.5 * (offset / sigma[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    x = F.pad(images, (reach,) * 4, mode="replicate").flatten(0, 1)[None]
    x = F.conv2d(x, kernel[:, None, None, :], groups=n * channels)
    x = F.conv2d(x, kernel[:, None, :, None], groups=n * channels)
    return x[0].unflatten(0, (n, channels))
