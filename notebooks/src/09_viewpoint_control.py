# %% [markdown]
# # Steer the GAN's camera
#
# StyleGAN-R takes a camera as its input. This notebook moves it: azimuth, scale and elevation, one at a time (figure
# 9), then renders 36 azimuths and measures what comes out.
#
# ![One car turned, raised and scaled](../figures/car/figure_9_camera_controller.png)
#
# *Azimuth, scale and elevation of the camera, one at a time.*
#
# You will
# * drive the camera of held-out objects, by hand too,
# * see, in degrees, how far the azimuth of the pictures is from its target, with and without fine-tuning the GAN,
# * compare with looking for the latent code of a picture instead (figure 8).
#
# Two or three minutes, once StyleGAN-R is trained (notebook 08).

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
# ## Where the GAN itself can stand
#
# One object under the chosen view codes, with the azimuth of each: a handful of fixed places. StyleGAN-R has to fill
# the gaps between them.

# %%
from ganverse_nb.gan.latents import crossed_pictures, sample_w

teacher, views = stages.teacher(run), stages.view_codes(run)
pictures = crossed_pictures(teacher, views.codes, sample_w(teacher, 1, seed + 61, 0.7), views.split_layer)
fixed = fig.all_views(pictures.transpose(0, 1), views)
fig.save_figure(run, "fixed_viewpoints", fixed, {"azimuth": views.azimuth})

# %% [markdown]
# ## One control at a time (figure 9)
#
# Azimuth and scale are relative to the picture's own; elevations are those that the views have shown. Scales go beyond
# the views', whose photographers all stand about as far away: the generator's features are resampled.

# %%
import torch

from ganverse_nb.evaluation.scorecard import held_out_properties

dataset, inverse, renderer = stages.multiview(run), stages.inverse_graphics(run), stages.stylegan_r(run)
properties, inputs = held_out_properties(inverse, dataset, seed + 4)
ranges = fig.shown_cameras(inverse.cameras().detach(), renderer)
controller = fig.camera_controller(renderer, inputs[:3], properties[:3], **ranges)
fig.save_figure(run, "figure_9_camera_controller", controller, ranges)

# %% [markdown]
# ## All the way round
#
# One held-out object turning once, by both renderers: StyleGAN-R on the left, DIB-R on the right.

# %%
from IPython.display import Image

from ganverse_nb.neural_renderer.turning import save_turning

save_turning(renderer, properties[0], run.pictures / "turning.gif", views=36)
Image(filename=run.pictures / "turning.gif")

# %% [markdown]
# ## Your turn
#
# Source, DIB-R and StyleGAN-R side by side, on the same objects. The status line says when the camera is outside the
# range of the GAN's views.

# %%
from ganverse_nb.widgets import open_panel

panel = open_panel(run, inputs[:6], renderer, label="held-out picture")
panel

# %%
panel.controls["azimuth_deg"].value = 60
assert panel.state.azimuth_deg == 60 and not panel.errors

# %% [markdown]
# ## Target and measured azimuth
#
# Every held-out object is rendered at 36 azimuths. The pose regressor, which no renderer was trained with, reads the
# azimuth off each picture. Nothing is aligned afterwards: an offset between the two counts as error.
#
# The third curve is Eq 3 as printed: the same networks, but only the dimensions that $g_v$ maps follow the camera, and
# the others stay at the mean of the chosen view codes. The difference to the first is what interpolating between the
# chosen views contributes (notebook 08).

# %% tags=["studio"]
from ganverse_nb.evaluation.disentanglement import azimuth_sweep
from ganverse_nb.evaluation.scorecard import azimuth_reader

warm, measure = stages.stylegan_r(run, mapping_only=True), azimuth_reader(stages.pose_regressor(run))
sweeps = {
    "StyleGAN-R": azimuth_sweep(renderer.synthesize, properties, measure),
    "mapping only": azimuth_sweep(warm.synthesize, properties, measure),
    "other dimensions at their mean": azimuth_sweep(renderer.with_view_rest("mean").synthesize, properties, measure),
}
numbers = {name: sweep.numbers() for name, sweep in sweeps.items()}
fig.save_figure(run, "azimuth_control", fig.azimuth_control(sweeps), numbers)

# %% [markdown]
# The same for the elevation, over the range of the views. The gain is by how many degrees the picture moves for one
# degree of the target.

# %% tags=["studio"]
from ganverse_nb.evaluation.disentanglement import elevation_sweep
from ganverse_nb.evaluation.scorecard import elevation_reader

heights = elevation_sweep(
    renderer.synthesize, properties, elevation_reader(stages.pose_regressor(run)), torch.tensor(ranges["elevations"])
)

# %% [markdown]
# ## Without mapping and 3D: the picture's latent code (figure 8)
#
# The other way to edit a photograph: look for the latent code that reproduces it (least squares over one w for each
# layer), then put view codes in. In the photograph's own view such a code may fit better than any renderer, for every
# layer helps to fit this one picture; what it is worth shows when it turns.
#
# StyleGAN-R gets the same chance: a copy of it is tuned around each photograph until its own view is the photograph,
# while other views are held where they were (`Renderer.encode(photo, keep=True)`; some ten seconds each).

# %%
from torch.nn.functional import mse_loss

from ganverse_nb.evaluation.latent_editing import turn_codes, turn_kept, turn_properties
from ganverse_nb.gan.projection import project
from ganverse_nb.neural_renderer.pivotal import tuned_to_each
from ganverse_nb.runtime.placement import compute_device

photos, masks = stages.unseen_pictures(run, 8)
rows = views.on_orbit.nonzero().flatten()[3::6]
search = {"steps": run.config.evaluation.projection_steps, "seed": seed, "device": compute_device()}
codes = project(teacher, teacher.from_squares(photos), "w+", mse_loss, **search).latent
read = renderer.encode(photos)
tuned = tuned_to_each(renderer, read, photos, run.config.evaluation.tuning_steps)
ways = {
    "StyleGAN-R": turn_properties(renderer, read, views.azimuth[rows]),
    "tuned to each": turn_kept(tuned, read, views.azimuth[rows]),
    "latent code optimisation": turn_codes(teacher, codes, views, rows, renderer.resolution),
}
latent = fig.latent_manipulation(photos[:4], ways)
fig.save_figure(run, "figure_8_latent_codes", latent, {"azimuth": views.azimuth[rows]})

# %% [markdown]
# The azimuth is read by the pose regressor; the colour is the object's mean one, before and after. In the paper this
# way fails. This GAN's view code was freed of the object in training, and so a turned code keeps colour and body about
# as well as StyleGAN-R does; but sizes change, and shapes fray where the picture showed nothing.

# %% tags=["studio"]
from ganverse_nb.evaluation.latent_editing import score_turned

judged = {name: score_turned(way, photos, masks, stages.segmenter(run), measure) for name, way in ways.items()}
judged

# %% [markdown]
# ## Record

# %% tags=["studio"]
from ganverse_nb.evaluation import records

control = records.camera_control(sweeps, heights)
run.record_all(control | records.turned(judged))

# %% [markdown]
# ## See also
#
# * 08: how the camera reaches the GAN
# * 10: swapping what the camera sees
