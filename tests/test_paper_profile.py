"""Profile `paper` from a GAN's file and labelled view codes to an edited picture, with small numbers.

NVIDIA's networks cannot be shipped; a file that is read in the same way stands in for them, and its pictures of 64 px
are scaled to 32 as those of 512 px are to 256.
"""

import pytest
import torch

from ganverse_nb.gan.annotation import ViewAnnotation
from ganverse_nb.gan.checkpoint import bundled, load_generator
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.neural_renderer.renderer import render_both
from ganverse_nb.workflow import experiments, stages
from ganverse_nb.workflow.inputs import labelled_views
from ganverse_nb.workflow.run import open_run

SETTINGS = {
    "gan.network": str(bundled("car", "teacher")),
    "gan.resolution": 64,
    "views.split_layer": 2,
    "segmenter.weights": "bundled",
    "multiview.contents": 10,
    "multiview.test_contents": 2,
    "multiview.resolution": 32,
    "inverse.texture_size": [32, 64],
    "inverse.pairs": 2,
    "inverse.steps": 6,
    "inverse.perceptual_after": 3,
    "inverse.perceptual_pictures": 4,
    "inverse.perceptual_backbone": "discriminator",
    "inverse.head_steps": 2,
    "inverse.head_pictures": 2,
    "inverse.head_renders": 1,
    "ablation.steps": 4,
    "stylegan_r.warmup_steps": 4,
    "stylegan_r.finetune_steps": 2,
    "stylegan_r.batch": 4,
    "stylegan_r.fresh_contents": 6,
    "stylegan_r.mask_steps": 4,
    "stylegan_r.validation_contents": 3,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("paper")
    run = open_run("paper", "car", 0, root / "runs", root / "figures", SETTINGS)
    bundled_views = ViewCodes.load("car").orbit
    labels = ViewAnnotation(bundled_views.codes[::3], 2, labelled_views(run))
    for azimuth_bin in bundled_views.azimuth_bin[::3]:
        labels.label(int(azimuth_bin))
    return run


def test_the_dataset_is_made_with_the_labelled_codes_at_the_size_asked_for(run):
    dataset, views = stages.multiview(run), stages.view_codes(run)
    assert dataset.resolution == 32 and dataset.num_views == len(views) == 8
    assert torch.equal(dataset.view_w, views.codes) and dataset.split_layer == 2
    gan, whole = load_generator("car"), dataset.content_w[3]
    w_plus = whole[None, None].repeat(1, gan.num_ws, 1)
    w_plus[:, :2] = views.codes[5]
    with torch.no_grad():
        wanted = gan.squares(torch.cat(gan.styles(w_plus), 1), 32)[0]
    assert (dataset.images[3, 5].float() / 255 - wanted).abs().max() < 0.51 / 255


def test_the_whole_chain_runs_and_pictures_are_as_large_as_the_gan_makes_them(run):
    model, renderer = stages.inverse_graphics(run), stages.stylegan_r(run)
    assert model.resolution == renderer.resolution == 32
    dataset = stages.multiview(run)
    content, view = dataset.kept_pictures(dataset.test_contents)
    images, masks = dataset.batch(content[:2], view[:2])
    found = render_both(renderer, renderer.encode(images, masks))
    assert found.image.shape == found.dibr.rgb.shape == (2, 3, 32, 32)
    large = renderer.synthesize_full(found.properties)
    assert large.shape == (2, 3, 64, 64)
    shrunk = torch.nn.functional.interpolate(large, (32, 32), mode="bilinear", antialias=True)
    torch.testing.assert_close(shrunk, found.image)
    used = {"teacher.safetensors", labelled_views(run).name, "segmenter-car.safetensors"}
    assert used == {w["file"] for w in run.manifest["weights"].values()}


def test_a_variant_of_the_ablation_is_trained_once_and_measured_on_the_gan_alone(run):
    scores = experiments.ablation_scores(run, "no_multiview", 3)
    assert set(scores.numbers()) == {"same_view_iou", "novel_view_iou", "novel_view_color_error"}
    assert scores.photos == {} and not run.is_complete("ground_truth_views")
    marks = [run.directory / f"ablation_no_multiview_3{part}" / "complete.json" for part in ("", "_scores")]
    before = [mark.stat().st_mtime_ns for mark in marks]
    assert experiments.ablation_scores(run, "no_multiview", 3).numbers() == scores.numbers()
    assert [mark.stat().st_mtime_ns for mark in marks] == before
