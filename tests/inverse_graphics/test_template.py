"""An ellipsoid that nobody gives is fitted to the masks of all views."""

from dataclasses import replace

import pytest
import torch

from ganverse_nb.config import InverseGraphicsConfig
from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.inverse_graphics.template import fit_template
from ganverse_nb.inverse_graphics.training import new_model
from ganverse_nb.render.renderer import render

BINS = torch.arange(12)


def seen(half_axes, elevation, bins=BINS, contents=2):
    """A dataset of one ellipsoid, under cameras on an orbit."""
    sphere = uv_sphere()
    ellipsoid = replace(sphere, vertices=sphere.vertices * torch.tensor(half_axes) / sphere.vertices.norm(dim=-1).max())
    masks = [render(ellipsoid, Camera.orbit(30.0 * b, elevation, 2.3), 64).silhouette > 0.5 for b in bins.tolist()]
    masks = torch.stack([mask[0] for mask in masks]).to(torch.uint8)[None].repeat(contents, 1, 1, 1, 1)
    keep = torch.ones(contents, len(bins), dtype=torch.bool)
    return MultiViewDataset(masks.repeat(1, 1, 3, 1, 1), masks, keep, bins, test_contents=1)


@pytest.mark.parametrize("half_axes", [(0.22, 0.17, 0.5), (0.4, 0.3, 0.25)])
def test_the_half_axes_of_an_ellipsoid_are_found(half_axes):
    dataset = seen(half_axes, 8.0)
    found = fit_template(dataset, 8.0, 2.3, 30.0)
    assert found == pytest.approx(half_axes, rel=0.12)
    mirrored = MultiViewDataset(dataset.images, dataset.masks, dataset.keep, (12 - BINS) % 12, test_contents=1)
    assert fit_template(mirrored, 8.0, 2.3, 30.0) == pytest.approx(found)  # nobody knows which way round they go


def test_a_training_begins_at_it_and_a_given_one_stays():
    dataset, config = seen((0.4, 0.3, 0.25), 8.0), InverseGraphicsConfig(texture_size=(16, 32), template=())
    network = new_model(dataset, config, 0).network
    assert network.template.abs().amax(0).tolist() == pytest.approx([0.4, 0.3, 0.25], rel=0.12)
    given = new_model(dataset, replace(config, template=(0.1, 0.2, 0.3)), 0).network
    assert given.template.abs().amax(0).tolist() == pytest.approx([0.1, 0.2, 0.3], rel=0.02)


def test_one_side_alone_decides_by_a_sphere_and_nothing_kept_is_said():
    front = fit_template(seen((0.4, 0.3, 0.25), 0.0, bins=torch.zeros(2, dtype=torch.int64)), 0.0, 2.3, 30.0)
    assert front[0] == pytest.approx(0.4, rel=0.12) and 0.3 < front[2] < 0.45  # its depth is nowhere to be seen
    empty = seen((0.4, 0.3, 0.25), 0.0)
    empty.keep[:] = False
    with pytest.raises(ValueError, match="passed the filter"):
        fit_template(empty, 0.0, 2.3, 30.0)
