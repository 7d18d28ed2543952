import torch

from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.neural_renderer.mask_student import train_mask_student

SIDE = 32


def discs(rng: torch.Generator, count: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Bright discs of random place, size and colour before a dark background of random colour."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    centre = 10 + 12 * torch.rand(count, 2, 1, 1, generator=rng)
    radius = 5 + 4 * torch.rand(count, 1, 1, generator=rng)
    masks = ((x - centre[:, 0]) ** 2 + (y - centre[:, 1]) ** 2 < radius**2).float()[:, None]
    bright = 0.6 + 0.4 * torch.rand(count, 3, 1, 1, generator=rng)
    dark = 0.4 * torch.rand(count, 3, 1, 1, generator=rng)
    return masks * bright + (1 - masks) * dark, masks


def test_student_learns_masks_it_has_not_seen():
    student = train_mask_student(discs, steps=80, seed=0, progress=False)
    images, masks = discs(torch.Generator().manual_seed(99), 32)
    assert hard_iou(student(images), masks).mean() > 0.9


def test_student_is_frozen_but_lets_gradients_through_to_the_picture():
    student = train_mask_student(discs, steps=2, seed=0, progress=False)
    images = discs(torch.Generator().manual_seed(1))[0].requires_grad_()
    student(images).mean().backward()
    assert images.grad.abs().sum() > 0
    assert all(not p.requires_grad and p.grad is None for p in student.parameters())


def test_same_seed_same_student():
    a, b = (train_mask_student(discs, steps=3, seed=4, progress=False) for _ in range(2))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
