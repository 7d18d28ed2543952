# %% [markdown]
# # Take one part away, and see what it was for
#
# The paper leaves out the multi-view consistency of Eq 2, and the perceptual term of Eq 1, and shows what becomes of
# shape and texture (section 4.1, appendix H). Here both are measured too, with a few further questions: how many
# views of an object a step should see, whether the cameras must move, and where they begin.
#
# ![One car reconstructed with all losses and without one of them](../figures/car/figure_6_ablation.png)
#
# *The same pictures with all losses, without several views, without the perceptual term.*
#
# You will
# * train every variant several times on the same pictures (once; about an hour on two CPU cores),
# * see the median and the worst example of each comparison, which nobody chose (figures 6 and P),
# * read a table with mean and spread, and the paper's claims beside it.

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
# ## What all of them begin with
#
# One object as the GAN paints it under some of the view codes, and the ellipsoid that every training starts from, seen
# by the cameras that the labels name; one variant takes the cameras of keypoints instead.

# %%
from ganverse_nb.gan.latents import sample_w
from ganverse_nb.inverse_graphics.training import template_of

teacher, views = stages.teacher(run), stages.view_codes(run).orbit
config = run.config.inverse
template = template_of(stages.multiview(run), config)
start = fig.starting_point(teacher, views, sample_w(teacher, 1, seed + 9, 0.7), config.initial_distance, template)
fig.save_figure(run, "inverse_start", start, {"labels": views.labelled_azimuth[::2]})

# %% [markdown]
# ## The variants
#
# Each differs from `full` in one thing, and renders as many pictures in a step. Two of the questions need no variant of
# their own: two views per step are `full`, one view per step is `no_multiview`, as without a second view of an object
# there is no consistency to ask for.

# %%
from ganverse_nb.inverse_graphics.ablation import VARIANTS, variant_settings

variants, seeds = run.config.ablation.variants, range(seed, seed + run.config.ablation.seeds)
for variant in variants:
    used = variant_settings(run.config, variant)
    print(
        f"{variant:16} {used.pairs:2} objects x {used.views_per_object} views, {used.steps} steps: {VARIANTS[variant]}"
    )

# %% [markdown]
# ## All trainings
#
# The next cell trains and measures whatever is not there yet, a training after the other; an interrupted one goes on
# where it stopped. A seed decides where the network starts and which pictures it sees when.

# %%
dataset = stages.multiview(run)
scores = {(variant, s): experiments.ablation_scores(run, variant, s) for variant in variants for s in seeds}
{f"{variant}, seed {s}": round(score.novel_view, 3) for (variant, s), score in scores.items()}

# %% [markdown]
# ## The same object without a part (figure 6)
#
# Held-out pictures of the GAN: the first row shows the input and what the GAN paints from other sides, the rows below
# what each network makes of the input, with the cameras that it learned. The median and the worst picture, by the
# mean overlap of the three networks in all other views.

# %%
from ganverse_nb.evaluation.ablation import gan_example, median_and_worst_of

shown = [variant for variant in ("full", "no_multiview", "no_perceptual") if variant in variants]
models = {variant: experiments.ablation(run, variant, seed) for variant in shown}
chosen = median_and_worst_of([scores[variant, seed].per_picture for variant in shown])
examples = {reason: gan_example(models, dataset, picture) for reason, picture in chosen.items()}
overlaps = {reason: example.overlap for reason, example in examples.items()}
numbers = {"pictures": chosen, "iou": overlaps}
fig.save_figure(run, "figure_6_ablation", fig.ablation_examples(examples), numbers)

# %% [markdown]
# The overlap is written into every view. The paper's rows differ most where the input shows nothing: compare the other
# views, and the texture of the side that the input hides.

# %% [markdown]
# ## Photographs (figure P)
#
# The same networks on photographs that no network has seen. The first row is the truth: further photographs of the same
# object, and its shape. The predictions are brought into the true world by the one similarity that is common to all
# predictions of a training, and seen by the true cameras.

# %% tags=["studio"]
from ganverse_nb.evaluation.ablation import photo_example
from ganverse_nb.evaluation.ground_truth import found_objects

photos = found_objects(stages.segmenter(run), stages.ground_truth_views(run))
gauges = {variant: scores[variant, seed].gauge for variant in shown}
chosen = median_and_worst_of([scores[variant, seed].photos["iou"] for variant in shown])
examples = {reason: photo_example(models, gauges, photos, index) for reason, index in chosen.items()}
overlaps = {reason: example.overlap for reason, example in examples.items()}
fig.save_figure(run, "figure_p_ablation", fig.ablation_examples(examples), {"photos": chosen, "iou": overlaps})

# %% [markdown]
# Without the perceptual term the paper's textures become smooth and lose details: compare the edges of windows and
# lamps in its rows with those of `full`.

# %% [markdown]
# ## Mean and spread
#
# On the GAN's pictures every training is measured with its own cameras, which is hard on fixed ones; on photographs
# with the true ones. The colour of the unseen side is compared with the unlit paint that the studio knows. The
# perceptual distance uses the same features as the term that one variant lacks.

# %%
from IPython.display import Markdown

from ganverse_nb.evaluation.spread import as_json, as_markdown, table
from ganverse_nb.runtime.files import write_text

cells = table(
    [{"variant": variant, "seed": s, "rows": score.rows()} for (variant, s), score in scores.items()], variants
)
text = as_markdown(cells, variants, seeds, "Ablation study", "all on the same pictures, with as many renders in a step")
write_text(run.pictures / "ablation_table.md", text)
Markdown(text)

# %%
fig.save_figure(
    run, "ablation_table", fig.ablation_table(cells, variants), {"cells": as_json(cells), "variants": variants}
)

# %% [markdown]
# A difference that is smaller than the spreads beside it is none.

# %% [markdown]
# ## Record
#
# The change against `full`, beside what the paper says of it, and the mean of every measure.

# %%
from ganverse_nb.evaluation import records

run.record_all(records.ablation(cells))

# %% [markdown]
# ## See also
#
# * 03: both kinds of initial cameras, and how wrong they may be
# * 04: the full training, at full length
# * 05: a network that has only single photographs to learn from
