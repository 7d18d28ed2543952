# %% [markdown]
# # Real photographs, measured
#
# Everything here is learned from synthetic pictures. How far does it carry over to photographs that somebody took? For
# whoever has a folder of them with masks: one of the public sets (Carvana, COIL-100, EPFL, Weizmann, CUB, DAVIS), or
# pictures of one's own. Whoever has none steps through it with photographs of the studio, written into such a folder.
#
# ![Photographs, their masks, and what the network makes of them](../figures/car/real_photographs.png)
#
# *Photographs of the studio that play the part of real ones: the outline of the mask, the prediction from the camera
# that was read off, from the refined one, and from other sides.*
#
# You will
# * read a folder of photographs, masks and what is known of them,
# * reconstruct them all, and see the best and the worst by rank,
# * get the numbers of `docs/real_photographs.md` for the folder.
#
# `folder` names it, `dataset` its layout: carvana, coil100, epfl, weizmann, cub, davis, or folder-with-masks (a table
# `masks.csv`, or `NAME.jpg` beside `NAME_mask.png`). Pictures of other people's sets are for looking at here; what is
# kept in `figures` shows them, so do not publish it.

# %% tags=["parameters"]
profile = "mini"
category = "car"
seed = 0
runs = "../runs"
figures = "../figures"
settings = {}
folder = ""
dataset = "folder-with-masks"
limit = 100

# %%
from ganverse_nb.workflow.run import open_run  # not found? `make lab` opens notebooks with the right Python

run = open_run(profile, category, seed, runs, figures, settings)

from ganverse_nb import figures as fig
from ganverse_nb.workflow import stages

# %% [markdown]
# ## The photographs
#
# Some objects of the studio, six sides each, unless you gave a folder.

# %% tags=["studio"]
import tempfile
from pathlib import Path

from ganverse_nb.data.photo_sets import read_photo_set
from ganverse_nb.data.photo_sets.studio_folder import write_studio_folder

made = tempfile.TemporaryDirectory()
objects, edition = run.config.evaluation.studio_objects, run.config.studio.edition
folder or write_studio_folder(Path(made.name), category, objects, seed=seed + 12, edition=edition)
photos = read_photo_set(dataset, folder or made.name, category).sample(limit)
print(f"{len(photos)} photographs of the set {photos.name}; masks: {'all' if photos.has_masks else 'not all'}")

# %% [markdown]
# ## Reconstructed
#
# The network sees a window that follows the given mask, or the segmenter's where none is given. Below: from the best to
# the worst by the overlap under the refined camera. A picture of the wrong side still overlaps well; its azimuth tells.

# %% tags=["studio"]
from ganverse_nb.evaluation.examples import at_ranks
from ganverse_nb.evaluation.photo_scores import score_photo_set

print(f"windows of {stages.inverse_graphics(run).resolution} px")
scores = score_photo_set(stages.reconstructor(run), photos)
ranked = at_ranks(1 - scores.iou_refined, (0.0, 0.5, 0.9, 1.0))
shown = fig.scored_photos(scores, ranked)
fig.save_figure(run, "real_photographs", shown, {"iou_refined": scores.iou_refined, "ranked": ranked})

# %% [markdown]
# ## Numbers
#
# Which masks were used stands beside each. `docs/real_photographs.md` says how each number is measured; the bars are
# those that this project sets itself on the public sets.

# %% tags=["studio"]
run.record_all(scores.measurements())

# %% [markdown]
# ## See also
#
# * 00: a photograph of your own, from a mask to a mesh
# * 04: the network and its errors on the studio's photographs, where the whole truth is known
