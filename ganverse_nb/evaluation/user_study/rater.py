"""An automatic rater for studio photographs: it prefers the result that is nearer to the truth in views never shown.

It measures; it does not see as people do. Its answers are marked as automatic and `read_answers` keeps them apart.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ganverse_nb.evaluation.alignment import align_points
from ganverse_nb.evaluation.surfaces import sample_surface
from ganverse_nb.evaluation.user_study.ballot import AUTOMATIC, ORDERS, Answer, as_record
from ganverse_nb.evaluation.user_study.survey import QUESTIONS, Survey
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, corners
from ganverse_nb.render.renderer import RenderOutput, render
from ganverse_nb.render.texture import interpolate
from ganverse_nb.runtime.files import write_json
from ganverse_nb.studio.photos import Photos

STANDPOINTS = ((60.0, 5.0), (75.0, 15.0), (90.0, 25.0))
"""Where the automatic raters look from: each begins so many degrees beside the photograph, at so many above."""
VIEWS, STEP = 5, 60.0  # the photograph's own view is the sixth of the circle, and is left out
INDIFFERENCE = 0.05  # errors that differ by less, relative to their mean, are no preference
POINTS = 1500  # of either surface, for the alignment


@dataclass(frozen=True)
class Errors:
    """How far two systems' results are from the truth, in novel views: lower is better.

    Attributes:
        shape: [N, 2] in [0, 1]: over the pixels that the result or the truth covers, the angle between their normals
            as a share of 180 degrees, and 1 where only one of them is.
        texture: [N, 2] in [0, 1]: over the pixels that both cover, mean difference of colour (L1) after one gain per
            object: studio colours are unlit, while a network's texture has the photograph's light in it.
    """

    shape: Tensor
    texture: Tensor

    def choices(self, indifference: float = INDIFFERENCE) -> Tensor:
        """[N, 3] int64 by question (shape, texture, overall): 0 or 1 for a system, 2 for no preference.

        Overall adds up the relative differences of shape and of texture.
        """
        relative = [(e[:, 1] - e[:, 0]) / e.mean(1).clamp(min=1e-6) for e in (self.shape, self.texture)]
        return torch.stack([_decide(r, indifference) for r in (*relative, (relative[0] + relative[1]) / 2)], 1)


def _decide(advantage: Tensor, indifference: float) -> Tensor:
    """Advantages [N] of the first system -> choices [N]."""
    return torch.where(advantage.abs() < indifference, 2, (advantage < 0).long())


@torch.no_grad()
def novel_view_errors(
    photos: Photos, results: tuple[Mesh, Mesh], azimuth: float, elevation: float, size: int = 64
) -> Errors:
    """Errors of two systems' textured meshes [N] for N photographs, from five sides that the photograph does not show.

    Args:
        results: aligned with the truth, see `aligned`.
        azimuth: of the first view, degrees from the photograph's; the others follow every 60 degrees.
    """
    turns = azimuth + STEP * torch.arange(VIEWS)
    errors = torch.zeros(len(photos), 2, 2)
    true_meshes, true_colors = photos.mesh(), photos.colors()
    for i in range(len(photos)):
        camera = Camera.orbit(photos.camera.azimuth[i] + turns, elevation, 2.2)
        truth = render(true_meshes[i], camera, size)
        color = interpolate(corners(true_colors[i : i + 1], true_meshes.faces), truth.fragments).permute(0, 3, 1, 2)
        for system, mesh in enumerate(results):
            seen = render(mesh[i], camera, size)
            errors[i, system, 0] = _shape_error(seen, truth, camera)
            errors[i, system, 1] = _color_error(seen.rgb, color, seen.mask * truth.mask)
    return Errors(errors[:, :, 0], errors[:, :, 1])


def _shape_error(seen: RenderOutput, truth: RenderOutput, camera: Camera) -> Tensor:
    both, either = seen.mask * truth.mask, (seen.mask + truth.mask).clamp(max=1)
    cosine = (_facing(seen, camera) * _facing(truth, camera)).sum(1, keepdim=True)
    return (cosine.clamp(-1, 1).acos() / torch.pi * both + either - both).sum() / either.sum().clamp(min=1)


def _facing(output: RenderOutput, camera: Camera) -> Tensor:
    """Normals [B, 3, H, W] turned to the camera's side: thin parts of studio objects have one face for both sides."""
    away = torch.einsum("bchw,bc->bhw", output.normals, camera.axes()[:, 2])[:, None] < 0
    return torch.where(away, -output.normals, output.normals)


def _color_error(seen: Tensor, truth: Tensor, both: Tensor) -> Tensor:
    """1 where nothing is covered by both."""
    if both.sum() == 0:
        return torch.ones(())
    gain = (truth * both).sum() / (seen * both).sum().clamp(min=1e-6)
    return ((seen * gain).clamp(0, 1) - truth).abs().mul(both).sum() / (3 * both.sum())


def aligned(mesh: Mesh, truth: Mesh, seed: int = 0) -> Mesh:
    """Meshes [N], each moved, turned and scaled onto the truth [N] (`align_points`).

    Cameras learned from pictures leave this freedom, and no person would hold it against a result.
    """
    moved = []
    generator = torch.Generator().manual_seed(seed)
    for i in range(len(mesh)):
        source = sample_surface(mesh.vertices[i], mesh.faces, POINTS, generator).points
        target = sample_surface(truth.vertices[i], truth.faces, POINTS, generator).points
        moved.append(align_points(source, target, "similarity")(mesh.vertices[i].double()).float())
    return replace(mesh, vertices=torch.stack(moved))


def write_automatic_answers(directory: str | Path, survey: Survey, photos: Photos, results: tuple[Mesh, Mesh]) -> None:
    """One file of answers for each of the `STANDPOINTS`, as if three raters had answered, marked as automatic.

    Args:
        photos, results: of the comparisons that the survey was made of, in their order.
    """
    truth = photos.mesh()
    first, second = (aligned(mesh, truth) for mesh in results)
    for number, (azimuth, elevation) in enumerate(STANDPOINTS, 1):
        rater = f"automatic-{number}"
        rng = random.Random(f"{survey.id} {rater}")
        choices = novel_view_errors(photos, (first, second), azimuth, elevation).choices()
        orders = rng.sample([ORDERS[n % 2] for n in range(len(survey.items))], len(survey.items))
        answers = []
        for item, order in zip(survey.items, orders, strict=True):
            names = (item.name(0), item.name(1), "none")
            said = {q: names[choice] for q, choice in zip(QUESTIONS, choices[item.comparison].tolist())}
            answers.append(Answer(item.id, order, seconds=0, **said))
        write_json(Path(directory) / f"{rater}.json", as_record(survey.id, rater, AUTOMATIC, answers))
