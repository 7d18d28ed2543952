# %% [markdown]
# # Learn 3D from a GAN's pictures
#
# A network predicts, from one picture, how a sphere must be deformed and painted; DIB-R renders the prediction in
# that view and in another one of the same object, and the difference to the GAN's pictures teaches it (Eq 1 and Eq
# 2). The cameras of the view codes are learned at the same time, from one label of 30° each (section 3.2).
#
# ![Pictures of the GAN, and their reconstruction from several sides](../figures/car/figure_4_reconstructions.png)
#
# *Pictures that were held out, and their reconstruction from several sides.*
#
# You will
# * see each term of the loss on one example,
# * train the network (some twenty minutes on two CPU cores, once) and see its losses,
# * see reconstructions of held-out objects (figure 4) and what became of the cameras,
# * reconstruct photographs, and compare the meshes with the true ones: what the paper could not measure,
# * see how good the cameras of photographs are, and what fitting them to the outline brings.

# %% tags=["parameters"]
profile = "mini"
category = "car"
seed = 0
runs = "../runs"
figures = "../figures"
settings = {}

# %%
from ganverse_nb.workflow.run import open_run  # not found? `make lab` opens notebooks with the right Python

run = open_run(profile, category, seed, runs, figures, settings, shipped=False)

from ganverse_nb import figures as fig
from ganverse_nb.workflow import stages

# %% [markdown]
# ## Where it starts
#
# One object as the GAN paints it under some of the view codes, and what the training starts from: an ellipsoid, seen
# by the cameras that the labels name. Shape, texture and cameras have to be found.

# %%
from ganverse_nb.gan.latents import sample_w
from ganverse_nb.inverse_graphics.training import template_of

teacher, views, config = stages.teacher(run), stages.view_codes(run).orbit, run.config.inverse
template = template_of(stages.multiview(run), config)
start = fig.starting_point(teacher, views, sample_w(teacher, 1, seed + 9, 0.7), config.initial_distance, template)
fig.save_figure(run, "inverse_start", start, {"labels": views.labelled_azimuth[::2]})

# %% [markdown]
# ## The loss
#
# A picture $I$ with mask $M$ is compared with the render $I', M'$ of the predicted shape $S$ and texture $T$ under the
# camera $V$ of its view code. The last three terms keep the shape well behaved, and the $\lambda$ are settings:
#
# $$\begin{aligned} \mathcal{L}(I, S, T, V; \theta) = {} & \lambda_{col} L_{col}(I, I')
# + \lambda_{percept} L_{percept}(I, I') + \lambda_{IOU} L_{IOU}(M, M') \\
# & + \lambda_{sm} L_{sm}(S) + \lambda_{lap} L_{lap}(S) + \lambda_{mov} L_{mov}(S) \end{aligned} \tag{1}$$
#
# What $f_\theta$ predicts of object $k$ from one view $i$ has to explain another view $j$ of it, too; the cameras are
# learned with $\theta$:
#
# $$\mathcal{L}_k(\theta) = \sum_{i \neq j} \Big( \mathcal{L}(I_{V_i^k}, S_k, T_k, V_i^k; \theta)
# + \mathcal{L}(I_{V_j^k}, S_k, T_k, V_j^k; \theta) \Big), \qquad S_k, T_k = f_\theta(I_{V_i^k}) \tag{2}$$

# %% [markdown]
# ## One example, term by term
#
# A picture of the GAN, and what the untrained network predicts from it: the ellipsoid, in the picture's mean colour,
# under the camera of the label. Every term is computed as the training computes it, and shown where it comes from:
#
# * $L_{IOU}$: one minus intersection (grey) over union; orange, what only the mask covers; blue, what only the render,
# * $L_{col}$: the difference of colours where mask and render overlap,
# * $L_{percept}$: the distance of features there, place by place,
# * $L_{lap}$: how far a vertex has moved away from its neighbours,
# * $L_{sm}$: how sharply neighbouring faces meet,
# * $L_{mov}$: how far a vertex has moved from the ellipsoid.
#
# Below each stands its value and its weight $\lambda$. The shape costs next to nothing yet: it has not moved.

