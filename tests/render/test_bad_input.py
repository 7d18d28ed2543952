"""Whatever it is given, the renderer says what is wrong or gives a finite picture; it never crashes."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest
import torch

from ganverse_nb.geometry.camera import Camera, CameraModel, FreeCamera, WeakPerspectiveCamera
from ganverse_nb.geometry.mesh import Mesh, join_meshes, uv_sphere
from ganverse_nb.render.rasterize import Fragments, rasterize
from ganverse_nb.render.renderer import render
from ganverse_nb.render.silhouette import Truncation, soft_silhouette
from ganverse_nb.render.texture import interpolate, sample_texture

NAN, INF = float("nan"), float("inf")
SPHERE = uv_sphere(3, 4)
TEXTURE = torch.rand(1, 3, 4, 6, generator=torch.Generator().manual_seed(0))


def given(**changes: object) -> dict:
    """Arguments of `render` that fit, with changes; those of the mesh by their own names."""
    mesh = {"vertices": SPHERE.vertices * 0.4, "faces": SPHERE.faces, "face_uvs": SPHERE.face_uvs, "texture": TEXTURE}
    mesh |= {k: changes.pop(k) for k in list(changes) if k in mesh}
    return {"mesh": Mesh(**mesh), "camera": Camera.orbit(20.0), "resolution": 8} | changes


def spoiled(tensor: torch.Tensor, value: float) -> torch.Tensor:
    tensor = tensor.clone()
    tensor.view(-1)[3] = value
    return tensor


V = SPHERE.vertices
LIGHT = torch.ones(1, 9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vertices": spoiled(V, NAN)}, r"The mesh's vertices \(1, 14, 3\) holds a value that is not finite"),
        ({"vertices": spoiled(V, INF)}, r"The mesh's vertices \(1, 14, 3\) holds a value that is not finite"),
        ({"vertices": V[0]}, r"vertices must be \[B, V, 3\], got \(14, 3\)"),
        ({"vertices": V.double()}, "The camera is torch.float32 on cpu, the mesh's vertices are torch.float64"),
        (
            {"vertices": V.half(), "texture": TEXTURE.half(), "camera": Camera.orbit(torch.zeros(1).half())},
            "float32 or float64, got torch.float16",
        ),
        ({"vertices": V.to("meta")}, "vertices are torch.float32 on meta"),
        ({"vertices": V[:0]}, "0 meshes and 1 cameras|Nothing to render"),
        ({"vertices": V[:, :0]}, r"Nothing to render: vertices are \(1, 0, 4\)"),
        ({"faces": SPHERE.faces[:0], "face_uvs": SPHERE.face_uvs[:0]}, r"Nothing to render.*faces \(0, 3\)"),
        ({"faces": SPHERE.faces + 5}, "faces name vertices 5 to 18, but there are 14"),
        ({"faces": SPHERE.faces.int()}, r"faces must be \[F, 3\] int64, got \(24, 3\) torch.int32"),
        ({"face_uvs": spoiled(SPHERE.face_uvs, NAN)}, r"face_uvs \(24, 3, 2\) holds a value that is not finite"),
        ({"texture": spoiled(TEXTURE, NAN)}, r"texture \(1, 3, 4, 6\) holds a value that is not finite"),
        ({"texture": TEXTURE[0]}, r"texture must be \[B, 3, Ht, Wt\], got \(3, 4, 6\)"),
        ({"texture": TEXTURE[..., :0]}, r"texture must be .* got \(1, 3, 4, 0\)"),
        ({"texture": TEXTURE.expand(5, -1, -1, -1)}, r"texture must be \[1 or 1, C, Ht, Wt\], got \(5, 3, 4, 6\)"),
        ({"light": spoiled(LIGHT, INF)}, r"light \(1, 9\) holds a value that is not finite"),
        ({"light": LIGHT[:, :4]}, r"light must be \[1 or 1, 9\].*got \(1, 4\)"),
        ({"background": torch.tensor([0.1, NAN, 0.3])}, r"background \(1, 3, 1, 1\) holds a value that is not finite"),
        ({"background": torch.rand(1, 3, 7, 8)}, r"background must be .* got \(1, 3, 7, 8\)"),
        ({"background": torch.rand(3).double()}, "The background is torch.float64 on cpu, the picture torch.float32"),
        ({"resolution": 0}, "resolution must be a positive number of pixels .* got 0"),
        ({"resolution": (8, 8, 8)}, r"resolution must be .* got \(8, 8, 8\)"),
        ({"resolution": 8.0}, "resolution must be .* got 8.0"),
        ({"resolution": True}, "resolution must be .* got True"),
        ({"resolution": 1 << 20}, "resolution must be .* got 1048576"),
        ({"camera": Camera.orbit(0.0).replace(fov=torch.tensor([NAN]))}, "The camera has a value that is not finite"),
        ({"backend": "opengl"}, "Unknown renderer backend 'opengl'"),
    ],
)
def test_bad_input_is_named(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render(**given(**changes))


def test_soft_silhouette_names_its_own() -> None:
    clip, faces = torch.ones(1, 3, 4), torch.tensor([[0, 1, 2]])
    for index, found in ((torch.zeros(1, 4, 4), "float32"), (torch.zeros(1, 0, 4, dtype=torch.int64), r"\(1, 0, 4\)")):
        with pytest.raises(ValueError, match=f"face_index must hold int64 pixels on cpu, got .*{found}"):
            soft_silhouette(clip, faces, index)


def test_a_camera_inside_the_mesh_sees_its_inside() -> None:
    """Every pixel shows a face that is no further than the mesh is wide."""
    for camera in (Camera.orbit(30.0, 10.0, 0.05, 90.0), Camera.orbit(0.0, 0.0, 0.0)):
        out = render(**given(camera=camera, vertices=V * 0.5, resolution=16))
        assert (out.mask == 1).all() and (out.silhouette == 1).all()
        assert (out.depth > 0).all() and (out.depth <= 1.05).all() and torch.isfinite(out.normals).all()


def test_a_thousand_random_calls() -> None:
    """Each raises ValueError with a sentence, or gives finite pictures and, of scenes of usual size, gradients."""
    dice, outcomes = random.Random(0), Counter()
    for call in range(1000):
        torch.manual_seed(call)
        try:
            function, arguments = dice.choice([random_render, random_render, random_rasterize, random_surface])(dice)
            outputs, leaves = function(**arguments)
        except ValueError as error:
            assert len(str(error)) > 20, error
            outcomes["refused"] += 1
            continue
        assert all(torch.isfinite(o).all() for o in outputs), call
        outcomes["drawn"] += 1
        if all(x.abs().max() < 1e3 for x in leaves + list(others(arguments))):
            leaves = [x for x in leaves if x.requires_grad]
            sum(o.sum() for o in outputs if o.requires_grad).backward()
            assert all(x.grad is None or torch.isfinite(x.grad).all() for x in leaves), call
            outcomes["with gradients"] += 1
    print(dict(outcomes))
    assert outcomes["refused"] > 200 and outcomes["drawn"] > 200 and outcomes["with gradients"] > 100


def others(arguments: dict) -> Iterator[torch.Tensor]:
    """The tensors in a call's arguments."""
    for value in arguments.values():
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (Mesh, CameraModel)):
            yield from others(vars(value))


