"""The soft silhouette as kaolin truncates it: every uncovered pixel takes its first faces, in their order.

Which faces are the first depends on the order, so each pixel looks at all faces: for parity, not for speed.
"""

from types import SimpleNamespace

import warp as wp

from ganverse_nb.render.kernels import silhouette
from ganverse_nb.runtime.threads import made_once


@made_once
def kernels(real: type) -> SimpleNamespace:
    """`forward` and `backward` for `real` = wp.float32 or wp.float64; they read what `silhouette.project` writes."""
    module = wp.get_module(f"ganverse_nb.render.truncated.{real.__name__}")
    module.options["enable_backward"] = False
    vec2, vec3, vec3l = wp.types.vector(2, real), wp.types.vector(3, real), wp.types.vector(3, wp.int64)
    shared = silhouette.kernels(real)
    inverse_square, unit, outside, add = shared.inverse_square, shared.unit, shared.outside, shared.add

    @wp.func
    def center(i: int, j: int, height: int, width: int):
        """The centre of pixel (i, j) in half picture heights."""
        return vec2(real(2 * j + 1 - width) / real(height), real(height - 2 * i - 1) / real(height))

    @wp.func
    def kept(p: vec2, p0: vec3, p1: vec3, p2: vec3, boxlen: real):
        """Whether p is in the bounding box grown by boxlen (below inclusive, above exclusive) of a face that counts."""
        low_x, high_x = wp.min(p0[0], wp.min(p1[0], p2[0])) - boxlen, wp.max(p0[0], wp.max(p1[0], p2[0])) + boxlen
        low_y, high_y = wp.min(p0[1], wp.min(p1[1], p2[1])) - boxlen, wp.max(p0[1], wp.max(p1[1], p2[1])) + boxlen
        area = (p1[0] - p0[0]) * (p2[1] - p0[1]) - (p1[1] - p0[1]) * (p2[0] - p0[0])
        counts = wp.min(p0[2], wp.min(p1[2], p2[2])) > real(0.0) and area != real(0.0) and wp.isfinite(area)
        return counts and p[0] >= low_x and p[0] < high_x and p[1] >= low_y and p[1] < high_y

    @wp.func
    def foot(p: vec2, a: vec3, b: vec3):
        """From the nearest point of the edge a b to p, and where on the edge that point is."""
        start, way = vec2(a[0], a[1]), vec2(b[0] - a[0], b[1] - a[1])
        t = unit(wp.dot(p - start, way) * inverse_square(way))
        rest = p - start - t * way
        return vec3(rest[0], rest[1], t)

    @wp.func
    def square(e: vec3):
        return e[0] * e[0] + e[1] * e[1]

    @wp.kernel(module=module)
    def forward(
        first: int,
        screen: wp.array2d[vec3],
        faces: wp.array2d[vec3l],  # [B or 1, F]
        face_index: wp.array3d[wp.int64],
        sigma: real,
        boxlen: real,
        knum: int,
        logs: wp.array3d[real],
    ):
        """logs[b, i, j] = sum of log(1 - exp(-d^2 / sigma)) over the pixel's first `knum` faces."""
        b, i, j = wp.tid()
        b += first
        if face_index[b, i, j] >= wp.int64(0):
            return
        p = center(i, j, face_index.shape[1], face_index.shape[2])
        own, count, total = wp.min(b, faces.shape[0] - 1), int(0), real(0.0)  # noqa: UP018 variables to Warp
        for f in range(faces.shape[1]):
            face = faces[own, f]
            p0, p1, p2 = screen[b, int(face[0])], screen[b, int(face[1])], screen[b, int(face[2])]
            if count < knum and kept(p, p0, p1, p2, boxlen):
                count += 1
                nearest = wp.min(square(foot(p, p0, p1)), wp.min(square(foot(p, p1, p2)), square(foot(p, p2, p0))))
                total += wp.log(outside(nearest / sigma, wp.exp(-nearest / sigma)))
        logs[b, i, j] = total

    @wp.func
    def push(grad: wp.array3d[real], b: int, v0: int, v1: int, s0: vec3, s1: vec3, e: vec3, scale: real, aspect: real):
        """Sends the pull at the nearest point of an edge to the edge's two ends."""
        g = scale * vec2(e[0], e[1])
        add(grad, b, v0, s0, (real(1.0) - e[2]) * g, aspect)
        add(grad, b, v1, s1, e[2] * g, aspect)

    @wp.kernel(module=module)
    def backward(
        first: int,
        screen: wp.array2d[vec3],
        faces: wp.array2d[vec3l],
        face_index: wp.array3d[wp.int64],
        sigma: real,
        boxlen: real,
        knum: int,
        logs: wp.array3d[real],
        grad_out: wp.array3d[real],
        grad: wp.array3d[real],
    ):
        """Adds d loss / d clip to `grad`; see `silhouette.backward`."""
        b, i, j = wp.tid()
        b += first
        if face_index[b, i, j] >= wp.int64(0):
            return
        p = center(i, j, face_index.shape[1], face_index.shape[2])
        aspect = real(face_index.shape[2]) / real(face_index.shape[1])
        own, count = wp.min(b, faces.shape[0] - 1), int(0)  # noqa: UP018
        for f in range(faces.shape[1]):
            face = faces[own, f]
            p0, p1, p2 = screen[b, int(face[0])], screen[b, int(face[1])], screen[b, int(face[2])]
            if count < knum and kept(p, p0, p1, p2, boxlen):
                count += 1
                e0, e1, e2 = foot(p, p0, p1), foot(p, p1, p2), foot(p, p2, p0)
                nearest = wp.min(square(e0), wp.min(square(e1), square(e2)))
                inside = wp.exp(-nearest / sigma)
                others = wp.exp(logs[b, i, j]) / outside(nearest / sigma, inside)
                scale = real(2.0) * grad_out[b, i, j] * others * inside / sigma
                if square(e0) == nearest:
                    push(grad, b, int(face[0]), int(face[1]), p0, p1, e0, scale, aspect)
                elif square(e1) == nearest:
                    push(grad, b, int(face[1]), int(face[2]), p1, p2, e1, scale, aspect)
                else:
                    push(grad, b, int(face[2]), int(face[0]), p2, p0, e2, scale, aspect)

    return SimpleNamespace(forward=forward, backward=backward)
