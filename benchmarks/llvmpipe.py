"""The z-buffer of a real software rasterizer: Mesa's llvmpipe, through EGL and moderngl, no screen needed."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.peers import Missing

VERTEX = """#version 330
in vec4 clip; in vec3 corner; out vec3 weight;
void main() { gl_Position = clip; weight = corner; }"""
PLAIN = """#version 330
in vec4 clip;
void main() { gl_Position = clip; }"""
IDS = """#version 330
out int seen;
void main() { seen = gl_PrimitiveID + 1; }"""
ALL = """#version 330
in vec3 weight; out vec4 seen;
void main() { seen = vec4(weight.xy, 1.0 / gl_FragCoord.w, float(gl_PrimitiveID + 1)); }"""


class Llvmpipe:
    """Draws B views [B, V, 4] of one topology, all in one frame buffer of B pictures above each other.

    Raises:
        Missing: moderngl, EGL or llvmpipe is not there.
    """

    def __init__(self, clip: Tensor, faces: Tensor, resolution: int, everything: bool) -> None:
        try:
            import moderngl
        except ImportError as error:
            raise Missing("moderngl is not installed (pip install moderngl)") from error
        os.environ["LIBGL_ALWAYS_SOFTWARE"] = "1"  # llvmpipe also where there is a graphics card
        try:
            self.context: Any = moderngl.create_context(standalone=True, backend="egl", require=330)
        except Exception as error:  # its own class, or an OSError of the loader
            raise Missing(f"no OpenGL through EGL (Debian: apt install libegl1 libgl1-mesa-dri): {error}") from error
        self.name = self.context.info["GL_RENDERER"]
        if "llvmpipe" not in self.name:
            raise Missing(f"OpenGL is drawn by {self.name}, not by llvmpipe")
        self.batch, self.resolution, self.count = len(clip), resolution, len(faces)
        corners = clip.detach()[:, faces.reshape(-1)].float().cpu()  # GL counts rows from below, as nvdiffrast does
        weights = torch.eye(3).repeat(self.count, 1).expand(self.batch, -1, -1)
        program = self.context.program(VERTEX, ALL) if everything else self.context.program(PLAIN, IDS)
        parts = {"clip": corners, "corner": weights} if everything else {"clip": corners}
        buffers = {name: self.context.buffer(np.ascontiguousarray(part.numpy())) for name, part in parts.items()}
        formats = [(buffer, f"{parts[name].shape[-1]}f", name) for name, buffer in buffers.items()]
        self.vertices = self.context.vertex_array(program, formats)
        self.dtype = "f4" if everything else "i4"
        size = (resolution, resolution * self.batch)
        self.color = self.context.texture(size, 4 if everything else 1, dtype=self.dtype)
        self.frame = self.context.framebuffer(self.color, self.context.depth_renderbuffer(size))
        self.context.enable_only(moderngl.DEPTH_TEST)
        self.result = np.empty((self.batch, resolution, resolution, 4 if everything else 1), self.dtype)

    def __call__(self) -> np.ndarray:
        """[B, H, W, 4] barycentrics 0 and 1, depth, face + 1; or [B, H, W, 1] face + 1. Row 0 is the bottom one."""
        self.frame.use()
        self.frame.clear()
        for b in range(self.batch):
            self.frame.viewport = (0, b * self.resolution, self.resolution, self.resolution)
            self.vertices.render(vertices=3 * self.count, first=3 * self.count * b)
        self.color.read_into(self.result)
        return self.result

    def face_index(self) -> Tensor:
        """[B, H, W] int64 with row 0 on top, -1 where there is nothing."""
        return torch.from_numpy(self()[..., -1].astype(np.int64)).flip(1) - 1
