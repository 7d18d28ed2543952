# %% [markdown]
# # Make a multi-view dataset without a camera
#
# Every content code is painted under every view code, a segmenter cuts the object out, and the paper's filter drops
# what is not one clear object (section 3.1). The result plays the part of a photo studio with a turntable, at the
# price of a minute of labelling.
#
# ![Rows of cars, each from many sides](../figures/car/figure_c_dataset.png)
#
# *Six cars of the finished dataset, each under some of its view codes.*
#
# You will
# * show a network by ten clicks what an object is, where no segmenter knows it, if you like,
# * see how well the segmenter cuts out photographs whose true masks are known,
# * label view codes by hand, if you like,
# * make the dataset and look at it (figure C),
# * count what the filter removed, view by view.
#
# About two minutes on two CPU cores.

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

# %% [markdown]
# ## Cut out by ten clicks
#
# What no segmenter knows, the GAN does: its features tell object from background in all its pictures, once a few points
# say which is which. Here is one object from several sides: click on it and on the background, once each in five
# pictures. The run keeps the clicks in `my_clicks.json`, and one with the setting `segmenter.weights = "clicks"` uses
# them (`--set segmenter.weights=clicks` with the run's first command); `"features"` does without any.

# %%
from ganverse_nb.widgets import ClickLabeller
from ganverse_nb.workflow.feature_segmenter import click_annotation

ClickLabeller(click_annotation(run))

# %% [markdown]
# ## The segmenter
#
# What cuts the object out of its picture, and which weights it has:

# %%
segmenter = stages.segmenter(run)
segmenter

# %% [markdown]
# The outline that it draws on photographs it was not trained on:

# %% tags=["studio"]
images = stages.first_test_photos(run, 32).image()[:24]
outlined = [fig.outlined(image, mask) for image, mask in zip(images, segmenter.segment(images).mask)]
fig.save_figure(run, "segmenter", fig.samples(outlined, columns=12), {"segmenter": segmenter.source})

# %% tags=["studio"]
from ganverse_nb.segmentation.training import evaluate

found = evaluate(segmenter, stages.test_photos(run))
found

# %% [markdown]
# ## Label view codes yourself
#
# This category comes with labelled view codes (notebook 01 shows them). For another network you make them here: the
# codes in which objects look most consistent are suggested, you say for each from which of twelve sides it looks, by a
# click or a key. Every decision is saved; run the cell again and it goes on. A run with the setting
# `views.codes = "labelled"`, as profile `paper` has it, uses the result; `fig.all_views` draws it as figure B. A
# category of your own is content with the suggestions (`"suggested"`), in the order in which they look most alike.

# %%
from ganverse_nb.widgets import ViewLabeller, sample_pictures
from ganverse_nb.workflow.view_labels import view_annotation

labels = view_annotation(run)
ViewLabeller(labels, sample_pictures(stages.teacher(run), labels.split_layer))

# %% [markdown]
# ## The dataset (figure C)
#
# Rows share a content code, columns a view code with its coarse label; every third view is shown. The line is the
# segmenter's outline; faded pictures were removed by the filter. The last rows are held out: nothing is trained on
# them.

# %%
dataset = stages.multiview(run)
dataset

# %%
contents = [0, 1, 2, 3, *dataset.test_contents[:2].tolist()]
overview = fig.dataset_overview(dataset, contents, range(0, dataset.num_views, 3))
fig.save_figure(run, "figure_c_dataset", overview, {"contents": contents, "labels": dataset.azimuth_bin * 30})

# %% [markdown]
# ## What the filter removed
#
# Exactly one instance, and its mask at least a tenth of the picture. The paper kept 55,429 of 234,000 pictures.

# %%
counts = dataset.counts()
fig.save_figure(run, "multiview_counts", fig.kept_pictures(dataset), counts)

# %% [markdown]
# ## Record

# %%
from ganverse_nb.evaluation import records

run.record_all(records.multiview(counts))

# %% tags=["studio"]
run.record_all(records.segmentation(found))

# %% [markdown]
# ## See also
#
# * 01: where the view codes come from
# * 04: what the 3D network learns from these pictures
