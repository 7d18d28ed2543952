"""The z-buffer and barycentrics against their definition, and the cases where rasterizers go wrong."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.render import reference
from ganverse_nb.render.rasterize import rasterize


def soup(seed: int, faces: int = 20, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Random triangles in view, in float64."""
    random = torch.Generator().manual_seed(seed)
    clip = torch.rand(batch, faces * 3, 4, generator=random, dtype=torch.float64) * 3 - 1.5
    clip[..., 3] = 1.5 + clip[..., 3].abs()
    return clip, torch.arange(faces * 3).reshape(faces, 3)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_agrees_with_the_definition(seed: int, dtype: torch.dtype) -> None:
    clip, faces = soup(seed)
    size = (23, 31)
    ours, truth = rasterize(clip.to(dtype), faces, size), reference.rasterize(clip, faces, size)
    same = ours.face_index == truth.face_index
    assert same.float().mean() >= 0.999 and (truth.face_index >= 0).any() and (truth.face_index < 0).any()
    close = {"atol": 2e-4, "rtol": 1e-4} if dtype == torch.float32 else {"atol": 1e-6, "rtol": 1e-6}
    torch.testing.assert_close(ours.barycentric[same].double(), truth.barycentric[same], **close)
    torch.testing.assert_close(ours.depth[same].double(), truth.depth[same], **close)


@pytest.mark.parametrize("direction", [(1.0, 0.0), (0.0, 1.0), (1.0, 1e-4), (1e-4, 1.0), (1.0, -0.3)])
def test_thin_faces_cover_what_the_definition_says(direction: tuple[float, float]) -> None:
    """Rows begin and end where they meet the edges: also edges along them, across them and nearly so."""
    random = torch.Generator().manual_seed(7)
    middle = torch.rand(1, 12, 1, 2, generator=random, dtype=torch.float64) * 1.6 - 0.8
    along = torch.tensor(direction, dtype=torch.float64) * torch.tensor([[-0.9], [0.7], [0.8]], dtype=torch.float64)
    xy = middle + along + 0.08 * torch.rand(1, 12, 3, 2, generator=random, dtype=torch.float64)
    xy = torch.cat([xy, (xy * 32).round() / 32], 1)  # then some edges are exactly horizontal, vertical or points
    clip = torch.cat([xy, torch.zeros_like(xy[..., :1]), torch.ones_like(xy[..., :1])], -1).flatten(1, 2)
    clip = clip * torch.tensor([1.0, 2.5, 1.2]).repeat(24)[:, None]  # the corners of a face at different depths
    faces = torch.arange(72).reshape(24, 3)
    ours, truth = (f(clip, faces, (61, 93)).face_index for f in (rasterize, reference.rasterize))
    assert (truth >= 0).sum() > 50 and torch.equal(ours, truth)


def test_faces_that_reach_behind_the_camera() -> None:
    """A floor under the camera: half of its corners have w < 0. An even size: no pixel centre lies on its diagonal."""
    floor = torch.tensor([[[-9.0, 0, -9], [9, 0, -9], [9, 0, 9], [-9, 0, 9]]], dtype=torch.float64)
    clip = Camera.orbit(torch.tensor([20.0, 75.0], dtype=torch.float64), 15.0, 2.0).to_clip(floor)
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    ours, truth = rasterize(clip, faces, 32), reference.rasterize(clip, faces, (32, 32))
    assert (clip[..., 3] < 0).any() and (ours.face_index >= 0).float().mean() > 0.5
    assert torch.equal(ours.face_index, truth.face_index)
    torch.testing.assert_close(ours.depth, truth.depth)


def test_all_behind_or_beyond_is_not_seen() -> None:
    triangle = torch.tensor([[[-1.0, -1, 0], [1, -1, 0], [0, 1, 0]]])
    faces = torch.tensor([[0, 1, 2]])
    for distance, seen in ((2.0, True), (-2.0, False), (0.05, False), (150.0, False)):
        clip = Camera.orbit(0.0, 0.0, distance).to_clip(triangle)
        assert bool((rasterize(clip, faces, 9).face_index >= 0).any()) is seen


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shared_edges_leave_no_hole(dtype: torch.dtype) -> None:
    """A square cut into triangles, some edges through pixel centres: every pixel is covered, in float32 too."""
    random = torch.Generator().manual_seed(0)
    for n in (2, 5, 9):
        line = torch.linspace(-1.2, 1.2, n, dtype=dtype)
        x, y = torch.meshgrid(line, line, indexing="ij")
        clip = torch.stack([x, y, torch.zeros_like(x), torch.ones_like(x)], -1).reshape(1, -1, 4)
        inner = torch.arange(n * n).reshape(n, n)[1:-1, 1:-1].reshape(-1)
        clip[:, inner, :2] += (torch.rand(len(inner), 2, generator=random) * 0.1).to(dtype)
        clip = clip * (1 + torch.rand(1, n * n, 1, generator=random)).to(dtype)
        at = (torch.arange(n - 1)[:, None] * n + torch.arange(n - 1)).reshape(-1)
        faces = torch.cat([torch.stack([at, at + 1, at + n + 1], 1), torch.stack([at, at + n + 1, at + n], 1)])
        for size in (8, 64, 65):
            assert (rasterize(clip, faces, size).face_index >= 0).all()


