"""The renderer as a whole: pictures that are right, and gradients that are finite differences of the pictures."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.render.renderer import RenderOutput, render


def bumpy(dtype: torch.dtype = torch.float64, seed: int = 0, rings: int = 5, segments: int = 8) -> Mesh:
    """A small deformed sphere with a random texture."""
    random = torch.Generator().manual_seed(seed)
    sphere = uv_sphere(rings, segments)
    vertices = sphere.vertices * (0.4 + 0.2 * torch.rand(1, sphere.vertices.shape[1], 1, generator=random))
    texture = torch.rand(1, 3, 6, 10, generator=random)
    return Mesh(vertices.to(dtype), sphere.faces, sphere.face_uvs, texture.to(dtype))


def smooth(directions: torch.Tensor) -> torch.Tensor:
    """A smooth RGB function on the sphere, [..., 3] -> [..., 3], in [0.1, 0.9]."""
    x, y, z = directions.unbind(-1)
    return 0.5 + 0.4 * torch.stack([x, 0.5 * y + 0.5 * x * z, 0.7 * z * y + 0.3 * y], -1)


def painted_sphere(height: int = 128, width: int = 256) -> Mesh:
    """The unit sphere with `smooth` in its texture."""
    u, v = (torch.arange(width) + 0.5) / width, 1 - (torch.arange(height) + 0.5) / height
    longitude, latitude = (2 * u - 1) * math.pi, ((v - 0.5) * math.pi)[:, None]
    flat = latitude.cos().expand(height, width)
    directions = torch.stack([flat * longitude.sin(), latitude.sin().expand(height, width), flat * longitude.cos()], -1)
    return replace(uv_sphere(), texture=smooth(directions).permute(2, 0, 1)[None])


def test_convention_front_view() -> None:
    """From the front, the object's +x is on the right of the picture and +y on top; the texture's top is on top."""
    mesh = painted_sphere()
    out = render(replace(mesh, vertices=mesh.vertices * 0.4), Camera.orbit(0.0), 64)
    red, green = out.rgb[0, 0], out.rgb[0, 1]
    assert red[32, 45] > 0.6 > 0.4 > red[32, 18]  # red grows with x
    assert green[18, 32] > 0.55 > 0.45 > green[45, 32]  # green grows with y


def test_convention_left_side_view() -> None:
    """From azimuth 90 (the object's left, +x) its front (+z) is on the left of the picture."""
    mesh = painted_sphere()
    at = Camera.orbit(90.0).to_image(torch.tensor([[[0.0, 0.0, 0.4]]]))[0, 0]
    assert at[0] < 0.4
    out = render(replace(mesh, vertices=mesh.vertices * 0.4), Camera.orbit(90.0), 64)
    assert out.rgb[0, 0, 32, 32] > 0.85  # the middle is the +x side


def test_sphere_shows_a_smooth_texture_without_seam_or_pole_star() -> None:
    """100 views: every pixel within 0.01 of the analytic colour, and the seam and poles no worse than the rest."""
    mesh = painted_sphere()
    random = torch.Generator().manual_seed(0)
    worst, seam, pole, rest = 0.0, [], [], []
    for _ in range(10):
        camera = Camera.orbit(torch.rand(10, generator=random) * 360, torch.rand(10, generator=random) * 180 - 90, 5.0)
        out = render(mesh, camera, 96)
        corners = mesh.vertices[0][mesh.faces[out.face_index.clamp(min=0)]]
        point = torch.nn.functional.normalize((out.fragments.barycentric[..., None] * corners).sum(-2), dim=-1)
        error = (out.rgb.permute(0, 2, 3, 1) - smooth(point)).abs().amax(-1)[out.face_index >= 0]
        point = point[out.face_index >= 0]
        at_pole = point[:, 1].abs() > math.cos(math.radians(12))
        at_seam = (torch.atan2(point[:, 0], point[:, 2]).abs() > math.radians(170)) & ~at_pole
        worst = max(worst, error.max().item())
        seam.append(error[at_seam])
        pole.append(error[at_pole])
        rest.append(error[~at_pole & ~at_seam])
    seam, pole, rest = torch.cat(seam), torch.cat(pole), torch.cat(rest)
    print(f"worst {worst:.4f}, mean: seam {seam.mean():.5f}, poles {pole.mean():.5f}, elsewhere {rest.mean():.5f}")
    assert len(seam) > 5000 and len(pole) > 5000
    assert worst < 0.01
    assert seam.mean() < 1.5 * rest.mean() and seam.max() < 1.5 * rest.max()
    assert pole.mean() < 1.5 * rest.mean() and pole.max() < 1.5 * rest.max()


def weighted(out: RenderOutput, seed: int = 0) -> torch.Tensor:
    """A random weighted sum of all that `render` gives with a gradient."""
    random = torch.Generator().manual_seed(seed)
    parts = (out.rgb, out.silhouette, out.depth, out.normals)
    return sum((p * torch.randn(p.shape, generator=random, dtype=p.dtype)).sum() for p in parts)


CAMERA = {"azimuth": [25.0, 140.0], "elevation": [12.0, 31.0], "distance": [2.2, 2.5], "fov": [30.0, 33.0]}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["vertices", "texture", *CAMERA, "light", "background"])
def test_gradients_are_finite_differences(name: str, seed: int) -> None:
    """Central differences in float64 of colour (lit, over a background), soft silhouette, depth and normals."""
    mesh = bumpy(seed=seed)
    random = torch.Generator().manual_seed(seed + 50)
    parts = {k: torch.tensor(v, dtype=torch.float64) for k, v in CAMERA.items()}
    parts["azimuth"] = parts["azimuth"] + 77 * seed
    parts["light"] = 0.2 * torch.randn(1, 9, generator=random, dtype=torch.float64)
    parts["light"][:, 0] = 2.0
    parts["background"] = torch.rand(2, 3, 14, 14, generator=random, dtype=torch.float64)
    parts |= {"vertices": mesh.vertices, "texture": mesh.texture}

    def loss(value: torch.Tensor) -> torch.Tensor:
        p = parts | {name: value}
        shape = replace(mesh, vertices=p["vertices"], texture=p["texture"])
        camera = Camera.orbit(*(p[k] for k in CAMERA))
        return weighted(
            render(shape, camera, 14, light=p["light"], background=p["background"], sigma=5e-3, cut=1e-12), seed
        )

    value = parts[name].clone().requires_grad_()
    loss(value).backward()
    assert value.grad.abs().max() > 1e-3
    for _ in range(12):
        direction = torch.randn(value.shape, generator=random, dtype=torch.float64)
        direction = direction / direction.norm()
        step = 1e-6
        with torch.no_grad():
            numeric = (loss(value + step * direction) - loss(value - step * direction)) / (2 * step)
        analytic = (value.grad * direction).sum()
        assert abs(numeric - analytic) <= 1e-4 * value.grad.norm(), (numeric, analytic)


