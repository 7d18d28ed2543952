"""What a step of the segmenters takes from its whole batch, where processes have shares of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler
from torchvision.models.detection.mask_rcnn import MaskRCNN

from ganverse_nb.runtime.team import Team
from ganverse_nb.segmentation.composites import Composites


def own(pictures: Composites, team: Team) -> Composites:
    """This process' share of a batch."""
    return Composites(*(team.shard(part) for part in (pictures.images, pictures.masks, pictures.labels)))


class TeamBatchNorm(nn.BatchNorm2d):
    """Batch normalisation over the pictures of all processes; torch's own of that kind is for GPUs only."""

    team: Team

    @classmethod
    def convert(cls, network: nn.Module, team: Team) -> None:
        """Replace the batch normalisations of a network, where there are several processes."""
        for parent in list(network.modules()) if team.size > 1 else []:
            for name, child in parent.named_children():
                if type(child) is nn.BatchNorm2d:
                    shared = cls(child.num_features, child.eps, child.momentum)
                    shared.load_state_dict(child.state_dict())
                    shared.team = team
                    setattr(parent, name, shared)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        y, double = x.float(), torch.float64  # one pass: the squares' mean less the mean's square needs the digits
        sums = [y.sum((0, 2, 3), dtype=double), y.square().sum((0, 2, 3), dtype=double)]
        total = _Sum.apply(torch.stack([*sums, torch.full_like(sums[0], x.numel() / x.shape[1])]), self.team)
        mean, square, count = total[0] / total[2], total[1] / total[2], total[2].detach()
        variance = square - mean.square()
        with torch.no_grad():
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
            for kept, new in ((self.running_mean, mean), (self.running_var, variance * count / (count - 1))):
                assert kept is not None
                kept.lerp_(new.to(kept), self.momentum or 0.0)
        scale = self.weight * (variance + self.eps).rsqrt().float()
        offset = self.bias - mean.float() * scale
        return torch.addcmul(offset[:, None, None], y, scale[:, None, None]).to(x.dtype)


class _Sum(torch.autograd.Function):
    """The sum over the team; each process' gradient of it reaches all that went into it."""

    @staticmethod
    def forward(context: Any, value: Tensor, team: Team) -> Tensor:
        context.team = team
        return team.sum(value)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return context.team.sum(gradient), None


class PictureSampler(BalancedPositiveNegativeSampler):
    """Samples the anchors or boxes of each picture with random numbers of the picture's own, and counts them.

    Attributes:
        seeds: of the next pictures.
        counts: how many were sampled of the last ones, and how many of those are positive.
    """

    seeds: list[int]
    counts: tuple[int, int] = (0, 0)

    def __call__(self, matched_idxs: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        found = []
        for seed, matched in zip(self.seeds, matched_idxs, strict=True):
            torch.manual_seed(seed)
            found.append(super().__call__([matched]))
        positive, negative = ([part for parts in each for part in parts] for each in zip(*found, strict=True))
        numbers = [sum(int(part.sum()) for part in parts) for parts in (positive, negative)]
        self.counts = (sum(numbers), numbers[0])
        return positive, negative


class SharedSampling:
    """The samplers of a Mask R-CNN in training, and what its losses, means over samples, are to be multiplied by."""

    def __init__(self, network: MaskRCNN, team: Team) -> None:
        self.team, self.samplers = team, []
        for part in (network.rpn, network.roi_heads):
            old = part.fg_bg_sampler
            part.fg_bg_sampler = PictureSampler(old.batch_size_per_image, old.positive_fraction)
            self.samplers.append(part.fg_bg_sampler)

    def begin(self, seed: int, batch: int) -> None:
        """Before a step on a batch of so many pictures."""
        for number, sampler in enumerate(self.samplers):
            sampler.seeds = self.team.shard([seed * 2 * batch + number * batch + k for k in range(batch)])

    def weighted(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """Losses of this process' pictures whose mean over the team is the loss of the batch."""
        (anchors, _), (boxes, positive) = (sampler.counts for sampler in self.samplers)
        mine = torch.tensor([anchors, boxes, positive], dtype=torch.float64)
        share = (self.team.size * mine / self.team.sum(mine).clamp_min(1)).float()
        of = {"loss_objectness": 0, "loss_rpn_box_reg": 0, "loss_classifier": 1, "loss_box_reg": 1, "loss_mask": 2}
        return {name: loss * share[of[name]] for name, loss in losses.items()}
