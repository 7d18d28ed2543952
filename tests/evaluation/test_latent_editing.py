"""Figure 8: a latent code with another view code in it, and what is measured of turned pictures."""

import math

import pytest
import torch

from ganverse_nb.evaluation.latent_editing import TurnedPictures, score_turned, turn_codes
from ganverse_nb.gan.checkpoint import bundled, load_generator
from ganverse_nb.gan.latents import mix, sample_w
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.segmentation.mask_rcnn import load_segmenter
from ganverse_nb.studio.photos import make_photos


@pytest.fixture(scope="module")
def generator():
    return load_generator("car")


@pytest.fixture(scope="module")
def views():
    return ViewCodes.load(bundled("car", "views"))


def test_the_view_code_is_replaced_and_the_content_stays(generator, views):
    w, k = sample_w(generator, 2, seed=5), views.split_layer
    mine, other = views.codes[3:4].expand(2, -1), views.codes[9:10].expand(2, -1)
    turned = turn_codes(generator, mix(mine, w, k, generator.num_ws), views, torch.tensor([3, 9]))
    there = generator.synthesize(generator.styles(mix(other, w, k, generator.num_ws)))
    assert torch.equal(turned.turned[:, 0], turned.own)
    assert torch.allclose(turned.turned[:, 1], there, atol=1e-6)
    assert turned.azimuth.tolist() == views.azimuth[[3, 9]].tolist()


def test_scores_are_of_the_azimuth_asked_for_and_of_the_objects_own_colour():
    segmenter, photos = load_segmenter("car", "bundled"), make_photos("car", 3, 1)
    images = photos.image()
    masks = segmenter.segment(images).mask
    asked = torch.tensor([350.0, 90.0])
    read = asked.repeat(3) + torch.tensor([20.0, -2.0, 20.0, -4.0, 20.0, -6.0])
    dimmed = images[:, None].repeat(1, 2, 1, 1, 1)
    dimmed[:, 1] *= 1 - 1e-3  # no more than that, or the segmenter draws another mask
    scores = score_turned(TurnedPictures(images, dimmed, asked), images, masks, segmenter, lambda _: read)
    assert scores["azimuth_error"] == pytest.approx(6.0)  # the lower of the two in the middle
    assert scores["own_view_psnr"] == math.inf and scores["found"] == 1
    assert scores["color_error"] < 2e-3
    pictures = TurnedPictures(images, (images.flip(1) * 0.6)[:, None], asked[:1])
    changed = score_turned(pictures, images, masks, segmenter, lambda _: read[::2])
    assert changed["color_error"] > 0.02
