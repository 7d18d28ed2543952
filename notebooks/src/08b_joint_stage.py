# %% [markdown]
# # What the joint stage needs
#
# Notebook 08 fine-tunes the GAN with more than the paper's Eq 6. Here the same warm-up is trained on with less of it:
# with Eq 6 as printed, with the game against the discriminator, with the second renderer. Which part of the paper's
# claim holds with the paper's own loss at this size?
#
# ![Numbers of StyleGAN-R with parts of its loss](../figures/car/joint_stage_terms.png)
#
# *Held-out objects from many cameras, read again by inverse graphics.*
#
# You will
# * train StyleGAN-R three more times, each with a part of the loss,
# * see the same object turned by all of them,
# * measure how well each keeps to the scene that it was asked for.
#
# About twenty minutes on two CPU cores, once StyleGAN-R is trained (notebook 08).

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
from ganverse_nb.workflow import experiments, stages

# %% [markdown]
# ## Where all begin
#
# Held-out objects, as 3D network and camera head read them. The mapping network after its warm-up turns them like this,
# with the generator as it was:

# %%
from ganverse_nb.evaluation.scorecard import held_out_properties

dataset, inverse = stages.multiview(run), stages.inverse_graphics(run)
properties, inputs = held_out_properties(inverse, dataset, seed + 3)
warm = stages.stylegan_r(run, mapping_only=True)
turns = [0, 45, 90, 135, 180, 225, 270, 315]
begun = fig.dual_renderer({"mapping only": warm}, inputs[:2], properties[:2], turns)
fig.save_figure(run, "joint_stage_start", begun, {"contents": 2})

# %% [markdown]
# ## Three losses
#
# * **Eq 6 as printed**: what is asked for against what the 3D network reads in the picture, nothing else. The generator
#   may paint whatever is misread in the right way.
# * **Eq 6, Eq 5 and the game**: pictures have to stay real for the discriminator, which learns along.
# * **Eq 6, Eq 5 and the second renderer**: silhouette, colours and background of the picture are compared with DIB-R's.
#
# All take as many steps as StyleGAN-R. That has all of these and the camera's term, and beside its loss features that
# are resampled to the asked scale, a wider range of scales, and the best state instead of the last. The texture weighs
# 2 in all of them, where the paper has no weights.

# %%
from ganverse_nb.neural_renderer.joint_variants import VARIANTS

renderers = {"mapping only": warm}
renderers |= {words: experiments.joint_variant(run, name) for name, words in VARIANTS.items()}
renderers["all (StyleGAN-R)"] = stages.stylegan_r(run)
variants = fig.dual_renderer(renderers, inputs[:2], properties[:2], turns)
fig.save_figure(run, "joint_stage_variants", variants, {"contents": 2})

# %% [markdown]
# ## Measured
#
# As in notebook 08, on the same objects and cameras: *picture and scene* compares the picture with DIB-R's of the scene
# that was asked for, *spread over views* says how much what is read varies while the object turns.

# %%
from ganverse_nb.evaluation.consistency import score_renderers

measuring = run.config.evaluation
real, _ = stages.unseen_pictures(run, measuring.pictures)
scores = score_renderers(
    renderers, stages.teacher(run), dataset, inverse, renderers["mapping only"].encoder, stages.perceptual(run), real,
    seed, measuring.azimuths, measuring.pictures,
)  # fmt: skip
fig.save_figure(run, "joint_stage_terms", fig.consistency_table(scores), {"scores": scores})

# %% [markdown]
# ## Record

# %%
from ganverse_nb.evaluation import records

run.record_all(records.joint_variants(scores))

# %% [markdown]
# ## See also
#
# * 08: the whole of it
# * docs/stylegan_r.md: what else was tried
