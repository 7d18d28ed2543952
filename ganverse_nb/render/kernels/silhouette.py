"""The soft silhouette of DIB-R: scatter log(1 - p) of each face over its box grown by the reach, and the way back.

Lengths are in half picture heights: in normalized device coordinates with x multiplied by the aspect W / H.
`open_before[b, i, j]` counts the uncovered pixels above row i and left of column j: most faces see in four reads that
they have nothing to do.
"""

from functools import cache
from types import SimpleNamespace

import warp as wp


@cache
def kernels(real: type) -> SimpleNamespace:
    """`project`, `forward` and `backward` for `real` = wp.float32 or wp.float64, and the functions they share."""
    module = wp.get_module(f"ganverse_nb.render.silhouette.{real.__name__}")
    module.options["enable_backward"] = False
    vec2, vec3, vec4 = wp.types.vector(2, real), wp.types.vector(3, real), wp.types.vector(4, real)
    vec3l = wp.types.vector(3, wp.int64)
    tiny = 1e-12  # below this 1 - p is taken as this: a centre exactly on an edge that does not cover it

    @wp.kernel(module=module)
    def project(first: int, clip: wp.array2d[vec4], aspect: real, screen: wp.array2d[vec3]):
        """x and y on the picture in half heights, and w, of vertex v of image first + b."""
        b, v = wp.tid()
        b += first
        p = clip[b, v]
        screen[b, v] = vec3(aspect * p[0] / p[3], p[1] / p[3], p[3])

    @wp.func
    def pixel_range(low: real, high: real, count: int):
        """First and last of `count` pixel centres between low and high, both in [0, 1] across the picture."""
        n = real(count)
        first = wp.clamp(low * n - real(0.5), real(0.0), n)
        last = wp.clamp(high * n - real(0.5), real(-1.0), n - real(1.0))
        return wp.vec2i(int(wp.ceil(first)), int(wp.floor(last)))

    @wp.func
    def box(p0: vec3, p1: vec3, p2: vec3, reach: real, aspect: real, b: int, open_before: wp.array3d[wp.int32]):
        """First and last column and row of the pixels within `reach` of the face's bounding box.

        Empty for faces that reach behind the camera or have no area, and where every pixel is covered.
        """
        nothing = wp.vec4i(0, -1, 0, -1)
        area = (p1[0] - p0[0]) * (p2[1] - p0[1]) - (p1[1] - p0[1]) * (p2[0] - p0[0])
        if wp.min(p0[2], wp.min(p1[2], p2[2])) <= real(0.0) or area == real(0.0) or not wp.isfinite(area):
            return nothing
        half, one = real(0.5), real(1.0)
        left, right = wp.min(p0[0], wp.min(p1[0], p2[0])) - reach, wp.max(p0[0], wp.max(p1[0], p2[0])) + reach
        low, high = wp.min(p0[1], wp.min(p1[1], p2[1])) - reach, wp.max(p0[1], wp.max(p1[1], p2[1])) + reach
        columns = pixel_range((left / aspect + one) * half, (right / aspect + one) * half, open_before.shape[2] - 1)
        rows = pixel_range((one - high) * half, (one - low) * half, open_before.shape[1] - 1)
        if columns[0] > columns[1] or rows[0] > rows[1]:
            return nothing
        count = (
            open_before[b, rows[1] + 1, columns[1] + 1]
            - open_before[b, rows[0], columns[1] + 1]
            - open_before[b, rows[1] + 1, columns[0]]
            + open_before[b, rows[0], columns[0]]
        )
        if count == 0:
            return nothing
        return wp.vec4i(columns[0], columns[1], rows[0], rows[1])

    @wp.func
    def inverse_square(d: vec2):
        """1 / |d|^2, or 0 for an edge without length (then its first end stands for it)."""
        square = wp.dot(d, d)
        if square > real(0.0):
            return real(1.0) / square
        return real(0.0)

    @wp.func
    def along(p: vec2, a: vec2, d: vec2, inverse: real):
        """Where on the edge a + t d, 0 <= t <= 1, the point nearest to p is."""
        return wp.clamp(wp.dot(p - a, d) * inverse, real(0.0), real(1.0))

    @wp.func
    def one_minus(exponent: real):
        """1 - exp(-exponent) without cancellation for small exponents."""
        if exponent < real(1e-3):
            return wp.max(exponent * (real(1.0) - exponent * (real(0.5) - exponent / real(6.0))), real(tiny))
        return real(1.0) - wp.exp(-exponent)

    @wp.kernel(module=module)
    def forward(
        first: int,
        screen: wp.array2d[vec3],
        faces: wp.array2d[vec3l],  # [B or 1, F]
        face_index: wp.array3d[wp.int64],
        open_before: wp.array3d[wp.int32],
        sigma: real,
        reach: real,
        logs: wp.array3d[real],
    ):
        """Adds log(1 - exp(-d^2 / sigma)) of face f to every uncovered pixel of image first + b within `reach`."""
        b, f = wp.tid()
        b += first
        corners = faces[wp.min(b, faces.shape[0] - 1), f]
        s0, s1, s2 = screen[b, int(corners[0])], screen[b, int(corners[1])], screen[b, int(corners[2])]
        height, width = face_index.shape[1], face_index.shape[2]
        aspect = real(width) / real(height)
        bounds = box(s0, s1, s2, reach, aspect, b, open_before)
        if bounds[1] < bounds[0]:
            return
        p0, p1, p2 = vec2(s0[0], s0[1]), vec2(s1[0], s1[1]), vec2(s2[0], s2[1])
        d0, d1, d2 = p1 - p0, p2 - p1, p0 - p2
        inv0, inv1, inv2 = inverse_square(d0), inverse_square(d1), inverse_square(d2)
        for i in range(bounds[2], bounds[3] + 1):
            y = real(1.0) - real(2 * i + 1) / real(height)
            for j in range(bounds[0], bounds[1] + 1):
                if face_index[b, i, j] < wp.int64(0):
                    p = vec2((real(2 * j + 1) / real(width) - real(1.0)) * aspect, y)
                    e0 = p - p0 - along(p, p0, d0, inv0) * d0
                    e1 = p - p1 - along(p, p1, d1, inv1) * d1
                    e2 = p - p2 - along(p, p2, d2, inv2) * d2
                    square = wp.min(wp.dot(e0, e0), wp.min(wp.dot(e1, e1), wp.dot(e2, e2)))
                    if square < reach * reach:
                        wp.atomic_add(logs, b, i, j, wp.log(one_minus(square / sigma)))

    @wp.func
    def add(grad: wp.array3d[real], b: int, vertex: int, s: vec3, g: vec2, aspect: real):
        """Carries the gradient g of the projected corner s back to its clip coordinates."""
        wp.atomic_add(grad, b, vertex, 0, aspect * g[0] / s[2])
        wp.atomic_add(grad, b, vertex, 1, g[1] / s[2])
        wp.atomic_add(grad, b, vertex, 3, -(g[0] * s[0] + g[1] * s[1]) / s[2])

    @wp.kernel(module=module)
    def backward(
        first: int,
        screen: wp.array2d[vec3],
        faces: wp.array2d[vec3l],  # [B or 1, F]
        face_index: wp.array3d[wp.int64],
        open_before: wp.array3d[wp.int32],
        sigma: real,
        reach: real,
        logs: wp.array3d[real],
        grad_out: wp.array3d[real],
        grad: wp.array3d[real],
    ):
        """Adds d loss / d clip to `grad`: d silhouette / d d_f^2 = -p_f / sigma * prod of (1 - p) over the others."""
        b, f = wp.tid()
        b += first
        corners = faces[wp.min(b, faces.shape[0] - 1), f]
        s0, s1, s2 = screen[b, int(corners[0])], screen[b, int(corners[1])], screen[b, int(corners[2])]
        height, width = face_index.shape[1], face_index.shape[2]
        aspect = real(width) / real(height)
        bounds = box(s0, s1, s2, reach, aspect, b, open_before)
        if bounds[1] < bounds[0]:
            return
        p0, p1, p2 = vec2(s0[0], s0[1]), vec2(s1[0], s1[1]), vec2(s2[0], s2[1])
        d0, d1, d2 = p1 - p0, p2 - p1, p0 - p2
        inv0, inv1, inv2 = inverse_square(d0), inverse_square(d1), inverse_square(d2)
        g0, g1, g2 = vec2(), vec2(), vec2()
        found = int(0)  # noqa: UP018 a variable to Warp, which takes a literal for a constant
        for i in range(bounds[2], bounds[3] + 1):
            y = real(1.0) - real(2 * i + 1) / real(height)
            for j in range(bounds[0], bounds[1] + 1):
                if face_index[b, i, j] < wp.int64(0):
                    p = vec2((real(2 * j + 1) / real(width) - real(1.0)) * aspect, y)
                    t0, t1, t2 = along(p, p0, d0, inv0), along(p, p1, d1, inv1), along(p, p2, d2, inv2)
                    e0, e1, e2 = p - p0 - t0 * d0, p - p1 - t1 * d1, p - p2 - t2 * d2
                    q0, q1, q2 = wp.dot(e0, e0), wp.dot(e1, e1), wp.dot(e2, e2)
                    square = wp.min(q0, wp.min(q1, q2))
                    if square < reach * reach:
                        rest = one_minus(square / sigma)
                        others = wp.exp(logs[b, i, j] - wp.log(rest))
                        scale = real(2.0) * grad_out[b, i, j] * others * wp.exp(-square / sigma) / sigma
                        found = 1
                        if q0 == square:
                            g0 += scale * (real(1.0) - t0) * e0
                            g1 += scale * t0 * e0
                        elif q1 == square:
                            g1 += scale * (real(1.0) - t1) * e1
                            g2 += scale * t1 * e1
                        else:
                            g2 += scale * (real(1.0) - t2) * e2
                            g0 += scale * t2 * e2
        if found > 0:
            add(grad, b, int(corners[0]), s0, g0, aspect)
            add(grad, b, int(corners[1]), s1, g1, aspect)
            add(grad, b, int(corners[2]), s2, g2, aspect)

    return SimpleNamespace(
        project=project,
        forward=forward,
        backward=backward,
        inverse_square=inverse_square,
        along=along,
        one_minus=one_minus,
        add=add,
    )
