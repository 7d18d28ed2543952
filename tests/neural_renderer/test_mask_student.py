import pytest
import torch

from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.neural_renderer import mask_student
from ganverse_nb.neural_renderer.mask_student import train_mask_student
from ganverse_nb.runtime.checkpoints import Checkpoints
from ganverse_nb.runtime.errors import DivergedError

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


def test_an_interrupted_training_ends_like_an_uninterrupted_one_and_a_finished_one_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(mask_student, "SAVE_EVERY", 2)

    def checkpoints(name):
        (tmp_path / name).mkdir(exist_ok=True)
        return Checkpoints(tmp_path / name, "mask_student", {"seed": 4}, "another seed", state="mask_student.pt")

    drawn = []

    def interrupted(rng):
        drawn.append(0)
        if len(drawn) == 4:
            raise KeyboardInterrupt
        return discs(rng)

    whole = train_mask_student(discs, steps=5, seed=4, progress=False, checkpoints=checkpoints("whole"))
    with pytest.raises(KeyboardInterrupt):
        train_mask_student(interrupted, steps=5, seed=4, progress=False, checkpoints=checkpoints("cut"))
    resumed = train_mask_student(discs, steps=5, seed=4, progress=False, checkpoints=checkpoints("cut"))
    loaded = train_mask_student(interrupted, steps=5, seed=9, progress=False, checkpoints=checkpoints("cut"))
    assert len(drawn) == 4
    for other in (resumed, loaded):
        assert all(torch.equal(p, q) for p, q in zip(whole.parameters(), other.parameters(), strict=True))


def test_a_student_whose_weights_are_not_finite_is_not_kept(tmp_path):
    def broken(rng):
        images, masks = discs(rng)
        return images * float("nan"), masks

    checkpoints = Checkpoints(tmp_path, "mask_student", {"seed": 4}, "another seed", state="mask_student.pt")
    with pytest.raises(
        DivergedError, match=r"mask_student diverged: student.* is not finite at step 3 .* another seed"
    ):
        train_mask_student(broken, 3, 0, progress=False, checkpoints=checkpoints)
    assert not list(tmp_path.iterdir())
