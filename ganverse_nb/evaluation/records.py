"""What notebooks write into the report: the numbers of each, with their units, the paper's values and the bars.

One function per notebook or part of one, from its results to `Measurements`; `Run.record_all` stores them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from ganverse_nb.categories import paper_facts
from ganverse_nb.evaluation.camera_audit import CameraAudit
from ganverse_nb.evaluation.camera_initialization import CameraDifference
from ganverse_nb.evaluation.consistency import RendererScores
from ganverse_nb.evaluation.disentanglement import AzimuthSweep, ElevationSweep, SwapReport
from ganverse_nb.evaluation.domain_check import DomainCheck
from ganverse_nb.evaluation.failures import KindResult
from ganverse_nb.evaluation.ground_truth import TruthScores
from ganverse_nb.evaluation.kid import Kid
from ganverse_nb.evaluation.light import LightScores
from ganverse_nb.evaluation.mesh_fit import FitErrors
from ganverse_nb.evaluation.photo_comparison import Comparison
from ganverse_nb.evaluation.reconstruction import DatasetScores, FittedScores
from ganverse_nb.evaluation.scorecard import CameraErrors, PhotoReport, ViewReadings
from ganverse_nb.evaluation.spread import Table
from ganverse_nb.evaluation.user_study.analysis import StudyResult
from ganverse_nb.evaluation.view_gate import ViewGate
from ganverse_nb.gan.keypoints import Keypoints
from ganverse_nb.gan.suggest import SplitSuggestion
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.geometry.structure_from_motion import Motion
from ganverse_nb.neural_renderer.joint_variants import VARIANTS
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.render.fitting import MeshFit
from ganverse_nb.runtime.rows import Measurement as M
from ganverse_nb.runtime.rows import Measurements

TRUTH = ("chamfer", "f2", "normals", "volume_iou", "iou", "psnr", "ssim", "perceptual", "color_hidden")
"""The measures of `TruthScores` that two models are compared by."""


def middle(values: Tensor) -> Tensor:
    """The median of what could be measured, halfway between the two in the middle of an even number."""
    return values.nanquantile(0.5)


# ---- 01, 02: the GAN and its pictures


def views(readings: ViewReadings, gate: ViewGate, kid: Kid) -> Measurements:
    """How well the view codes hold the view, how much shape the contents keep, and how real the pictures are."""
    ours, photos = gate.chosen.silhouette, gate.photos.silhouette
    return {
        "gan.max_view_gap_deg": M(readings.largest_gap, "°", bar="<= 40"),
        "gan.view_deviation_deg": M(readings.median_deviation, "°", bar="<= 5"),
        "gan.shape_variety": M(ours),
        "gan.shape_variety_photos": M(photos),
        "gan.shape_variety_ratio": M(ours / photos, bar=">= 0.75"),
        "gan.pose_regressor_error_deg": M(gate.regressor_error, "°"),
        "gan.kid": M(kid.value, "own features"),
    }


def teacher(images_seen: int | None, codes: ViewCodes, suggestion: SplitSuggestion) -> Measurements:
    """The GAN's training and where it is cut."""
    return {
        "gan.images_seen": M(images_seen, "pictures"),
        "gan.views": M(len(codes), "views", paper_facts("views"), ">= 16"),
        "gan.split_layer": M(codes.split_layer, "layers", dict.fromkeys(paper_facts("views"), 4)),
        "gan.split_layer_from_silhouettes": M(suggestion.split_layer, "layers"),
    }


def segmentation(found: Mapping[str, float]) -> Measurements:
    """The segmenter on photographs (`segmentation.training.evaluate`)."""
    return {
        "segmentation.photo_iou": M(found["iou"], bar=">= 0.93"),
        "segmentation.photo_single": M(found["single"]),
    }


def multiview(counts: Mapping[str, int]) -> Measurements:
    """What the filter left (`MultiViewDataset.counts`)."""
    contents, kept, shares = (paper_facts(name) for name in ("contents", "kept", "kept_share"))
    return {
        "multiview.contents": M(counts["contents"], "objects", contents),
        "multiview.pictures_kept": M(counts["kept"], "pictures", kept),
        "multiview.kept_share": M(counts["kept"] / counts["pictures"], paper=shares),
    }


# ---- 03: initial cameras


