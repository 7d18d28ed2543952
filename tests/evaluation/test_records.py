"""What the notebooks write into the report: every key, with its unit, the paper's value and the bar."""

from types import SimpleNamespace as Fake

import pytest
import torch

from ganverse_nb.categories import FULL_BARS
from ganverse_nb.config import AblationConfig
from ganverse_nb.evaluation import records
from ganverse_nb.evaluation.camera_initialization import CameraDifference
from ganverse_nb.evaluation.domain_check import INSIDE, DomainCheck
from ganverse_nb.evaluation.measured import row_of
from ganverse_nb.evaluation.spread import Cell
from ganverse_nb.neural_renderer.joint_variants import VARIANTS as JOINT_VARIANTS
from ganverse_nb.runtime.rows import Measurement as M
from ganverse_nb.runtime.rows import is_met

VALUES = torch.tensor([0.2, 0.4, 0.9, float("nan")])
TRUTH = ("chamfer", "f1", "f2", "f5", "normals", "volume_iou", "color_visible", "color_hidden")
TRUTH += tuple(f"{name}{view}" for name in ("psnr", "ssim", "perceptual", "iou") for view in ("", "_above"))
LIGHT = ("albedo", "shading", "direction", "spread", "true_spread", "contrast", "true_contrast")
TURNED = {"own_view_psnr": 20.0, "azimuth_error": 5.0, "color_error": 0.1, "found": 1.0}
POSE = Fake(azimuth=-VALUES[:3], elevation=VALUES[:3], distance=VALUES[:3], front_back_flipped=VALUES[:3] > 0.5)
GATE = Fake(chosen=Fake(silhouette=0.3), photos=Fake(silhouette=0.4), regressor_error=3.0)
SCORED = Fake(values=lambda: dict.fromkeys(TRUTH, VALUES[:3]))
DIFFERENCE = CameraDifference(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0)
MEASURES = ("same_view_iou", "novel_view_iou", "photo_hidden_color_error", "photo_perceptual_distance")
CELLS = {m: {v: Cell({0: 0.1 * i}) for i, v in enumerate(AblationConfig.variants)} for m in MEASURES}
LIT = Fake(medians=lambda: dict.fromkeys(LIGHT, 1.0))
VOTE = Fake(preference=Fake(share=[0.6, 0.3, 0.1]))
CHECK = DomainCheck(1.0, {INSIDE: [0.1, 2.0], "go-kart": [3.0, None], "bus": [0.5, 4.0]})
CONSISTENT = dict.fromkeys(records.CONSISTENCY_BARS, 0.5)
SWEEPS = ("StyleGAN-R", "mapping only", "other dimensions at their mean")
SWEEP = Fake(numbers=lambda: {"correlation": 0.9, "median_error": 3.0, "p90_error": 9.0, "offset": 1.0})


def everything():
    photos = Fake(
        rows=lambda: [("all", dict.fromkeys(["iou", "chamfer", "f2", "chamfer_as_found", "f2_as_found"], 0.5))],
        found=torch.tensor([True, False]),
        azimuth_error=Fake(median=4.0),
    )
    audit = Fake(errors={"predicted": POSE, "refined": POSE}, confused=0.0, iou={"true": VALUES, "refined": VALUES})
    points = Fake(seconds=90.0, placed=torch.ones(2, 3, dtype=torch.bool), picture_size=64)
    motion = Fake(error=torch.full((2, 3), 0.1), outlier=torch.eye(2, 3, dtype=torch.bool))
    overlap = Fake(hard=0.8, soft=0.7, head_hard=0.6)
    cells = {(model, place): overlap for model in ("photo", "GAN") for place in ("photo", "GAN")}
    kinds = {kind: Fake(chamfer=VALUES[:3], iou=VALUES[:3]) for kind in CHECK.scores}
    sizes = Fake(camera_dims=7, view_dims=100)
    heights = Fake(correlation=0.9, gain=0.8)
    parts = [
        records.views(Fake(largest_gap=20.0, median_deviation=2.0), GATE, Fake(value=0.1)),
        records.teacher(1000, _Codes(), Fake(split_layer=3)),
        records.segmentation({"iou": 0.9, "single": 1.0}),
        records.multiview({"contents": 10, "kept": 90, "pictures": 100}),
        records.initialization(
            {"keypoint": 1.0, "view": 2.0}, {"keypoint": 0.9, "view": 0.88}, DIFFERENCE, DIFFERENCE, points, motion,
            {15.0: [{"azimuth_error": 7.0}, {"azimuth_error": 1.0}]},
        ),
        records.fitted_mesh(Fake(iou=VALUES[:3]), Fake(iou=VALUES[:2], chamfer={0: 0.1, 120: 0.02})),
        records.held_out(Fake(same_view=0.9, novel_view=0.8), Fake(same_view=0.95, novel_view=0.9)),
        records.learned_cameras(Fake(before=Fake(mean=7.0), after=Fake(mean=2.0))),
        records.photographs(photos),
        records.truth(dict.fromkeys(("none", "gauge", "similarity"), SCORED)),
        records.photo_cameras(audit),
        records.two_training_sets({name: {"pictures": 5, "hours": 0.5} for name in ("photographs", "GAN")}),
        records.two_models(Fake(cells=cells, novel={"photo": VALUES, "GAN": VALUES})),
        records.web_photographs({"photo": 0.5, "GAN": 0.6}),
        records.two_models_truth({"photo-model": SCORED}),
        records.user_study({"shape": VOTE}, {"shape": VOTE}),
        records.ablation(CELLS),
        records.stylegan_r(Fake(mapping=Fake(sizes=sizes, decided=lambda: {"all": 0.9})), VALUES),
        records.consistency(Fake(numbers=dict.fromkeys(("GAN", "mapping only", "StyleGAN-R"), CONSISTENT))),
        records.joint_variants(Fake(numbers=dict.fromkeys(JOINT_VARIANTS.values(), CONSISTENT))),
        records.camera_control(dict.fromkeys(SWEEPS, SWEEP), heights),
        records.turned(dict.fromkeys(("StyleGAN-R", "tuned to each", "latent code optimisation"), TURNED)),
        records.swaps(Fake(ratios={"shape": 0.4, "texture": 0.5, "background": 0.6, "camera": 1.0})),
        records.domain(DomainCheck(1.0, CHECK.scores | {"photographs": [0.1]})),
        records.held_out_ranks(VALUES),
        records.failures(kinds, CHECK),
        records.light({"none": LIT, "light": LIT}, VALUES[:3]),
    ]  # fmt: skip
    keys = [key for part in parts for key in part]
    assert len(keys) == len(set(keys)), "two parts record one key"
    return {key: value for part in parts for key, value in part.items()}


