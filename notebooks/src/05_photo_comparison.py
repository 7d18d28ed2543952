# %% [markdown]
# # Compare with training on photographs
#
# Is a GAN's multi-view pictures with one minute of labels a better teacher than photographs, each with marked
# keypoints? The same network learns from both (section 4.1): from the pictures of the GAN, several views of every
# object; and from single photographs, whose cameras come from keypoints, as in Pascal3D+.
#
# ![Photographs, each reconstructed by two networks](../figures/car/figure_5_comparison.png)
#
# *The same photographs by the network that learned from the GAN and by the one that learned from photographs.*
#
# You will
# * see annotated photographs and how well their cameras are known,
# * train the baseline on them (once; ten minutes on two CPU cores),
# * compare both networks on each other's test pictures (Table 1b) and from all sides (figures 5, F and G).

# %% tags=["parameters"]
profile = "mini"
category = "car"
seed = 0
runs = "../runs"
figures = "../figures"
settings = {}

# %%
from ganverse_nb.workflow.run import open_run  # not found? `make lab` opens notebooks with the right Python

run = open_run(profile, category, seed, runs, figures, settings)

from ganverse_nb import figures as fig
from ganverse_nb.workflow import stages, experiments

# %% [markdown]
# ## Photographs with keypoints
#
# Annotators mark keypoints that they see, a little off, and miss some. One shape, the mean of a few models of each
# body type, is fitted to them with a camera; photographs that no camera explains are left out. Orange: the keypoints
# as clicked; blue: those of the mean shape under the fitted camera.

# %% tags=["studio"]
from ganverse_nb.data.studio_keypoints import annotate_keypoints, keypoint_shape
from ganverse_nb.studio.photos import make_photos

config, shape = run.config.photo_model, keypoint_shape(category)
example = make_photos(category, 6, seed + 5)
clicked = annotate_keypoints(example, config.keypoint_noise, config.keypoint_missed, seed)
fitted = clicked.with_cameras(shape, float(example.camera.fov[0]), config.maximum_error)
fig.save_figure(run, "annotated_photos", fig.annotated_photos(clicked, fitted, shape), {"left_out": fitted.removed})

# %% [markdown]
# ## Two training sets (Table 1a)
#
# Four minutes for the keypoints of each photograph, one minute for the labels of all views of the GAN.

# %%
from ganverse_nb.evaluation.photo_comparison import annotation_table

photos, dataset = experiments.annotated_photos(run), stages.multiview(run)
costs = annotation_table(photos, dataset)
fig.save_figure(run, "table_1a_annotation", fig.annotation_costs(costs), costs)

# %% [markdown]
# ## The same network, twice
#
# The next cell loads both, or trains them the first time. Network, losses and pictures per step are the same; the
# baseline has one view of each object instead of two, and cameras that stay as annotated.

# %%
models = {"photo": experiments.photo_model(run), "GAN": stages.inverse_graphics(run)}

# %% [markdown]
# ## Who reconstructs what (Table 1b)
#
# Overlap of the render with the mask, in the view of the input. The cameras are those of the test set, brought into
# the world of each network by one similarity that is found on training pictures; or, marked \*, what the network's own
# camera head reads off the picture. In the last column, predicted and true shape of photographs are seen from eight
# sides: what the paper could only ask people about (notebook 06).

# %%
from ganverse_nb.evaluation.photo_comparison import compare_models, found_photos, gan_test_set, photo_test_set

segmenter = stages.segmenter(run)
test_photos, masks = found_photos(experiments.annotated_photos(run, test=True), segmenter)
true = experiments.true_shapes(run, test_photos, 64)
tests = {"photo": photo_test_set(test_photos, masks), "GAN": gan_test_set(dataset, models["GAN"])}
training = {"photo": photo_test_set(photos), "GAN": gan_test_set(dataset, models["GAN"], dataset.train_contents)}
comparison = compare_models(models, tests, training, true, seed)
fig.save_figure(run, "table_1b_overlap", fig.overlap_table(comparison), {"cells": list(comparison.cells.items())})

# %% [markdown]
# ## Photographs from all sides (figures 5 and F)
#
# In the view of the photograph both look right. The other sides tell them apart: a network that sees one view of each
# object may put anything where nobody looks.

# %%
from ganverse_nb.inverse_graphics.inference import reconstruct

shown, cut, _ = tests["photo"].batch(slice(10))
first = {f"{name}-model": reconstruct(shown[:4], cut[:4], model) for name, model in models.items()}
fig.save_figure(run, "figure_5_comparison", fig.model_comparison(shown[:4], first), {"photos": test_photos.files[:4]})

# %%
more = {f"{name}-model": reconstruct(shown[4:10], cut[4:10], model) for name, model in models.items()}
overview = fig.model_comparison(shown[4:10], more, texture=False)
fig.save_figure(run, "figure_f_photos", overview, {"photos": test_photos.files[4:10]})

# %% [markdown]
# ## Photographs of another style (figure G)
#
# Low and coloured light, other places, steep and flat views, and cars wider, lower or higher than any in the training
# pictures: the part that images from the web play in the paper.

# %% tags=["studio"]
from ganverse_nb.evaluation.scorecard import clear_photos, score_test_photos

web = make_photos(category, 48, seed + 77, style="web")
clear, web_masks = clear_photos(segmenter, web, 6)
strange = {f"{name}-model": reconstruct(clear.image(), web_masks, model) for name, model in models.items()}
web_scores = {name: score_test_photos(model, segmenter, web, meshes=0, seed=seed) for name, model in models.items()}
web_iou = {name: float(report.iou.mean()) for name, report in web_scores.items()}
fig.save_figure(run, "figure_g_web", fig.model_comparison(clear.image(), strange, texture=False), {"iou": web_iou})

# %% [markdown]
# ## Both against the truth
#
# The studio knows what the photographs show from every side (as in notebook 04; one similarity for all meshes of a
# model, since either world is known up to that). Each dot is a photograph. Below, what further cameras see, by the
# angle from the photograph's side; triangles: from above.

# %% tags=["studio"]
from ganverse_nb.evaluation.ground_truth import GAUGE, found_objects, score_reconstructions

truth, cut_out = found_objects(segmenter, stages.ground_truth_views(run))
features = stages.perceptual(run)
judged = {name: score_reconstructions(m, truth, cut_out, features, seed).scores[GAUGE] for name, m in models.items()}
judged = {f"{name}-model": scores for name, scores in judged.items()}
measured = {name: scores.values() for name, scores in judged.items()}
fig.save_figure(run, "models_truth", fig.truth_distributions(judged), measured)

# %% tags=["studio"]
fig.save_figure(run, "models_truth_by_angle", fig.truth_by_angle(judged, features.name), judged)

# %% [markdown]
# ## Record

# %%
from ganverse_nb.evaluation import records

run.record_all(records.two_training_sets(costs) | records.two_models(comparison))

# %% tags=["studio"]
run.record_all(records.web_photographs(web_iou) | records.two_models_truth(judged))

# %% [markdown]
# ## See also
#
# * 04: the network that learned from the GAN, its cameras and 3D errors
# * 02: the GAN's pictures
