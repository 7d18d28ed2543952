"""Vertices that move together: mirror images and neighbours."""

import pytest
import torch

from ganverse_nb.geometry.deformation import mirror_vertices, smoothing_matrix
from ganverse_nb.geometry.mesh import uv_sphere


def test_mirror_index_is_its_own_inverse_and_finds_the_mirror_image():
    points = uv_sphere().vertices[0]
    index = mirror_vertices(points)
    assert torch.equal(index[index], torch.arange(642))
    assert torch.allclose(points[index], points * torch.tensor([-1.0, 1.0, 1.0]), atol=1e-6)
    with pytest.raises(ValueError, match="not symmetric"):
        mirror_vertices(points + torch.tensor([0.1, 0.0, 0.0]))


def test_smoothing_keeps_translations_and_calms_a_single_vertex():
    faces = uv_sphere().faces
    smooth = smoothing_matrix(faces, 642, 4.0)
    assert torch.allclose(smooth.sum(1), torch.ones(642), atol=1e-5) and smooth.min() >= -1e-6
    spike = torch.zeros(642)
    spike[100] = 1.0
    moved = smooth @ spike
    assert moved.argmax() == 100 and moved[100] < 0.5
    neighbours = faces[(faces == 100).any(1)].unique()
    assert moved[neighbours].min() > moved[torch.randperm(642)[:300]].median()
    assert torch.allclose(smoothing_matrix(faces, 642, 0.0), torch.eye(642))
