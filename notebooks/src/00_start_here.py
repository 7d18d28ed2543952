# %% [markdown]
# # Start here: turn pictures of a GAN into 3D cars
#
# A GAN that only ever saw photographs paints cars from any side. GANverse3D uses it as a camera crew: it paints the
# same car from many viewpoints, a differentiable renderer learns from those pictures what a car looks like in 3D, and
# in the end a single photograph becomes a textured mesh.
#
# ![Photographs, and their reconstruction from five sides](../figures/car/start_reconstructions.png)
#
# *Photographs that no network has seen, and what one network makes of each.*
#
# You will
# * see what the bundled GAN paints, and what a photograph of our procedural studio knows about itself,
# * reconstruct photographs that no network was trained on,
# * take hold of camera, shape, texture and background with sliders and pickers, turn the mesh with the mouse, and save
#   pictures, turntables and `.glb` files,
# * do the same with a photo of your own, and see whether its reconstruction can be trusted.

# %% [markdown] tags=["no-demo"]
# Everything is there within seconds: with the settings below, the networks come with the package. With others they are
# trained first, once, which takes some forty minutes on two CPU cores (notebooks 04 and 08 show how). `make demo`
# shows this notebook to others as a page without code.
#
# All notebooks tell the story of cars. With `category = "horse"` or `"bird"` in the next cell they run on those; read
# horse or bird where it says car.

# %% tags=["parameters"]
profile = "mini"
category = "car"
seed = 0
runs = "../runs"
figures = "../figures"
settings = {}
photo = ""

# %%
from ganverse_nb.workflow.run import open_run  # not found? `make lab` opens notebooks with the right Python

run = open_run(profile, category, seed, runs, figures, settings)

from ganverse_nb import figures as fig
from ganverse_nb.workflow import stages

import torch

# %% [markdown]
# ## What the GAN paints
#
# A StyleGAN2 of 64 × 64 pixels, trained by this project on photographs of its own studio, without any label. Nothing
# in it knows of cameras or of shapes.

# %%
teacher = stages.teacher(run)
rng = torch.Generator().manual_seed(seed)
samples = teacher(torch.randn(24, teacher.z_dim, generator=rng), psi=0.8)
fig.save_figure(run, "start_samples", fig.samples(samples, columns=12), {"psi": 0.8})

# %% [markdown]
# ## From a photograph to a mesh, in your hands
#
# Five photographs that were never seen in training. A segmenter cuts the car out, the network predicts shape, texture
# and camera, and the renderer shows the prediction. It has learned that without one photograph, mesh or camera, from
# the GAN's pictures alone.
#
# The pickers on the left say whose shape, texture and background are shown: those of one of the photographs, of a
# sample of the GAN (its seed and truncation are below), or of a picture that you open. The sliders move the camera;
# azimuth 0 sees the front, 90 the car's left side. DIB-R, the renderer that the network was trained with, answers, and
# beside it StyleGAN-R, the GAN as a renderer (notebook 08).

# %% [markdown] tags=["no-demo"]
# The next cell loads the 3D network: this run's, else the package's, else it is trained now (notebooks 02 and 04).

# %%
model = stages.inverse_graphics(run)
photos, masks = stages.unseen_pictures(run, 5)

# %%
from ganverse_nb.widgets import open_panel

renderer = stages.stylegan_r(run) if run.is_at_hand(stages.stylegan_r_stage(run)) else None
panel = open_panel(run, photos, renderer)
panel

# %% [markdown] tags=["no-demo"]
# Controls can be moved by a program too, which is how this notebook is tested.

# %% tags=["no-demo"]
panel.controls["azimuth_deg"].value = 120
assert panel.state.azimuth_deg == 120 and not panel.errors
panel.state

# %% [markdown]
# All five, in the view of the photograph and from other sides:

# %%
from ganverse_nb.inverse_graphics.inference import reconstruct

mesh, camera = reconstruct(photos, masks, model)
reconstructions = fig.reconstructions(photos, mesh, camera)
fig.save_figure(run, "start_reconstructions", reconstructions, {"azimuth": camera.azimuth})

