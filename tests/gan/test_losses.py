"""Losses against finite differences and closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from ganverse_nb.gan.losses import discriminator_loss, generator_loss, path_lengths, r1_penalty


def test_logistic_losses_at_known_logits():
    zero = torch.zeros(4)
    assert float(generator_loss(zero)) == pytest.approx(math.log(2))
    assert float(discriminator_loss(zero, zero)) == pytest.approx(2 * math.log(2))
    assert float(discriminator_loss(zero - 50, zero + 50)) == pytest.approx(0, abs=1e-6)
    assert float(generator_loss(zero - 50)) == pytest.approx(50)


def test_r1_is_the_squared_gradient_by_finite_differences(discriminator):
    network = discriminator.double()
    images = (torch.rand(4, 3, 16, 16, dtype=torch.float64) * 2 - 1).requires_grad_()

    def logits(x):
        return network(x, torch.float64)

    penalty = r1_penalty(logits(images), images)
    (gradient,) = torch.autograd.grad(logits(images).sum(), images)
    assert float(penalty) == pytest.approx(float(gradient.square().sum() / 4))
    with torch.no_grad():
        for index in [(0, 0, 3, 5), (1, 2, 8, 0), (3, 1, 15, 15)]:
            step = torch.zeros_like(images)
            step[index] = 1e-5
            slope = (logits(images + step).sum() - logits(images - step).sum()) / 2e-5
            assert float(slope) == pytest.approx(float(gradient[index]), rel=1e-4, abs=1e-9)
    # and the penalty's own gradient, which needs the second derivative of every layer
    weight = network.blocks[0].conv0.weight
    penalty.backward()
    with torch.no_grad():
        step = torch.zeros_like(weight)
        step[1, 2, 0, 1] = 1e-4
        values = []
        for sign in (1, -1):
            weight += sign * step
            with torch.enable_grad():
                values.append(float(r1_penalty(logits(images), images)))
            weight -= sign * step
    assert (values[0] - values[1]) / 2e-4 == pytest.approx(float(weight.grad[1, 2, 0, 1]), rel=1e-3, abs=1e-9)


def test_path_length_of_a_linear_map_is_known():
    matrix = torch.randn(7, 3 * 4 * 4)
    w = torch.randn(5, 2, 7, requires_grad=True)
    images = (w.sum(1) @ matrix).view(5, 3, 4, 4)
    y = torch.randn(5, 3, 4, 4)
    lengths = path_lengths(images, w, y)
    expected = (y.flatten(1) / 4 @ matrix.T).norm(dim=1)  # both layers have the same gradient
    torch.testing.assert_close(lengths, expected)
