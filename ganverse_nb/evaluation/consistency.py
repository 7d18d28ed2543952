"""Figure J as numbers: how well the GAN with swapped view codes, the mapping alone, and StyleGAN-R keep to a scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.evaluation.kid import SegmenterFeatures, kernel_distance
from ganverse_nb.gan.generator import Generator
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.perceptual import Features
from ganverse_nb.neural_renderer.codes import exact_codes
from ganverse_nb.neural_renderer.consistency import AZIMUTHS, Shot, asked_cameras, consistency, shots
from ganverse_nb.neural_renderer.data import CHUNK, Pictures, PropertyDataset
from ganverse_nb.neural_renderer.properties import Properties, PropertyEncoder
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.render.renderer import render

OBJECTS, PICTURES = 12, 400
FIT_EVERY = 3  # shots, of which one's cameras are fitted: every third azimuth
TEACHER, SECOND = "GAN", "DIB-R"


@dataclass(frozen=True)
class RendererScores:
    """Numbers of `Consistency.numbers`, by renderer, and how real its pictures are.

    `kid` compares them with real ones on own features, `perceptual_kid` on those of the perceptual distance. Neither
    sees speckles (docs/stylegan_r.md). `grain_kid` does: on the last of these features, against the GAN's pictures.

    Attributes:
        numbers: renderer -> name -> number. The GAN is asked for its own view codes' cameras only. DIB-R, pasted on
            backgrounds, paints exactly what was asked for: its row is what the measures themselves get wrong.
        features: which features the perceptual distance and the KID were measured on.
    """

    numbers: dict[str, dict[str, float]]
    features: tuple[str, str]


@torch.no_grad()
def score_renderers(
    renderers: Mapping[str, StyleGANR],
    teacher: Generator,
    dataset: MultiViewDataset,
    model: InverseGraphicsModel,
    encoder: PropertyEncoder,
    perceptual: Features,
    real: Tensor,
    seed: int = 0,
    azimuths: int = AZIMUTHS,
    pictures: int = PICTURES,
) -> RendererScores:
    """All numbers on held-out contents of the dataset.

    Args:
        renderers: by name; the GAN itself is added as `TEACHER`, and DIB-R as `SECOND`, which has no KID.
        encoder: with the segmenter's masks, which no renderer was trained with.
        perceptual: compares pictures with DIB-R's renders inside the object.
        real: [N, 3, R, R] in [0, 1], what pictures are to be like.
        azimuths: that renderers are asked for, at each elevation and scale.
        pictures: of each, at most, that the KID is of.

    Raises:
        ValueError: no held-out content has a kept picture.
    """
    test = dataset.test_contents
    held_out = Pictures.of_dataset(dataset.images, dataset.masks, dataset.keep, test)
    data = PropertyDataset(held_out, model.network, model.cameras().detach(), progress=False)
    shown = data.usable(range(len(test)))[:OBJECTS]
    rng = torch.Generator().manual_seed(seed)
    rows = data.sample_rows(shown, rng)
    objects = data.properties(rows)
    styles = exact_codes(teacher, dataset.view_w, dataset.content_w[test], dataset.split_layer)

    def swapped() -> Iterator[Shot]:
        for view in torch.unique(held_out.view).tolist():
            views = torch.full_like(shown, view)
            asked = objects.replace(camera=data.cameras[views])
            yield asked, teacher.squares(styles.styles(shown, views), data.pictures.images.shape[-1])

    cameras, usual = asked_cameras(data.cameras, azimuths), data.cameras.distance.mean()
    found = {TEACHER: consistency(swapped(), encoder, perceptual.distance, 1).numbers()}
    for name, paint in {**{k: v.synthesize for k, v in renderers.items()}, SECOND: pasted}.items():
        made = shots(paint, objects, cameras)
        found[name] = consistency(made, encoder, perceptual.distance, FIT_EVERY, usual).numbers()

    features = SegmenterFeatures()
    count = min(pictures, len(data))
    mixed = [torch.randint(len(data), (count,), generator=rng).split(CHUNK) for _ in range(3)]
    drawn: dict[str, list[Tensor]] = {name: [] for name in (TEACHER, *renderers)}
    for seen, textured, around in zip(*mixed, strict=True):
        scene = data.properties(seen).replace(texture=data.texture(textured), background=data.background(around))
        drawn[TEACHER].append(data.images(seen))
        for name, renderer in renderers.items():
            drawn[name].append(renderer.synthesize(scene))
    parts = list(real.split(CHUNK))
    others = torch.ones(len(data), dtype=torch.bool).index_fill(0, torch.cat(mixed[0]), False).nonzero().flatten()
    own = [data.images(rows) for rows in others[:pictures].split(CHUNK)]
    compared: dict[str, tuple[Callable[[Tensor], Tensor], list[Tensor]]] = {
        "kid": (features, parts),
        "perceptual_kid": (perceptual.describe, parts),
    }
    if len(others) > 1:
        compared["grain_kid"] = partial(perceptual.describe, last=True), own
    for key, (describe, against) in compared.items():
        truth = torch.cat([describe(part) for part in against])
        for name, made_by in drawn.items():
            found[name][key] = kernel_distance(truth, torch.cat([describe(part) for part in made_by]), seed)[0]
    return RendererScores(found, (perceptual.name, features.name))


def pasted(properties: Properties) -> Tensor:
    """DIB-R's render before the background, whose unknown part has the mean colour of the rest: [B, 3, R, R]."""
    output = render(properties.mesh(), properties.camera, properties.background.shape[-1])
    colors, known = properties.background[:, :3], properties.background[:, 3:]
    mean = colors.sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True).clamp_min(1)
    return torch.lerp(colors + mean * (1 - known), output.rgb, output.mask)
