"""The z-buffer and perspective-correct barycentrics, with their way back.

Pixel (row i, column j) of an H x W picture looks along x = (2 j + 1) / W - 1, y = 1 - (2 i + 1) / H: row 0 on top.
With q_k = (x_k - x w_k, y_k - y w_k) for the three corners of a face in clip space, a_0 = q_1 x q_2 and so on, the
perspective-correct barycentrics are a / sum(a), and sum(a_k w_k) = det(x, y, w) wherever the pixel is: that makes the
inside test linear in the pixel and right for faces that reach behind the camera (Olano and Greer, 1997).
"""

from types import SimpleNamespace

import warp as wp

from ganverse_nb.render.kernels.scalars import scalars
from ganverse_nb.runtime.threads import made_once

EMPTY = 0x7FFFFFFFFFFFFFFF  # key of a pixel that no face covers


@made_once
def kernels(real: type, parallel: bool = False) -> SimpleNamespace:
    """`zbuffer`, `resolve` and `resolve_backward` for `real` = wp.float32 or wp.float64.

    With `parallel` rays w is the same everywhere, and z / w tells which face is the nearest.
    """
    module = wp.get_module(f"ganverse_nb.render.visibility.{real.__name__}" + ".parallel" * parallel)
    module.options["enable_backward"] = False
    module.options["fuse_fp"] = False  # see `edge`
    vec2, vec3, vec4 = wp.types.vector(2, real), wp.types.vector(3, real), wp.types.vector(4, real)
    vec3l = wp.types.vector(3, wp.int64)
    least, most, sane = scalars(real).least, scalars(real).most, scalars(real).sane

    @wp.func
    def edge(p: vec4, q: vec4):
        """The cross product of two corners as a linear function c_0 + c_1 x + c_2 y of the pixel.

        The two faces at an edge get exactly opposite values, so that no pixel between them is lost to rounding: with
        p and q swapped the same products, each rounded, are subtracted the other way round.
        """
        return vec3(p[0] * q[1] - p[1] * q[0], p[1] * q[3] - q[1] * p[3], p[3] * q[0] - q[3] * p[0])

    @wp.func
    def bounds(low: real, high: real, count: int):
        """First and last of `count` pixel centres between low and high, both in [0, 1] across the picture.

        A hundredth of a pixel wider, so that rounding loses no covered centre.
        """
        n = real(count)
        first = least(most(low * n - real(0.51), real(0.0)), n)
        last = most(least(high * n - real(0.49), n - real(1.0)), real(-1.0))
        return wp.vec2i(int(wp.ceil(first)), int(wp.floor(last)))

    @wp.func
    def entry(c: vec3, value: real, otherwise: real):
        """The value of an edge whose inside is to the right of it."""
        return wp.where(c[1] > real(0.0), value, otherwise)

    @wp.func
    def leave(c: vec3, value: real, otherwise: real):
        """The value of an edge whose inside is to the left of it."""
        return wp.where(c[1] < real(0.0), value, otherwise)

    @wp.kernel(module=module)
    def zbuffer(first: int, step: int, clip: wp.array2d[vec4], faces: wp.array2d[vec3l], key: wp.array3d[wp.int64]):
        """Scatter (view depth, face) of the faces of image first + b over the pixels that they cover."""
        b, start = wp.tid()
        b += first
        height, width, own = key.shape[1], key.shape[2], wp.min(b, faces.shape[0] - 1)
        half, one, zero = real(0.5), real(1.0), real(0.0)
        step_x, step_y, middle = real(2.0) / real(width), real(2.0) / real(height), half * real(width)
        for f in range(start, faces.shape[1], step):
            face = faces[own, f]
            p0, p1, p2 = clip[b, int(face[0])], clip[b, int(face[1])], clip[b, int(face[2])]
            if most(p0[3], most(p1[3], p2[3])) <= zero:
                continue
            columns, rows = wp.vec2i(0, width - 1), wp.vec2i(0, height - 1)
            if least(p0[3], least(p1[3], p2[3])) > zero:
                r0, r1, r2 = half / p0[3], half / p1[3], half / p2[3]
                u0, u1, u2 = p0[0] * r0, p1[0] * r1, p2[0] * r2
                v0, v1, v2 = p0[1] * r0, p1[1] * r1, p2[1] * r2
                columns = bounds(half + least(u0, least(u1, u2)), half + most(u0, most(u1, u2)), width)
                rows = bounds(half - most(v0, most(v1, v2)), half - least(v0, least(v1, v2)), height)
                if columns[0] > columns[1] or rows[0] > rows[1]:
                    continue
            c0, c1, c2 = edge(p1, p2), edge(p2, p0), edge(p0, p1)
            det = c0[0] * p0[3] + c1[0] * p1[3] + c2[0] * p2[3]
            if det == zero or not sane(det):
                continue
            if det < zero:
                det = -det
                c0, c1, c2 = -c0, -c1, -c2
            z0, z1, z2 = p0[2], p1[2], p2[2]
            # a row begins and ends where it meets the edges; a hundredth of a pixel wider: each pixel is tested as well
            q0, q1, q2 = middle / c0[1], middle / c1[1], middle / c2[1]
            left, right = real(columns[0]), real(columns[1])
            i = rows[0]
            while i <= rows[1]:
                y = one - (real(i) + half) * step_y
                d0, d1, d2 = c0[0] + c0[2] * y, c1[0] + c1[2] * y, c2[0] + c2[2] * y
                x0, x1, x2 = middle - half - d0 * q0, middle - half - d1 * q1, middle - half - d2 * q2
                low = most(entry(c0, x0, left), most(entry(c1, x1, left), entry(c2, x2, left)))
                high = least(leave(c0, x0, right), least(leave(c1, x1, right), leave(c2, x2, right)))
                j = int(wp.ceil(most(low - real(0.01), left)))
                last = int(wp.floor(least(high + real(0.01), right)))
                while j <= last:
                    x = (real(j) + half) * step_x - one
                    a0, a1, a2 = d0 + c0[1] * x, d1 + c1[1] * x, d2 + c2[1] * x
                    total = a0 + a1 + a2
                    z = a0 * z0 + a1 * z1 + a2 * z2
                    between = det - wp.abs(z)  # of near and far
                    if least(least(a0, least(a1, a2)), between) >= zero and total > zero:
                        if wp.static(parallel):
                            bits = wp.int64(wp.cast(wp.float32(one + z / det), wp.int32))
                        else:
                            bits = wp.int64(wp.cast(wp.float32(det / total), wp.int32))
                        wp.atomic_min(key, b, i, j, (bits << wp.int64(32)) | wp.int64(f))
                    j += 1
                i += 1

    @wp.func
    def weights(p0: vec4, p1: vec4, p2: vec4, i: int, j: int, height: int, width: int):
        """a_0, a_1, a_2 and the pixel centre x, y."""
        x = real(2 * j + 1) / real(width) - real(1.0)
        y = real(1.0) - real(2 * i + 1) / real(height)
        x0, y0 = p0[0] - x * p0[3], p0[1] - y * p0[3]
        x1, y1 = p1[0] - x * p1[3], p1[1] - y * p1[3]
        x2, y2 = p2[0] - x * p2[3], p2[1] - y * p2[3]
        return vec3(x1 * y2 - y1 * x2, x2 * y0 - y2 * x0, x0 * y1 - y0 * x1), vec2(x, y)

    @wp.kernel(module=module)
    def resolve(
        first: int,
        step: int,
        clip: wp.array2d[vec4],
        faces: wp.array2d[vec3l],  # [B or 1, F]
        key: wp.array3d[wp.int64],
        barycentric: wp.array3d[vec3],
        depth: wp.array3d[real],
    ):
        """Barycentrics and view depth where a face is seen in image first + b; `key` becomes the face, or -1."""
        b, i, start = wp.tid()
        b += first
        j = start
        while j < key.shape[2]:
            if key[b, i, j] == wp.int64(EMPTY):
                key[b, i, j] = wp.int64(-1)
            else:
                f = int(key[b, i, j] & wp.int64(0xFFFFFFFF))
                face = faces[wp.min(b, faces.shape[0] - 1), f]
                p0, p1, p2 = clip[b, int(face[0])], clip[b, int(face[1])], clip[b, int(face[2])]
                a, _ = weights(p0, p1, p2, i, j, key.shape[1], key.shape[2])
                scale = real(1.0) / (a[0] + a[1] + a[2])
                key[b, i, j] = wp.int64(f)
                barycentric[b, i, j] = a * scale
                depth[b, i, j] = (a[0] * p0[3] + a[1] * p1[3] + a[2] * p2[3]) * scale
            j += step

    @wp.func
    def add(grad: wp.array3d[real], b: int, vertex: wp.int64, x: real, y: real, w: real):
        wp.atomic_add(grad, b, int(vertex), 0, x)
        wp.atomic_add(grad, b, int(vertex), 1, y)
        wp.atomic_add(grad, b, int(vertex), 3, w)

    @wp.kernel(module=module)
    def resolve_backward(
        first: int,
        step: int,
        clip: wp.array2d[vec4],
        faces: wp.array2d[vec3l],  # [B or 1, F]
        face_index: wp.array3d[wp.int64],
        grad_barycentric: wp.array3d[vec3],
        grad_depth: wp.array3d[real],
        grad: wp.array3d[real],
    ):
        """Adds d loss / d clip of `resolve` to `grad`; z gets none.

        With g the gradient of the barycentrics b (to which depth = b . w adds its part), the gradient of a is
        h = (g - g . b) / sum(a), and a_0 = q_1 x q_2 sends it on to the corners.
        """
        b, i, start = wp.tid()
        b += first
        for j in range(start, face_index.shape[2], step):
            f = int(face_index[b, i, j])
            if f < 0:
                continue
            face = faces[wp.min(b, faces.shape[0] - 1), f]
            p0, p1, p2 = clip[b, int(face[0])], clip[b, int(face[1])], clip[b, int(face[2])]
            a, at = weights(p0, p1, p2, i, j, face_index.shape[1], face_index.shape[2])
            scale = real(1.0) / (a[0] + a[1] + a[2])
            bary = a * scale
            d, w = grad_depth[b, i, j], vec3(p0[3], p1[3], p2[3])
            g = grad_barycentric[b, i, j] + d * w
            mean = wp.dot(g, bary)
            h = (g - vec3(mean, mean, mean)) * scale
            qx, qy = vec3(p0[0], p1[0], p2[0]) - at[0] * w, vec3(p0[1], p1[1], p2[1]) - at[1] * w
            gx, gy = wp.cross(qy, h), wp.cross(h, qx)
            gw = d * bary - at[0] * gx - at[1] * gy
            add(grad, b, face[0], gx[0], gy[0], gw[0])
            add(grad, b, face[1], gx[1], gy[1], gw[1])
            add(grad, b, face[2], gx[2], gy[2], gw[2])

    return SimpleNamespace(zbuffer=zbuffer, resolve=resolve, resolve_backward=resolve_backward)
