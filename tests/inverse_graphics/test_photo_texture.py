"""Photos projected onto known surfaces: what is seen is exact, what is not is mirrored or goes on smoothly."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.inverse_graphics.photo_texture import SHIFT, project_texture, seen_texels, spread
from ganverse_nb.render.renderer import render

SIZE = (64, 128)


def smooth_texture() -> torch.Tensor:
    """[1, 3, *SIZE] in [0.2, 0.8], of one colour at each pole."""
    v, u = torch.meshgrid(*((torch.arange(n) + 0.5) / n for n in SIZE), indexing="ij")
    waves = [torch.sin(2 * torch.pi * (k * u + k / 5)) * torch.sin(torch.pi * v) for k in (1, 2, 3)]
    return 0.5 + 0.3 * torch.stack(waves)[None]


def ball(texture: torch.Tensor) -> Mesh:
    sphere = uv_sphere()
    return Mesh(sphere.vertices * torch.tensor([0.4, 0.3, 0.5]), sphere.faces, sphere.face_uvs, texture)


def photo(mesh: Mesh, camera: Camera) -> tuple[torch.Tensor, torch.Tensor]:
    """On a background that no texture has."""
    output = render(mesh, camera, 256, background=torch.tensor([1.0, 0.0, 1.0]))
    return output.rgb, output.mask


@pytest.mark.parametrize("azimuth", [20.0, 100.0, 180.0])
def test_what_a_photo_shows_of_a_known_surface_is_its_texture(azimuth: float) -> None:
    true, camera = ball(smooth_texture()), Camera.orbit(azimuth, 20.0)
    grey = ball(torch.full((1, 3, 8, 16), 0.5))
    colors, weight = seen_texels(grey, camera, *photo(true, camera), SIZE)
    sure = (weight > 0.99).expand(-1, 3, -1, -1)
    assert 0.12 < float(sure.float().mean()) < 0.5
    difference = (colors - true.texture).abs()[sure]
    assert difference.mean() < 0.01 and difference.quantile(0.99) < 0.05
    fitted = project_texture(grey, camera, *photo(true, camera), symmetric=False, size=SIZE)
    before, after = (render(m, camera, 256, background=torch.tensor([1.0, 0.0, 1.0])).rgb for m in (grey, fitted))
    picture, mask = photo(true, camera)
    assert ((after - picture).abs() * mask).sum() < 0.12 * ((before - picture).abs() * mask).sum()


def test_the_far_side_is_the_mirror_image_of_the_near_one() -> None:
    half = smooth_texture()[..., :64]
    true, camera = ball(torch.cat([half, half.flip(-1)], -1)), Camera.orbit(90.0, 10.0)
    grey = ball(torch.full((1, 3, 8, 16), 0.5))
    mirrored = project_texture(grey, camera, *photo(true, camera), size=SIZE).texture
    torch.testing.assert_close(mirrored, mirrored.flip(-1), atol=0.02, rtol=0)
    alone = project_texture(grey, camera, *photo(true, camera), symmetric=False, size=SIZE).texture
    far = seen_texels(grey, camera, *photo(true, camera), SIZE)[1].flip(-1) > 0.99
    errors = [(((x - true.texture).abs() * far).sum() / far.sum() / 3) for x in (mirrored, alone)]
    assert errors[0] < 0.01 and errors[1] > 0.05


def test_what_nobody_sees_is_the_prediction_shifted_towards_the_photo_without_a_seam() -> None:
    true, camera = ball(smooth_texture()), Camera.orbit(40.0, 20.0)
    darker = ball(true.texture - 0.15)
    fitted = project_texture(darker, camera, *photo(true, camera), symmetric=False, size=SIZE)
    shift = fitted.texture - darker.texture
    weight = seen_texels(darker, camera, *photo(true, camera), SIZE)[1].expand_as(shift)
    assert (shift[weight > 0.99] - 0.15).abs().mean() < 0.01
    assert (shift[weight == 0] - SHIFT * 0.15).abs().mean() < 0.02
    steps = [(shift - shift.roll(1, 3)).abs(), shift.diff(dim=2).abs()]
    assert (
        max(float(s.quantile(0.999)) for s in steps) < 0.6 * (1 - SHIFT) * 0.15
    )  # what the step at a hard edge would be


def test_a_surface_behind_another_takes_nothing_of_it() -> None:
    square = torch.tensor([[-0.3, -0.3, 0.0], [0.3, -0.3, 0.0], [0.3, 0.3, 0.0], [-0.3, 0.3, 0.0]])
    vertices = torch.cat([square + torch.tensor([0.0, 0.0, 0.3]), 1.2 * square])[None]
    faces = torch.tensor([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    uv = torch.tensor([[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]])
    uvs = torch.stack([uv[[0, 1, 2]], uv[[0, 2, 3]]])
    mesh = Mesh(vertices, faces, torch.cat([uvs, uvs + torch.tensor([0.5, 0.0])]), torch.rand(1, 3, 8, 16))
    camera = Camera.orbit(0.0, 0.0)
    weight = seen_texels(mesh, camera, *photo(mesh, camera), SIZE)[1]
    assert weight[..., :64].min() > 0.99 and weight[0, 0, 4:-4, 68:-4].max() < 0.01


def test_a_mask_of_fewer_pixels_than_the_picture_will_do() -> None:
    true, camera = ball(smooth_texture()), Camera.orbit(40.0, 20.0)
    picture, mask = photo(true, camera)
    colors, weight = seen_texels(true, camera, picture, F.avg_pool2d(mask, 4), SIZE)
    assert ((colors - true.texture).abs() * (weight > 0.99)).max() < 0.1


def test_values_spread_to_where_there_are_none_and_stay_where_they_are() -> None:
    values, weights = torch.rand(2, 3, 37, 50), (torch.rand(2, 1, 37, 50) > 0.8).float()
    out = spread(values, weights)
    known = weights.expand_as(values) == 1
    torch.testing.assert_close(out[known], values[known])
    assert values[known].min() <= out.min() and out.max() <= values[known].max()
    one = torch.full((1, 1, 9, 9), 0.3)
    torch.testing.assert_close(spread(one, torch.eye(9)[None, None]), one)


def test_what_does_not_fit_is_named() -> None:
    true, camera = ball(smooth_texture()), Camera.orbit(torch.tensor([0.0, 90.0]))
    picture, mask = photo(true, camera[0])
    with pytest.raises(ValueError, match="1 meshes, 2 cameras, 1 pictures and 1 masks"):
        project_texture(true, camera, picture, mask)
    with pytest.raises(ValueError, match="no texture"):
        project_texture(Mesh(true.vertices, true.faces, true.face_uvs), camera[0], picture, mask)
    with pytest.raises(ValueError, match="face_uvs"):
        seen_texels(Mesh(true.vertices, true.faces), camera[0], picture, mask)
