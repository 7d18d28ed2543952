"""Pairs of pictures of one view: what a discriminator must see to ask for different objects under one view code.

A picture alone never tells which latent layer made its outline, so in a small StyleGAN the view code keeps the body as
well as the view. Two pictures side by side do tell: photographs of two objects from one side share nothing but the
view, and two fakes of one view code must share nothing else. A head on the discriminator's features judges such pairs.
Not in the paper, whose GANs have enough layers; it needs photographs of known cameras. Where one camera took several
objects (`same_views`, the studio's), a view code learns to hold all of the camera; where only nearby directions are to
be had (`nearest_views`), objects still differ in place and size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganverse_nb.gan.discriminator import EqualisedConv
from ganverse_nb.gan.generator import FullyConnected
from ganverse_nb.gan.ops import at_least_float32
from ganverse_nb.runtime.extras import require

NEIGHBOURS = 8  # of 20,000 photos all round, these are within a degree and a half


def same_views(count: int, shared: int) -> Tensor:
    """int64 [count, shared - 1]: the partners of photos of which every `shared` in a row were taken by one camera.

    Raises:
        ValueError: the last camera took fewer, or every photo has a camera of its own.
    """
    if shared < 2 or count % shared:
        raise ValueError(f"{count} photos cannot be shared out to cameras that take {shared} each (at least 2).")
    others = torch.arange(shared).repeat(shared, 1)[~torch.eye(shared, dtype=torch.bool)].view(shared, shared - 1)
    return (torch.arange(0, count, shared)[:, None, None] + others).flatten(0, 1)


def nearest_views(directions: Tensor, neighbours: int = NEIGHBOURS) -> Tensor:
    """[N, 3] unit vectors from the object to the camera -> int64 [N, neighbours]: the photos of the nearest views.

    Raises:
        ValueError: too few photos, or another shape.
    """
    require("train", "The search for nearby views", "scipy")
    from scipy.spatial import cKDTree

    if directions.dim() != 2 or directions.shape[1] != 3:
        raise ValueError(f"Directions must be [N, 3], got {tuple(directions.shape)}.")
    if len(directions) <= neighbours:
        raise ValueError(f"{len(directions)} photos are too few to find {neighbours} neighbours of each.")
    points = directions.double().cpu().numpy()
    nearest = torch.from_numpy(cKDTree(points).query(points, neighbours + 1)[1])
    myself = nearest == torch.arange(len(points))[:, None]
    myself[:, -1] |= ~myself.any(1)  # hidden behind photos of exactly its view
    return nearest[~myself].view(-1, neighbours)


class PairHead(nn.Module):
    """Judges whether two pictures show two objects from one side: features [2N, C, 4, 4] -> logits [N].

    Pictures i and N + i are a pair. The head sees their mean and by how much they differ, whichever comes first: from
    the features side by side it would have to learn to compare before it could judge.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.conv = EqualisedConv(2 * channels, channels, 3, active=True)
        self.fc = FullyConnected(channels * 16, channels, active=True)
        self.out = FullyConnected(channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        one, two = features.chunk(2)
        x = self.conv(torch.cat([(one + two) / 2, (one - two).abs()], 1))
        return self.out(self.fc(at_least_float32(x.flatten(1)))).squeeze(1)