def odd(dice: random.Random, tensor: torch.Tensor, likely: float = 0.25) -> torch.Tensor:
    """The tensor, or one with something wrong or strange about it."""
    if dice.random() > likely:
        return tensor
    kind = dice.choice(["value", "value", "value", "flat", "dtype", "rank", "empty", "scale"])
    if kind == "value" and tensor.is_floating_point():
        tensor = tensor.clone()
        tensor.view(-1)[dice.randrange(tensor.numel())] = dice.choice([NAN, INF, -INF, 1e38, 1e20, -1e9, 0.0, 1e-42])
        return tensor
    if kind == "scale":
        return tensor * dice.choice([0, -1, 1000])
    if kind == "dtype":
        return tensor.to(dice.choice([torch.float64, torch.float16, torch.int64]))
    if kind == "rank":
        return dice.choice([tensor[0], tensor[None], tensor[..., :-1], tensor.repeat(2, *[1] * (tensor.ndim - 1))])
    if kind == "empty":
        return tensor[:0]
    return torch.zeros_like(tensor)


def random_mesh(dice: random.Random) -> Mesh:
    sphere = uv_sphere(dice.choice([1, 2, 3]), dice.choice([3, 4]))
    vertices = odd(dice, sphere.vertices * 0.4 + 0.1 * torch.randn(sphere.vertices.shape))
    faces = sphere.faces.clone()
    if dice.random() < 0.1:
        faces[dice.randrange(len(faces))] = torch.tensor(dice.choice([[0, 0, 0], [0, 1, 99], [-1, 0, 1], [1, 1, 2]]))
    if dice.random() < 0.3:
        return Mesh(vertices, odd(dice, faces, 0.1))
    return Mesh(
        vertices, odd(dice, faces, 0.1), odd(dice, sphere.face_uvs, 0.1), odd(dice, torch.rand(1, 3, 4, 6), 0.1)
    )


