"""Pairs of one view: found among photos, fed to the discriminator in order, and told from pairs that share a body."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ganverse_nb.gan.trainer import GanTrainer
from ganverse_nb.gan.view_pairs import PairHead, nearest_views, same_views


def circle(count: int) -> torch.Tensor:
    angle = torch.arange(count) * (2 * torch.pi / count)
    return torch.stack([angle.sin(), torch.zeros(count), angle.cos()], 1)


def test_neighbours_are_the_photos_next_to_each_on_a_circle() -> None:
    shuffled = torch.randperm(36, generator=torch.Generator().manual_seed(0))
    nearest = nearest_views(circle(36)[shuffled], neighbours=4)
    apart = (shuffled[nearest] - shuffled[:, None]).remainder(36)
    assert torch.equal(apart.sort(1).values, torch.tensor([1, 2, 34, 35]).expand(36, 4))


def test_photos_of_exactly_one_view_are_never_their_own_partners() -> None:
    nearest = nearest_views(circle(1).repeat(12, 1), neighbours=3)
    assert nearest.shape == (12, 3)
    assert not (nearest == torch.arange(12)[:, None]).any()


def test_photos_of_one_camera_are_partners_of_each_other_only() -> None:
    partners = same_views(12, 3)
    assert partners.shape == (12, 2)
    assert torch.equal(partners // 3, (torch.arange(12) // 3)[:, None].expand(12, 2))
    assert not (partners == torch.arange(12)[:, None]).any()
    assert (partners[:, 0] != partners[:, 1]).all()


@pytest.mark.parametrize(("count", "shared"), [(12, 1), (10, 4)])
def test_photos_that_no_camera_shares_are_refused(count: int, shared: int) -> None:
    with pytest.raises(ValueError, match=f"{count} photos cannot be shared out"):
        same_views(count, shared)


@pytest.mark.parametrize(("directions", "words"), [(circle(8), "too few"), (torch.zeros(9, 2), r"\[N, 3\]")])
def test_unusable_directions_are_refused(directions: torch.Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        nearest_views(directions)


@pytest.fixture
def trainer(small_config, photos) -> GanTrainer:
    """Photos whose first pixel is their number, on a circle."""
    numbered = torch.arange(40, dtype=torch.uint8).view(40, 1, 1, 1).expand(40, 3, 16, 16).contiguous()
    config = replace(small_config, pair_weight=1.0, mirror=True, mixing_layers=(2, 2), mixing_probability=0.5)
    return GanTrainer(numbered, config, seed=0, partners=nearest_views(circle(40)))


def test_real_pairs_show_neighbouring_views(trainer: GanTrainer) -> None:
    for trainer.steps in range(5):
        numbers = ((trainer.real_batch()[:, 0, 0, 0] + 1) * 127.5).round().int()
        first, second = numbers.chunk(2)
        apart = (first - second).remainder(40)
        assert (torch.minimum(apart, 40 - apart) <= 4).all() and (apart > 0).all()


def test_fake_pairs_share_the_view_code_and_nothing_else(trainer: GanTrainer) -> None:
    for _ in range(8):
        first, second = trainer.latents(8).chunk(2)
        assert torch.equal(first[:, :2], second[:, :2])
        assert (first[:, 2:] != second[:, 2:]).flatten(1).all(1).all()
        views = first[:, 0]
        assert len(views.unique(dim=0)) == 4


def test_partners_of_other_photos_are_refused(small_config, photos) -> None:
    with pytest.raises(ValueError, match=rf"\[{len(photos)}, K\]"):
        GanTrainer(photos, replace(small_config, pair_weight=1.0), seed=0, partners=same_views(8, 4))


def test_a_pair_weight_without_cameras_is_refused(small_config, photos) -> None:
    with pytest.raises(ValueError, match="known cameras"):
        GanTrainer(photos, replace(small_config, pair_weight=1.0), seed=0)


def test_the_head_learns_whether_two_bodies_are_one() -> None:
    """Features of a view and a body each; fakes keep the body of their partner."""
    rng = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    head = PairHead(8)
    optimiser = torch.optim.Adam(head.parameters(), 1e-2, betas=(0.0, 0.99))

    def pairs(own_body: bool, count: int = 64) -> torch.Tensor:
        view, body, other = (torch.randn(count, 4, 4, 4, generator=rng) for _ in range(3))
        return torch.cat([torch.cat([view, body], 1), torch.cat([view, other if own_body else body], 1)])

    for _ in range(150):
        loss = torch.nn.functional.softplus(head(pairs(False))).mean()
        loss = loss + torch.nn.functional.softplus(-head(pairs(True))).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        right = torch.cat([head(pairs(True, 200)) > 0, head(pairs(False, 200)) < 0])
    assert right.float().mean() > 0.95