# %%
from ganverse_nb.evaluation.loss_terms import example_picture, explain_loss
from ganverse_nb.inverse_graphics.training import new_model

dataset, features = stages.multiview(run), stages.perceptual(run)
example = (dataset, config, features, *example_picture(dataset))
losses = {"untrained": explain_loss(new_model(dataset, config, seed).eval(), *example)}
before = fig.loss_terms(losses)
fig.save_figure(run, "loss_terms_before", before, {name: loss.values for name, loss in losses.items()})

# %% [markdown]
# ## The training
#
# The next cell trains, the first time. Then it shows the terms that compare pictures, over the steps. The dotted line
# is where the perceptual term sets in: colours first, details after.

# %%
model = stages.inverse_graphics(run)
curves = fig.training_curves(
    run.directory / "inverse_graphics" / "metrics.jsonl", config.perceptual_after, config.steps
)
fig.save_figure(run, "inverse_training", curves, {"steps": config.steps})

# %% [markdown]
# The same example by the trained network, which has never seen this object. The outline fits, and the shape pays for
# it. The colour term may even grow although the colours are right: it counts where both outlines overlap, which was
# little before.

# %%
losses["trained"] = explain_loss(model, *example)
after = fig.loss_terms(losses)
fig.save_figure(run, "loss_terms_after", after, {name: loss.values for name, loss in losses.items()})

# %% [markdown]
# ## Reconstructions (figure 4)
#
# Contents that were held out. The prediction has one texture for all sides, and it was made from the one picture on
# the left: the sides that this picture does not show come from what the network knows about cars.

# %%
from ganverse_nb.evaluation.scorecard import held_out_properties

held_out, inputs = held_out_properties(model, dataset, seed)
first = slice(0, 6)
reconstructions = fig.reconstructions(inputs[first], held_out[first].mesh(), held_out[first].camera)
fig.save_figure(run, "figure_4_reconstructions", reconstructions, {"azimuth": held_out[first].camera.azimuth})

# %%
from ganverse_nb.evaluation.reconstruction import score_dataset

scores = score_dataset(model, dataset, dataset.test_contents)
scores

# %% [markdown]
# One camera stands for a view code, as in the paper. The GAN does not turn every object by quite the same angle, and
# no mesh fits outlines that are seen from elsewhere: with a camera of its own for each picture, fitted to its outline,
# the same predictions overlap by

# %%
from ganverse_nb.evaluation.reconstruction import score_with_fitted_cameras

fitted = score_with_fitted_cameras(model, dataset, dataset.test_contents)
fitted

# %% [markdown]
# ## Cameras, before and after
#
# Every view code began with a label of 30°, and with the same elevation and distance for all. The pose regressor,
# which has no part in the training, reads off the pictures where the cameras really stand. Cameras learned from
# pictures are known up to one rotation common to all; it is taken off before they are compared.

# %% tags=["studio"]
from ganverse_nb.evaluation.scorecard import camera_errors

cameras = camera_errors(model, dataset, stages.pose_regressor(run))
fig.save_figure(run, "cameras", fig.cameras(cameras), {"errors": cameras})

# %% [markdown]
# The same cameras in space, around one of the reconstructions: where the labels put them and where the training moved
# them. Turn it with the mouse; the legend hides either set.

# %%
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.widgets import camera_orbits

start = {"elevation": config.initial_elevation, "distance": config.initial_distance, "fov": model.cameras.fov}
labelled = LearnableCameras(dataset.azimuth_bin, **start)().detach()
camera_orbits(labelled, model.cameras().detach(), held_out.mesh()[0])

# %% [markdown]
# ## Photographs
#
# Studio photographs were never part of this network's training. After Eq 2, f has gone on for a while on pictures as
# photographs are: recoloured, noisy, badly cut out, and on renders of its own meshes from elevations and of proportions
# that the GAN does not have. The camera comes from the camera head, which has learned from the same pictures and
# renders. On the right, the predicted shape beside the true one.

# %% tags=["studio"]
from ganverse_nb.evaluation.scorecard import clear_photos, score_test_photos
from ganverse_nb.inverse_graphics.inference import reconstruct

