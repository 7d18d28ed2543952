"""What is round the object: sky or room, skyline, ground, and things that stand about."""

import warp as wp

from ganverse_nb.studio.second.kernels.noise import (
    between,
    grey,
    hash3,
    ink,
    linear,
    noise,
    ramp,
    rough_noise,
    three,
)
from ganverse_nb.studio.second.scene_columns import Scene

wp.set_module_options({"enable_backward": False, "max_unroll": 1})  # or compiling takes minutes

TREES, HOUSES, WALL, HILLS = 1, 2, 3, 4
TILES, PLANKS, MARKS, GRASS, STRAW = 1, 2, 3, 4, 5
TWO_PI = 6.2831853


@wp.func
def radiance(scene: wp.array2d[float], b: int, d: wp.vec3):
    """Linear light that arrives from the unit direction `d` if there were neither object nor ground texture."""
    seed = int(scene[b, Scene.seed])
    climb = d[1]
    up = wp.pow(wp.clamp(climb, 0.0, 1.0), scene[b, Scene.sky_bend])
    sky = linear(wp.lerp(three(scene, b, Scene.horizon), three(scene, b, Scene.zenith), up))
    turn = wp.atan2(d[0], d[2]) / TWO_PI + 0.5  # once round, in [0, 1)
    clouds = scene[b, Scene.clouds]
    if clouds > 0.0 and climb > 0.0:
        flat = 1.0 / (climb + 0.25)
        cloud = ramp(rough_noise(2.0 * d[0] * flat + 9.0, 3.5 * d[2] * flat, seed), 0.45, 0.7)
        sky = wp.lerp(sky, grey(0.85 * wp.max(sky[0], wp.max(sky[1], sky[2])) + 0.1), clouds * cloud)
    spots = scene[b, Scene.spots]
    if spots > 0.0 and climb > 0.12:  # lamps under a ceiling
        u, v = 2.5 * d[0] / climb, 2.5 * d[2] / climb
        i, j = int(wp.floor(u)), int(wp.floor(v))
        if hash3(i, j, seed + 2) < spots:
            x, y = u - float(i) - 0.5, v - float(j) - 0.5
            wide = 0.08 + 0.3 * hash3(seed, 3, 3)
            if wp.abs(x) < wide and wp.abs(y) < 0.1 + 0.1 * hash3(i, j, seed):
                sky = sky + 3.0 * linear(three(scene, b, Scene.spot))
    kind, high = int(scene[b, Scene.far_kind]), scene[b, Scene.far_height]
    color = sky
    if kind > 0 and climb > -0.02:
        first, second = three(scene, b, Scene.far), three(scene, b, Scene.far_second)
        if kind == TREES:
            ridge = high * (0.35 + 0.9 * rough_noise(26.0 * turn, 1.0, seed) + 0.25 * noise(150.0 * turn, 2.0, seed))
            leaves = rough_noise(160.0 * turn, 26.0 * climb, seed + 1)
            if climb < ridge:
                color = linear(wp.lerp(first, second, leaves) * (0.45 + 0.6 * leaves + 0.8 * climb))
        elif kind == HILLS:
            ridge = high * (0.2 + 0.8 * noise(7.0 * turn, 3.0, seed))
            if climb < ridge:
                color = linear(
                    wp.lerp(first, three(scene, b, Scene.horizon), 0.45 + 0.2 * noise(30.0 * turn, 8.0 * climb, seed))
                )
        elif kind == HOUSES:
            cells = 14.0 + 10.0 * hash3(seed, 1, 7)
            cell = int(turn * cells)
            ridge = high * (0.25 + 1.5 * hash3(cell, 1, seed))
            if climb < ridge:
                wall = wp.lerp(first, second, hash3(cell, 2, seed)) * (0.7 + 0.5 * hash3(cell, 3, seed))
                u, v = turn * cells * (2.0 + wp.floor(4.0 * hash3(cell, 4, seed))), climb * 28.0
                x, y = u - wp.floor(u), v - wp.floor(v)
                if between(x, 0.25, 0.75) and between(y, 0.3, 0.8):
                    wall = wall * 0.4 + grey(0.3 * hash3(int(u), int(v), seed))
                color = linear(wall)
        else:
            if climb < high:  # panels of a wall
                cells = 10.0 + 14.0 * hash3(seed, 1, 9)
                cell, at = int(turn * cells), turn * cells - wp.floor(turn * cells)
                wall = wp.lerp(first, second, wp.where(hash3(cell, 5, seed) < 0.3, 1.0, 0.15 * hash3(cell, 6, seed)))
                wall = wall * (0.85 + 0.15 * noise(60.0 * turn, 9.0 * climb, seed))
                if at < 0.03:
                    wall = 0.6 * wall
                color = linear(wall)
    letters = scene[b, Scene.ink_letters]
    if letters > 0.0 and scene[b, Scene.ink_floor] < 0.5:
        size = scene[b, Scene.ink_size]
        v = (climb - scene[b, Scene.ink_height]) / size
        around = -turn * 4.0
        if ink(1.6 * (around - wp.floor(around)) - 0.2, v, int(letters), seed):
            color = linear(three(scene, b, Scene.ink_color))
    haze = scene[b, Scene.haze]
    return wp.lerp(color, sky, haze * wp.where(kind == WALL, 0.0, 1.0))