def test_float32_agrees_with_float64() -> None:
    camera = Camera.orbit(torch.tensor([25.0, 140.0]), 12.0)
    wide = Camera(**{k: v.double() for k, v in camera.__dict__.items()})
    single, double = render(bumpy(torch.float32), camera, 64), render(bumpy(), wide, 64)
    same = single.face_index == double.face_index
    assert same.float().mean() > 0.999
    difference = (single.rgb.double() - double.rgb).abs().amax(1)
    assert difference[same].max() < 1e-3
    torch.testing.assert_close(single.silhouette.double(), double.silhouette, atol=1e-3, rtol=0)


def test_one_mesh_serves_all_cameras_and_one_camera_all_meshes() -> None:
    mesh, camera = bumpy(torch.float32), Camera.orbit(torch.tensor([0.0, 60.0, 120.0]), 10.0)
    three = Mesh(mesh.vertices.repeat(3, 1, 1), mesh.faces, mesh.face_uvs, mesh.texture.repeat(3, 1, 1, 1))
    shared, own = render(mesh, camera, 32), render(three, camera, 32)
    for name in ("rgb", "mask", "silhouette", "depth", "normals", "face_index"):
        assert torch.equal(getattr(shared, name), getattr(own, name)), name
    assert torch.equal(render(three, camera[0], 32).rgb, own.rgb[:1].expand(3, -1, -1, -1))


