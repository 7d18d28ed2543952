"""The soft silhouette of DIB-R: each face multiplies the pixels in its box grown by the reach; and the way back.

Lengths are in half picture heights: in normalized device coordinates with x multiplied by the aspect W / H.
`open_at[b, i, j]` is the first uncovered column at or after column j of row i (W when there is none): faces pass over
what is covered, which for most of them is everything, in one read per row. From there they do LANES pixels at once;
the product is 0 where covered and to the right of the picture, so that what they do there has no effect.
"""

from types import SimpleNamespace

import warp as wp

from ganverse_nb.render.kernels.lanes import FLAGS, LANES, lanes_of
from ganverse_nb.render.kernels.scalars import scalars
from ganverse_nb.runtime.threads import made_once

TINY = 1e-12  # below this 1 - p is taken as this: a centre exactly on an edge that does not cover it


@made_once
def kernels(real: type) -> SimpleNamespace:
    """The kernels for `real` = wp.float32 or wp.float64, and the functions that `truncated` shares."""
    module = wp.get_module(f"ganverse_nb.render.silhouette.{real.__name__}")
    module.options["enable_backward"] = False
    module.options["cpu_compiler_flags"] = FLAGS
    vec2, vec3, vec4 = wp.types.vector(2, real), wp.types.vector(3, real), wp.types.vector(4, real)
    vec3l = wp.types.vector(3, wp.int64)
    common = scalars(real)
    least, most, sane, decay = common.least, common.most, common.sane, common.decay
    simd = lanes_of(real)
    lanes, load, multiply, total = simd.lanes, simd.load, simd.multiply, simd.total

    @wp.kernel(module=module)
    def project(first: int, step: int, clip: wp.array2d[vec4], aspect: real, screen: wp.array2d[vec3]):
        """x and y on the picture in half heights, and w, of the vertices of image first + b."""
        b, start = wp.tid()
        b += first
        for v in range(start, clip.shape[1], step):
            p = clip[b, v]
            screen[b, v] = vec3(aspect * p[0] / p[3], p[1] / p[3], p[3])

    @wp.kernel(module=module)
    def prepare(first: int, face_index: wp.array3d[wp.int64], open_at: wp.array3d[wp.int32], product: wp.array3d[real]):
        """Row i of image first + b of `open_at` [B, H, W + 1], from right to left, and of the empty product."""
        b, i = wp.tid()
        b += first
        width = face_index.shape[2]
        for beyond in range(width, product.shape[2]):
            product[b, i, beyond] = real(0.0)
        column, j = open_at.shape[2] - 1, width - 1
        open_at[b, i, width] = column
        while j >= 0:
            uncovered = face_index[b, i, j] < wp.int64(0)
            column = wp.where(uncovered, j, column)
            open_at[b, i, j] = column
            product[b, i, j] = wp.where(uncovered, real(1.0), real(0.0))
            j -= 1

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
        return wp.where(square > real(0.0), real(1.0) / square, real(0.0))

    @wp.func
    def unit(t: real):
        """t, or the end of [0, 1] that is nearest to it."""
        return least(most(t, real(0.0)), real(1.0))

    @wp.func
    def feet(x: lanes, y: real, a: vec2, d: vec2, inverse: real):
        """Where on the edge a + t d, 0 <= t <= 1, the points nearest to pixels are, and from there to the pixels."""
        rx, ry = x - lanes(a[0]), y - a[1]
        t = rx * (d[0] * inverse) + lanes(ry * d[1] * inverse)
        for k in range(LANES):
            t[k] = unit(t[k])
        return t, rx - t * d[0], lanes(ry) - t * d[1]

    @wp.func
    def columns(j: int, width: int, pixel: real):
        """x of the pixels from column j on."""
        x = lanes()
        for k in range(LANES):
            x[k] = real(2 * (j + k) + 1 - width) * pixel
        return x

    @wp.func
    def squares(x: lanes, y: lanes):
        return wp.cw_mul(x, x) + wp.cw_mul(y, y)

    @wp.func
    def outside(exponent: real, inside: real):
        """1 - inside, where inside = exp(-exponent), without cancellation for small exponents."""
        series = most(exponent * (real(1.0) - exponent * (real(0.5) - exponent / real(6.0))), real(TINY))
        return wp.where(exponent < real(1e-3), series, real(1.0) - inside)

    @wp.func
    def open_row(open_at: wp.array3d[wp.int32], b: int, bounds: wp.vec4i):
        """The first row of the box with an uncovered pixel in it; the picture's height if there is none."""
        i = bounds[2]
        while i <= bounds[3] and open_at[b, i, bounds[0]] > bounds[1]:
            i += 1
        return wp.where(i > bounds[3], open_at.shape[1], i)

    @wp.kernel(module=module)
    def forward(
        first: int,
        step: int,
        screen: wp.array2d[vec3],
        faces: wp.array2d[vec3l],  # [B or 1, F]
        open_at: wp.array3d[wp.int32],  # [B, H, W + 1]
        sigma: real,
        reach: real,
        product: wp.array3d[real],  # [B, H, W + LANES]
        open_from: wp.array2d[wp.int32],  # [B, F]
    ):
        """Multiplies every pixel of image first + b by 1 - exp(-d^2 / sigma) of each face within `reach`.

        `open_from` becomes the `open_row` of every face, for the way back: most faces have none.
        """
        b, start = wp.tid()
        b += first
        height, width = open_at.shape[1], open_at.shape[2] - 1
        inverse, own, pixel = real(1.0) / sigma, wp.min(b, faces.shape[0] - 1), real(1.0) / real(height)
        for f in range(start, faces.shape[1], step):
            corners = faces[own, f]
            s0, s1, s2 = screen[b, int(corners[0])], screen[b, int(corners[1])], screen[b, int(corners[2])]
            bounds = box(s0, s1, s2, reach, height, width)
            i = int(height)
            if bounds[0] <= bounds[1]:
                i = open_row(open_at, b, bounds)
            open_from[b, f] = i
            if i == height:
                continue
            p0, p1, p2 = vec2(s0[0], s0[1]), vec2(s1[0], s1[1]), vec2(s2[0], s2[1])
            d0, d1, d2 = p1 - p0, p2 - p1, p0 - p2
            inv0, inv1, inv2 = inverse_square(d0), inverse_square(d1), inverse_square(d2)
            while i <= bounds[3]:
                y = real(height - 2 * i - 1) * pixel
                j = open_at[b, i, bounds[0]]
                while j <= bounds[1]:
                    x = columns(j, width, pixel)
                    _t0, x0, y0 = feet(x, y, p0, d0, inv0)
                    _t1, x1, y1 = feet(x, y, p1, d1, inv1)
                    _t2, x2, y2 = feet(x, y, p2, d2, inv2)
                    q0, q1, q2 = squares(x0, y0), squares(x1, y1), squares(x2, y2)
                    factors = lanes()
                    for k in range(LANES):
                        square = least(q0[k], least(q1[k], q2[k]))
                        exponent = square * inverse
                        factor = outside(exponent, decay(exponent))
                        factors[k] = wp.where(square < reach * reach, factor, real(1.0))
                    multiply(product, b, i, j, factors)
                    j = open_at[b, i, wp.min(j + LANES, width)]
                i += 1

    @wp.func
    def add(grad: wp.array3d[real], b: int, vertex: int, s: vec3, g: vec2, aspect: real):
        """Carries the gradient g of the projected corner s back to its clip coordinates."""
        inverse = real(1.0) / s[2]
        wp.atomic_add(grad, b, vertex, 0, aspect * g[0] * inverse)
        wp.atomic_add(grad, b, vertex, 1, g[1] * inverse)
        wp.atomic_add(grad, b, vertex, 3, -(g[0] * s[0] + g[1] * s[1]) * inverse)

    @wp.func
    def corner(sums: wp.array3d[lanes], b: int, thread: int, k: int):
        """The gradient of corner k."""
        return vec2(total(sums[b, thread, k]), total(sums[b, thread, k + 3]))

    @wp.kernel(module=module)
    def backward(
        first: int,
        step: int,
        screen: wp.array2d[vec3],
        faces: wp.array2d[vec3l],  # [B or 1, F]
        open_at: wp.array3d[wp.int32],  # [B, H, W + 1]
        open_from: wp.array2d[wp.int32],  # [B, F]
        sigma: real,
        reach: real,
        pull: wp.array3d[real],  # [B, H, W + LANES] 2 / sigma * d loss / d silhouette * prod of (1 - p)
        sums: wp.array3d[lanes],  # [B, step, 6]: each thread's own, for x and y of its face's corners
        grad: wp.array3d[real],
    ):
        """Adds d loss / d clip to `grad`: d silhouette / d d_f^2 = -p_f / sigma * prod of (1 - p) over the others."""
        b, start = wp.tid()
        b += first
        height, width = open_at.shape[1], open_at.shape[2] - 1
        inverse, own, pixel = real(1.0) / sigma, wp.min(b, faces.shape[0] - 1), real(1.0) / real(height)
        zero, aspect = real(0.0), real(width) / real(height)
        for f in range(start, faces.shape[1], step):
            i = int(open_from[b, f])
            if i == height:
                continue
            corners = faces[own, f]
            s0, s1, s2 = screen[b, int(corners[0])], screen[b, int(corners[1])], screen[b, int(corners[2])]
            bounds = box(s0, s1, s2, reach, height, width)
            p0, p1, p2 = vec2(s0[0], s0[1]), vec2(s1[0], s1[1]), vec2(s2[0], s2[1])
            d0, d1, d2 = p1 - p0, p2 - p1, p0 - p2
            inv0, inv1, inv2 = inverse_square(d0), inverse_square(d1), inverse_square(d2)
            for n in range(6):
                sums[b, start, n] = lanes()
            while i <= bounds[3]:
                y = real(height - 2 * i - 1) * pixel
                j = open_at[b, i, bounds[0]]
                while j <= bounds[1]:
                    x = columns(j, width, pixel)
                    t0, x0, y0 = feet(x, y, p0, d0, inv0)
                    t1, x1, y1 = feet(x, y, p1, d1, inv1)
                    t2, x2, y2 = feet(x, y, p2, d2, inv2)
                    q0, q1, q2 = squares(x0, y0), squares(x1, y1), squares(x2, y2)
                    scale = load(pull, b, i, j)
                    gx0, gx1, gx2, gy0, gy1, gy2 = lanes(), lanes(), lanes(), lanes(), lanes(), lanes()
                    for k in range(LANES):
                        square = least(q0[k], least(q1[k], q2[k]))
                        exponent = square * inverse
                        inside = decay(exponent)
                        near = wp.where(square < reach * reach, scale[k] * inside / outside(exponent, inside), zero)
                        near0 = wp.where(q0[k] == square, near, zero)  # to the nearest edge alone, the first of equals
                        near1 = wp.where(q1[k] == square, near - near0, zero)
                        near2 = near - near0 - near1
                        end0, end1, end2 = near0 * t0[k], near1 * t1[k], near2 * t2[k]
                        gx0[k] = (near0 - end0) * x0[k] + end2 * x2[k]
                        gx1[k] = (near1 - end1) * x1[k] + end0 * x0[k]
                        gx2[k] = (near2 - end2) * x2[k] + end1 * x1[k]
                        gy0[k] = (near0 - end0) * y0[k] + end2 * y2[k]
                        gy1[k] = (near1 - end1) * y1[k] + end0 * y0[k]
                        gy2[k] = (near2 - end2) * y2[k] + end1 * y1[k]
                    sums[b, start, 0] += gx0
                    sums[b, start, 1] += gx1
                    sums[b, start, 2] += gx2
                    sums[b, start, 3] += gy0
                    sums[b, start, 4] += gy1
                    sums[b, start, 5] += gy2
                    j = open_at[b, i, wp.min(j + LANES, width)]
                i += 1
            add(grad, b, int(corners[0]), s0, corner(sums, b, start, 0), aspect)
            add(grad, b, int(corners[1]), s1, corner(sums, b, start, 1), aspect)
            add(grad, b, int(corners[2]), s2, corner(sums, b, start, 2), aspect)

    return SimpleNamespace(
        project=project,
        prepare=prepare,
        forward=forward,
        backward=backward,
        inverse_square=inverse_square,
        unit=unit,
        outside=outside,
        add=add,
    )
