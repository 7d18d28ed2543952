"""How well a GAN's own features cut out its objects: `python -m benchmarks.feature_masks [car horse bird] [--seeds 4]`.

The reference is the package's segmenter, which the studio's photos have trained: nobody knows the true masks of a
GAN's pictures. Its own IoU with true masks, on photographs, is printed beside. Clicks are drawn from its masks: two in
each of five pictures of one content, inside and outside, a pixel or two away from the outline, half of those outside
near the object. Judged are other contents under the package's view codes, where the reference sees one object.
"""

from __future__ import annotations

import argparse

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.gan.clicks import Click, Clicks, clicked_codes
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import mix, sample_w
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.runtime.tensors import weights_of
from ganverse_nb.segmentation.feature_masks import FeatureMasks, masks_from_clicks, masks_from_clusters
from ganverse_nb.segmentation.instances import instances
from ganverse_nb.segmentation.mask_rcnn import load_segmenter

FIVE = 5  # pictures that are clicked in, twice each


def draw_clicks(clicks: Clicks, truth: Tensor, seed: int) -> Clicks:
    """Ten clicks at random places of masks [V, 1, R, R]."""
    rng, side = torch.Generator().manual_seed(seed), truth.shape[-1]
    deep, clear = -F.max_pool2d(-truth, 3, 1, 1) > 0.5, F.max_pool2d(truth, 5, 1, 2) < 0.5
    near = F.max_pool2d(truth, 17, 1, 8) > 0.5
    points = []
    for view in range(FIVE):
        outside = clear[view, 0] & (near[view, 0] if view % 2 == 0 else True)
        for where, on in ((deep[view, 0], True), (outside, False)):
            places = where.nonzero()
            y, x = ((places[torch.randint(len(places), (1,), generator=rng)][0] + 0.5) / side).tolist()
            points.append(Click(view, x, y, on))
    return Clicks(clicks.network, clicks.seed, clicks.split_layer, tuple(points))


@torch.no_grad()
def measure(category: str, seeds: int, pictures: int) -> None:
    """Prints the IoU of ten clicks, seed by seed, and of clusters."""
    generator, views = Generator.from_pretrained(category), ViewCodes.load(category)
    segmenter = load_segmenter(category, "bundled")
    codes = views.codes[torch.arange(pictures) * 7 % len(views)]
    judged = mix(codes, sample_w(generator, pictures, 15), views.split_layer, generator.num_ws)
    reference = segmenter.segment(generator.synthesize(generator.styles(judged)))
    single = reference.count == 1
    blank = Clicks(weights_of(generator), 0, views.split_layer)
    truth = segmenter.segment(generator.synthesize(generator.styles(clicked_codes(generator, blank)))).mask
    features: list[Tensor] = []

    def iou(found: FeatureMasks) -> float:
        features[:] = features or found.columns.features(judged)  # of the same pictures, scaled in the same way
        score = found.columns.linear(features, found.weight, found.bias)
        mine = instances(torch.sigmoid(score)).mask
        return float(hard_iou(mine, reference.mask)[single].mean())

    clicked = [iou(masks_from_clicks(generator, draw_clicks(blank, truth, seed))) for seed in range(seeds)]
    print(category, "ten clicks:", [round(value, 3) for value in clicked], flush=True)
    print(f"{category}: mean {sum(clicked) / seeds:.3f}, worst {min(clicked):.3f}", flush=True)
    true = segmenter.provenance.get("held_out", {}).get("iou", float("nan"))
    print(f"{category}: clusters {iou(masks_from_clusters(generator)):.3f}; the reference on photographs: {true:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("categories", nargs="*", default=["car", "horse", "bird"])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--pictures", type=int, default=40)
    given = parser.parse_args()
    for category in given.categories:
        measure(category, given.seeds, given.pictures)


if __name__ == "__main__":
    main()