def test_outputs_agree_with_each_other() -> None:
    out = render(bumpy(torch.float32), Camera.orbit(torch.tensor([10.0, 50.0])), (24, 40))
    assert out.rgb.shape == (2, 3, 24, 40) and out.face_index.shape == (2, 24, 40)
    for part in (out.mask, out.silhouette, out.depth):
        assert part.shape == (2, 1, 24, 40)
    outside = out.mask == 0
    assert (out.depth[outside] == 0).all() and (out.rgb[outside.expand_as(out.rgb)] == 0).all()
    assert (out.silhouette[~outside] == 1).all() and (out.silhouette[outside] < 1).all()
    norm = out.normals.norm(dim=1, keepdim=True)
    torch.testing.assert_close(norm, out.mask)
    assert ((out.depth[~outside] > 1.5) & (out.depth[~outside] < 3)).all()


def test_pixels_stay_square_in_wide_pictures() -> None:
    wide = render(bumpy(torch.float32), Camera.orbit(10.0), (64, 96))
    square = render(bumpy(torch.float32), Camera.orbit(10.0), 64)
    same = wide.face_index[:, :, 16:-16] == square.face_index
    assert same.float().mean() > 0.999
    torch.testing.assert_close(wide.silhouette[..., 16:-16], square.silhouette, atol=1e-3, rtol=0)


def test_background_shows_where_the_object_is_not() -> None:
    mesh, camera = bumpy(torch.float32), Camera.orbit(torch.tensor([0.0, 90.0]))
    plain = render(mesh, camera, 32)
    picture = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for background in (torch.tensor([0.2, 0.4, 0.6]), picture[:, :, 0, 0], picture[:1], picture):
        over = render(mesh, camera, 32, background=background).rgb
        behind = background if background.ndim == 4 else background.reshape(-1, 3, 1, 1)
        full = behind.expand(2, 3, 32, 32)
        torch.testing.assert_close(over, torch.where(plain.mask > 0, plain.rgb, full))


def test_light_shades_a_white_mesh() -> None:
    sphere = uv_sphere()
    white = Mesh(sphere.vertices * 0.4, sphere.faces)
    light = torch.zeros(1, 9)
    light[:, 0], light[:, 1] = 2.0, 1.0
    out = render(white, Camera.orbit(0.0), 64, light=light)
    seen = out.mask[0, 0] > 0
    assert (render(white, Camera.orbit(0.0), 64).rgb[0, 0][seen] == 1).all()
    assert out.rgb[0, 0, 20, 32] > out.rgb[0, 0, 44, 32] + 0.2 and out.rgb[0, 0][seen].max() <= 1


def test_bad_input_is_named() -> None:
    mesh, camera = bumpy(torch.float32), Camera.orbit(torch.tensor([0.0, 90.0, 180.0]))
    two = Mesh(mesh.vertices.repeat(2, 1, 1), mesh.faces, mesh.face_uvs, mesh.texture)
    with pytest.raises(ValueError, match="2 meshes and 3 cameras"):
        render(two, camera)
    with pytest.raises(ValueError, match="a texture but no face_uvs"):
        render(Mesh(mesh.vertices, mesh.faces, None, mesh.texture), camera)
    with pytest.raises(ValueError, match=r"background must be \[3\].*got \(4,\)"):
        render(mesh, camera, background=torch.zeros(4))
    with pytest.raises(ValueError, match="light must be"):
        render(mesh, camera, light=torch.zeros(9))
    with pytest.raises(ValueError, match="resolution must be a positive"):
        render(mesh, camera, 0)
    with pytest.raises(ValueError, match="not finite"):
        render(replace(mesh, vertices=mesh.vertices * float("nan")), camera)
    with pytest.raises(ValueError, match="The camera is torch.float32 on cpu, the mesh's vertices are torch.float64"):
        render(bumpy(), camera)
    with pytest.raises(ValueError, match="The texture is torch.float64"):
        render(replace(mesh, texture=mesh.texture.double()), camera)
