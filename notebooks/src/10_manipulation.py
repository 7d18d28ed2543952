# %% [markdown]
# # Swap shape, texture and background
#
# With StyleGAN-R, the parts of a picture are separate inputs. This notebook takes them from different pictures: of
# the GAN (figure 10) and photographs (figures 11 and L), and measures what a swap changes and what it leaves alone.
#
# ![Shape, texture and background of one car given to another](../figures/car/figure_10_manipulation.png)
#
# *Shape, texture and background swapped between cars.*
#
# You will
# * give three cars the shape of the first, the texture of the second and the background of the third,
# * edit photographs that no network was trained on, and look at them from elsewhere,
# * see for every factor how far it moved to the donor.
#
# A minute, once StyleGAN-R is trained (notebook 08).

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
# ## What can be told apart
#
# Pictures of the GAN with the outline that the segmenter draws. The background is what lies outside; inside, the 3D
# network separates shape from texture.

# %%
from ganverse_nb.gan.latents import pictures_of, sample_w

teacher, segmenter = stages.teacher(run), stages.segmenter(run)
w = sample_w(teacher, 10, seed + 71, psi=0.7)
random = pictures_of(teacher, w)
outlined = [fig.outlined(image, mask) for image, mask in zip(random, segmenter.segment(random).mask)]
fig.save_figure(run, "manipulation_parts", fig.samples(outlined, columns=10), {"segmenter": segmenter.source})

# %% [markdown]
# ## Three cars (figure 10)
#
# Held-out contents in one view. Boxes mark the donor of each column: it keeps its own factor, so its picture is only
# rendered again.

# %%
from ganverse_nb.evaluation.scorecard import held_out_in_one_view

dataset, inverse, renderer = stages.multiview(run), stages.inverse_graphics(run), stages.stylegan_r(run)
properties, inputs = held_out_in_one_view(inverse, dataset, 3)
swaps = fig.manipulation(renderer, inputs, properties)
fig.save_figure(run, "figure_10_manipulation", swaps, {"azimuth": properties.camera.azimuth})

# %% [markdown]
# ## Photographs (figure 11)
#
# Studio photographs, encoded by segmenter, 3D network and camera head, rendered again, and with one factor of the
# donor on the right. The lower row of each is by a copy of StyleGAN-R that was tuned until its own view was the
# photograph (`Renderer.encode(photo, keep=True)`): what it has learned of this one picture stays when parts are
# swapped.

# %%
from ganverse_nb.neural_renderer.pivotal import tuned_to_each

photos, _ = stages.unseen_pictures(run, 8)
half = len(photos) // 2
encoded = renderer.encode(photos)
tuned = tuned_to_each(renderer, encoded[:half], photos[:half], run.config.evaluation.tuning_steps)
editing = fig.photo_editing(
    renderer, photos[:half], encoded[:half], photos[half : 2 * half], encoded[half : 2 * half], tuned
)
fig.save_figure(run, "figure_11_photo_editing", editing, {"photos": half})

# %% [markdown]
# ## Photographs under another camera (figure L)
#
# The first two of them again, plain and tuned, as notebook 09 does it with the GAN's own pictures: camera, shape,
# texture and background are read off the photograph, and one control of the camera at a time is changed.

# %%
ranges = fig.shown_cameras(inverse.cameras().detach(), renderer)
steered = fig.camera_controller(renderer, photos[:2], encoded[:2], **ranges, tuned=tuned[:2])
fig.save_figure(run, "figure_l_photo_cameras", steered, ranges)

# %% [markdown]
# ## What a swap moves
#
# Pairs of held-out contents in the same view. One factor of the donor is put in, the picture is looked at again, and
# every factor is compared with source and donor: 0 stayed, 1 is the donor's. Ideally the diagonal is 1, the rest 0,
# and the camera head sees the camera where it was.

# %%
from ganverse_nb.evaluation.disentanglement import swap_report
from ganverse_nb.evaluation.scorecard import held_out_pairs

source, donor = held_out_pairs(inverse, dataset, seed=seed)
report = swap_report(renderer.synthesize, renderer.encoder, source, donor)
fig.save_figure(run, "swap_matrix", fig.swap_matrix(report), {"ratios": report.ratios, "report": report})

# %% [markdown]
# ## Record
#
# Distance to the donor divided by distance to the source, of the factor that was swapped: below 1, it is closer to
# the donor.

# %%
from ganverse_nb.evaluation import records

run.record_all(records.swaps(report))

# %% [markdown]
# ## See also
#
# * 08: how StyleGAN-R was made
# * 09: its camera
