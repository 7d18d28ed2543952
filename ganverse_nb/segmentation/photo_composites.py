"""Training pictures for the segmenter of photographs: studio photos of every category at any size and place, some cut
out and put before other scenes, with other things of the same or of another category beside or in front of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.segmentation.composites import Composites, blur, chance, shows, uniform, warp
from ganverse_nb.segmentation.disturbances import lettered, shadowed

EMPTY_SHARE, PLAIN_SHARE = 0.08, 0.12  # pictures of nothing; grounds of one or two colours
MOVED_SHARE = 0.4  # objects that are put before another scene
MORE = (0.4, 0.15)  # share of the pictures that have a second and a third thing pasted in
SIZES = (0.4, 1.5)  # of what the studio's cameras make of an object
GREY_SHARE, COARSE_SHARE = 0.1, 0.3


@dataclass(frozen=True)
class Material:
    """What pictures are composed of.

    Attributes:
        images, masks: [N, 3, R, R] and [N, 1, R, R] uint8, photos of whole, cut off and partly hidden objects.
        labels: [N] int64 from 1, their categories.
        scenes: [M, 3, R, R] uint8 without an object.
    """

    images: Tensor
    masks: Tensor
    labels: Tensor
    scenes: Tensor


def compose_photos(material: Material, count: int, generator: torch.Generator) -> Composites:
    """`count` training pictures with up to three instances of any category."""
    choose = _chooser(count, generator)
    kinds = int(material.labels.max())
    of_label = [(material.labels == label).nonzero().flatten() for label in range(1, kinds + 1)]

    def pick() -> tuple[Tensor, Tensor, Tensor]:
        labels = torch.randint(1, kinds + 1, (count,), generator=generator)
        rows = torch.stack([choose(rows) for rows in of_label])[labels - 1, torch.arange(count)]
        return material.images[rows].float() / 255, material.masks[rows].float(), labels

    def ground() -> Tensor:
        scenes = material.scenes[choose(torch.arange(len(material.scenes)))].float() / 255
        scenes, _ = warp(scenes, torch.zeros_like(scenes[:, :1]), generator, scale=(0.9, 2.5), shift=0.5)
        return torch.where(chance(count, PLAIN_SHARE, generator), _plain(count, scenes.shape[-1], generator), scenes)

    image, mask, label = pick()
    image, mask = warp(image, mask, generator, scale=SIZES, shift=0.35)
    alpha = _edge(mask, generator)
    moved = chance(count, MOVED_SHARE, generator)
    scene = shadowed(ground(), mask, generator)
    picture = lettered(torch.where(moved, image * alpha + scene * (1 - alpha), image), alpha, generator)
    masks, labels = [(mask > 0.5).float()], [label]
    whole = [masks[0].clone()]

    for share in MORE:
        image, mask, label = pick()
        image, mask = warp(image, mask, generator, scale=(0.3, 1.2), shift=0.9)
        behind = chance(count, 0.5, generator)
        union = torch.stack(masks).amax(0)
        alpha = _edge(mask, generator) * torch.where(behind, 1 - union, 1.0)
        new, new_whole = (alpha > 0.5).float(), (mask > 0.5).float()
        rest = [old * (1 - new) for old in masks]
        left = torch.stack([_still(*parts) for parts in zip(rest, whole, masks, strict=True)]).all(0)
        pasted = chance(count, share, generator) & shows(new, new_whole) & left
        picture = torch.where(pasted, image * alpha + picture * (1 - alpha), picture)
        masks = [torch.where(pasted, r, old) for r, old in zip(rest, masks)] + [new * pasted]
        whole.append(new_whole * pasted)
        labels.append(label)

    empty = chance(count, EMPTY_SHARE, generator)
    picture = torch.where(empty, ground(), picture)
    return Composites(degrade_photos(picture, generator), torch.cat(masks, 1) * ~empty, torch.stack(labels, 1))


def _still(rest: Tensor, whole: Tensor, old: Tensor) -> Tensor:
    """[B, 1, 1, 1] bool: an instance was not there, or enough of it is left."""
    return shows(rest, whole) | ~(old > 0).flatten(1).any(1)[:, None, None, None]


def _chooser(count: int, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    return lambda rows: rows[torch.randint(len(rows), (count,), generator=generator)]


def _edge(mask: Tensor, generator: torch.Generator) -> Tensor:
    """Masks whose edge is soft, as a lens and a resampling make it."""
    return blur(mask, uniform(len(mask), 0.3, 1.0, generator).flatten())


def _plain(count: int, size: int, generator: torch.Generator) -> Tensor:
    """[count, 3, R, R] grounds of one colour, or of two that blend into each other, from black to white."""
    colours = torch.rand(count, 2, 3, 1, 1, generator=generator)
    grey = colours.mean(2, keepdim=True)
    colours = torch.where(torch.rand(count, 1, 1, 1, 1, generator=generator) < 0.6, grey, colours)
    direction = torch.randn(count, 2, 1, 1, generator=generator)
    at = torch.linspace(-1, 1, size)
    slope = (direction[:, :1] * at[None, None, :, None] + direction[:, 1:] * at[None, None, None]) * 2
    share = torch.sigmoid(slope) * (torch.rand(count, 1, 1, 1, generator=generator) < 0.6)
    return colours[:, 0] * (1 - share) + colours[:, 1] * share


def degrade_photos(images: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures [B, 3, R, R] in [0, 1] with other colours, exposed otherwise, grey, softer, coarser and noisier."""
    n, _, size, _ = images.shape
    x = torch.where(chance(n, 0.3, generator), images[:, torch.randperm(3, generator=generator)], images)
    x = x.clamp(1e-3, 1) ** torch.exp(0.35 * torch.randn(n, 1, 1, 1, generator=generator))
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * uniform(n, 0.4, 1.6, generator)
    x = torch.where(chance(n, GREY_SHARE, generator), grey.expand_as(x), x)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * uniform(n, 0.6, 1.4, generator) + uniform(n, -0.12, 0.12, generator)
    x = x * uniform(n, 0.88, 1.12, generator, 3)
    x = torch.where(chance(n, 0.5, generator), blur(x, uniform(n, 0.3, 1.4, generator).flatten()), x)
    coarse = F.interpolate(F.interpolate(x, size=size // 2, mode="area"), size=size, mode="bilinear")
    x = torch.where(chance(n, COARSE_SHARE, generator), coarse, x)
    blotches = F.interpolate(torch.randn(n, 3, 12, 12, generator=generator), size=size, mode="bicubic")
    x = x + blotches * uniform(n, 0, 0.04, generator) * chance(n, 0.25, generator)
    x = x + torch.randn(x.shape, generator=generator) * uniform(n, 0, 0.04, generator) * chance(n, 0.5, generator)
    return x.clamp(0, 1)
