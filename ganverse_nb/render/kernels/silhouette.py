"""The soft silhouette of DIB-R: scatter log(1 - p) of each face over its box grown by the reach, and the way back.

Lengths are in half picture heights: in normalized device coordinates with x multiplied by the aspect W / H.
"""

from functools import cache
from types import SimpleNamespace

import warp as wp


@cache
def kernels(real: type) -> SimpleNamespace:
    """`forward` and `backward` for `real` = wp.float32 or wp.float64."""
    module = wp.get_module(f"ganverse_nb.render.silhouette.{real.__name__}")
    module.options["enable_backward"] = False
    vec2 = wp.types.vector(2, real)
    tiny = 1e-12  # below this 1 - p is taken as this: a centre exactly on an edge that does not cover it

    @wp.func
    def project(clip: wp.array3d[real], b: int, vertex: wp.int64, aspect: real):
        w = clip[b, vertex, 3]
        return vec2(aspect * clip[b, vertex, 0] / w, clip[b, vertex, 1] / w)

    @wp.func
    def pixel_range(low: real, high: real, count: int):
        """First and last of `count` pixel centres between low and high, both in [0, 1] across the picture."""
        n = real(count)
        first = wp.clamp(low * n - real(0.5), real(0.0), n)
        last = wp.clamp(high * n - real(0.5), real(-1.0), n - real(1.0))
        return wp.vec2i(int(wp.ceil(first)), int(wp.floor(last)))

    @wp.func
    def seen(clip: wp.array3d[real], b: int, i0: wp.int64, i1: wp.int64, i2: wp.int64):
        """Whether all three corners are in front of the camera."""
        return wp.min(clip[b, i0, 3], wp.min(clip[b, i1, 3], clip[b, i2, 3])) > real(0.0)

    @wp.func
    def box(p0: vec2, p1: vec2, p2: vec2, reach: real, aspect: real, height: int, width: int):
        """First and last column and row of the pixels within `reach` of the face's bounding box; empty for no area."""
        area = (p1[0] - p0[0]) * (p2[1] - p0[1]) - (p1[1] - p0[1]) * (p2[0] - p0[0])
        if area == real(0.0) or not wp.isfinite(area):
            return wp.vec4i(0, -1, 0, -1)
        half, one = real(0.5), real(1.0)
        left, right = wp.min(p0[0], wp.min(p1[0], p2[0])) - reach, wp.max(p0[0], wp.max(p1[0], p2[0])) + reach
        low, high = wp.min(p0[1], wp.min(p1[1], p2[1])) - reach, wp.max(p0[1], wp.max(p1[1], p2[1])) + reach
        columns = pixel_range((left / aspect + one) * half, (right / aspect + one) * half, width)
        rows = pixel_range((one - high) * half, (one - low) * half, height)
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
        clip: wp.array3d[real],
        faces: wp.array2d[wp.int64],
        covered: wp.array3d[wp.uint8],
        sigma: real,
        reach: real,
        logs: wp.array3d[real],
    ):
        """Adds log(1 - exp(-d^2 / sigma)) of face f to every uncovered pixel of image first + b within `reach`."""
        b, f = wp.tid()
        b += first
        i0, i1, i2 = faces[f, 0], faces[f, 1], faces[f, 2]
        if not seen(clip, b, i0, i1, i2):
            return
        height, width = covered.shape[1], covered.shape[2]
        aspect = real(width) / real(height)
        p0, p1, p2 = project(clip, b, i0, aspect), project(clip, b, i1, aspect), project(clip, b, i2, aspect)
        bounds = box(p0, p1, p2, reach, aspect, height, width)
        d0, d1, d2 = p1 - p0, p2 - p1, p0 - p2
        inv0, inv1, inv2 = inverse_square(d0), inverse_square(d1), inverse_square(d2)
        for i in range(bounds[2], bounds[3] + 1):
            y = real(1.0) - real(2 * i + 1) / real(height)
            for j in range(bounds[0], bounds[1] + 1):
                if covered[b, i, j] == wp.uint8(0):
                    p = vec2((real(2 * j + 1) / real(width) - real(1.0)) * aspect, y)
                    e0 = p - p0 - along(p, p0, d0, inv0) * d0
                    e1 = p - p1 - along(p, p1, d1, inv1) * d1
                    e2 = p - p2 - along(p, p2, d2, inv2) * d2
                    square = wp.min(wp.dot(e0, e0), wp.min(wp.dot(e1, e1), wp.dot(e2, e2)))
                    if square < reach * reach:
                        wp.atomic_add(logs, b, i, j, wp.log(one_minus(square / sigma)))

    @wp.func
    def add(grad: wp.array3d[real], clip: wp.array3d[real], b: int, vertex: wp.int64, p: vec2, g: vec2, aspect: real):
        """Carries the gradient g of the projected corner p back to its clip coordinates."""
        w = clip[b, vertex, 3]
        wp.atomic_add(grad, b, vertex, 0, aspect * g[0] / w)
        wp.atomic_add(grad, b, vertex, 1, g[1] / w)
        wp.atomic_add(grad, b, vertex, 3, -wp.dot(g, p) / w)

    @wp.kernel(module=module)
    def backward(
        first: int,
        clip: wp.array3d[real],
        faces: wp.array2d[wp.int64],
        covered: wp.array3d[wp.uint8],
        sigma: real,
        reach: real,
        logs: wp.array3d[real],
        grad_out: wp.array3d[real],
        grad: wp.array3d[real],
    ):
        """Adds d loss / d clip to `grad`: d silhouette / d d_f^2 = -p_f / sigma * prod of (1 - p) over the others."""
        b, f = wp.tid()
        b += first
        i0, i1, i2 = faces[f, 0], faces[f, 1], faces[f, 2]
        if not seen(clip, b, i0, i1, i2):
            return
        height, width = covered.shape[1], covered.shape[2]
        aspect = real(width) / real(height)
        p0, p1, p2 = project(clip, b, i0, aspect), project(clip, b, i1, aspect), project(clip, b, i2, aspect)
        bounds = box(p0, p1, p2, reach, aspect, height, width)
        d0, d1, d2 = p1 - p0, p2 - p1, p0 - p2
        inv0, inv1, inv2 = inverse_square(d0), inverse_square(d1), inverse_square(d2)
        g0, g1, g2 = vec2(), vec2(), vec2()
        found = int(0)  # noqa: UP018 a variable to Warp, which takes a literal for a constant
        for i in range(bounds[2], bounds[3] + 1):
            y = real(1.0) - real(2 * i + 1) / real(height)
            for j in range(bounds[0], bounds[1] + 1):
                if covered[b, i, j] == wp.uint8(0):
                    p = vec2((real(2 * j + 1) / real(width) - real(1.0)) * aspect, y)
                    t0, t1, t2 = along(p, p0, d0, inv0), along(p, p1, d1, inv1), along(p, p2, d2, inv2)
                    e0, e1, e2 = p - p0 - t0 * d0, p - p1 - t1 * d1, p - p2 - t2 * d2
                    s0, s1, s2 = wp.dot(e0, e0), wp.dot(e1, e1), wp.dot(e2, e2)
                    square = wp.min(s0, wp.min(s1, s2))
                    if square < reach * reach:
                        rest = one_minus(square / sigma)
                        others = wp.exp(logs[b, i, j] - wp.log(rest))
                        scale = real(2.0) * grad_out[b, i, j] * others * wp.exp(-square / sigma) / sigma
                        found = 1
                        if s0 == square:
                            g0 += scale * (real(1.0) - t0) * e0
                            g1 += scale * t0 * e0
                        elif s1 == square:
                            g1 += scale * (real(1.0) - t1) * e1
                            g2 += scale * t1 * e1
                        else:
                            g2 += scale * (real(1.0) - t2) * e2
                            g0 += scale * t2 * e2
        if found > 0:
            add(grad, clip, b, i0, p0, g0, aspect)
            add(grad, clip, b, i1, p1, g1, aspect)
            add(grad, clip, b, i2, p2, g2, aspect)

    return SimpleNamespace(forward=forward, backward=backward)