segmenter, photos = stages.segmenter(run), stages.test_photos(run)
clear, masks = clear_photos(segmenter, photos, 6)
mesh, camera = reconstruct(clear.image(), masks, model)
fig.save_figure(run, "photo_reconstructions", fig.photo_reconstructions(clear, mesh, camera), {"photos": len(clear)})

# %% [markdown]
# The first of them to be turned with the mouse, above the true mesh:

# %% tags=["studio"]
from ganverse_nb.widgets import mesh_beside_truth

mesh_beside_truth(mesh[0], clear[:1].mesh(), clear[:1].colors()[0])

# %% [markdown]
# All test photographs in numbers, and the meshes of the first 64 in 3D. IoU: render against true mask. Chamfer: mean
# distance between the two surfaces, as a share of the car's length. F: share of the surfaces closer than 2 % or 5 %
# of the length. "As found" compares the meshes where they stand; the alignment takes off position, size and rotation,
# which cameras without labels leave open.

# %% tags=["studio"]
report = score_test_photos(model, segmenter, photos, meshes=64, seed=seed)
table = dict(report.rows())
fig.save_figure(run, "photo_table", fig.photo_table(report), table)

# %% [markdown]
# ## Against the truth
#
# Some objects were photographed once more from eight sides and from above, in the same light. The network sees the
# first picture alone; its mesh is compared with the true one, and with what the other cameras saw. Surfaces are
# compared on their outside. "As found" leaves the meshes where they stand; "one gauge" applies the one similarity that
# is common to all of them, since a world learned without cameras is known up to that; "each aligned" also corrects what
# is wrong about each one.

# %% tags=["studio"]
from ganverse_nb.evaluation.ground_truth import found_objects, score_reconstructions

truth, cut = found_objects(segmenter, stages.ground_truth_views(run))
result = score_reconstructions(model, truth, cut, features, seed)
measured = {name: score.values() for name, score in result.scores.items()}
fig.save_figure(run, "truth_distributions", fig.truth_distributions(result.scores), measured)

# %% [markdown]
# The further away a camera stands from the photograph's side, the less the network knows. Triangles: from above.

# %% tags=["studio"]
compared = {"one gauge": result.scores["gauge"], "each aligned": result.scores["similarity"]}
fig.save_figure(run, "truth_by_angle", fig.truth_by_angle(compared, features.name), compared)

# %% [markdown]
# The median and the worst by Chamfer distance; nobody chose them.

# %% tags=["studio"]
from ganverse_nb.evaluation.examples import median_and_worst

gauged = measured["gauge"]
middle, worst = median_and_worst(gauged["chamfer"])
chosen = {"median": middle, "worst": worst}
examples = fig.truth_examples(truth, result.mesh, result.scores["gauge"], chosen)
fig.save_figure(run, "truth_examples", examples, chosen)

# %% [markdown]
# ## The camera of a photograph
#
# A photograph comes without a camera, and the paper does not say where its camera is to come from. Here the camera head
# reads it off the picture; it can be refined until the outline of the predicted shape fits the mask. How far both are
# from the true cameras, how often front and rear are taken for each other, and what each camera does to the IoU:

# %% tags=["studio"]
from ganverse_nb.evaluation.camera_audit import audit_cameras

clear, masks = clear_photos(segmenter, photos, 160)
mesh, camera = reconstruct(clear.image(), masks, model)
audit = audit_cameras(mesh, camera, clear, masks, result.gauge)
fig.save_figure(run, "camera_audit", fig.camera_audit(audit), {"errors": audit.errors, "iou": audit.iou})

# %% [markdown]
# ## Record

# %%
from ganverse_nb.evaluation import records

run.record_all(records.held_out(scores, fitted, run.config.kind.is_own))

# %% tags=["studio"]
against_truth = records.truth(result.scores) | records.photo_cameras(audit)
run.record_all(records.learned_cameras(cameras) | records.photographs(report) | against_truth)

# %% [markdown]
# ## See also
#
# * 00: the same reconstructions with sliders
# * 08: what this network makes of the GAN
