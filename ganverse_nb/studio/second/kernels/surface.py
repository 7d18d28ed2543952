"""What a camera meets at each sample of its picture: where, which way it faces and what it is made of."""

from types import SimpleNamespace

import warp as wp

from ganverse_nb.runtime.threads import made_once
from ganverse_nb.studio.second.kernels.noise import three
from ganverse_nb.studio.second.kernels.paint_bird import bird_interior, bird_paint
from ganverse_nb.studio.second.kernels.paint_car import car_paint
from ganverse_nb.studio.second.kernels.paint_car_parts import car_interior
from ganverse_nb.studio.second.kernels.paint_horse import horse_interior, horse_paint

_PAINTS = {
    "car": (car_paint, car_interior),
    "horse": (horse_paint, horse_interior),
    "bird": (bird_paint, bird_interior),
}


@made_once
def kernels(category: str) -> SimpleNamespace:
    """`paint` and `surface` for objects of a category."""
    painted, interior = _PAINTS[category]
    module = wp.get_module(f"ganverse_nb.studio.second.{category}")
    module.options |= {"enable_backward": False, "max_unroll": 1}  # or compiling takes minutes

    @wp.kernel(module=module)
    def paint(
        first: int,
        objects: wp.array2d[float],
        owners: wp.array[wp.int64],
        parts: wp.array[wp.int64],
        places: wp.array[wp.vec3],
        positions: wp.array[wp.vec3],
        normals: wp.array[wp.vec3],
        out: wp.array2d[float],
    ):
        """out [P, 5]: colour without light, coat and glass of P points."""
        i = wp.tid()
        i += first
        made = painted(objects, int(owners[i]), int(parts[i]), places[i], positions[i], normals[i])
        out[i, 0] = wp.clamp(made.albedo[0], 0.0, 1.0)
        out[i, 1] = wp.clamp(made.albedo[1], 0.0, 1.0)
        out[i, 2] = wp.clamp(made.albedo[2], 0.0, 1.0)
        out[i, 3] = made.coat
        out[i, 4] = made.glass

    @wp.kernel(module=module)
    def surface(
        first: int,
        objects: wp.array2d[float],
        vertices: wp.array2d[wp.vec3],
        vertex_normals: wp.array2d[wp.vec3],
        marks: wp.array[wp.vec3],
        faces: wp.array2d[wp.vec3l],
        parts: wp.array[wp.int64],
        face_index: wp.array3d[wp.int64],
        barycentric: wp.array3d[wp.vec3],
        cameras: wp.array2d[float],
        positions: wp.array3d[wp.vec3],
        normals: wp.array3d[wp.vec3],
        finishes: wp.array4d[float],
        rooms: wp.array3d[wp.vec4],
    ):
        """Fills in the position, the normal (towards the camera) and the finish of every sample that shows a face.

        finishes [B, S, S, 7]: colour, coat, roughness, metal, glass; rooms [B, S, S]: what is seen through glass.
        """
        b, i = wp.tid()
        b += first
        eye = three(cameras, b, 0)
        for j in range(face_index.shape[2]):
            f = int(face_index[b, i, j])
            if f >= 0:
                face, w = faces[0, f], barycentric[b, i, j]
                k, u, m = int(face[0]), int(face[1]), int(face[2])
                p = vertices[b, k] * w[0] + vertices[b, u] * w[1] + vertices[b, m] * w[2]
                n = wp.normalize(
                    vertex_normals[b, k] * w[0] + vertex_normals[b, u] * w[1] + vertex_normals[b, m] * w[2]
                )
                v = wp.normalize(eye - p)
                if wp.dot(n, v) < 0.0:
                    n = -n
                made = painted(objects, b, int(parts[f]), marks[k] * w[0] + marks[u] * w[1] + marks[m] * w[2], p, n)
                if wp.length_sq(made.normal) > 0.0:
                    n = made.normal
                    n = wp.normalize(n + wp.max(0.05 - wp.dot(n, v), 0.0) * v)  # what is seen faces the camera
                positions[b, i, j] = p
                normals[b, i, j] = n
                finishes[b, i, j, 0] = wp.clamp(made.albedo[0], 0.0, 1.0)
                finishes[b, i, j, 1] = wp.clamp(made.albedo[1], 0.0, 1.0)
                finishes[b, i, j, 2] = wp.clamp(made.albedo[2], 0.0, 1.0)
                finishes[b, i, j, 3] = made.coat
                finishes[b, i, j, 4] = made.roughness
                finishes[b, i, j, 5] = made.metal
                finishes[b, i, j, 6] = made.glass
                if made.glass > 0.0:
                    rooms[b, i, j] = interior(objects, b, p, -v)

    return SimpleNamespace(paint=paint, surface=surface)
