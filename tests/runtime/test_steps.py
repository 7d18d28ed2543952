"""A step whose gradients are not finite is left out, told and counted; several in a row end a training."""

import pytest
import torch

from ganverse_nb.runtime.checkpoints import Checkpoints, read_metrics
from ganverse_nb.runtime.errors import DivergedError, ExpectedWarning
from ganverse_nb.runtime.steps import finite_step


def learn(directory, bad, steps=8, until=None):
    """A line fitted to points, whose gradient is no number in the steps `bad`, where points lie on it."""
    directory.mkdir(exist_ok=True)
    weight = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([weight], lr=0.1)
    checkpoints = Checkpoints(directory, "line", {}, "a lower rate")

    def restore(state):
        with torch.no_grad():
            weight.copy_(state["weight"])
        optimizer.load_state_dict(state["optimizer"])

    for step in range(checkpoints.resume(restore) + 1, (until or steps) + 1):
        x = torch.tensor([float(step), 1.0])
        distance = (weight @ x - step).square().sqrt()  # whose gradient is no number at 0
        loss = (weight @ x * 0).square().sqrt() if step in bad else distance
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        finite_step(optimizer, checkpoints, step, [loss])
        checkpoints.log(step, loss=float(loss.detach()))
        if step % 2 == 0:
            checkpoints.save(step, weight=weight.detach(), optimizer=optimizer.state_dict())
    return weight.detach()


def test_a_bad_step_is_left_out_told_and_counted_also_after_an_interruption(tmp_path):
    with pytest.warns(ExpectedWarning, match="Step 3 of the training line is left out: its gradient is not finite"):
        whole = learn(tmp_path / "whole", bad={3})
    assert torch.isfinite(whole).all()
    with pytest.warns(ExpectedWarning):
        learn(tmp_path / "cut", bad={3}, until=5)
    assert torch.equal(learn(tmp_path / "cut", bad={3}), whole)
    for name in ("whole", "cut"):
        lines = read_metrics(tmp_path / name / "metrics.jsonl", "line")
        assert [line.get("left_out") for line in lines] == [None, None, 1, 1, 1, 1, 1, 1]


def test_three_in_a_row_end_the_training_and_the_state_before_stays(tmp_path):
    with pytest.warns(ExpectedWarning):
        learn(tmp_path / "two", bad={3, 4, 6, 7})
    told = r"line diverged: the gradient is not finite at step 5 \(.*still holds step 4\); .* a lower rate"
    with pytest.warns(ExpectedWarning), pytest.raises(DivergedError, match=told):
        learn(tmp_path / "three", bad={3, 4, 5})


def test_what_one_of_two_optimisers_leaves_out_three_times_ends_the_training(tmp_path):
    """A generator that learns nothing any more, beside a discriminator that does."""
    checkpoints = Checkpoints(tmp_path, "game", {}, "a lower rate")
    weights = [torch.zeros(2, requires_grad=True) for _ in range(2)]
    optimizers = [torch.optim.Adam([weight]) for weight in weights]

    def step(number, bad):
        for optimizer, weight, fails in zip(optimizers, weights, bad, strict=True):
            weight.grad = torch.full_like(weight, float("nan") if fails else 1.0)
            finite_step(optimizer, checkpoints, number)

    with pytest.warns(ExpectedWarning):
        step(1, (True, False))
        step(2, (True, True))  # one step, which counts once
        step(3, (False, False))
        assert checkpoints.left_out_steps == 2
        step(4, (True, False))
        step(5, (False, True))
        with pytest.raises(DivergedError, match="the gradient is not finite at step 6"):
            step(6, (True, False))


def test_losses_that_are_not_finite_are_not_passed_over():
    weight = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([weight])
    loss = (weight * float("nan")).sum()
    loss.backward()
    assert finite_step(optimizer, None, 1, [loss.detach()]) and not torch.isfinite(weight).any()
