"""The soft silhouette of DIB-R: scatter log(1 - p) of each face over its box grown by the reach, and the way back.

Lengths are in half picture heights: in normalized device coordinates with x multiplied by the aspect W / H.
`open_at[b, i, j]` is the first uncovered column at or after column j of row i (W when there is none): faces pass over
what is covered, which for most of them is everything, in one read per row.
"""

from functools import cache
from types import SimpleNamespace

import warp as wp

from ganverse_nb.render.kernels.scalars import scalars


@cache
def kernels(real: type) -> SimpleNamespace:
    """The kernels for `real` = wp.float32 or wp.float64, and the functions that `truncated` shares."""
    module = wp.get_module(f"ganverse_nb.render.silhouette.{real.__name__}")
    module.options["enable_backward"] = False
    vec2, vec3, vec4 = wp.types.vector(2, real), wp.types.vector(3, real), wp.types.vector(4, real)
    vec3l = wp.types.vector(3, wp.int64)
    least, most, sane = scalars(real).least, scalars(real).most, scalars(real).sane
    tiny = 1e-12  # below this 1 - p is taken as this: a centre exactly on an edge that does not cover it

    @wp.kernel(module=module)
    def project(first: int, clip: wp.array2d[vec4], aspect: real, screen: wp.array2d[vec3]):
        """x and y on the picture in half heights, and w, of vertex v of image first + b."""
        b, v = wp.tid()
        b += first
        p = clip[b, v]
        screen[b, v] = vec3(aspect * p[0] / p[3], p[1] / p[3], p[3])

    @wp.kernel(module=module)
    def find_open(first: int, face_index: wp.array3d[wp.int64], open_at: wp.array3d[wp.int32]):
        """Row i of image first + b of `open_at` [B, H, W + 1], from right to left."""
        b, i = wp.tid()
        b += first
        width = face_index.shape[2]
        column = width
        for k in range(width + 1):
            j = width - k
            if j < width and face_index[b, i, j] < wp.int64(0):
                column = j
            open_at[b, i, j] = column

    @wp.func
    def pixel_range(low: real, high: real, count: int):
        """First and last of `count` pixel centres between low and high, both in [0, 1] across the picture."""
        n = real(count)
        first = least(most(low * n - real(0.5), real(0.0)), n)
        last = most(least(high * n - real(0.5), n - real(1.0)), real(-1.0))
        return wp.vec2i(int(wp.ceil(first)), int(wp.floor(last)))

    @wp.func
    def box(p0: vec3, p1: vec3, p2: vec3, reach: real, height: int, width: int):
        """First and last column and row of the pixels within `reach` of the face's bounding box.

        Empty for faces that reach behind the camera or have no area.
        """
        area = (p1[0] - p0[0]) * (p2[1] - p0[1]) - (p1[1] - p0[1]) * (p2[0] - p0[0])
        if least(p0[2], least(p1[2], p2[2])) <= real(0.0) or area == real(0.0) or not sane(area):
            return wp.vec4i(0, -1, 0, -1)
        half, one, inverse = real(0.5), real(1.0), real(height) / real(width)
        left, right = least(p0[0], least(p1[0], p2[0])) - reach, most(p0[0], most(p1[0], p2[0])) + reach
        low, high = least(p0[1], least(p1[1], p2[1])) - reach, most(p0[1], most(p1[1], p2[1])) + reach
        columns = pixel_range((left * inverse + one) * half, (right * inverse + one) * half, width)
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
        return least(most(wp.dot(p - a, d) * inverse, real(0.0)), real(1.0))

    @wp.func
    def outside(exponent: real, inside: real):
        """1 - inside, where inside = exp(-exponent), without cancellation for small exponents."""
        if exponent < real(1e-3):
            return most(exponent * (real(1.0) - exponent * (real(0.5) - exponent / real(6.0))), real(tiny))
        return real(1.0) - inside

    @wp.kernel(module=module)
    def forward(
        first: int,
        screen: wp.array2d[vec3],
        faces: wp.array2d[vec3l],  # [B or 1, F]
        open_at: wp.array3d[wp.int32],  # [B, H, W + 1]
        sigma: real,
        reach: real,
        logs: wp.array3d[real],
    ):
        """Adds log(1 - exp(-d^2 / sigma)) of face f to every uncovered pixel of image first + b within `reach`."""
        b, f = wp.tid()
        b += first
        corners = faces[wp.min(b, faces.shape[0] - 1), f]
        s0, s1, s2 = screen[b, int(corners[0])], screen[b, int(corners[1])], screen[b, int(corners[2])]
        height, width = open_at.shape[1], open_at.shape[2] - 1
        bounds = box(s0, s1, s2, reach, height, width)
        if bounds[1] < bounds[0]:
            return
        inverse = real(1.0) / sigma
        p0, p1, p2 = vec2(s0[0], s0[1]), vec2(s1[0], s1[1]), vec2(s2[0], s2[1])
        d0, d1, d2 = p1 - p0, p2 - p1, p0 - p2
        inv0, inv1, inv2 = inverse_square(d0), inverse_square(d1), inverse_square(d2)
        for i in range(bounds[2], bounds[3] + 1):
            y = real(height - 2 * i - 1) / real(height)
            j = open_at[b, i, bounds[0]]
            while j <= bounds[1]:
                p = vec2(real(2 * j + 1 - width) / real(height), y)
                e0 = p - p0 - along(p, p0, d0, inv0) * d0
                e1 = p - p1 - along(p, p1, d1, inv1) * d1
                e2 = p - p2 - along(p, p2, d2, inv2) * d2
                square = least(wp.dot(e0, e0), least(wp.dot(e1, e1), wp.dot(e2, e2)))
                if square < reach * reach:
                    exponent = square * inverse
                    wp.atomic_add(logs, b, i, j, wp.log(outside(exponent, wp.exp(-exponent))))
                j = open_at[b, i, j + 1]

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
        open_at: wp.array3d[wp.int32],  # [B, H, W + 1]
        sigma: real,
        reach: real,
        pull: wp.array3d[real],  # 2 / sigma * d loss / d silhouette * prod of (1 - p)
        grad: wp.array3d[real],
    ):
        """Adds d loss / d clip to `grad`: d silhouette / d d_f^2 = -p_f / sigma * prod of (1 - p) over the others."""
        b, f = wp.tid()
        b += first
        corners = faces[wp.min(b, faces.shape[0] - 1), f]
        s0, s1, s2 = screen[b, int(corners[0])], screen[b, int(corners[1])], screen[b, int(corners[2])]
        height, width = open_at.shape[1], open_at.shape[2] - 1
        bounds = box(s0, s1, s2, reach, height, width)
        if bounds[1] < bounds[0]:
            return
        inverse = real(1.0) / sigma
        p0, p1, p2 = vec2(s0[0], s0[1]), vec2(s1[0], s1[1]), vec2(s2[0], s2[1])
        d0, d1, d2 = p1 - p0, p2 - p1, p0 - p2
        inv0, inv1, inv2 = inverse_square(d0), inverse_square(d1), inverse_square(d2)
        g0, g1, g2 = vec2(), vec2(), vec2()
        found = int(0)  # noqa: UP018 a variable to Warp, which takes a literal for a constant
        for i in range(bounds[2], bounds[3] + 1):
            y = real(height - 2 * i - 1) / real(height)
            j = open_at[b, i, bounds[0]]
            while j <= bounds[1]:
                p = vec2(real(2 * j + 1 - width) / real(height), y)
                t0, t1, t2 = along(p, p0, d0, inv0), along(p, p1, d1, inv1), along(p, p2, d2, inv2)
                e0, e1, e2 = p - p0 - t0 * d0, p - p1 - t1 * d1, p - p2 - t2 * d2
                q0, q1, q2 = wp.dot(e0, e0), wp.dot(e1, e1), wp.dot(e2, e2)
                square = least(q0, least(q1, q2))
                if square < reach * reach:
                    exponent = square * inverse
                    inside = wp.exp(-exponent)
                    scale = pull[b, i, j] * inside / outside(exponent, inside)
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
                j = open_at[b, i, j + 1]
        if found > 0:
            aspect = real(width) / real(height)
            add(grad, b, int(corners[0]), s0, g0, aspect)
            add(grad, b, int(corners[1]), s1, g1, aspect)
            add(grad, b, int(corners[2]), s2, g2, aspect)

    return SimpleNamespace(
        project=project,
        forward=forward,
        backward=backward,
        inverse_square=inverse_square,
        along=along,
        outside=outside,
        find_open=find_open,
        add=add,
    )