def random_size(dice: random.Random) -> object:
    return dice.choice(
        [1, 2, 7, 8, 8, (3, 9), (8, 1)] if dice.random() < 0.9 else [0, -3, (0, 4), 2.5, (4,), "8", None]
    )


def random_camera(dice: random.Random):
    orbit = dice.choice([Camera, Camera, WeakPerspectiveCamera]).orbit
    camera = orbit(
        odd(dice, torch.rand(dice.choice([1, 1, 1, 2])) * 360, 0.05),
        odd(dice, torch.rand(1) * 180 - 90, 0.05),
        dice.choice([2.3, 2.3, 2.3, 0.3, 0.0, -1.0, 1e6]),
        dice.choice([30.0, 30.0, 30.0, 120.0, 1e-3, 0.0, 179.9]),
    )
    if camera.parallel or dice.random() < 0.7:
        return camera
    return FreeCamera.like(camera).turned(odd(dice, torch.randn(1, 3) * 20, 0.1))


def random_render(dice: random.Random):
    meshes = [random_mesh(dice)] if dice.random() < 0.8 else [random_mesh(dice), random_mesh(dice)]
    arguments = {
        "mesh": meshes[0] if len(meshes) == 1 else join_meshes(meshes),
        "camera": random_camera(dice),
        "resolution": random_size(dice),
        "light": dice.choice([None, odd(dice, torch.randn(1, 9)), odd(dice, torch.randn(1, 9, 3))]),
        "background": dice.choice([None, odd(dice, torch.rand(3)), odd(dice, torch.rand(1, 3, 8, 8))]),
        "sigma": dice.choice([1 / 7000, 1e-2, 1.0, 1e-12] if dice.random() < 0.9 else [0.0, -1.0, NAN, INF]),
        "truncation": dice.choice([None, None, Truncation(0.1, 2)]),
    }

    def call(mesh: Mesh, **rest):
        leaves = [t.requires_grad_() for t in (mesh.vertices, mesh.texture) if t is not None and t.is_floating_point()]
        out = render(mesh, **rest)
        return (out.rgb, out.mask, out.silhouette, out.depth, out.normals, out.fragments.barycentric), leaves

    return call, arguments


def random_rasterize(dice: random.Random):
    clip = torch.randn(dice.choice([1, 2]), 9, 4)
    if dice.random() < 0.5:
        clip[..., 3] = clip[..., 3].abs() + 0.2
    arguments = {
        "clip": odd(dice, clip, 0.5).detach(),
        "faces": odd(dice, torch.randint(9, (dice.choice([1, 5]), 3)), 0.1),
        "size": random_size(dice),
    }

    def call(clip: torch.Tensor, faces: torch.Tensor, size):
        leaf = clip.requires_grad_() if clip.is_floating_point() else clip
        fragments = rasterize(leaf, faces, size, parallel=dice.random() < 0.2)
        soft = soft_silhouette(leaf, faces, fragments.face_index, dice.choice([1e-4, 1e-2, 10.0]))
        return (fragments.barycentric, fragments.depth, fragments.mask, soft), [leaf]

    return call, arguments


def random_surface(dice: random.Random):
    arguments = {
        "attributes": odd(dice, torch.rand(dice.choice([1, 2]), 5, 3, 2)).detach(),
        "barycentric": odd(dice, torch.rand(2, 3, 4, 3), 0.1).detach(),
        "texture": odd(dice, torch.rand(dice.choice([1, 2]), 3, 4, dice.choice([1, 6]))).detach(),
    }
    index = torch.randint(-1, dice.choice([5, 5, 5, 9]), (2, 3, 4))

    def call(attributes: torch.Tensor, barycentric: torch.Tensor, texture: torch.Tensor):
        leaves = [t.requires_grad_() for t in (attributes, barycentric, texture) if t.is_floating_point()]
        uv = interpolate(attributes, Fragments(index, barycentric, barycentric[..., 0]))
        return (uv, sample_texture(texture, uv * 3 - 1, index)), leaves

    return call, arguments
