"""Masks from a GAN's own features: ten clicks on one content are carried to all."""

import pytest
import torch

from ganverse_nb.gan.clicks import Click, Clicks, clicked_codes, default_split
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import broadcast, sample_w
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.tensors import weights_of
from ganverse_nb.segmentation.feature_masks import divide, masks_from_clicks, masks_from_clusters, ridge
from ganverse_nb.segmentation.mask_rcnn import load_segmenter


def simulated(generator, truth, seed=0, views=5):
    """Two clicks in each of five views, inside and outside of masks [10, 1, R, R], away from the outline."""
    rng, side = torch.Generator().manual_seed(seed), truth.shape[-1]
    deep = -torch.nn.functional.max_pool2d(-truth, 3, 1, 1)
    near = torch.nn.functional.max_pool2d(truth, 5, 1, 2)
    points = []
    for view in range(views):
        for where, on in ((deep[view, 0] > 0.5, True), (near[view, 0] < 0.5, False)):
            places = where.nonzero()
            y, x = ((places[torch.randint(len(places), (1,), generator=rng)][0] + 0.5) / side).tolist()
            points.append(Click(view, x, y, on))
    return Clicks(weights_of(generator), 0, default_split(generator), tuple(points))


@pytest.fixture(scope="module")
def car():
    generator, segmenter = Generator.from_pretrained("car"), load_segmenter("car", "bundled")
    none = Clicks(weights_of(generator), 0, default_split(generator))
    codes = clicked_codes(generator, none)
    with torch.no_grad():
        truth = segmenter.segment(generator.synthesize(generator.styles(codes))).mask
    return generator, segmenter, truth


def agreement(found, generator, segmenter, count=32):
    """Mean IoU with the segmenter that the studio has trained, on contents that nobody clicked on."""
    pictures, mine = found.cut(broadcast(sample_w(generator, count, 77), generator.num_ws))
    theirs = segmenter.segment(pictures)
    single = theirs.count == 1
    assert single.sum() > count / 2
    return float(hard_iou(mine.mask, theirs.mask)[single].mean())


def test_ten_clicks_on_one_content_cut_out_all(car):
    generator, segmenter, truth = car
    found = masks_from_clicks(generator, simulated(generator, truth))
    assert agreement(found, generator, segmenter) > 0.85 and found.told.startswith("10 clicks")


def test_clusters_do_without_a_click(car):
    generator, segmenter, _ = car
    assert agreement(masks_from_clusters(generator), generator, segmenter) > 0.6


def test_clicks_of_one_kind_are_not_enough(car):
    generator, _, truth = car
    clicks = simulated(generator, truth)
    for on, words in ((True, "All 5 clicks are on the object"), (False, "All 5 clicks are on the background")):
        some = Clicks(clicks.network, 0, clicks.split_layer, tuple(p for p in clicks.points if p.object is on))
        with pytest.raises(ExpectedError, match=words):
            masks_from_clicks(generator, some)
    with pytest.raises(ExpectedError, match="No click is there yet"):
        masks_from_clicks(generator, Clicks(clicks.network, 0, clicks.split_layer))


def test_a_ridge_of_no_strength_is_least_squares_and_scores_divide_between_their_groups():
    torch.manual_seed(0)
    values, true = torch.randn(200, 3), torch.tensor([1.0, -2.0, 0.5])
    weight, bias = ridge(values, values @ true + 0.7, torch.ones(200), 1e-8)
    torch.testing.assert_close(weight, true, atol=1e-4, rtol=1e-4)
    assert float(bias) == pytest.approx(0.7, abs=1e-4)
    groups = torch.cat([torch.randn(900) * 0.2 - 1, torch.randn(100) * 0.2 + 2])
    assert -0.3 < float(divide(groups)) < 1.4
