from __future__ import annotations

import math

import pytest
import torch

from ganverse_nb.geometry.losses import flatten_loss, laplacian_loss, movement_loss, topology
from ganverse_nb.geometry.mesh import uv_sphere

CUBE = torch.tensor([[x, y, z] for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)])[None]
# fmt: off
CUBE_FACES = torch.tensor([
    [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
    [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
])
# fmt: on
TETRAHEDRON = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])[None]
TETRAHEDRON_FACES = torch.tensor([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])


def grid(n: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """A flat n x n patch in the plane z = x."""
    y, x = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
    vertices = torch.stack([x, y, x], -1).reshape(1, -1, 3).double()
    at = (torch.arange(n - 1)[:, None] * n + torch.arange(n - 1)).reshape(-1)
    return vertices, torch.cat([torch.stack([at, at + 1, at + n + 1], 1), torch.stack([at, at + n + 1, at + n], 1)])


def test_laplacian_of_a_tetrahedron() -> None:
    """Every vertex v sees the mean -v / 3 of the others (they sum to 0): |4 v / 3|^2 = 16 / 9 * 3."""
    torch.testing.assert_close(laplacian_loss(TETRAHEDRON, TETRAHEDRON_FACES), torch.tensor(16 / 3))


def test_laplacian_is_the_dense_matrix_and_scales() -> None:
    sphere = uv_sphere()
    offsets = torch.randn(2, 642, 3, generator=torch.Generator().manual_seed(0))
    linked = torch.zeros(642, 642)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        linked[sphere.faces[:, a], sphere.faces[:, b]] = 1
        linked[sphere.faces[:, b], sphere.faces[:, a]] = 1
    delta = offsets - linked @ offsets / linked.sum(1, keepdim=True)
    torch.testing.assert_close(laplacian_loss(offsets, sphere.faces), delta.square().sum(-1).mean())
    torch.testing.assert_close(
        laplacian_loss(3 * offsets + 7, sphere.faces), 9 * laplacian_loss(offsets, sphere.faces), rtol=1e-4, atol=0
    )


def test_flatten_of_plane_cube_and_tetrahedron() -> None:
    """A plane has 0; a cube 12 right angles and 6 flat diagonals; a tetrahedron's normals meet at cos = -1/3."""
    assert flatten_loss(*grid()) < 1e-12
    torch.testing.assert_close(flatten_loss(CUBE, CUBE_FACES), torch.tensor(12 / 18))
    torch.testing.assert_close(flatten_loss(TETRAHEDRON, TETRAHEDRON_FACES), torch.tensor((4 / 3) ** 2))


@pytest.mark.parametrize("angle", [0.0, 40.0, 90.0, 150.0])
def test_flatten_of_two_hinged_triangles(angle: float) -> None:
    a = math.radians(angle)
    vertices = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, -math.cos(a), math.sin(a)]]])
    loss = flatten_loss(vertices, torch.tensor([[0, 1, 2], [1, 0, 3]]))
    torch.testing.assert_close(loss, torch.tensor((1 - math.cos(a)) ** 2), atol=1e-6, rtol=1e-5)


def test_movement_is_size_plus_spread() -> None:
    offsets = torch.randn(2, 50, 3, generator=torch.Generator().manual_seed(0)) + 1
    mean = offsets.mean(1, keepdim=True)
    parts = mean.square().sum(-1).mean() + (offsets - mean).square().sum(-1).mean()
    torch.testing.assert_close(movement_loss(offsets), parts)
    torch.testing.assert_close(movement_loss(torch.full((2, 5, 3), 2.0)), torch.tensor(12.0))


@pytest.mark.parametrize("loss", [laplacian_loss, flatten_loss])
def test_gradients_are_finite_differences(loss) -> None:
    vertices = CUBE.double() + 0.2 * torch.randn(2, 8, 3, generator=torch.Generator().manual_seed(3)).double()
    assert torch.autograd.gradcheck(lambda v: loss(v, CUBE_FACES), (vertices.requires_grad_(),))


def test_faces_without_area_give_finite_gradients() -> None:
    vertices = CUBE.clone()
    vertices[:, 1] = vertices[:, 0]
    vertices.requires_grad_()
    (laplacian_loss(vertices, CUBE_FACES) + flatten_loss(vertices, CUBE_FACES)).backward()
    assert torch.isfinite(vertices.grad).all()


def test_open_edges_have_no_angle() -> None:
    vertices = torch.rand(1, 3, 3, requires_grad=True)
    loss = flatten_loss(vertices, torch.tensor([[0, 1, 2]]))
    loss.backward()
    assert loss == 0 and (vertices.grad == 0).all()


def test_topology_follows_faces_changed_in_place() -> None:
    faces = torch.tensor([[0, 1, 2], [2, 1, 3]])
    assert len(topology(faces, 4).face_pairs) == 1
    assert topology(faces, 4) is topology(faces, 4)
    faces[1] = torch.tensor([3, 4, 5])
    assert len(topology(faces, 6).face_pairs) == 0


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"vertices must be \[B, V, 3\], got \(8, 3\)"):
        laplacian_loss(CUBE[0], CUBE_FACES)
    with pytest.raises(ValueError, match=r"faces must be \[F, 3\] int64, got \(12, 3\) torch.float32"):
        flatten_loss(CUBE, CUBE_FACES.float())
    with pytest.raises(ValueError, match=r"offsets must be \[B, V, 3\], got \(8, 3\)"):
        movement_loss(CUBE[0])