def initialization(
    minutes: Mapping[str, float],
    scores: Mapping[str, float],
    raw: CameraDifference,
    aligned: CameraDifference,
    points: Keypoints,
    motion: Motion,
    curves: Mapping[float, Sequence[Mapping[str, float]]],
) -> Measurements:
    """Table A; `minutes` and `scores` are those of "keypoint" and "view"."""
    pixels = motion.error[points.placed] * points.picture_size
    found = {
        "keypoint_annotation_minutes": M(points.seconds / 60, "min", 200),
        "keypoint_minutes": M(minutes["keypoint"], "min", 3600),
        "view_minutes": M(minutes["view"], "min", 3600),
        "keypoint_iou": M(scores["keypoint"], paper=0.953),
        "view_iou": M(scores["view"], paper=0.952),
        "iou_gap": M(abs(scores["view"] - scores["keypoint"]), paper=0.001, bar="<= 0.01"),
        "axis_difference_mean_deg": M(aligned.axis_mean, "°", 1.43),
        "axis_difference_max_deg": M(aligned.axis_max, "°", 2.95),
        "angle_difference_mean_deg": M(aligned.angle_mean, "°", 0.42),
        "angle_difference_max_deg": M(aligned.angle_max, "°", 1.11),
        "turn_raw_mean_deg": M(raw.turn_mean, "°"),
        "turn_mean_deg": M(aligned.turn_mean, "°"),
        "reprojection_median_px": M(pixels.median(), "px"),
        "outlier_share": M(motion.outlier.sum() / points.placed.sum()),
    }
    for noise, curve in curves.items():
        found[f"recovery_{noise:.0f}_deg_before"] = M(curve[0]["azimuth_error"], "°")
        found[f"recovery_{noise:.0f}_deg_after"] = M(curve[-1]["azimuth_error"], "°")
    return {f"tableA.{key}": value for key, value in found.items()}


# ---- 03b: the renderer


def fitted_mesh(fit: MeshFit, errors: FitErrors) -> Measurements:
    """A mesh fitted to three masks: in their views, in others, and against the true surface."""
    return {
        "renderer.fit_iou": M(fit.iou[-1]),
        "renderer.fit_novel_view_iou": M(errors.iou[-1], bar=">= 0.85"),
        "renderer.fit_chamfer": M(errors.chamfer[max(errors.chamfer)], "of the length"),
    }


# ---- 04: inverse graphics


def held_out(scores: DatasetScores, fitted: FittedScores, own: bool = False) -> Measurements:
    """Objects of the GAN that were not trained on.

    Args:
        fitted: the same by cameras of their own.
        own: whether they are a user's, whose few pictures are held to lower bars.
    """
    same, other = (">= 0.88", ">= 0.80") if own else (">= 0.93", ">= 0.87")
    return {
        "inverse.gan_test_iou": M(scores.same_view, paper=0.95, bar=same),
        "inverse.gan_novel_view_iou": M(scores.novel_view, bar=other),
        "inverse.gan_test_iou_fitted_camera": M(fitted.same_view),
        "inverse.gan_novel_view_iou_fitted_camera": M(fitted.novel_view),
    }


def learned_cameras(cameras: CameraErrors) -> Measurements:
    """The cameras of the view codes against the pictures, before training and after it."""
    return {
        "inverse.camera_error_deg_before": M(cameras.before.mean, "°"),
        "inverse.camera_error_deg_after": M(cameras.after.mean, "°", bar="<= 0.6 x inverse.camera_error_deg_before"),
    }


def photographs(report: PhotoReport) -> Measurements:
    """Photographs of the studio, reconstructed."""
    every = dict(report.rows())["all"]
    return {
        "inverse.photo_test_iou": M(every["iou"], paper=0.76, bar=">= 0.75"),
        "inverse.photo_found_share": M(report.found.float().mean()),
        "inverse.photo_azimuth_error_deg": M(report.azimuth_error.median, "°"),
        "inverse.photo_chamfer": M(every["chamfer"], "of the length"),
        "inverse.photo_fscore": M(every["f2"], "at 2 %"),
        "inverse.photo_chamfer_as_found": M(every["chamfer_as_found"], "of the length"),
        "inverse.photo_fscore_as_found": M(every["f2_as_found"], "at 2 %"),
    }


