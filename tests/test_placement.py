"""All that computes uses the device of the run, and answers where it was asked."""

import torch

from ganverse_nb.gan.checkpoint import load_generator
from ganverse_nb.gan.latents import sample_w
from tests.far import FAR, far_device


def test_a_generator_computes_where_it_lies_and_answers_where_it_was_asked():
    near = load_generator("car")
    w = sample_w(near, 3, seed=1, psi=0.7)
    wanted = near.synthesize(near.styles(w))
    with far_device() as mode:
        far = load_generator("car").to(FAR)
        torch.testing.assert_close(sample_w(far, 3, seed=1, psi=0.7), w)
        assert mode.computed > 5
        torch.testing.assert_close(far.synthesize(far.styles(w)), wanted)
        there = far.synthesize(far.styles(w.to(FAR)))
        assert there.device == FAR
        torch.testing.assert_close(there.cpu(), wanted)