class _Codes:
    split_layer = 2

    def __len__(self):
        return 40


@pytest.fixture(scope="module")
def measured():
    return everything()


PAPER = {
    "gan.views": {"car": 39, "horse": 22, "bird": 8},
    "gan.split_layer": {"car": 4, "horse": 4, "bird": 4},
    "multiview.contents": {"car": 6000, "horse": 1000, "bird": 1000},
    "multiview.pictures_kept": {"car": 55429, "horse": 16392, "bird": 7948},
    "multiview.kept_share": {"car": 0.237, "horse": 0.745, "bird": 0.994},
    "tableA.keypoint_annotation_minutes": 200,
    "tableA.keypoint_minutes": 3600,
    "tableA.view_minutes": 3600,
    "tableA.keypoint_iou": 0.953,
    "tableA.view_iou": 0.952,
    "tableA.iou_gap": 0.001,
    "tableA.axis_difference_mean_deg": 1.43,
    "tableA.axis_difference_max_deg": 2.95,
    "tableA.angle_difference_mean_deg": 0.42,
    "tableA.angle_difference_max_deg": 1.11,
    "inverse.gan_test_iou": 0.95,
    "inverse.photo_test_iou": 0.76,
    "table1a.photo_pictures": 4175,
    "table1a.photo_annotation_hours": "200-350",
    "table1a.gan_pictures": 55429,
    "table1a.gan_annotation_minutes": 1,
    "table1b.photo_model_photo_test": 0.80,
    "table1b.photo_model_gan_test": 0.81,
    "table1b.gan_model_photo_test": 0.76,
    "table1b.gan_model_gan_test": 0.95,
    "user_study.people_shape": 61.6,
    "ablation.no_multiview.novel_view_iou_change": "worse in unseen parts",
    "ablation.four_views.novel_view_iou_change": "two views suffice",
    "ablation.keypoint_cameras.iou_change": 0.001,
    "ablation.no_multiview.photo_hidden_color_error_change": "texture worse in unseen parts",
    "ablation.no_perceptual.photo_perceptual_distance_change": "smooth, details lost",
    "stylegan_r.camera_view_share": 0.0703,
}
BARS = {
    "gan.max_view_gap_deg": "<= 40",
    "gan.view_deviation_deg": "<= 5",
    "gan.shape_variety_ratio": ">= 0.75",
    "gan.views": ">= 16",
    "segmentation.photo_iou": ">= 0.93",
    "tableA.iou_gap": "<= 0.01",
    "renderer.fit_novel_view_iou": ">= 0.85",
    "inverse.gan_test_iou": ">= 0.93",
    "inverse.gan_novel_view_iou": ">= 0.87",
    "inverse.camera_error_deg_after": "<= 0.6 x inverse.camera_error_deg_before",
    "inverse.photo_test_iou": ">= 0.75",
    "table1b.photo_model_gan_test": "< 1 x table1b.gan_model_gan_test",
    "table1b.gan_model_gan_test": ">= 0.93",
    "ablation.no_multiview.novel_view_iou_change": "<= -0.03",
    "consistency.stylegan_r.overlap": ">= 0.9",
    "consistency.stylegan_r.color": "<= 0.75 x consistency.mapping_only.color",
    "consistency.stylegan_r.shape_spread": "<= 0.75 x consistency.mapping_only.shape_spread",
    "consistency.stylegan_r.texture_spread": "<= 0.75 x consistency.mapping_only.texture_spread",
    "consistency.stylegan_r.azimuth_error_deg": "<= 2.5",
    "consistency.stylegan_r.azimuth_error_p90_deg": "<= 6",
    "consistency.stylegan_r.elevation_correlation": ">= 0.95",
    "consistency.stylegan_r.elevation_gain": ">= 0.85",
    "consistency.stylegan_r.scale_correlation": ">= 0.95",
    "consistency.stylegan_r.scale_gain": ">= 0.85",
    "consistency.stylegan_r.fitted_elevation_correlation": ">= 0.95",
    "consistency.stylegan_r.fitted_elevation_gain": ">= 0.85",
    "consistency.stylegan_r.fitted_scale_correlation": ">= 0.95",
    "consistency.stylegan_r.fitted_scale_gain": ">= 0.85",
    "consistency.stylegan_r.kid": "<= 1.3 x consistency.gan.kid",
    "stylegan_r.azimuth_correlation": ">= 0.95",
    "stylegan_r.azimuth_error_deg": "<= 6",
    "stylegan_r.shape_swap": "< 1",
    "figure8.tuned_own_view_psnr": ">= 27",
    "figure8.tuned_azimuth_error_deg": "<= 5",
    "stylegan_r.texture_swap": "< 1",
    "stylegan_r.background_swap": "< 1",
    "photo.refused_out_of_distribution": ">= 0.95",
    "failures.go_kart_auc": ">= 0.8",
    "failures.bus_auc": ">= 0.8",
}


