"""What is drawn on the surface: attributes interpolated over faces, and bilinear textures, each with its way back.

Gradients with respect to something that several images share go to one copy per image, which the caller sums: images
are done by different threads, and Warp's CPU atomics are plain additions.
"""

from types import SimpleNamespace

import warp as wp

from ganverse_nb.runtime.threads import made_once


@made_once
def kernels(real: type) -> SimpleNamespace:
    """`interpolate`, `texture` and `texture_faces`, each with its `_backward`, for wp.float32 or wp.float64."""
    module = wp.get_module(f"ganverse_nb.render.surface.{real.__name__}")
    module.options["enable_backward"] = False
    vec2, vec3 = wp.types.vector(2, real), wp.types.vector(3, real)

    @wp.kernel(module=module)
    def interpolate(
        first: int,
        step: int,
        face_index: wp.array3d[wp.int64],
        barycentric: wp.array3d[vec3],
        attributes: wp.array4d[real],  # [B or 1, F, 3, C]
        out: wp.array4d[real],
    ):
        """out[b, i, j, c] = sum_k barycentric[b, i, j, k] attributes[b, f, k, c]; zero where there is no face."""
        b, i, start = wp.tid()
        b += first
        for j in range(start, face_index.shape[2], step):
            f = int(face_index[b, i, j])
            if f >= 0:
                a = wp.min(b, attributes.shape[0] - 1)
                weight = barycentric[b, i, j]
                for c in range(attributes.shape[3]):
                    out[b, i, j, c] = (
                        weight[0] * attributes[a, f, 0, c]
                        + weight[1] * attributes[a, f, 1, c]
                        + weight[2] * attributes[a, f, 2, c]
                    )

    @wp.kernel(module=module)
    def interpolate_backward(
        first: int,
        step: int,
        face_index: wp.array3d[wp.int64],
        barycentric: wp.array3d[vec3],
        attributes: wp.array4d[real],
        grad_out: wp.array4d[real],
        grad_barycentric: wp.array3d[vec3],
        grad_attributes: wp.array4d[real],  # [B, F, 3, C], or empty when nobody wants it
    ):
        b, i, start = wp.tid()
        b += first
        for j in range(start, face_index.shape[2], step):
            f = int(face_index[b, i, j])
            if f >= 0:
                a = wp.min(b, attributes.shape[0] - 1)
                weight = barycentric[b, i, j]
                total = vec3()
                for c in range(attributes.shape[3]):
                    g = grad_out[b, i, j, c]
                    total += g * vec3(attributes[a, f, 0, c], attributes[a, f, 1, c], attributes[a, f, 2, c])
                    if grad_attributes.shape[0] > 0:
                        for k in range(3):
                            wp.atomic_add(grad_attributes, b, f, k, c, g * weight[k])
                grad_barycentric[b, i, j] = total

    @wp.func
    def texel(coordinate: real):
        """floor, and the rest in [0, 1)."""
        low = wp.floor(coordinate)
        return wp.vector(low, coordinate - low)

    @wp.func
    def wrap(column: int, width: int):
        """column modulo width, for width columns either way from the picture or further."""
        rest = column % width
        if rest < 0:
            rest += width
        return rest

    @wp.func
    def footprint(p: vec2, height: int, width: int):
        """How far uv lies between four texels, to the right and down, and their columns (two) and rows (two)."""
        x = texel((p[0] - wp.floor(p[0])) * real(width) - real(0.5))
        y = texel((real(1.0) - wp.clamp(p[1], real(0.0), real(1.0))) * real(height) - real(0.5))
        left, top = int(x[0]), int(y[0])
        columns = wp.vec2i(wrap(left, width), wrap(left + 1, width))
        return vec2(x[1], y[1]), wp.vec4i(columns[0], columns[1], wp.max(top, 0), wp.min(top + 1, height - 1))

    @wp.func
    def blend(image: wp.array4d[real], a: int, c: int, between: vec2, texels: wp.vec4i):
        """Channel c of image a between its four texels."""
        s, t, one = between[0], between[1], real(1.0)
        upper = (one - s) * image[a, c, texels[2], texels[0]] + s * image[a, c, texels[2], texels[1]]
        lower = (one - s) * image[a, c, texels[3], texels[0]] + s * image[a, c, texels[3], texels[1]]
        return (one - t) * upper + t * lower

    @wp.func
    def blend_backward(
        image: wp.array4d[real],
        p: vec2,
        b: int,
        i: int,
        j: int,
        grad_out: wp.array4d[real],
        grad_image: wp.array4d[real],  # [B, C, Ht, Wt], or empty when nobody wants it
    ):
        """d loss / d uv at uv = p of pixel (b, i, j); adds to `grad_image`."""
        a, height, width, one = wp.min(b, image.shape[0] - 1), image.shape[2], image.shape[3], real(1.0)
        between, texels = footprint(p, height, width)
        s, t = between[0], between[1]
        c0, c1, r0, r1 = texels[0], texels[1], texels[2], texels[3]
        grad_s, grad_t = real(0.0), real(0.0)
        for c in range(image.shape[1]):
            g = grad_out[b, c, i, j]
            p00, p01 = image[a, c, r0, c0], image[a, c, r0, c1]
            p10, p11 = image[a, c, r1, c0], image[a, c, r1, c1]
            grad_s += g * ((one - t) * (p01 - p00) + t * (p11 - p10))
            grad_t += g * ((one - s) * (p10 - p00) + s * (p11 - p01))
            if grad_image.shape[0] > 0:
                wp.atomic_add(grad_image, b, c, r0, c0, g * (one - t) * (one - s))
                wp.atomic_add(grad_image, b, c, r0, c1, g * (one - t) * s)
                wp.atomic_add(grad_image, b, c, r1, c0, g * t * (one - s))
                wp.atomic_add(grad_image, b, c, r1, c1, g * t * s)
        if p[1] <= real(0.0) or p[1] >= one:
            grad_t = real(0.0)
        return vec2(grad_s * real(width), -grad_t * real(height))

    @wp.kernel(module=module)
    def texture(
        first: int,
        step: int,
        image: wp.array4d[real],  # [B or 1, C, Ht, Wt], row 0 on top
        uv: wp.array3d[vec2],
        face_index: wp.array3d[wp.int64],
        out: wp.array4d[real],
    ):
        """Bilinear: texel (r, c) is at u = (c + 1/2) / Wt, v = 1 - (r + 1/2) / Ht; wraps in u, clamps in v."""
        b, i, start = wp.tid()
        b += first
        for j in range(start, face_index.shape[2], step):
            if face_index[b, i, j] >= wp.int64(0):
                between, texels = footprint(uv[b, i, j], image.shape[2], image.shape[3])
                for c in range(image.shape[1]):
                    out[b, c, i, j] = blend(image, wp.min(b, image.shape[0] - 1), c, between, texels)

    @wp.kernel(module=module)
    def texture_backward(
        first: int,
        step: int,
        image: wp.array4d[real],
        uv: wp.array3d[vec2],
        face_index: wp.array3d[wp.int64],
        grad_out: wp.array4d[real],
        grad_image: wp.array4d[real],
        grad_uv: wp.array3d[vec2],
    ):
        b, i, start = wp.tid()
        b += first
        for j in range(start, face_index.shape[2], step):
            if face_index[b, i, j] >= wp.int64(0):
                grad_uv[b, i, j] = blend_backward(image, uv[b, i, j], b, i, j, grad_out, grad_image)

    @wp.kernel(module=module)
    def texture_faces(
        first: int,
        step: int,
        image: wp.array4d[real],
        face_uvs: wp.array3d[vec2],  # [B or 1, F, 3]
        face_index: wp.array3d[wp.int64],
        barycentric: wp.array3d[vec3],
        out: wp.array4d[real],
    ):
        """`texture` at the uv that `interpolate` gives, in one."""
        b, i, start = wp.tid()
        b += first
        for j in range(start, face_index.shape[2], step):
            f = int(face_index[b, i, j])
            if f >= 0:
                m, w = wp.min(b, face_uvs.shape[0] - 1), barycentric[b, i, j]
                p = w[0] * face_uvs[m, f, 0] + w[1] * face_uvs[m, f, 1] + w[2] * face_uvs[m, f, 2]
                between, texels = footprint(p, image.shape[2], image.shape[3])
                for c in range(image.shape[1]):
                    out[b, c, i, j] = blend(image, wp.min(b, image.shape[0] - 1), c, between, texels)

    @wp.kernel(module=module)
    def texture_faces_backward(
        first: int,
        step: int,
        image: wp.array4d[real],
        face_uvs: wp.array3d[vec2],
        face_index: wp.array3d[wp.int64],
        barycentric: wp.array3d[vec3],
        grad_out: wp.array4d[real],
        grad_image: wp.array4d[real],
        grad_barycentric: wp.array3d[vec3],
    ):
        b, i, start = wp.tid()
        b += first
        for j in range(start, face_index.shape[2], step):
            f = int(face_index[b, i, j])
            if f >= 0:
                m, w = wp.min(b, face_uvs.shape[0] - 1), barycentric[b, i, j]
                p0, p1, p2 = face_uvs[m, f, 0], face_uvs[m, f, 1], face_uvs[m, f, 2]
                g = blend_backward(image, w[0] * p0 + w[1] * p1 + w[2] * p2, b, i, j, grad_out, grad_image)
                grad_barycentric[b, i, j] = vec3(wp.dot(g, p0), wp.dot(g, p1), wp.dot(g, p2))

    return SimpleNamespace(
        interpolate=interpolate,
        interpolate_backward=interpolate_backward,
        texture=texture,
        texture_backward=texture_backward,
        texture_faces=texture_faces,
        texture_faces_backward=texture_faces_backward,
    )
