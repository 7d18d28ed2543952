# %% [markdown]
# # Find the viewpoint in a StyleGAN
#
# The paper rests on one observation (section 3.1): in a StyleGAN trained on photographs of cars, the first layers
# decide from where the car is seen, and the others decide what is seen. Nobody told the network so.
#
# ![Cars in rows, viewpoints in columns](../figures/car/figure_2_views.png)
#
# *Every column keeps the layers that hold the viewpoint, every row those that hold the car.*
#
# You will
# * look into the blocks of the network (figure A),
# * measure for every number of layers *k* how well the first *k* hold the viewpoint, and what that costs in shapes,
# * see the chosen view codes side by side (figures 2 and B), and measure them again on fresh contents.
#
# The paper did this by eye. Here a small network that reads azimuths off pictures (trained on studio photographs,
# used for measuring only) does it: about three minutes on two CPU cores the first time.

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
from ganverse_nb.workflow import stages
from ganverse_nb.gan.latents import crossed_pictures, sample_w, view_content_split
from ganverse_nb.gan.layers import block_pictures
from ganverse_nb.workflow.inputs import images_seen

import torch

teacher, views = stages.teacher(run), stages.view_codes(run)

# %% [markdown]
# ## What each block adds
#
# The features of each block, summed over their channels and coloured by the network's last ToRGB, as in appendix B, and
# by the block's own. Broad masses come first, contours in the middle, details and colour last.

# %%
w = sample_w(teacher, 3, seed + 21, psi=0.7)
styles = torch.cat(teacher.styles(w), 1)
blocks = block_pictures(teacher, styles), block_pictures(teacher, styles, own_colours=True)
layers = fig.layers(*blocks, teacher.synthesize(styles))
fig.save_figure(run, "figure_a_layers", layers, {"style_dims": teacher.style_dims})

# %% [markdown]
# ## Where to cut
#
# Take the view code of one car and the content code of another. From left to right, more and more layers are given to
# the view code: the object turns at once, then it begins to lose its own shape and colour.

# %%
orbit = views.orbit
pair = [orbit.codes[len(orbit) * 5 // 8][None], sample_w(teacher, 1, seed + 5, psi=0.7)]
depths = list(range(1, teacher.num_ws - 1))
pictures = [teacher.mix(*pair, k)[0] for k in [0, *depths, teacher.num_ws]]
fig.save_figure(run, "layer_swaps", fig.layer_swaps(pictures, depths, views.split_layer), {"k": depths})

# %% [markdown]
# One pair proves nothing, so this is measured for every *k*, over random view codes and contents. Left: how far the
# azimuth strays while the view code stays. Middle: how much the outlines of the contents differ under one view code,
# and how much those of different cars differ under one real camera. A good cut is low on the left and high in the
# middle. The shaded *k* is the one used from here on. Right: the view codes that were kept, with their deviation.

# %% tags=["studio"]
gate = stages.view_gate(run)
numbers = {"gate": gate, "split_layer": views.split_layer, "azimuth": views.azimuth, "deviation": views.deviation}
fig.save_figure(run, "view_gate", fig.view_gate(gate, views), numbers)

# %% [markdown]
# Now you: each slider says how much of sample B its layer gets. "View of B" gives it all layers below *k*, "content of
# B" the others; the picker puts one of the chosen view codes there instead.

# %%
from ganverse_nb.widgets import LayerPanel

desk = LayerPanel(teacher, views)
desk

# %%
desk.controls["view"].value = 3
assert desk.state.view == 3 and not desk.errors

# %% [markdown]
# How the styles divide at that *k*, counted with all layers and as the paper counts (2048 and 3008 in its network):

# %%
split = view_content_split(teacher, views.split_layer)
split._asdict()

# %% [markdown]
# A network that nobody has labels for, an official one for instance, has no such regressor. Then silhouettes must do:
# the share of the variance of their moments that the view code explains, for each *k*. The smallest *k* that explains
# nearly all that more layers would explain is suggested.

# %%
from ganverse_nb.gan.suggest import silhouette_descriptor, suggest_split_layer

segmenter = stages.segmenter(run)
contents = sample_w(teacher, 24, seed + 31, run.config.multiview.truncation)
outlines = silhouette_descriptor(lambda pictures: segmenter.segment(pictures).mask)
suggestion = suggest_split_layer(teacher, outlines, range(1, 5), views=16, contents=5, seed=seed)
suggestion

# %% [markdown]
# The middle curve in pictures: contents under one view code, and photographs of different cars by one camera.

# %% tags=["studio"]
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.studio.photos import make_photos

side = int((orbit.azimuth.remainder(360) - 60).abs().argmin())
generated = crossed_pictures(teacher, orbit.codes[[side]], contents, views.split_layer)[0]
camera = Camera.orbit(orbit.azimuth[[side]], 12.0, 2.1)
photographs = make_photos(category, 24, seed + 41, teacher.resolution, camera).image()
same_view = fig.same_view(generated, photographs, columns=12)
fig.save_figure(run, "shape_variety", same_view, {"azimuth": orbit.azimuth[side]})

# %% [markdown]
# ## Aligned views (figure 2)
#
# Columns share a view code, rows a content code. The angle above each column is the coarse label that a person gives
# in a minute for all of them: one of twelve, 30° apart. It is all that the 3D network will know about cameras. Every
# second view of the orbit around the object is shown.

# %%
crossed = crossed_pictures(teacher, views.codes, contents[:5], views.split_layer).transpose(0, 1)
shown = views.on_orbit.nonzero()[::2, 0]
aligned = fig.aligned_views(crossed[:, shown], views.labelled_azimuth[shown])
fig.save_figure(run, "figure_2_views", aligned, {"label": orbit.labelled_azimuth, "azimuth": orbit.azimuth})

# %% [markdown]
# ## All viewpoints (figure B)
#
# Two contents in every chosen view, with azimuth and elevation as they were measured: the orbit, then the views from
# below and above it.

# %%
all_views = fig.all_views(crossed[:2], views)
fig.save_figure(run, "figure_b_viewpoints", all_views, {"views": len(views), "azimuth": views.azimuth})

# %% [markdown]
# ## Record
#
# The view codes were made of the steadiest of many candidates, so they are measured again, on contents that were not
# looked at when they were chosen: as many as the dataset will have, since two dozen leave the median half a degree of
# chance. Shape variety is the mean of 1 − IoU over pairs of outlines, position and size taken off; the number for
# photographs says how much there is to be had. KID is a distance between the GAN's pictures and photographs it has not
# seen, here on the features of this project's segmenter: it compares our GANs with each other, and with nobody else's.

# %%
from ganverse_nb.evaluation import records

run.record_all(records.teacher(images_seen(run), views, suggestion))

# %% tags=["studio"]
from ganverse_nb.evaluation.scorecard import read_views

count, truncation = run.config.multiview.contents, run.config.multiview.truncation
readings = read_views(teacher, stages.pose_regressor(run), views, count, truncation, seed)
run.record_all(records.views(readings, gate, stages.gan_kid(run)))

# %% [markdown]
# ## See also
#
# * 02: contents and view codes crossed into a dataset
# * 04: the cameras of these view codes, learned
