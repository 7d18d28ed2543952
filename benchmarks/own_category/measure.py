"""What a run of mugs made of photographs whose truth is known here, and which it never saw: rows `mug.truth.*`.

    python -m benchmarks.own_category.measure --run runs/mug-mini-seed0

A training without labels knows neither which way its views go round nor where they begin: its azimuth is that of the
camera up to one rotation, and one reflection. Both are found from all photographs together and taken off, as the one
similarity between its world and the true one is (`GAUGE`); how objects stand in that world is not fitted one by one.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from benchmarks.own_category.photograph import Photograph, photograph
from ganverse_nb.evaluation.alignment import Similarity, align_points, common_gauge
from ganverse_nb.evaluation.metrics import ShapeError, longest_side, surface_error
from ganverse_nb.evaluation.surfaces import Samples, outer_faces, sample_surface
from ganverse_nb.geometry.angles import angular_distance
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics.inference import reconstruct
from ganverse_nb.render.renderer import render
from ganverse_nb.runtime.rows import Measurement
from ganverse_nb.segmentation.detections import found_rows
from ganverse_nb.workflow import stages
from ganverse_nb.workflow.report import write_report
from ganverse_nb.workflow.run import Run, reopen_run

SEED = 1  # the folder of photographs has 0
POINTS, ASKED = 50_000, 8_000  # as `evaluation.ground_truth` samples surfaces


@dataclass(frozen=True)
class Turn:
    """predicted = sign * true + offset, in degrees; sign is -1 where the views go round the other way."""

    sign: int
    offset: float

    def to_true(self, predicted: Tensor) -> Tensor:
        """Azimuths in the true world."""
        return self.sign * (predicted - self.offset) % 360.0

    def similarity(self) -> Similarity:
        """From the model's world to the true one: turned about y and, with a sign of -1, mirrored in x = 0."""
        angle = torch.deg2rad(torch.tensor(-self.offset, dtype=torch.float64))
        c, s = angle.cos(), angle.sin()
        rotation = torch.stack(
            [torch.stack([c, 0 * c, s]), torch.tensor([0.0, 1.0, 0.0]).double(), torch.stack([-s, 0 * c, c])]
        )
        mirror = torch.diag(torch.tensor([float(self.sign), 1.0, 1.0], dtype=torch.float64))
        return Similarity(1.0, mirror @ rotation, torch.zeros(3, dtype=torch.float64))


def fit_turn(predicted: Tensor, true: Tensor) -> Turn:
    """The one turn between two sets of azimuths [N] in degrees that leaves the smallest median error."""
    best, error = Turn(1, 0.0), float("inf")
    for sign in (1, -1):
        for offset in torch.arange(0, 360, 0.5).tolist():
            found = float(angular_distance(Turn(sign, offset).to_true(predicted), true).median())
            if found < error - 1e-6:
                best, error = Turn(sign, offset), found
    return best


def measure(run: Run, count: int) -> dict[str, Measurement]:
    """The rows, by their keys."""
    taken = [
        photograph(np.random.default_rng([SEED, number]), run.config.resolution)
        for number in tqdm(range(count), desc="photographs of known mugs")
    ]
    images, true_masks = (torch.stack([getattr(one, name) for one in taken]) for name in ("rgb", "mask"))
    true_masks = (true_masks >= 0.5).float()
    rows, masks = found_rows(stages.segmenter(run).segment(images))
    taken, images, true_masks = [taken[row] for row in rows.tolist()], images[rows], true_masks[rows]
    model = stages.inverse_graphics(run)
    mesh, camera = reconstruct(images, masks, model)
    true = torch.cat([one.camera.azimuth for one in taken])
    turn = fit_turn(camera.azimuth, true)
    azimuth = angular_distance(turn.to_true(camera.azimuth), true)
    shapes = shape_errors(mesh, taken, turn.similarity())
    drawn = render(mesh, camera, images.shape[-1]).mask
    found = {
        "truth.photographs": Measurement(count),
        "truth.photo_found_share": Measurement(len(taken) / count),
        "truth.mask_iou": Measurement(float(hard_iou(masks, true_masks).mean())),
        "truth.iou": Measurement(float(hard_iou(drawn, true_masks).mean())),
        "truth.azimuth_error_deg": Measurement(float(azimuth.median()), "°"),
        "truth.azimuth_error_p90_deg": Measurement(float(azimuth.quantile(0.9)), "°"),
        "truth.azimuth_reversed_share": Measurement(float((azimuth > 90).float().mean())),
        "truth.azimuth_offset_deg": Measurement(turn.offset, "°"),
        "truth.views_go_round_the_other_way": Measurement(float(turn.sign < 0)),
        "truth.elevation_error_deg": Measurement(
            float((camera.elevation - torch.cat([one.camera.elevation for one in taken])).abs().median()), "°"
        ),
    }
    for how, errors in shapes.items():
        chamfer = torch.tensor([error.chamfer_l1 for error in errors])
        scores = torch.tensor([error.f_score[1] for error in errors])
        suffix = "" if how == "gauge" else "_aligned"
        found[f"truth.chamfer{suffix}"] = Measurement(float(chamfer.mean()), "of the longest side")
        found[f"truth.f2{suffix}"] = Measurement(float(scores.mean()), "at 2 %")
    return found


def shape_errors(mesh: Mesh, taken: list[Photograph], turned: Similarity) -> dict[str, list[ShapeError]]:
    """Errors of the outsides of meshes [N], after one similarity for all ("gauge") and one for each ("similarity").

    Args:
        turned: brings the world of the meshes to the true one but for a small similarity.
    """
    generator = torch.Generator().manual_seed(0)
    pairs = []
    for index, one in enumerate(tqdm(taken, desc="surfaces")):
        mine = _outside(turned(mesh.vertices[index].double()).float(), mesh.faces, generator)
        theirs = _outside(one.mesh.vertices[0], one.mesh.faces, generator)
        pairs.append((mine, theirs, longest_side(one.mesh.vertices[0])))
    single = [align_points(mine.points, theirs.points, "similarity") for mine, theirs, _ in tqdm(pairs, desc="ICP")]
    gauge = [common_gauge(single)] * len(pairs)
    return {
        how: [surface_error(mine, theirs, t, size, ASKED) for (mine, theirs, size), t in zip(pairs, transforms)]
        for how, transforms in (("gauge", gauge), ("similarity", single))
    }


def _outside(vertices: Tensor, faces: Tensor, generator: torch.Generator) -> Samples:
    return sample_surface(vertices, faces, POINTS, generator, outer_faces(vertices, faces))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--figures", type=Path, default=Path("figures"))
    parser.add_argument("--count", type=int, default=64)
    arguments = parser.parse_args()
    opened = reopen_run(arguments.run, arguments.figures)
    command = f"python -m benchmarks.own_category.measure --run {arguments.run}"
    for row in opened.record_all(measure(opened, arguments.count), command):
        print(row.key, row.ours, row.unit)
    write_report(opened)
