"""The z-buffer and perspective-correct barycentrics, with their way back.

Pixel (row i, column j) of an H x W picture looks along x = (2 j + 1) / W - 1, y = 1 - (2 i + 1) / H: row 0 on top.
With q_k = (x_k - x w_k, y_k - y w_k) for the three corners of a face in clip space, a_0 = q_1 x q_2 and so on, the
perspective-correct barycentrics are a / sum(a), and sum(a_k w_k) = det(x, y, w) wherever the pixel is: that makes the
inside test linear in the pixel and right for faces that reach behind the camera (Olano and Greer, 1997).
"""

from functools import cache
from types import SimpleNamespace

import warp as wp

EMPTY = 0x7FFFFFFFFFFFFFFF  # key of a pixel that no face covers


@cache
def kernels(real: type) -> SimpleNamespace:
    """`zbuffer`, `resolve` and `resolve_backward` for `real` = wp.float32 or wp.float64."""
    module = wp.get_module(f"ganverse_nb.render.visibility.{real.__name__}")
    module.options["enable_backward"] = False

    @wp.func
    def edge(x0: real, y0: real, w0: real, x1: real, y1: real, w1: real, i0: wp.int64, i1: wp.int64):
        """q_0 x q_1 as the linear function c_0 + c_1 x + c_2 y, exactly negated when the two corners change places."""
        sign = real(1.0)
        if i1 < i0:
            sign = real(-1.0)
            x0, x1 = x1, x0
            y0, y1 = y1, y0
            w0, w1 = w1, w0
        return wp.vector(sign * (x0 * y1 - y0 * x1), sign * (y0 * w1 - w0 * y1), sign * (w0 * x1 - x0 * w1))

    @wp.kernel(module=module)
    def zbuffer(
        first: int,
        clip: wp.array3d[real],
        faces: wp.array2d[wp.int64],
        height: int,
        width: int,
        key: wp.array3d[wp.int64],
    ):
        """Scatter (view depth, face) of image first + b, face f over the pixels of the face's bounding box."""
        b, f = wp.tid()
        b += first
        i0, i1, i2 = faces[f, 0], faces[f, 1], faces[f, 2]
        x0, y0, z0, w0 = clip[b, i0, 0], clip[b, i0, 1], clip[b, i0, 2], clip[b, i0, 3]
        x1, y1, z1, w1 = clip[b, i1, 0], clip[b, i1, 1], clip[b, i1, 2], clip[b, i1, 3]
        x2, y2, z2, w2 = clip[b, i2, 0], clip[b, i2, 1], clip[b, i2, 2], clip[b, i2, 3]
        if wp.max(w0, wp.max(w1, w2)) <= real(0.0):
            return
        c0 = edge(x1, y1, w1, x2, y2, w2, i1, i2)
        c1 = edge(x2, y2, w2, x0, y0, w0, i2, i0)
        c2 = edge(x0, y0, w0, x1, y1, w1, i0, i1)
        det = c2[0] * w2 + c0[0] * w0 + c1[0] * w1
        if not wp.isfinite(det) or det == real(0.0):
            return
        sign = real(1.0)
        if det < real(0.0):
            sign = real(-1.0)
        det = sign * det
        c0 *= sign
        c1 *= sign
        c2 *= sign

        wide, high = real(width), real(height)
        left, right, top, bottom = real(0.0), wide - real(1.0), real(0.0), high - real(1.0)
        if wp.min(w0, wp.min(w1, w2)) > real(0.0):
            u0, u1, u2 = x0 / w0, x1 / w1, x2 / w2
            v0, v1, v2 = y0 / w0, y1 / w1, y2 / w2
            half = real(0.5)
            margin = real(0.01)  # of a pixel: rounding must not lose a covered centre
            left = wp.max(left, (wp.min(u0, wp.min(u1, u2)) + real(1.0)) * half * wide - half - margin)
            right = wp.min(right, (wp.max(u0, wp.max(u1, u2)) + real(1.0)) * half * wide - half + margin)
            top = wp.max(top, (real(1.0) - wp.max(v0, wp.max(v1, v2))) * half * high - half - margin)
            bottom = wp.min(bottom, (real(1.0) - wp.min(v0, wp.min(v1, v2))) * half * high - half + margin)
        if not (left <= right and top <= bottom):
            return
        column_first, column_last = int(wp.ceil(left)), int(wp.floor(right))
        for i in range(int(wp.ceil(top)), int(wp.floor(bottom)) + 1):
            y = real(1.0) - real(2 * i + 1) / high
            for j in range(column_first, column_last + 1):
                x = real(2 * j + 1) / wide - real(1.0)
                a0 = c0[0] + c0[1] * x + c0[2] * y
                a1 = c1[0] + c1[1] * x + c1[2] * y
                a2 = c2[0] + c2[1] * x + c2[2] * y
                total = a0 + a1 + a2
                if a0 >= real(0.0) and a1 >= real(0.0) and a2 >= real(0.0) and total > real(0.0):
                    z = a0 * z0 + a1 * z1 + a2 * z2
                    if wp.abs(z) <= det:  # between the near and the far plane
                        depth = wp.float32(det / total)
                        bits = wp.int64(wp.cast(depth, wp.int32))
                        wp.atomic_min(key, b, i, j, (bits << wp.int64(32)) | wp.int64(f))

    @wp.func
    def corner(clip: wp.array3d[real], b: int, vertex: wp.int64, x: real, y: real):
        return wp.vector(clip[b, vertex, 0] - x * clip[b, vertex, 3], clip[b, vertex, 1] - y * clip[b, vertex, 3])

    @wp.func
    def cross(a: wp.types.vector(2, real), b: wp.types.vector(2, real)):
        return a[0] * b[1] - a[1] * b[0]

    @wp.kernel(module=module)
    def resolve(
        first: int,
        clip: wp.array3d[real],
        faces: wp.array2d[wp.int64],
        key: wp.array3d[wp.int64],
        face_index: wp.array3d[wp.int64],
        barycentric: wp.array4d[real],
        depth: wp.array3d[real],
    ):
        """Face, barycentrics and view depth of every covered pixel; uncovered ones are left as they are."""
        b, i, j = wp.tid()
        b += first
        if key[b, i, j] == wp.int64(EMPTY):
            return
        f = int(key[b, i, j] & wp.int64(0xFFFFFFFF))
        x = real(2 * j + 1) / real(key.shape[2]) - real(1.0)
        y = real(1.0) - real(2 * i + 1) / real(key.shape[1])
        q0, q1, q2 = (
            corner(clip, b, faces[f, 0], x, y),
            corner(clip, b, faces[f, 1], x, y),
            corner(clip, b, faces[f, 2], x, y),
        )
        a0, a1, a2 = cross(q1, q2), cross(q2, q0), cross(q0, q1)
        total = a0 + a1 + a2
        face_index[b, i, j] = wp.int64(f)
        b0, b1, b2 = a0 / total, a1 / total, a2 / total
        barycentric[b, i, j, 0] = b0
        barycentric[b, i, j, 1] = b1
        barycentric[b, i, j, 2] = b2
        depth[b, i, j] = b0 * clip[b, faces[f, 0], 3] + b1 * clip[b, faces[f, 1], 3] + b2 * clip[b, faces[f, 2], 3]

    @wp.func
    def add_corner(
        grad: wp.array3d[real], b: int, vertex: wp.int64, g: wp.types.vector(2, real), w: real, x: real, y: real
    ):
        wp.atomic_add(grad, b, vertex, 0, g[0])
        wp.atomic_add(grad, b, vertex, 1, g[1])
        wp.atomic_add(grad, b, vertex, 3, w - x * g[0] - y * g[1])

    @wp.kernel(module=module)
    def resolve_backward(
        first: int,
        clip: wp.array3d[real],
        faces: wp.array2d[wp.int64],
        face_index: wp.array3d[wp.int64],
        grad_barycentric: wp.array4d[real],
        grad_depth: wp.array3d[real],
        grad: wp.array3d[real],
    ):
        """Adds d loss / d clip of `resolve` to `grad`; z gets none."""
        b, i, j = wp.tid()
        b += first
        f = int(face_index[b, i, j])
        if f < 0:
            return
        x = real(2 * j + 1) / real(face_index.shape[2]) - real(1.0)
        y = real(1.0) - real(2 * i + 1) / real(face_index.shape[1])
        i0, i1, i2 = faces[f, 0], faces[f, 1], faces[f, 2]
        w0, w1, w2 = clip[b, i0, 3], clip[b, i1, 3], clip[b, i2, 3]
        q0, q1, q2 = corner(clip, b, i0, x, y), corner(clip, b, i1, x, y), corner(clip, b, i2, x, y)
        a0, a1, a2 = cross(q1, q2), cross(q2, q0), cross(q0, q1)
        total = a0 + a1 + a2
        b0, b1, b2 = a0 / total, a1 / total, a2 / total
        d = grad_depth[b, i, j]
        g0 = grad_barycentric[b, i, j, 0] + d * w0
        g1 = grad_barycentric[b, i, j, 1] + d * w1
        g2 = grad_barycentric[b, i, j, 2] + d * w2
        mean = g0 * b0 + g1 * b1 + g2 * b2
        g0, g1, g2 = (g0 - mean) / total, (g1 - mean) / total, (g2 - mean) / total  # now with respect to a
        add_corner(grad, b, i0, wp.vector(g2 * q1[1] - g1 * q2[1], g1 * q2[0] - g2 * q1[0]), d * b0, x, y)
        add_corner(grad, b, i1, wp.vector(g0 * q2[1] - g2 * q0[1], g2 * q0[0] - g0 * q2[0]), d * b1, x, y)
        add_corner(grad, b, i2, wp.vector(g1 * q0[1] - g0 * q1[1], g0 * q1[0] - g1 * q0[0]), d * b2, x, y)

    return SimpleNamespace(zbuffer=zbuffer, resolve=resolve, resolve_backward=resolve_backward)
