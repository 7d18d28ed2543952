"""A fit, watched while it runs."""

from __future__ import annotations

import ipywidgets
import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.figures.gan import outlined
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import soft_iou
from ganverse_nb.render.renderer import render
from ganverse_nb.render.shots import plain
from ganverse_nb.widgets.base import Panel, as_pixels, as_png, named

SIDE = 128  # pixels of each view before its outline is drawn, which doubles them


class FitView(Panel):
    """The mesh as every camera sees it, with the outlines of the masks; to be passed as `watch` to `fit_mesh`.

    Args:
        masks: [B, 1, R, R] that the mesh is fitted to, seen by the B of `camera`.
        every: how many steps are between two pictures, which take a few hundredths of a second.
    """

    def __init__(self, masks: Tensor, camera: Camera, every: int = 4) -> None:
        self.masks, self.camera, self.every = masks, camera, every
        self.outlines = (F.interpolate(masks, (SIDE, SIDE), mode="bilinear") > 0.5).float()
        layout = ipywidgets.Layout(width=f"{240 * len(masks)}px", max_width="100%", height="auto")
        self.picture = named(ipywidgets.Image(format="png", layout=layout), "fit")
        super().__init__([self.picture])
        self.say("step 0")

    def __call__(self, step: int, mesh: Mesh) -> None:
        if step % self.every:
            return
        shots = plain(mesh, self.camera, SIDE)
        row = torch.cat([outlined(shot, mask) for shot, mask in zip(shots, self.outlines)], -1)
        overlap = soft_iou(render(mesh, self.camera, self.masks.shape[-1]).mask, self.masks).mean()
        self.picture.value = as_png(as_pixels(row))
        self.say(f"step {step}, IoU {float(overlap):.3f}")