def test_nearest_face_wins_and_ties_go_to_the_first() -> None:
    square = torch.tensor([[-1.0, -1, 0, 1], [3, -1, 0, 1], [-1, 3, 0, 1]])
    near, far = square * torch.tensor([2.0, 2, 1, 2]), square * torch.tensor([3.0, 3, 1, 3])
    clip = torch.cat([far, near, near])[None]
    fragments = rasterize(clip, torch.tensor([[0, 1, 2], [3, 4, 5], [6, 7, 8]]), 8)
    assert (fragments.face_index == 1).all()
    torch.testing.assert_close(fragments.depth, torch.full((1, 8, 8), 2.0))


def test_barycentrics_are_perspective_correct() -> None:
    """They rebuild the point on the face that the pixel's ray meets, which affine weights do not."""
    clip, faces = soup(11, faces=4)
    fragments = rasterize(clip, faces, (15, 20))
    corners = torch.stack([clip[b][faces[fragments.face_index[b]]] for b in range(2)])
    point = (fragments.barycentric[..., None] * corners).sum(-2)
    seen = fragments.face_index >= 0
    centers = reference.pixel_centers(15, 20, clip).expand(2, 15, 20, 2)
    torch.testing.assert_close((point[..., :2] / point[..., 3:])[seen], centers[seen])
    torch.testing.assert_close(point[..., 3][seen], fragments.depth[seen])


def test_convention_row_zero_is_the_top_and_x_goes_right() -> None:
    corner = torch.tensor([[[0.5, 0.5, 0, 1], [1, 0.5, 0, 1], [0.5, 1.5, 0, 1]]])  # x > 0, y > 0
    rows, columns = (rasterize(corner, torch.tensor([[0, 1, 2]]), 16).face_index[0] >= 0).nonzero().unbind(1)
    assert rows.max() < 4 and columns.min() >= 12


def test_convention_first_barycentric_weighs_the_first_vertex() -> None:
    clip = torch.tensor([[[-1.0, -1, 0, 1], [1, -1, 0, 1], [-1, 1, 0, 1]]])
    bottom_left = rasterize(clip, torch.tensor([[0, 1, 2]]), 64).barycentric[0, 63, 0]
    torch.testing.assert_close(bottom_left, torch.tensor([1 - 1 / 64, 0.5 / 64, 0.5 / 64]))


def test_gradients_are_finite_differences() -> None:
    clip, faces = soup(5, faces=6)
    weights = torch.randn(2, 9, 11, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def loss(vertices: torch.Tensor) -> torch.Tensor:
        fragments = rasterize(vertices, faces, (9, 11))
        return (torch.cat([fragments.barycentric, fragments.depth[..., None]], -1) * weights).sum()

    assert (rasterize(clip, faces, (9, 11)).face_index >= 0).sum() > 20
    assert torch.autograd.gradcheck(loss, (clip.requires_grad_(),), rtol=1e-5, atol=1e-7)


def test_one_and_two_threads_agree_bit_for_bit() -> None:
    sphere = uv_sphere()
    camera = Camera.orbit(torch.arange(5) * 70.0, 20.0)
    results, threads = [], torch.get_num_threads()
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        clip = camera.to_clip(sphere.vertices * 0.5).detach().requires_grad_()
        fragments = rasterize(clip, sphere.faces, 128)
        (fragments.barycentric.square().sum() + fragments.depth.sum()).backward()
        results.append((fragments.face_index, fragments.barycentric, clip.grad))
    torch.set_num_threads(threads)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other))


def test_faces_without_area_are_not_seen() -> None:
    clip = torch.tensor([[[-1.0, -1, 0, 1], [1, 1, 0, 1], [0, 0, 0, 1]]], requires_grad=True)
    for faces in ([[0, 1, 2]], [[0, 0, 1]], [[2, 2, 2]]):
        fragments = rasterize(clip, torch.tensor(faces), 8)
        assert (fragments.face_index == -1).all()
        fragments.depth.sum().backward()
        assert (clip.grad == 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vertices_clip": torch.zeros(1, 3, 3)}, r"vertices_clip must be \[B, V, 4\], got \(1, 3, 3\)"),
        ({"vertices_clip": torch.zeros(1, 3, 4).half()}, "must be float32 or float64, got torch.float16"),
        ({"vertices_clip": torch.full((1, 3, 4), float("nan"))}, "not finite"),
        ({"vertices_clip": torch.zeros(0, 3, 4)}, "Nothing to render"),
        ({"faces": torch.zeros(0, 3, dtype=torch.int64)}, "Nothing to render"),
        ({"faces": torch.tensor([[0, 1, 3]])}, "faces name vertices 0 to 3, but there are 3"),
        ({"faces": torch.tensor([[-1, 1, 2]])}, "faces name vertices -1 to 2"),
        ({"faces": torch.tensor([[0.0, 1, 2]])}, r"faces must be \[F, 3\] int64"),
        ({"resolution": 0}, "resolution must be a positive number of pixels.*got 0"),
        ({"resolution": (4, -1)}, "resolution must be a positive"),
        ({"backend": "opengl"}, "Unknown renderer backend 'opengl'; there are auto, warp, nvdiffrast"),
    ],
)
def test_bad_input_is_named(change: dict, message: str) -> None:
    given = {"vertices_clip": torch.ones(1, 3, 4), "faces": torch.tensor([[0, 1, 2]]), "resolution": 4}
    with pytest.raises(ValueError, match=message):
        rasterize(**(given | change))
