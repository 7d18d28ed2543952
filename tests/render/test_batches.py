"""Meshes of different topology in one call, and cameras other than the orbiting one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ganverse_nb.geometry.camera import Camera, FreeCamera, WeakPerspectiveCamera
from ganverse_nb.geometry.mesh import Mesh, face_normals, join_meshes, uv_sphere, vertex_normals
from ganverse_nb.render import reference
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.render.renderer import render
from ganverse_nb.render.silhouette import KAOLIN, soft_silhouette


def ball(rings: int, segments: int, batch: int = 1, seed: int = 0, dtype: torch.dtype = torch.float32) -> Mesh:
    """Bumpy spheres with random textures."""
    random = torch.Generator().manual_seed(seed + rings)
    sphere = uv_sphere(rings, segments)
    count = sphere.vertices.shape[1]
    vertices = sphere.vertices * (0.35 + 0.2 * torch.rand(batch, count, 1, generator=random))
    texture = torch.rand(batch, 3, 6, 10, generator=random)
    return Mesh(vertices.to(dtype), sphere.faces, sphere.face_uvs, texture.to(dtype))


def different() -> list[Mesh]:
    return [ball(5, 8), ball(9, 12, batch=2), ball(3, 4)]


def white_light() -> torch.Tensor:
    return torch.tensor([[2.0, 0.6, 0.1, -0.4, 0.1, 0, 0.1, 0, 0]])


def test_each_picture_is_the_one_rendered_alone() -> None:
    meshes, light = different(), white_light()
    joined, camera = join_meshes(meshes), Camera.orbit(torch.tensor([10.0, 80.0, 150.0, 290.0]), 20.0)
    together = render(joined, camera, (40, 56), light=light)
    alone = [render(mesh[i], camera[b], (40, 56), light=light) for b, (mesh, i) in enumerate(members(meshes))]
    assert torch.equal(together.face_index, torch.cat([a.face_index for a in alone]))
    for name in ("rgb", "mask", "silhouette", "depth", "normals"):
        # a processor may round the product of a batch differently; a sharp silhouette shows it a hundredfold
        near, one_by_one = getattr(together, name), torch.cat([getattr(a, name) for a in alone])
        torch.testing.assert_close(near, one_by_one, rtol=1e-5, atol=1e-4, msg=name)


def members(meshes: list[Mesh]) -> list[tuple[Mesh, int]]:
    return [(mesh, i) for mesh in meshes for i in range(len(mesh))]


def test_gradients_are_those_of_each_alone() -> None:
    def loss(out) -> torch.Tensor:
        return out.rgb.square().sum() + out.silhouette.square().sum() + out.depth.sum() + out.normals[:, 0].sum()

    camera = Camera.orbit(torch.tensor([10.0, 80.0, 150.0], dtype=torch.float64), 20.0)
    grads: list[list[torch.Tensor]] = []
    for joined in (True, False):
        meshes = [ball(rings, 6, dtype=torch.float64) for rings in (3, 6, 5)]
        for mesh in meshes:
            mesh.vertices.requires_grad_()
            mesh.texture.requires_grad_()
        if joined:
            loss(render(join_meshes(meshes), camera, 24, sigma=1e-3)).backward()
        else:
            sum(loss(render(mesh, camera[b], 24, sigma=1e-3)) for b, mesh in enumerate(meshes)).backward()
        grads.append([t.grad for mesh in meshes for t in (mesh.vertices, mesh.texture)])
    for ours, truth in zip(*grads):
        assert truth.abs().max() > 1e-2
        torch.testing.assert_close(ours, truth)


def test_agrees_with_the_definition() -> None:
    joined = join_meshes(different())
    clip = Camera.orbit(torch.arange(4) * 70.0, 25.0).to_clip(joined.vertices).double()
    ours, truth = rasterize(clip, joined.faces, 32), reference.rasterize(clip, joined.faces, (32, 32))
    assert (ours.face_index == truth.face_index).float().mean() >= 0.999
    for truncation in (None, KAOLIN):
        soft = soft_silhouette(clip, joined.faces, ours.face_index, truncation=truncation)
        wanted = reference.soft_silhouette(clip, joined.faces, ours.face_index, truncation=truncation)
        torch.testing.assert_close(soft, wanted, atol=1e-9, rtol=0)


def test_a_member_is_a_mesh_again() -> None:
    meshes = different()
    joined = join_meshes(meshes)
    assert joined.vertices.shape == (4, 110, 3) and joined.faces.shape == (4, 216, 3)
    third = joined[2]
    assert third.faces.shape == (216, 3) and torch.equal(third.vertices[0], meshes[1].vertices[1])
    assert joined[[0, 3]].faces.shape == (2, 216, 3) and joined[1:].face_uvs.shape == (3, 216, 3, 2)
    torch.testing.assert_close(
        face_normals(joined.vertices, joined.faces)[3, :24], face_normals(meshes[2].vertices, meshes[2].faces)[0]
    )
    torch.testing.assert_close(
        vertex_normals(joined.vertices, joined.faces)[0, :42], vertex_normals(meshes[0].vertices, meshes[0].faces)[0]
    )
    again = join_meshes([joined[:2], joined[2:]])
    assert torch.equal(again.faces, joined.faces) and torch.equal(again.texture, joined.texture)


@pytest.mark.parametrize("kind", [Camera, WeakPerspectiveCamera])
def test_one_mesh_of_its_own_faces_serves_all_cameras(kind: type[Camera]) -> None:
    mesh, camera = ball(4, 6), kind.orbit(torch.tensor([10.0, 80.0, 190.0]), 20.0)
    own, shared = (render(m, camera, 24, light=white_light()) for m in (join_meshes([mesh]), mesh))
    for name in ("rgb", "silhouette", "depth", "normals", "face_index"):
        torch.testing.assert_close(getattr(own, name), getattr(shared, name))


def test_meshes_that_cannot_be_joined_are_named() -> None:
    a, b = ball(3, 4), ball(4, 5)
    with pytest.raises(ValueError, match="meshes is empty"):
        join_meshes([])
    with pytest.raises(ValueError, match="meshes must agree in dtype, device and in having face_uvs and a texture"):
        join_meshes([a, Mesh(b.vertices, b.faces)])
    with pytest.raises(ValueError, match="meshes must agree"):
        join_meshes([a, Mesh(b.vertices, b.faces, b.face_uvs, torch.rand(1, 3, 4, 4))])
    with pytest.raises(ValueError, match="1 meshes have 3 textures; give one or 1"):
        join_meshes([a, Mesh(b.vertices, b.faces, b.face_uvs, torch.rand(3, 3, 6, 10))])
    with pytest.raises(ValueError, match="faces must be of 1 or 2 meshes, got"):
        rasterize(torch.rand(2, 5, 4), torch.zeros(3, 1, 3, dtype=torch.int64), 4)
    with pytest.raises(ValueError, match="5 meshes and 4 cameras|4 meshes and 5 cameras"):
        render(join_meshes(different()), Camera.orbit(torch.zeros(5)), 8)


def test_a_free_camera_renders_what_the_orbit_camera_does_and_rolls_the_picture() -> None:
    mesh, orbit = ball(8, 12), Camera.orbit(torch.tensor([10.0, 120.0]), 20.0)
    free = FreeCamera.like(orbit)
    upright = render(mesh, orbit, 48)
    assert torch.equal(render(mesh, free, 48).rgb, upright.rgb)
    rolled = render(mesh, free.turned(torch.tensor([[0.0, 0.0, 90.0]])), 48)  # the picture turns clockwise
    same = rolled.face_index == upright.face_index.rot90(-1, (1, 2))
    assert same.float().mean() > 0.99
    difference = (rolled.rgb - upright.rgb.rot90(-1, (2, 3))).abs().amax(1)
    assert difference[same].max() < 1e-3


def test_parallel_rays_see_the_nearest_face_at_its_distance() -> None:
    """Against the definition: perspective from so far away that rays are parallel to 1e-5."""
    mesh = ball(8, 12, dtype=torch.float64)
    scale = torch.tensor([1.9], dtype=torch.float64)
    weak = render(mesh, WeakPerspectiveCamera.from_scale(35.0, 20.0, scale), 48)
    flat = WeakPerspectiveCamera.from_scale(35.0, 20.0, scale).to_view(mesh.vertices)
    far = torch.stack([scale * flat[..., 0], scale * flat[..., 1], 0 * flat[..., 2], 1 - 1e-5 * flat[..., 2]], -1)
    far = far * torch.tensor([1.0, 1.0, 1.0, 1 / (1 + 50e-5)], dtype=torch.float64)  # w = 1 at the target
    truth = reference.rasterize(far, mesh.faces, (48, 48))
    assert (weak.face_index == truth.face_index).float().mean() >= 0.995
    seen = (weak.face_index == truth.face_index) & (weak.face_index >= 0)
    assert seen.sum() > 500
    depth = ((truth.depth * (1 + 50e-5) - 1) / 1e-5)[seen]
    torch.testing.assert_close(weak.depth[:, 0][seen], depth, atol=1e-3, rtol=0)
    assert (weak.depth[:, 0][seen] - 50).abs().max() > 0.2


def test_nearest_wins_whatever_the_order_under_parallel_rays() -> None:
    square = torch.tensor([[-1.0, -1, 0], [3, -1, 0], [-1, 3, 0]])
    camera = WeakPerspectiveCamera.orbit(0.0, 0.0, 2.0)
    for order in ([0.3, -0.3, 0.1], [-0.3, 0.1, 0.3], [0.1, 0.3, -0.3]):
        vertices = torch.cat([square + torch.tensor([0, 0, z]) for z in order])[None]
        out = render(Mesh(vertices, torch.arange(9).reshape(3, 3)), camera, 8)
        assert (out.face_index == order.index(0.3)).all()
        torch.testing.assert_close(out.depth, torch.full((1, 1, 8, 8), 1.7), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["vertices", "azimuth", "elevation", "distance", "fov"])
def test_gradients_under_parallel_rays_are_finite_differences(name: str) -> None:
    mesh = ball(4, 6, dtype=torch.float64)
    values = {"azimuth": [25.0], "elevation": [12.0], "distance": [2.2], "fov": [30.0]}
    parts = {k: torch.tensor(v, dtype=torch.float64) for k, v in values.items()} | {"vertices": mesh.vertices}
    random = torch.Generator().manual_seed(0)
    weights = torch.randn(1, 8, 12, 12, generator=random, dtype=torch.float64)

    def loss(value: torch.Tensor) -> torch.Tensor:
        p = parts | {name: value}
        camera = WeakPerspectiveCamera.orbit(*(p[k] for k in values))
        out = render(replace(mesh, vertices=p["vertices"]), camera, 12, sigma=5e-3, cut=1e-12)
        return (torch.cat([out.rgb, out.silhouette, out.depth, out.normals], 1) * weights).sum()

    leaf = parts[name].clone().requires_grad_()
    loss(leaf).backward()
    assert leaf.grad.norm() > 1e-3
    direction, step = leaf.grad / leaf.grad.norm(), 1e-6
    with torch.no_grad():
        numeric = (loss(parts[name] + step * direction) - loss(parts[name] - step * direction)) / (2 * step)
    assert abs(numeric - leaf.grad.norm()) <= 1e-4 * leaf.grad.norm()
