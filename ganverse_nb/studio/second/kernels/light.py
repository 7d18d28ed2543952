"""Light on surfaces: soft shadows out of maps, light from all around, and what arrives at the camera."""

import warp as wp

from ganverse_nb.studio.second.kernels.noise import Finish, linear, three
from ganverse_nb.studio.second.kernels.surroundings import arriving
from ganverse_nb.studio.second.scene_columns import LAMPS, Scene

wp.set_module_options({"enable_backward": False, "max_unroll": 1})  # or compiling takes minutes

REACH = 0.85  # half the side of the square that a shadow map looks at, in world units


@wp.kernel
def normals(first: int, vertices: wp.array2d[wp.vec3], faces: wp.array2d[wp.vec3l], out: wp.array2d[wp.vec3]):
    """out [B, V]: unit normals, the faces around a vertex weighted by area."""
    b = wp.tid()
    b += first
    for f in range(faces.shape[1]):
        face = faces[0, f]
        i, j, k = int(face[0]), int(face[1]), int(face[2])
        p = vertices[b, i]
        n = wp.cross(vertices[b, j] - p, vertices[b, k] - p)
        out[b, i] = out[b, i] + n
        out[b, j] = out[b, j] + n
        out[b, k] = out[b, k] + n
    for v in range(out.shape[1]):
        out[b, v] = wp.normalize(out[b, v])


@wp.kernel
def nearness(
    first: int,
    vertices: wp.array2d[wp.vec3],
    faces: wp.array2d[wp.vec3l],
    face_index: wp.array3d[wp.int64],
    barycentric: wp.array3d[wp.vec3],
    frames: wp.array3d[wp.vec3],
    which: int,
    out: wp.array4d[float],
):
    """out [B, maps, S, S] of map `which`: how far towards the lamp the surface nearest to it is."""
    b, i = wp.tid()
    b += first
    toward = frames[b, which, 2]
    for j in range(face_index.shape[2]):
        f = int(face_index[b, i, j])
        if f >= 0:
            face, w = faces[0, f], barycentric[b, i, j]
            p = vertices[b, int(face[0])] * w[0] + vertices[b, int(face[1])] * w[1] + vertices[b, int(face[2])] * w[2]
            out[b, which, i, j] = wp.dot(p, toward)


@wp.func
def map_value(maps: wp.array4d[float], b: int, which: int, x: float, y: float):
    side = maps.shape[2]
    i, j = int((0.5 - 0.5 * y) * float(side)), int((0.5 + 0.5 * x) * float(side))
    if x <= -1.0 or y <= -1.0 or i < 0 or j < 0 or i >= side or j >= side:
        return -1000.0
    return maps[b, which, i, j]


@wp.func
def lit(
    maps: wp.array4d[float],
    frames: wp.array3d[wp.vec3],
    b: int,
    which: int,
    p: wp.vec3,
    radius: float,
    taps: int,
    turn: float,
):
    """Share of a lamp that reaches `p`; `radius` is that of the blurred border of its shadow, in world units."""
    x, y, z = (
        wp.dot(p, frames[b, which, 0]) / REACH,
        wp.dot(p, frames[b, which, 1]) / REACH,
        wp.dot(p, frames[b, which, 2]),
    )
    if wp.abs(x) > 1.2 or wp.abs(y) > 1.2:
        return 1.0
    free = wp.float32(0.0)
    for k in range(taps):
        r = radius / REACH * wp.sqrt((float(k) + 0.5) / float(taps))
        a = turn + 2.4 * float(k)
        near = map_value(maps, b, which, x + r * wp.cos(a), y + r * wp.sin(a))
        free += wp.where(near > z + 0.018 + 0.5 * radius, 0.0, 1.0)
    return free / float(taps)


@wp.func
def contact(maps: wp.array4d[float], frames: wp.array3d[wp.vec3], b: int, p: wp.vec3, turn: float):
    """0 to 1: how much of the sky the object hides from the ground right below and beside it."""
    which = frames.shape[1] - 1
    x, y = wp.dot(p, frames[b, which, 0]) / REACH, wp.dot(p, frames[b, which, 1]) / REACH
    if wp.abs(x) > 1.25 or wp.abs(y) > 1.25:
        return 0.0
    hidden = wp.float32(0.0)
    for k in range(18):
        r = 0.012 + 0.2 * (float(k) + 0.5) / 18.0
        a = turn + 2.4 * float(k)
        low = map_value(maps, b, which, x + r * wp.cos(a), y + r * wp.sin(a))
        if low > -100.0:
            clearance = wp.max(-low - p[1], 0.0)
            hidden += r_weight(k) * wp.exp(-clearance / 0.22)
    return hidden


