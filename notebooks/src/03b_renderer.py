# %% [markdown]
# # A renderer that can be asked: which way?
#
# To learn shapes from pictures, a network has to know how a picture would change if a vertex moved. A usual renderer
# cannot say: a pixel shows a face or it does not, and nothing lies between. DIB-R (section 3.2 of the paper) can. This
# notebook builds it from its parts, asks for its gradient, and follows that gradient from a ball to a car.
#
# ![A ball becomes a car](../figures/car/renderer_fit.png)
#
# *A ball that follows the gradient until three cameras see it as their masks show it.*
#
# You will
# * see what each pixel of a picture knows: its face, where on it, how far away,
# * build a renderer in twenty lines and find that it equals the library's,
# * see the soft silhouette and, as arrows, where its gradient pushes the vertices,
# * watch a ball become a car, and look at it from sides that no mask has shown.
#
# It needs no other notebook and no network, and takes less than a minute on two CPU cores.

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
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.render.renderer import render

import torch

# %% [markdown]
# ## A mesh and a camera
#
# The mesh is a car of the studio: vertices [1, V, 3] and faces [F, 3], three vertices each. The world has y up, and the
# car's front looks along z. A camera stands at azimuth, elevation and distance around it: azimuth 0 sees the front, 90
# the car's left side (docs/conventions.md).

# %% tags=["studio"]
from ganverse_nb.studio.photos import make_photos

photo = make_photos(category, 1, seed + 14)
car, colors = photo.mesh(), photo.colors()
camera = Camera.orbit(azimuth=40.0, elevation=18.0, distance=2.05, fov=30.0)
tuple(car.vertices.shape), tuple(car.faces.shape)

# %% [markdown]
# ## DIB-R in twenty lines
#
# The camera's matrix brings the vertices into *clip space*: x and y on the picture, z and w for the depth. The z-buffer
# keeps, for each pixel, the nearest face that covers its centre, and three weights that say where on this face the
# pixel is. What is known at the vertices, a colour or a normal, is then the weighted mean of three: that is all of the
# inside of the object, and it is differentiable in the weights, hence in the vertices. The outside is the soft
# silhouette's business.

# %% tags=["studio"]
from ganverse_nb.geometry.mesh import corners, vertex_normals
from ganverse_nb.render.light import lamp, sh_shading, white_light
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.render.silhouette import soft_silhouette
from ganverse_nb.render.texture import interpolate

size, sun = 256, torch.nn.functional.normalize(torch.tensor([[0.5, 0.8, 0.4]]))
light = 0.55 * white_light(sun) + lamp(sun, 0.5)

clip = camera.to_clip(car.vertices)
fragments = rasterize(clip, car.faces, size)
normals = interpolate(corners(vertex_normals(car.vertices, car.faces), car.faces), fragments)
shading = sh_shading(torch.nn.functional.normalize(normals, dim=-1), light) * (fragments.face_index >= 0)[..., None]
color = interpolate(corners(colors, car.faces), fragments)
picture = (color * shading).permute(0, 3, 1, 2).clamp(0, 1)
silhouette = soft_silhouette(clip, car.faces, fragments.face_index)

# %% [markdown]
# The library's `render` does the same, with textures, backgrounds and checks. Here without colours, so that shading is
# all there is to see:

# %% tags=["studio"]
output = render(car, camera, size, light=light)
torch.testing.assert_close(output.rgb, shading.permute(0, 3, 1, 2).clamp(0, 1).expand(-1, 3, -1, -1))
torch.testing.assert_close(output.silhouette, silhouette)
fig.save_figure(run, "renderer_zbuffer", fig.zbuffer(output, picture), {"faces": len(car.faces), "size": size})

# %% [markdown]
# ## The soft silhouette
#
# A covered pixel is 1, whatever the vertices do next. For the others DIB-R asks how far away each face is: with $d_f$
# the distance from the pixel to face $f$, the pixel belongs to the object with probability
#
# $$M' = 1 - \prod_f \left(1 - e^{-d_f^2 / \sigma}\right)$$
#
# that is, unless it belongs to no face at all. $\sigma$ says how far a face reaches. A small one gives a sharp outline,
# but a pixel a few steps away feels nothing; a large one reaches far and blurs. The training begins with 1/7000 and
# ends far below it.

