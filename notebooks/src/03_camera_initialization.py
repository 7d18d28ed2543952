# %% [markdown]
# # Where cameras begin: one label, or an afternoon of keypoints
#
# A network that learns 3D needs to know from where its pictures were taken. The usual way is to mark points of the
# object in every picture and to compute the cameras from them (structure from motion). With a GAN, the view codes of
# *one* object are enough, and the paper asks whether even that is worth it, against a label of 30° per view code
# (appendix D).
#
# ![Two sets of cameras around a car, before and after training](../figures/car/figure_d_cameras.png)
#
# *The view codes' cameras, begun at keypoints and at coarse labels, before training and after it.*
#
# You will
# * mark points yourself: if you like, or where no points come with the GAN,
# * see the points and the cameras that follow from them (figure D),
# * train the same network from both kinds of cameras (figure E, table A),
# * see how far wrong cameras may be: from known ones, made wrong on purpose.
#
# About ten minutes on two CPU cores.

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
# ## Mark points yourself
#
# One object of this GAN in every view code. Choose a name, click on the point; the next name follows. The wheel zooms,
# x says that a point is not to be seen, u takes the last click back. Every click is saved; run the cell again and it
# goes on. The time is taken. Once every point is decided, all that follows uses yours. Until then it uses those that
# come with the package, for the package's GAN; any other GAN needs yours.

# %%
import torch

from ganverse_nb.gan.latents import crossed_pictures, sample_w
from ganverse_nb.widgets import KeypointLabeller
from ganverse_nb.workflow.keypoints import keypoint_annotation, keypoint_motion, keypoints

teacher, views, mine = stages.teacher(run), stages.view_codes(run), keypoint_annotation(run)
contents = torch.cat([mine.keypoints.content[None], sample_w(teacher, 3, seed + 9, 0.7)])
pictures = teacher.uncrop(crossed_pictures(teacher, views.codes, contents, views.split_layer)).transpose(0, 1)
KeypointLabeller(mine, pictures[0])

# %% [markdown]
# ## The points (figure D)
#
# The first row is the object that was annotated: blue dots are on its left side, orange ones on its right, green ones
# in its middle. Below are other objects under the same view codes with the very same dots. Where they land on wheels
# and windows again, the view code alone decides the camera; of animals it decides the hooves, not how the neck is held.

# %%
points = keypoints(run)
orbit = views.on_orbit.nonzero().flatten().tolist()
overview = fig.annotated_views(pictures, points, views.labelled_azimuth, orbit[::2][:12])
numbers = {"points": points.placed.sum(), "seconds": points.seconds, "made_by": points.facts["made_by"]}
fig.save_figure(run, "figure_d_keypoints", overview, numbers)

# %% [markdown]
# ## Cameras from the points
#
# Bundle adjustment moves all cameras and all 3D points until the points project to where they were placed. A line
# leads from each placed point to its projection; purple ones contradict the others, be it that a wrong spot was
# clicked or that the GAN paints the pillar elsewhere in this view, and they count little. The second row shows the
# views with most of them.

# %%
motion = keypoint_motion(run)
shown = [*orbit[::4][:6], *motion.outlier.sum(1).argsort(descending=True)[:6].tolist()]
placed = fig.reprojections(pictures[0], points, motion, shown)
pixels = motion.error[points.placed] * points.picture_size
fig.save_figure(run, "figure_d_reprojections", placed, {"views": shown, "median_px": pixels.median()})

# %%
outliers = [f"view {v}: {points.names[k]}" for v, k in motion.outlier.nonzero().tolist()]
fig.save_figure(run, "keypoint_errors", fig.keypoint_errors(points, motion), {"outliers": outliers})

# %% [markdown]
# ## Two trainings
#
# The same network, the same pictures, the same steps; only the cameras begin elsewhere. Both move them. Before the two
# sets of cameras are compared, one rotation common to all is taken off, which pictures alone cannot decide.

# %%
from ganverse_nb.evaluation.reconstruction import score_dataset
from ganverse_nb.inverse_graphics.cameras import LearnableCameras

dataset = stages.multiview(run)
models = {name: experiments.initialized_graphics(run, name) for name in ("keypoint", "view")}
scores = {name: score_dataset(model, dataset, dataset.test_contents).same_view for name, model in models.items()}
labels = LearnableCameras(views.azimuth_bin)().detach()
after = {name: model.cameras().detach() for name, model in models.items()}
sets = fig.camera_sets((motion.camera, labels), (after["keypoint"], after["view"]), motion.points)
fig.save_figure(run, "figure_d_cameras", sets, {"azimuth": {name: c.azimuth for name, c in after.items()}})

# %% [markdown]
# ## Their reconstructions (figure E)

# %%
from ganverse_nb.inverse_graphics.inference import reconstruct

content = dataset.test_contents[:3]
kept = torch.multinomial(dataset.keep[content].float(), 1, generator=torch.Generator().manual_seed(seed))[:, 0]
images, masks = dataset.batch(content, kept)
made = {f"{name}s": (reconstruct(images, masks, m)[0], after[name][kept]) for name, m in models.items()}
fig.save_figure(run, "figure_e_initializations", fig.two_models(images, made), {"contents": content, "views": kept})

# %% [markdown]
# ## Table A
#
# A rotation is an axis and an angle; the paper compares both. The annotation of the labels is not timed here, because
# those of this GAN were not given by a person (notebook 02 has the tool with a clock); the paper took a minute.

# %%
from ganverse_nb.evaluation.camera_initialization import align_cameras, camera_difference

raw = camera_difference(after["view"], after["keypoint"])
aligned = camera_difference(align_cameras(after["view"], after["keypoint"]), after["keypoint"])
minutes = {name: run.seconds(f"{name}_initialization") / 60 for name in models}
annotation = {"keypoint": points.seconds / 60, "view": float("nan")}
table = fig.table_a(annotation, minutes, scores, {"raw": raw, "aligned": aligned})
fig.save_figure(run, "table_a", table, {"raw": raw, "aligned": aligned, "iou": scores, "minutes": minutes})

# %% [markdown]
# ## How wrong may a label be?
#
# The studio photographs objects with cameras that are known exactly. Each azimuth is then made wrong by up to half a
# bin of labels, and by up to a whole one; all elevations and distances begin at one constant.

# %%
curves = experiments.recovery(run)
fig.save_figure(run, "camera_recovery", fig.recovery_curves(curves), {"curves": curves})

# %% [markdown]
# ## Record

# %%
from ganverse_nb.evaluation import records

run.record_all(records.initialization(minutes, scores, raw, aligned, points, motion, curves))

# %% [markdown]
# ## See also
#
# * 02: labels of 30°, by a click each
# * 04: the full training from those labels, and its cameras against what the pictures show
