"""One function per figure, each from results to a matplotlib Figure; `save_figure` writes it with its numbers."""

from ganverse_nb.runtime.extras import require

require("notebooks", "A figure", "matplotlib")

from ganverse_nb.figures.ablation import ablation_examples, ablation_table
from ganverse_nb.figures.comparison import annotated_photos, annotation_costs, model_comparison, overlap_table
from ganverse_nb.figures.domain import domain_scores, photo_card
from ganverse_nb.figures.gan import (
    aligned_views,
    all_views,
    dataset_overview,
    kept_pictures,
    layer_swaps,
    layers,
    outlined,
    same_view,
    samples,
    view_gate,
)
from ganverse_nb.figures.grid import picture_grid
from ganverse_nb.figures.initialization import (
    annotated_views,
    camera_sets,
    keypoint_errors,
    recovery_curves,
    reprojections,
    table_a,
    two_models,
)
from ganverse_nb.figures.inverse import (
    cameras,
    photo_reconstructions,
    photo_table,
    reconstructions,
    starting_point,
    training_curves,
)
from ganverse_nb.figures.limitations import failures, light_pictures, light_table, light_truth, roc_curves
from ganverse_nb.figures.losses import loss_terms
from ganverse_nb.figures.mapping import mapping_network
from ganverse_nb.figures.neural import (
    azimuth_control,
    camera_controller,
    consistency_table,
    dual_renderer,
    latent_manipulation,
    manipulation,
    photo_editing,
    shown_cameras,
    swap_matrix,
)
from ganverse_nb.figures.real_photos import scored_photos
from ganverse_nb.figures.renderer import (
    fit_curves,
    fit_steps,
    fit_unseen,
    silhouette_gradient,
    soft_silhouettes,
    zbuffer,
)
from ganverse_nb.figures.saving import SavedFigure, save_figure
from ganverse_nb.figures.studio import photo_sheet, studio_photos
from ganverse_nb.figures.tables import number_table
from ganverse_nb.figures.truth import camera_audit, truth_by_angle, truth_distributions, truth_examples
from ganverse_nb.figures.user_study import (
    agreement_table,
    comparisons,
    preference_table,
    study_interface,
    with_balls,
)

__all__ = [
    "SavedFigure",
    "ablation_examples",
    "ablation_table",
    "agreement_table",
    "aligned_views",
    "all_views",
    "annotated_photos",
    "annotation_costs",
    "annotated_views",
    "azimuth_control",
    "camera_audit",
    "camera_controller",
    "camera_sets",
    "cameras",
    "comparisons",
    "consistency_table",
    "dataset_overview",
    "domain_scores",
    "dual_renderer",
    "failures",
    "kept_pictures",
    "fit_curves",
    "fit_steps",
    "fit_unseen",
    "keypoint_errors",
    "latent_manipulation",
    "layer_swaps",
    "layers",
    "light_pictures",
    "light_table",
    "light_truth",
    "loss_terms",
    "manipulation",
    "mapping_network",
    "model_comparison",
    "number_table",
    "outlined",
    "photo_card",
    "overlap_table",
    "photo_editing",
    "photo_reconstructions",
    "photo_sheet",
    "photo_table",
    "picture_grid",
    "preference_table",
    "reconstructions",
    "recovery_curves",
    "reprojections",
    "roc_curves",
    "same_view",
    "samples",
    "save_figure",
    "scored_photos",
    "shown_cameras",
    "silhouette_gradient",
    "soft_silhouettes",
    "starting_point",
    "studio_photos",
    "study_interface",
    "swap_matrix",
    "truth_by_angle",
    "truth_distributions",
    "truth_examples",
    "table_a",
    "training_curves",
    "two_models",
    "view_gate",
    "with_balls",
    "zbuffer",
]