# %% tags=["studio"]
sigmas = [5e-6, 1 / 7000, 3e-3]
soft = fig.soft_silhouettes(car, camera, sigmas)
fig.save_figure(run, "renderer_silhouette", soft, {"sigma": sigmas})

# %% [markdown]
# ## Its gradient, as arrows
#
# Now the question. A ball stands where the car should be, and the loss is $L_{IOU}$: one minus intersection over union
# of the ball's silhouette and the car's mask. An arrow shows where minus the gradient moves a vertex in the picture.
# Where the mask (orange) goes beyond the ball, the vertices at its border are pulled out; where the ball sticks out,
# they are pulled in. Vertices inside the outline feel nothing: no pixel near them is in doubt. And the smaller
# $\sigma$, the fewer pixels take part.

# %% tags=["studio"]
from dataclasses import replace

from ganverse_nb.geometry.mesh import uv_sphere

sphere = uv_sphere()
ball = replace(sphere, vertices=0.3 * sphere.vertices, texture=torch.full((1, 3, 4, 8), 0.6))
side = Camera.orbit(75.0, 10.0, distance=2.0)
target = render(car, side, 64).mask
arrows = fig.silhouette_gradient(ball, side, target, sigmas)
fig.save_figure(run, "renderer_gradient", arrows, {"sigma": sigmas})

# %% [markdown]
# ## From a ball to a car
#
# Three cameras have seen the car, and all that is known are their masks. Gradient descent follows the arrows of all of
# them at once. Arrows reach only vertices at the outline; so that these do not run away from the others, each push is
# spread over the neighbours, and two terms of the paper's Eq 1 keep the surface in order where the masks say nothing:
# $L_{lap}$ and $L_{sm}$. Left and right move alike, so that each mask tells of both sides. $\sigma$ falls from 3e-3 to
# 3e-6 on the way. The picture moves while the fit runs:

# %% tags=["studio"]
from ganverse_nb.render.fitting import fit_mesh
from ganverse_nb.widgets import FitView

cameras = Camera.orbit(torch.tensor([35.0, 100.0, 200.0]), torch.tensor([10.0, 5.0, 45.0]), distance=2.0)
masks = render(car, cameras, 64).mask
view = FitView(masks, cameras)
view

# %% tags=["studio"]
fit = fit_mesh(masks, cameras, ball, symmetric=True, watch=view)

# %% [markdown]
# Six moments of it. First the outlines are found, then the details.

# %% tags=["studio"]
moments = [0, 5, 20, 50, 80, len(fit.iou) - 1]
steps = fig.fit_steps(fit, cameras, masks, moments)
fig.save_figure(run, "renderer_fit", steps, {"steps": moments, "iou": fit.iou[moments]})

# %% [markdown]
# ## What no mask has shown
#
# The true mesh is known, so the shape can be judged from eight other sides, and by the distance of the two surfaces.

# %% tags=["studio"]
from ganverse_nb.evaluation.mesh_fit import score_fit
from ganverse_nb.geometry.views import turntable

unseen = turntable(8, elevation=20.0, distance=2.0)
errors = score_fit(fit, car, unseen)
curves = fig.fit_curves({"three masks": fit.iou, "eight other views": errors.iou}, errors.chamfer, moments)
fig.save_figure(run, "renderer_fit_curves", curves, {"iou": errors.iou, "chamfer": errors.chamfer})

# %% tags=["studio"]
others = fig.fit_unseen(fit.mesh, car, unseen[1::2])
fig.save_figure(run, "renderer_fit_unseen", others, {"iou": errors.views})

# %% [markdown]
# Silhouettes know nothing of hollows: where the true car has one, in front of the windscreen or between the wheels, the
# fit spans it. That, and the paint, is what the colours of the pictures are for: notebook 04 adds them, and replaces
# the vertices of one car by a network that predicts them for any.
#
# To be turned with the mouse, above the true mesh:

# %% tags=["studio"]
from ganverse_nb.widgets import mesh_beside_truth

mesh_beside_truth(fit.mesh, car, colors[0])

# %% [markdown]
# ## Record

# %% tags=["studio"]
from ganverse_nb.evaluation import records

run.record_all(records.fitted_mesh(fit, errors))

# %% [markdown]
# ## See also
#
# * 03: where the cameras come from when nobody knows them
# * 04: the same losses, for a network that sees one picture
# * docs/conventions.md: axes, angles, rows and columns