def test_the_papers_values_and_the_bars_are_these_and_no_others(measured):
    assert {key: m.paper for key, m in measured.items() if m.paper is not None} == PAPER
    assert {key: m.bar for key, m in measured.items() if m.bar} == BARS


@pytest.mark.parametrize("category", FULL_BARS)
def test_128_pixels_are_held_to_bars_of_their_own(category, measured):
    """What `full` must show. Each bar is of a number that is measured, and no other profile has it."""
    bars = FULL_BARS[category]
    assert set(bars) - {"runtime.total_minutes"} <= set(measured)

    def bar(key, profile):
        return row_of(key, measured[key], category, profile, 0, "cpu", "command").bar

    for key in set(bars) & set(measured):
        assert (bar(key, "full"), bar(key, "mini")) == (bars[key], BARS.get(key, ""))
        assert bar(key, "full") != bar(key, "mini")
    assert bar("gan.shape_variety_ratio", "full") == ">= 0.75"  # as everywhere
    assert is_met(row_of("truth.chamfer", M(0.02), category, "full", 0, "cpu", ""), []) is (category == "horse")


def test_units_go_with_names(measured):
    degrees = {key for key in measured if "_deg" in key}
    assert degrees == {key for key, m in measured.items() if m.unit == "°"}
    assert {key for key, m in measured.items() if m.unit == "dB"} == {
        *("truth.psnr", "truth.psnr_above"),
        *(f"figure8.{way}_own_view_psnr" for way in ("stylegan_r", "tuned", "latent_code")),
    }


def test_values_are_what_was_measured(measured):
    assert measured["gan.views"].value == 40 and measured["gan.shape_variety_ratio"].value == pytest.approx(0.75)
    assert float(measured["failures.held_out_iou_median"].value) == pytest.approx(0.4)
    assert float(measured["failures.held_out_iou_worst"].value) == pytest.approx(0.2)
    assert float(measured["tableA.reprojection_median_px"].value) == pytest.approx(6.4)
    assert float(measured["tableA.outlier_share"].value) == pytest.approx(2 / 6)
    assert measured["table1a.gan_annotation_minutes"].value == 30
    assert float(measured["camera_head.predicted_azimuth_error_deg"].value) == pytest.approx(0.4)
    change = measured["ablation.no_multiview.novel_view_iou_change"].value
    assert change == pytest.approx(0.1 * AblationConfig.variants.index("no_multiview"))
    assert measured["ablation.full.same_view_iou"].value == 0.0
    assert measured["failures.go_kart_refused"].value == 1.0 and measured["failures.bus_auc"].value == 0.75


def test_an_ablation_without_photographs_or_keypoints_says_what_it_has():
    cells = {m: {v: CELLS[m][v] for v in ("full", "no_multiview")} for m in MEASURES[:2]}
    assert set(records.ablation(cells)) == {
        "ablation.no_multiview.novel_view_iou_change",
        *(f"ablation.{v}.{m}" for v in ("full", "no_multiview") for m in MEASURES[:2]),
    }