# %% [markdown]
# The first mesh itself, to be turned with the mouse; the buttons show its wires:

# %%
from ganverse_nb.widgets import mesh_figure

mesh_figure(mesh[0])

# %% [markdown] tags=["no-demo"]
# And as a file that Blender or any viewer of glTF opens:

# %% tags=["no-demo"]
from ganverse_nb.geometry.export import save_mesh

save_mesh(mesh[0], run.directory / "start_here.glb")

# %% [markdown]
# ## Where it comes from: the same car from all sides
#
# How can a network learn this from pictures without a single mesh or camera? The first layers of the GAN decide the
# viewpoint, and the others what is seen: each row keeps one *content code*, each column one *view code* (figure 2 of
# the paper; notebook 01 shows how they were found). Pictures of one object from many sides are what the 3D network
# learns from.

# %%
from ganverse_nb.gan.latents import crossed_pictures, sample_w

views = stages.view_codes(run).orbit
contents = sample_w(teacher, 3, seed + 1, psi=0.7)
crossed = crossed_pictures(teacher, views.codes[::2], contents, views.split_layer).transpose(0, 1)
fig.save_figure(run, "start_views", fig.aligned_views(crossed, views.azimuth[::2]), {"azimuth": views.azimuth[::2]})

# %% [markdown]
# ## Photographs with an answer sheet
#
# The studio builds random cars, puts them into random scenes and takes photographs. They play the part of the paper's
# LSUN and Pascal3D+ pictures. Each comes with its true mask, depth, shape and camera, so that what the networks find
# can be checked.

# %% tags=["studio"]
from ganverse_nb.studio.photos import make_photos

fig.save_figure(run, "start_studio", fig.studio_photos(make_photos(category, 6, seed=seed + 11)), {})

# %% [markdown]
# ## Your own photo

# %% [markdown] tags=["no-demo"]
# Set `photo` above to the path of a picture file of any size (or give it to papermill: `-p photo car.jpg`); without
# one, this cell takes the first of those above. The object may be anywhere in it, as long as all of it is. The same
# without a notebook: `ganverse reconstruct photo.jpg --out car.glb --turntable car.gif`, or three lines of Python.

# %% tags=["no-demo"]
reconstructor = stages.reconstructor(run)
own = reconstructor(photo or photos[0])
if own.verdict.in_domain:
    own.save(run.directory / "own_photo.glb", turntable=run.directory / "own_photo.gif")
card = fig.photo_card(own.image, own.mask, own.verdict, own.mesh, own.camera)
fig.save_figure(run, "start_own_photo", card, {"score": own.verdict.score, "scores": own.verdict.scores})

# %% [markdown]
# With a button: the photo is cut out, reconstructed and judged, and then in your hands.

# %%
from ganverse_nb.widgets import PhotoUpload

PhotoUpload(stages.reconstructor(run), lambda result: open_panel(run, result.image, renderer, "your photo"))

# %% [markdown] tags=["no-demo"]
# ## When to believe it
#
# The network makes a car of anything. So each photo gets a score: how unusual it is beside photographs that no network
# has seen, in the segmenter's doubt that it shows a car, in how much of its outline lies on the photo's border, and in
# how badly the reconstruction covers it. The limit was set on such photographs alone, half as far again as all but two
# in a hundred of them reach; here are others, and pictures that should be refused.

# %% tags=["studio", "no-demo"]
check = stages.domain_check(run)
fig.save_figure(run, "start_domain", fig.domain_scores(check), {"limit": check.limit, "scores": check.scores})

# %% tags=["studio", "no-demo"]
from ganverse_nb.evaluation import records

run.record_all(records.domain(check))

# %% [markdown] tags=["no-demo"]
# ## See also
#
# * 01: why the first layers are the viewpoint, and which viewpoints there are
# * 02: the multi-view pictures and how they were cut out
# * 04: how good the reconstructions are, in numbers
# * 08, 09, 10: the GAN as a renderer with controls for camera, shape, texture and background