def truth(scores: Mapping[str, TruthScores]) -> Measurements:
    """Medians against the true objects, by alignment: "gauge" in full, of the others the Chamfer distance."""
    gauged = scores["gauge"].values()
    found = {f"truth.{name}": M(middle(value), "dB" if "psnr" in name else "") for name, value in gauged.items()}
    for how, name in {"none": "as_found", "similarity": "aligned"}.items():
        found[f"truth.chamfer_{name}"] = M(scores[how].values()["chamfer"].quantile(0.5))
    return found


def photo_cameras(audit: CameraAudit) -> Measurements:
    """The cameras of photographs, predicted and refined."""
    found = {}
    for name, error in audit.errors.items():
        found[f"{name}_azimuth_error_deg"] = M(error.azimuth.abs().quantile(0.5), "°")
        found[f"{name}_elevation_error_deg"] = M(error.elevation.abs().quantile(0.5), "°")
        found[f"{name}_distance_error"] = M(error.distance.abs().quantile(0.5), "of the distance")
        found[f"{name}_front_back_flipped"] = M(error.front_back_flipped.float().mean(), "of the photographs")
    found["front_rear_confused"] = M(audit.confused, "of the clear ones")
    found |= {f"iou_{name}_camera": M(overlap.mean()) for name, overlap in audit.iou.items()}
    return {f"camera_head.{key}": value for key, value in found.items()}


# ---- 05, 06, 07: comparisons


def two_training_sets(costs: Mapping[str, Mapping[str, float]]) -> Measurements:
    """Table 1a (`evaluation.photo_comparison.annotation_table`)."""
    return {
        "table1a.photo_pictures": M(costs["photographs"]["pictures"], paper=4175),
        "table1a.photo_annotation_hours": M(costs["photographs"]["hours"], "h", "200-350"),
        "table1a.gan_pictures": M(costs["GAN"]["pictures"], paper=55429),
        "table1a.gan_annotation_minutes": M(60 * costs["GAN"]["hours"], "min", 1),
    }


def two_models(comparison: Comparison) -> Measurements:
    """Table 1b, for the models "photo" and "GAN"."""
    cells, found = comparison.cells, {}
    claims = {
        ("photo", "photo"): (0.80, ""),
        ("photo", "GAN"): (0.81, "< 1 x table1b.gan_model_gan_test"),
        ("GAN", "photo"): (0.76, ""),
        ("GAN", "GAN"): (0.95, ">= 0.93"),
    }
    for (model, place), cell in cells.items():
        key, (paper, bar) = f"table1b.{model.lower()}_model_{place.lower()}_test", claims[model, place]
        found[key] = M(cell.hard, paper=paper, bar=bar)
        found |= {f"{key}_soft": M(cell.soft), f"{key}_head_camera": M(cell.head_hard)}
    for model, overlap in comparison.novel.items():
        found[f"photo_comparison.{model.lower()}_model_novel_view_iou"] = M(overlap.mean())
    return found


def web_photographs(iou: Mapping[str, float]) -> Measurements:
    """Figure G: mean overlap of each model."""
    return {f"photo_comparison.{name.lower()}_model_web_iou": M(overlap) for name, overlap in iou.items()}


def two_models_truth(scores: Mapping[str, TruthScores]) -> Measurements:
    """Medians against the true objects of models by name, as in "GAN-model"."""
    names = {name: name.lower().replace("-", "_") for name in scores}
    found = {name: score.values() for name, score in scores.items()}
    return {f"photo_comparison.{names[n]}_truth_{key}": M(middle(found[n][key])) for n in scores for key in TRUTH}


def user_study(automatic: Mapping[str, StudyResult], people: Mapping[str, StudyResult]) -> Measurements:
    """Shares of the votes for the first system, by question; the paper's are people's, so they stand beside those."""
    paper = {"overall": 57.5, "shape": 61.6, "texture": 56.3}
    share = {name: M(100 * r.preference.share[0], "%") for name, r in automatic.items()}
    found = {f"user_study.automatic_rater_{name}": value for name, value in share.items()}
    for name, result in people.items():
        found[f"user_study.people_{name}"] = M(100 * result.preference.share[0], "%", paper[name])
    return found


