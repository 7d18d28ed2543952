"""From masks back to shapes: `fit_mesh` finds a car of the studio, also where no mask has shown it."""

import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.deformation import mirror_vertices
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.geometry.overlap import soft_iou
from ganverse_nb.geometry.views import turntable
from ganverse_nb.render.fitting import fit_mesh
from ganverse_nb.render.renderer import render
from ganverse_nb.studio.car_mesh import car_mesh
from ganverse_nb.studio.cars import sample_cars

SIZE = 64


@pytest.fixture(scope="module")
def car():
    return car_mesh(sample_cars(1, torch.Generator().manual_seed(3), "sedan"))


def overlap(fitted, true, camera):
    return soft_iou(render(fitted, camera, SIZE).mask, render(true, camera, SIZE).mask)


def test_three_masks_of_a_symmetric_object_show_all_its_sides(car):
    """Known views: IoU >= 0.95 on average; eight others: >= 0.92 on average, 0.88 in each."""
    three = Camera.orbit(torch.tensor([35.0, 100.0, 200.0]), torch.tensor([10.0, 5.0, 45.0]))
    masks, unseen = render(car, three, SIZE).mask, turntable(8, 20.0)
    fit = fit_mesh(masks, three, symmetric=True)
    known, new = fit.iou[-1], overlap(fit.mesh, car, unseen)
    print(f"IoU: known views {known:.4f}; new views {new.mean():.4f} on average, {new.min():.4f} at least")
    assert known >= 0.95 and new.mean() >= 0.92 and new.min() >= 0.88
    vertices = fit.mesh.vertices[0]
    mirrored = vertices[mirror_vertices(fit.start.vertices[0])] * torch.tensor([-1.0, 1.0, 1.0])
    assert torch.allclose(vertices, mirrored, atol=1e-6)


def test_a_fit_remembers_its_way_and_can_be_watched():
    camera, ball = Camera.orbit(torch.tensor([0.0, 90.0])), uv_sphere(8, 12)
    masks = render(Mesh(0.45 * ball.vertices, ball.faces), camera, 32).mask
    seen = []
    start = Mesh(0.3 * ball.vertices, ball.faces, ball.face_uvs, torch.rand(1, 3, 4, 8))
    rough = {"smoothing": 1.0, "weight_laplacian": 0.1, "weight_flatten": 0.0}  # for a ball of few faces
    watch = lambda step, mesh: seen.append((step, mesh.vertices.clone()))  # noqa: E731
    fit = fit_mesh(masks, camera, start, steps=40, watch=watch, **rough)
    assert fit.vertices.shape == (41, len(ball.vertices[0]), 3) and fit.iou.shape == (41,)
    assert [step for step, _ in seen] == list(range(41))
    assert all(torch.equal(vertices[0], fit.vertices[step]) for step, vertices in seen)
    assert torch.equal(fit.at([0]).vertices, start.vertices) and fit.mesh.texture is start.texture
    assert len(fit.at([3, 9])) == 2 and fit.iou[-1] > 0.85 > fit.iou[0]
    assert float(soft_iou(render(fit.mesh, camera, 32).mask, masks).mean()) == pytest.approx(float(fit.iou[-1]))


def test_what_does_not_fit_together_is_refused():
    ball, camera = uv_sphere(6, 8), Camera.orbit(torch.tensor([0.0, 90.0]))
    masks = torch.zeros(2, 1, 16, 16)
    with pytest.raises(ValueError, match="3 masks, 2 cameras"):
        fit_mesh(torch.zeros(3, 1, 16, 16), camera)
    with pytest.raises(ValueError, match="2 meshes to start from"):
        fit_mesh(masks, camera, Mesh(ball.vertices.expand(2, -1, -1), ball.faces))
    with pytest.raises(ValueError, match="not symmetric"):
        fit_mesh(masks, camera, Mesh(ball.vertices + torch.tensor([0.1, 0.0, 0.0]), ball.faces), symmetric=True)
