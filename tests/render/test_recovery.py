"""From pictures back to what made them: camera, texture, light and shape from a wrong start, each within a bound.

Each test prints what it reached; on one slow core each takes a few seconds.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.geometry.camera import Camera, CameraModel, FreeCamera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.geometry.overlap import soft_iou
from ganverse_nb.geometry.views import turntable, view_grid
from ganverse_nb.inverse_graphics.losses import iou_loss
from ganverse_nb.render.fitting import fit_mesh
from ganverse_nb.render.renderer import render
from ganverse_nb.studio.car_mesh import car_mesh
from ganverse_nb.studio.cars import sample_cars


def painted_body(seed: int = 0) -> Mesh:
    """A body as long as a car, with a smooth random texture that is different on every side."""
    random = torch.Generator().manual_seed(seed)
    sphere = uv_sphere(12, 20)
    coarse = torch.rand(1, 3, 4, 6, generator=random)
    wide = torch.cat([coarse, coarse[..., :1]], 3)  # so that the seam fits
    texture = torch.nn.functional.interpolate(wide, (32, 64), mode="bilinear", align_corners=True)
    return Mesh(sphere.vertices * torch.tensor([0.22, 0.16, 0.45]), sphere.faces, sphere.face_uvs, texture)


def difference(mesh: Mesh, camera: CameraModel, aim: CameraModel, sharp: bool) -> torch.Tensor:
    """Between what two cameras see: colours where both see the object, and silhouettes of one softness."""
    sigma = 3e-4 if sharp else 1e-2
    out, truth = render(mesh, camera, 64, sigma=sigma), render(mesh, aim, 64, sigma=sigma)
    both = out.mask * truth.mask
    colors = ((out.rgb - truth.rgb).abs() * both).sum() / both.sum().clamp(min=1)
    return colors + iou_loss(out.silhouette, truth.silhouette)


@pytest.mark.parametrize("azimuth", [20.0, 135.0, 280.0])
def test_camera(azimuth: float) -> None:
    """30 degrees off in azimuth, 12 in elevation, a tenth in distance and in fov: back within 0.5 degrees and 1 %.

    Distance and fov trade against each other: what is recovered of them is the size on the picture.
    """
    mesh = painted_body()
    aim = Camera.orbit(azimuth, 20.0, 2.3, 30.0)
    values = torch.tensor([azimuth + 30.0, 8.0, 25.3, 33.0], requires_grad=True)  # distance in tenths: one rate for all
    optimizer = torch.optim.Adam([values], lr=1.5)
    steps = 120
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, 1e-3)
    for step in range(steps):
        camera = Camera.orbit(values[:1], values[1:2], values[2:3] / 10, values[3:])
        loss = difference(mesh, camera, aim, step > 60)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    turn, lift = wrap_degrees(camera.azimuth - azimuth).item(), (camera.elevation - 20).item()
    size = (torch.deg2rad(camera.fov) / 2).tan().item() * camera.distance.item() / (2.3 * 0.26795)
    print(f"azimuth {turn:+.3f}, elevation {lift:+.3f} degrees, size x {size:.4f}")
    assert abs(turn) < 0.5 and abs(lift) < 0.5 and abs(size - 1) < 0.01


def test_free_rotation() -> None:
    """Turned in place by 12 degrees about a crooked axis and rolled by 20: back within 0.5 degrees."""
    mesh = painted_body(1)
    aim = FreeCamera.like(Camera.orbit(40.0, 15.0, 3.0))
    start = aim.turned(torch.tensor([[3.0, -4.0, 20.0]]))
    turn = torch.zeros(1, 3, requires_grad=True)
    optimizer = torch.optim.Adam([turn], lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 100, 1e-3)
    for step in range(100):
        camera = start.turned(turn)
        loss = difference(mesh, camera, aim, step > 50)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    cosine = ((camera.axes() * aim.axes()).sum() - 1) / 2
    angle = torch.rad2deg(torch.acos(cosine.clamp(-1, 1))).item()
    print(f"rotation off by {angle:.3f} degrees")
    assert angle < 0.5


def test_texture() -> None:
    """From grey to within 0.02 on average over all texels, from 18 views."""
    mesh = painted_body(2)
    sphere = replace(mesh, vertices=uv_sphere(12, 20).vertices * 0.5)
    camera = view_grid(torch.arange(6) * 60.0, [-50.0, 0.0, 50.0])
    target = torch.nn.functional.avg_pool2d(mesh.texture, 2)  # 16 x 32
    truth = render(replace(sphere, texture=target), camera, 64)
    texture = torch.full_like(target, 0.5).requires_grad_()
    optimizer = torch.optim.Adam([texture], lr=0.05)
    for _ in range(80):
        loss = (render(replace(sphere, texture=texture), camera, 64).rgb - truth.rgb).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    before, after = (0.5 - target).abs().mean().item(), (texture - target).abs().mean().item()
    print(f"texture off by {before:.4f} before, {after:.4f} after; worst texel {(texture - target).abs().max():.4f}")
    assert after < 0.02 < before


def test_light() -> None:
    """From grey light all around to each of 27 coefficients within 0.01, from four views of a white body."""
    random = torch.Generator().manual_seed(0)
    sphere = uv_sphere(12, 20)
    white = Mesh(sphere.vertices * 0.5, sphere.faces)
    target = 0.15 * torch.randn(1, 9, 3, generator=random)
    target[:, 0] = 1.8
    camera = turntable(4, 25.0)
    truth = render(white, camera, 32, light=target)
    light = torch.zeros(1, 9, 3)
    light[:, 0] = 2.5
    light.requires_grad_()
    optimizer = torch.optim.LBFGS([light], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = (render(white, camera, 32, light=light).rgb - truth.rgb).square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    worst = (light - target).abs().max().item()
    print(f"worst coefficient off by {worst:.5f}")
    assert worst < 0.01


def test_shape_of_a_car() -> None:
    """A sphere becomes a car of the studio from its masks in 8 known views, in 3D: also in views it never saw.

    IoU >= 0.97 on average and 0.96 in each of the 8; >= 0.94 in each of 6 others.
    """
    car = car_mesh(sample_cars(1, torch.Generator().manual_seed(3), "sedan"))
    seen, unseen = Camera.orbit(torch.arange(8) * 45.0, torch.tensor([10.0, 35.0] * 4)), turntable(6, 20.0)
    unseen = unseen.replace(azimuth=unseen.azimuth + 20)
    truth, other = render(car, seen, 96).mask, render(car, unseen, 96).mask
    final = fit_mesh(truth, seen, steps=200, smoothing=4.0, lr=0.05, weight_laplacian=1.0, weight_flatten=0.01).mesh
    known, new = soft_iou(render(final, seen, 96).mask, truth), soft_iou(render(final, unseen, 96).mask, other)
    print(f"IoU: known views {known.min():.4f} at least, {known.mean():.4f} on average; new views {new.min():.4f}")
    assert known.mean() >= 0.97 and known.min() >= 0.96 and new.min() >= 0.94