def ablation(cells: Table) -> Measurements:
    """The change of every variant against "full", beside what the paper says of it, and the mean of every measure."""
    claims = {
        ("novel_view_iou", "no_multiview"): "worse in unseen parts",
        ("novel_view_iou", "four_views"): "two views suffice",
        ("photo_hidden_color_error", "no_multiview"): "texture worse in unseen parts",
        ("photo_perceptual_distance", "no_perceptual"): "smooth, details lost",
    }
    variants = [name for name in cells["novel_view_iou"] if name != "full"]
    asked = dict.fromkeys([*(("novel_view_iou", variant) for variant in variants), *claims])
    found = {}
    for measure, variant in asked:
        if variant in cells.get(measure, {}):
            change = cells[measure][variant].mean - cells[measure]["full"].mean
            bar = "<= -0.03" if (measure, variant) == ("novel_view_iou", "no_multiview") else ""
            claim = claims.get((measure, variant))
            found[f"ablation.{variant}.{measure}_change"] = M(change, paper=claim, bar=bar)
    if "keypoint_cameras" in variants:
        same = cells["same_view_iou"]
        change = same["keypoint_cameras"].mean - same["full"].mean
        found["ablation.keypoint_cameras.iou_change"] = M(change, paper=0.001)
    return found | {
        f"ablation.{v}.{measure}": M(cell.mean) for measure, row in cells.items() for v, cell in row.items()
    }


# ---- 08, 09, 10: StyleGAN-R


def stylegan_r(model: StyleGANR, overlap: Tensor) -> Measurements:
    """How StyleGAN-R divides the codes, and its `evaluation.scorecard.dual_overlap` with DIB-R."""
    sizes = model.mapping.sizes
    return {
        "stylegan_r.camera_view_share": M(sizes.camera_dims / sizes.view_dims, paper=0.0703),
        "stylegan_r.decided_gates": M(model.mapping.decided()["all"]),
        "stylegan_r.dual_renderer_iou": M(overlap.mean()),
    }


CONSISTENCY_BARS = {  # of StyleGAN-R
    "overlap": ">= 0.9",
    "color": "<= 0.75 x consistency.mapping_only.color",
    "shape_spread": "<= 0.75 x consistency.mapping_only.shape_spread",
    "texture_spread": "<= 0.75 x consistency.mapping_only.texture_spread",
    "azimuth_error_deg": "<= 2.5",
    "azimuth_error_p90_deg": "<= 6",
    "elevation_correlation": ">= 0.95",
    "elevation_gain": ">= 0.85",
    "scale_correlation": ">= 0.95",
    "scale_gain": ">= 0.85",
    "fitted_elevation_correlation": ">= 0.95",
    "fitted_elevation_gain": ">= 0.85",
    "fitted_scale_correlation": ">= 0.95",
    "fitted_scale_gain": ">= 0.85",
    "kid": "<= 1.3 x consistency.gan.kid",
}


def consistency(scores: RendererScores) -> Measurements:
    """How well "GAN" (view codes swapped), "mapping only", "StyleGAN-R", "DIB-R" keep to the scenes asked of them."""
    return {
        f"consistency.{renderer.lower().replace('-', '_').replace(' ', '_')}.{name}": M(
            value, _unit(name), bar=CONSISTENCY_BARS.get(name, "") if renderer == "StyleGAN-R" else ""
        )
        for renderer, numbers in scores.numbers.items()
        for name, value in numbers.items()
    }


def joint_variants(scores: RendererScores) -> Measurements:
    """Notebook 08b: the same of trainings with parts of the joint stage's loss (`neural_renderer.joint_variants`)."""
    return {
        f"joint_stage.{variant}.{name}": M(value, _unit(name))
        for variant, words in VARIANTS.items()
        for name, value in scores.numbers[words].items()
    }


def _unit(name: str) -> str:
    return "°" if name.endswith("_deg") else ""