@wp.func
def r_weight(k: int):
    """Near samples count more; the eighteen add up to one."""
    return 0.1 * (1.0 - float(k) / 19.125)


@wp.func
def around(sh: wp.array3d[float], b: int, n: wp.vec3):
    """Light from all around on a matte surface with normal `n`; `sh` [B, 9, 3] has the cosine's factors in it."""
    x, y, z = n[0], n[1], n[2]
    total = wp.vec3(0.0, 0.0, 0.0)
    for c in range(3):
        total[c] = wp.max(
            sh[b, 0, c] + sh[b, 1, c] * y + sh[b, 2, c] * z + sh[b, 3, c] * x + sh[b, 4, c] * x * y
            + sh[b, 5, c] * y * z + sh[b, 6, c] * (3.0 * z * z - 1.0) + sh[b, 7, c] * x * z
            + sh[b, 8, c] * (x * x - y * y),
            0.0,
        )  # fmt: skip
    return total


@wp.func
def gleam(roughness: float, size: float, n: wp.vec3, toward: wp.vec3, v: wp.vec3):
    """Highlight of a lamp of a size on a surface of a roughness (GGX without its shadowing)."""
    h = wp.normalize(toward + v)
    a = wp.max(roughness * roughness, 0.04 + 0.35 * size)
    nh = wp.max(wp.dot(n, h), 0.0)
    d = nh * nh * (a * a - 1.0) + 1.0
    return wp.min(a * a / (4.0 * d * d), 12.0)


@wp.func
def shaded(
    scene: wp.array2d[float],
    sh: wp.array3d[float],
    env: wp.array4d[float],
    soft_env: wp.array4d[float],
    maps: wp.array4d[float],
    frames: wp.array3d[wp.vec3],
    b: int,
    p: wp.vec3,
    n: wp.vec3,
    v: wp.vec3,
    floor: float,
    made: Finish,
    behind: wp.vec3,
    turn: float,
):
    """Linear light from a point of the object towards the camera (direction `v`); `behind`: seen through its glass."""
    base = linear(made.albedo)
    facing = wp.clamp(wp.dot(n, v), 0.0, 1.0)
    above = wp.max(p[1] - floor, 0.0)
    open_ = 1.0 - 0.75 * scene[b, Scene.contact] * wp.exp(-above / 0.07) * (0.62 - 0.38 * n[1])
    matte = around(sh, b, n) * open_
    mirrored = 2.0 * wp.dot(n, v) * n - v
    blurred = arriving(soft_env, b, mirrored)
    sharp = blurred
    if made.roughness < 0.45 and made.coat + made.metal > 0.0:
        sharp = wp.lerp(arriving(env, b, mirrored), blurred, made.roughness / 0.45)
    low = wp.clamp(1.0 + 2.5 * mirrored[1], 0.35, 1.0)  # what is mirrored below is the car's own shadow, in part
    fresnel = 0.04 * made.coat + wp.min(made.coat, 1.0) * 0.9 * wp.pow(1.0 - facing, 4.0)
    layer = wp.where(made.coat > 0.0, blurred, sharp) * low
    reflected = sharp * low * open_
    shine = wp.vec3(0.0, 0.0, 0.0)
    spark = wp.vec3(0.0, 0.0, 0.0)
    for k in range(LAMPS):
        light = three(scene, b, Scene.lamp_light + 3 * k)
        if light[0] + light[1] + light[2] > 0.0:
            toward = three(scene, b, Scene.lamp_direction + 3 * k)
            cosine = wp.dot(n, toward)
            if cosine > 0.0:
                size = scene[b, Scene.lamp_size + k]
                free = wp.float32(1.0)
                if k < frames.shape[1] - 1 and scene[b, Scene.shadow] > 0.0:
                    free = lit(maps, frames, b, k, p + 0.012 * n, 0.01 + 0.2 * size, 4, turn)
                    free = 1.0 - scene[b, Scene.shadow] * (1.0 - free)
                matte = matte + light * (cosine * free)
                peak = gleam(made.roughness, size, n, toward, v)
                shine = shine + light * (free * peak)
                spark = spark + light * (
                    free * gleam(wp.where(made.coat > 0.0, 0.5, made.roughness), size, n, toward, v)
                )
    body = wp.cw_mul(base, matte) * (1.0 - made.metal) + wp.cw_mul(base, layer * open_ + spark * 0.6) * made.metal
    if made.glass > 0.0:
        body = behind
    return body * (1.0 - fresnel) + (reflected + shine) * fresnel