@wp.func
def ground_color(scene: wp.array2d[float], b: int, x: float, z: float, far: float):
    """Colour, as displays show it, of the ground at a place; details fade with the distance `far`."""
    seed, kind = int(scene[b, Scene.seed]), int(scene[b, Scene.ground_kind])
    turn, scale = scene[b, Scene.ground_turn], scene[b, Scene.ground_scale]
    u, v = scale * (x * wp.cos(turn) + z * wp.sin(turn)), scale * (z * wp.cos(turn) - x * wp.sin(turn))
    first, second = three(scene, b, Scene.ground), three(scene, b, Scene.ground_second)
    contrast = scene[b, Scene.ground_contrast]
    fade = contrast / (1.0 + 0.12 * far * far)
    color = first * (1.0 + fade * (0.4 * rough_noise(1.3 * u, 1.3 * v, seed) - 0.2))
    grain = noise(17.0 * u, 17.0 * v, seed + 1) - 0.5
    color = color * (1.0 + 0.2 * fade * grain)
    i, j = int(wp.floor(u)), int(wp.floor(v))
    x1, y1 = u - float(i), v - float(j)
    if kind == TILES:
        if wp.min(x1, y1) < 0.05:
            color = wp.lerp(color, second, fade)
        else:
            color = color * (1.0 + 0.3 * fade * (hash3(i, j, seed) - 0.5))
    elif kind == PLANKS:
        row = int(wp.floor(2.5 * v))
        tone = hash3(row, int(wp.floor(0.4 * u + 5.0 * hash3(row, 0, seed))), seed) - 0.5
        color = color * (1.0 + 0.6 * fade * tone)
        if 2.5 * v - float(row) < 0.05:
            color = color * (1.0 - 0.5 * fade)
    elif kind == MARKS:
        if between(wp.abs(u - 1.2), 0.0, 0.06) or between(wp.abs(u + 1.1), 0.0, 0.06):
            color = wp.lerp(color, second, 0.8)
    elif kind == GRASS:
        blades = noise(34.0 * u, 34.0 * v, seed + 3) * noise(11.0 * u, 11.0 * v, seed + 4)
        color = wp.lerp(color, second, fade * ramp(rough_noise(2.0 * u, 2.0 * v, seed + 5), 0.4, 0.7)) * (
            0.75 + 0.9 * blades
        )
    elif kind == STRAW:
        color = wp.lerp(color, second, fade * ramp(noise(30.0 * u, 6.0 * v, seed + 3), 0.5, 0.8))
    radius = wp.sqrt(x * x + z * z)
    disc = scene[b, Scene.disc_radius]
    if disc > 0.0:
        if radius < disc:
            color = three(scene, b, Scene.disc) * (0.96 + 0.08 * noise(9.0 * u, 9.0 * v, seed))
        elif radius < disc * 1.03:
            color = 0.45 * color
    letters = scene[b, Scene.ink_letters]
    if letters > 0.0 and scene[b, Scene.ink_floor] > 0.5:
        angle = wp.atan2(x, z) / TWO_PI * 3.0
        if ink(angle - wp.floor(angle), (0.95 - radius) / 0.22 + 0.5, int(letters), seed):
            color = three(scene, b, Scene.ink_color)
    return color


@wp.kernel
def environment(first: int, scene: wp.array2d[float], out: wp.array4d[float]):
    """out [B, H, W, 3]: linear light from all sides; row 0 from above, columns round from the rear by the right."""
    b, i = wp.tid()
    b += first
    height, width = out.shape[1], out.shape[2]
    climb = wp.cos((float(i) + 0.5) / float(height) * 3.14159265)
    flat = wp.sqrt(1.0 - climb * climb)
    ground = linear(three(scene, b, Scene.ground)) * 0.6
    for j in range(width):
        turn = ((float(j) + 0.5) / float(width) - 0.5) * TWO_PI
        color = ground
        if climb > 0.0:
            color = radiance(scene, b, wp.vec3(flat * wp.sin(turn), climb, flat * wp.cos(turn)))
        for c in range(3):
            out[b, i, j, c] = color[c]


@wp.func
def arriving(env: wp.array4d[float], b: int, d: wp.vec3):
    """Light out of the environment map, between its pixels."""
    height, width = env.shape[1], env.shape[2]
    y = wp.acos(wp.clamp(d[1], -1.0, 1.0)) / 3.14159265 * float(height) - 0.5
    x = (wp.atan2(d[0], d[2]) / TWO_PI + 0.5) * float(width) - 0.5
    i, j = int(wp.floor(y)), int(wp.floor(x))
    u, v = x - float(j), y - float(i)
    i0, i1 = wp.clamp(i, 0, height - 1), wp.clamp(i + 1, 0, height - 1)
    j0, j1 = (j + width) % width, (j + 1 + width) % width
    a = wp.vec3(env[b, i0, j0, 0], env[b, i0, j0, 1], env[b, i0, j0, 2])
    c = wp.vec3(env[b, i0, j1, 0], env[b, i0, j1, 1], env[b, i0, j1, 2])
    e = wp.vec3(env[b, i1, j0, 0], env[b, i1, j0, 1], env[b, i1, j0, 2])
    f = wp.vec3(env[b, i1, j1, 0], env[b, i1, j1, 1], env[b, i1, j1, 2])
    return wp.lerp(wp.lerp(a, c, u), wp.lerp(e, f, u), v)