def camera_control(sweeps: Mapping[str, AzimuthSweep], heights: ElevationSweep) -> Measurements:
    """Cameras asked of StyleGAN-R against those measured.

    Args:
        sweeps: of "StyleGAN-R", of "mapping only", its state before the joint fine-tuning, and with the "other
            dimensions at their mean".
    """
    ours, warm, mean = (
        sweeps[name].numbers() for name in ("StyleGAN-R", "mapping only", "other dimensions at their mean")
    )
    return {
        "stylegan_r.azimuth_correlation": M(ours["correlation"], bar=">= 0.95"),
        "stylegan_r.azimuth_error_deg": M(ours["median_error"], "°", bar="<= 6"),
        "stylegan_r.azimuth_error_p90_deg": M(ours["p90_error"], "°"),
        "stylegan_r.azimuth_offset_deg": M(ours["offset"], "°"),
        "stylegan_r.mapping_only_azimuth_error_deg": M(warm["median_error"], "°"),
        "stylegan_r.mean_rest_azimuth_correlation": M(mean["correlation"]),
        "stylegan_r.mean_rest_azimuth_error_deg": M(mean["median_error"], "°"),
        "stylegan_r.mean_rest_azimuth_error_p90_deg": M(mean["p90_error"], "°"),
        "stylegan_r.elevation_correlation": M(heights.correlation),
        "stylegan_r.elevation_gain": M(heights.gain),
    }


def turned(judged: Mapping[str, Mapping[str, float]]) -> Measurements:
    """Figure 8: photographs turned, by way (`evaluation.latent_editing.score_turned`)."""
    found = {}
    ways = {"StyleGAN-R": "stylegan_r", "tuned to each": "tuned", "latent code optimisation": "latent_code"}
    bars = {"tuned": (">= 27", "<= 5")}
    for name, short in ways.items():
        sharp, turned = bars.get(short, ("", ""))
        found[f"figure8.{short}_own_view_psnr"] = M(judged[name]["own_view_psnr"], "dB", bar=sharp)
        found[f"figure8.{short}_azimuth_error_deg"] = M(judged[name]["azimuth_error"], "°", bar=turned)
        found[f"figure8.{short}_color_error"] = M(judged[name]["color_error"])
        found[f"figure8.{short}_objects_found"] = M(judged[name]["found"], "of the turned pictures")
    return found


def swaps(report: SwapReport) -> Measurements:
    """Distance to the donor divided by that to the source: below 1, what was swapped is closer to the donor."""
    factors = ("shape", "texture", "background")
    return {f"stylegan_r.{factor}_swap": M(report.ratios[factor], bar="< 1") for factor in factors}


# ---- 00, 11: what to trust, and limits


def domain(check: DomainCheck) -> Measurements:
    """What the out-of-domain score refuses."""
    return {
        "photo.refused_photographs": M(check.refused("photographs")),
        "photo.refused_out_of_distribution": M(check.ood_refused, bar=">= 0.95"),
    }


def held_out_ranks(overlap: Tensor) -> Measurements:
    """Overlap of held-out objects in other views, the median and the worst of them."""
    return {
        "failures.held_out_iou_median": M(middle(overlap)),
        "failures.held_out_iou_worst": M(1 - (1 - overlap).nanquantile(1.0)),
    }


def failures(results: Mapping[str, KindResult], check: DomainCheck) -> Measurements:
    """Figure O: each kind's errors, and how well the score tells it from photographs."""
    found = {}
    for kind, result in results.items():
        key = f"failures.{kind.replace('-', '_')}"
        found[f"{key}_chamfer"] = M(result.chamfer.quantile(0.5), "of the length")
        found[f"{key}_iou"] = M(result.iou.quantile(0.5))
        found[f"{key}_refused"] = M(check.refused(kind))
    for kind in check.ood_kinds:
        found[f"failures.{kind.replace('-', '_')}_auc"] = M(check.separation(kind), bar=">= 0.8")
    return found


def light(scores: Mapping[str, LightScores], overhead: Tensor) -> Measurements:
    """Figure K: medians of each training, and the error of always saying "from above"."""
    found = {}
    for name, score in scores.items():
        values = score.medians()
        found[f"{name}_color_error"] = M(values["albedo"])
        found[f"{name}_shading_error"] = M(values["shading"], "of the mean")
        found[f"{name}_direction_error_deg"] = M(values["direction"], "°")
        found[f"{name}_direction_spread_deg"] = M(values["spread"], "°")
        found[f"{name}_contrast"] = M(values["contrast"])
    true = scores["light"].medians()
    found["true_direction_spread_deg"] = M(true["true_spread"], "°")
    found["true_contrast"] = M(true["true_contrast"])
    found["overhead_direction_error_deg"] = M(overhead.quantile(0.5), "°")
    return {f"light.{key}": value for key, value in found.items()}
