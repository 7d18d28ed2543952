"""What the renderer shows for: 100 random scenes against float64 central differences and against the definition."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from ganverse_nb.geometry.camera import Camera, FreeCamera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.render import reference
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.render.renderer import RenderOutput, render
from ganverse_nb.render.silhouette import soft_silhouette

SCENES, SIZE, STEP = 100, (12, 15), 1e-6
CAMERA = ("azimuth", "elevation", "distance", "fov")


@dataclass(frozen=True)
class Scene:
    """A bumpy textured sphere or a soup of triangles, its light and its camera, all in float64."""

    mesh: Mesh
    values: dict[str, torch.Tensor]

    def render(self, **changes: torch.Tensor) -> RenderOutput:
        v = self.values | changes
        camera = FreeCamera.like(Camera.orbit(*(v[k] for k in CAMERA))).turned(v["rotation"])
        mesh = replace(self.mesh, vertices=v["vertices"], texture=v["texture"])
        return render(mesh, camera, SIZE, light=v["light"], sigma=5e-3, cut=1e-12)


def scene(seed: int) -> Scene:
    random = torch.Generator().manual_seed(seed)

    def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        return low + (high - low) * torch.rand(*shape, generator=random, dtype=torch.float64)

    if seed % 2:
        sphere = uv_sphere(4, 6)
        vertices = sphere.vertices * uniform(1, sphere.vertices.shape[1], 1, low=0.35, high=0.6)
        mesh = Mesh(vertices, sphere.faces, sphere.face_uvs)
    else:
        mesh = Mesh(uniform(1, 18, 3, low=-0.5, high=0.5), torch.arange(18).reshape(6, 3), uniform(6, 3, 2))
    light = 0.15 * torch.randn(1, 9, 3, generator=random, dtype=torch.float64)
    light[:, 0] = 1.8
    values = {
        "vertices": mesh.vertices,
        "texture": uniform(1, 3, 6, 8, low=0.1, high=0.9),
        "light": light,
        "azimuth": uniform(1, high=360),
        "elevation": uniform(1, low=-60, high=60),
        "distance": uniform(1, low=2, high=3),
        "fov": uniform(1, low=25, high=40),
        "rotation": uniform(1, 3, low=-4, high=4),
    }
    return Scene(mesh, values)


def test_gradients_are_finite_differences() -> None:
    """Relative error <= 1e-4 for vertices, texture, light and every camera parameter.

    The loss weighs colour, silhouette, depth and normals at random. A difference is taken along the gradient plus
    nearly as much at random. Where a pixel changes its face within the step (a tie) there is no derivative; another
    direction is taken then, and such ties must stay rare.
    """
    worst, ties, checked = dict.fromkeys(scene(0).values, 0.0), 0, 0
    for seed in range(SCENES):
        here, random = scene(seed), torch.Generator().manual_seed(1000 + seed)
        weights = torch.randn(1, 8, *SIZE, generator=random, dtype=torch.float64)

        def loss(out: RenderOutput, weights: torch.Tensor = weights) -> torch.Tensor:
            return (torch.cat([out.rgb, out.silhouette, out.depth, out.normals], 1) * weights).sum()

        leaves = {k: v.clone().requires_grad_() for k, v in here.values.items()}
        out = here.render(**leaves)
        grads = dict(zip(leaves, torch.autograd.grad(loss(out), list(leaves.values()))))
        assert (out.mask > 0).sum() > 4, seed
        for name, grad in grads.items():
            assert grad.norm() > 1e-3, (seed, name)
            for _ in range(4):
                direction = torch.randn(grad.shape, generator=random, dtype=torch.float64)
                direction = grad / grad.norm() + 0.9 * direction / direction.norm()
                direction = direction / direction.norm()
                with torch.no_grad():
                    ahead, behind = (here.render(**{name: here.values[name] + s * direction}) for s in (STEP, -STEP))
                if torch.equal(ahead.face_index, behind.face_index):
                    break
                ties += 1
            numeric = (loss(ahead) - loss(behind)) / (2 * STEP)
            analytic = (grad * direction).sum()
            error = abs(numeric - analytic) / max(abs(analytic), 0.1 * grad.norm())
            worst[name], checked = max(worst[name], error.item()), checked + 1
    print(f"{checked} checks, {ties} ties, worst relative error " + str({k: f"{v:.1e}" for k, v in worst.items()}))
    assert ties <= 0.01 * checked
    assert max(worst.values()) <= 1e-4, worst


def test_agrees_with_the_definition() -> None:
    """In float32: ids equal on >= 99.9 % of all pixels, the soft mask within 1e-5 of the definition."""
    same, total, worst = 0, 0, 0.0
    for seed in range(SCENES):
        here = scene(seed)
        camera = Camera.orbit(*(here.values[k] for k in CAMERA))
        clip = camera.to_clip(here.values["vertices"], 1.25).float().double()  # what both are given
        ours = rasterize(clip.float(), here.mesh.faces, (24, 30))
        truth = reference.rasterize(clip, here.mesh.faces, (24, 30))
        same, total = same + int((ours.face_index == truth.face_index).sum()), total + truth.face_index.numel()
        for sigma in (1 / 7000, 5e-3):
            soft = soft_silhouette(clip.float(), here.mesh.faces, truth.face_index, sigma)
            wanted = reference.soft_silhouette(clip, here.mesh.faces, truth.face_index, sigma)
            worst = max(worst, (soft.double() - wanted).abs().max().item())
    print(f"ids equal on {same / total:.5%} of {total} pixels, soft masks within {worst:.1e}")
    assert same >= 0.999 * total and worst <= 1e-5
