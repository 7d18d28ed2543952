"""From what the camera sees to the finished picture: background, object, lens and sensor."""

import warp as wp

from ganverse_nb.studio.second.kernels.cards import card_color, card_hit
from ganverse_nb.studio.second.kernels.light import around, contact, lit, shaded
from ganverse_nb.studio.second.kernels.noise import Finish, hash3, linear, ramp, three
from ganverse_nb.studio.second.kernels.surroundings import arriving, ground_color, radiance
from ganverse_nb.studio.second.scene_columns import LAMPS, Card, Scene

wp.set_module_options({"enable_backward": False, "max_unroll": 1})  # or compiling takes minutes

FRONT = 2  # the first cards stand in front of the object, the others behind it
FAR = 60.0
TWO_PI = 6.2831853


@wp.struct
class View:
    """A camera's place and axes, and how much it sees."""

    eye: wp.vec3
    right: wp.vec3
    up: wp.vec3
    backward: wp.vec3
    tangent: float


@wp.func
def view_of(cameras: wp.array2d[float], b: int):
    """Camera b of a table [B, 13]: position, three axes, tangent of half the field of view."""
    view = View()
    view.eye = three(cameras, b, 0)
    view.right = three(cameras, b, 3)
    view.up = three(cameras, b, 6)
    view.backward = three(cameras, b, 9)
    view.tangent = cameras[b, 12]
    return view


@wp.func
def ray(view: View, x: float, y: float):
    """Unit direction through x and y in [0, 1], from the left and from the top."""
    across, upward = (2.0 * x - 1.0) * view.tangent, (1.0 - 2.0 * y) * view.tangent
    return wp.normalize(across * view.right + upward * view.up - view.backward)


@wp.func
def ground_light(
    scene: wp.array2d[float],
    sh: wp.array3d[float],
    maps: wp.array4d[float],
    frames: wp.array3d[wp.vec3],
    b: int,
    p: wp.vec3,
    turn: float,
):
    """Light on the ground at `p`."""
    dark = scene[b, Scene.contact] * contact(maps, frames, b, p, turn)
    total = around(sh, b, wp.vec3(0.0, 1.0, 0.0)) * (1.0 - 0.92 * wp.min(1.25 * dark, 1.0))
    for k in range(LAMPS):
        light = three(scene, b, Scene.lamp_light + 3 * k)
        cosine = scene[b, Scene.lamp_direction + 3 * k + 1]
        free = wp.float32(1.0)
        if k < frames.shape[1] - 1 and scene[b, Scene.shadow] > 0.0 and light[0] + light[1] + light[2] > 0.0:
            free = lit(maps, frames, b, k, p, 0.01 + 0.35 * scene[b, Scene.lamp_size + k], 16, turn)
            free = 1.0 - scene[b, Scene.shadow] * (1.0 - free)
        total = total + light * (wp.max(cosine, 0.0) * free * (1.0 - 0.6 * wp.min(1.25 * dark, 1.0)))
    return total


@wp.kernel
def background(
    first: int,
    scene: wp.array2d[float],
    cards: wp.array3d[float],
    cameras: wp.array2d[float],
    focus: wp.array2d[float],  # [B, 3]: distance, blur in pixels at most, height of the ground
    sh: wp.array3d[float],
    soft_env: wp.array4d[float],
    maps: wp.array4d[float],
    frames: wp.array3d[wp.vec3],
    out: wp.array4d[float],
):
    """out [B, R, R, 4]: linear picture of the scene without the object, and by how many pixels to blur it."""
    b, i = wp.tid()
    b += first
    side = out.shape[1]
    view = view_of(cameras, b)
    floor = focus[b, 2]
    up_light = around(sh, b, wp.vec3(0.0, 1.0, 0.0)) + three(scene, b, Scene.lamp_light) * 0.4
    for j in range(side):
        d = ray(view, (float(j) + 0.5) / float(side), (float(i) + 0.5) / float(side))
        turn = 0.3
        far = wp.float32(FAR)
        color = wp.vec3(0.0, 0.0, 0.0)
        fog = wp.float32(1.0)  # share of what is above the horizon
        t = (view.eye[1] - floor) / wp.max(-d[1], 1e-4)
        if d[1] < -1e-3 and t < FAR:
            far = t
            p = view.eye + t * d
            near = wp.sqrt(p[0] * p[0] + p[2] * p[2])
            light = ground_light(scene, sh, maps, frames, b, p, turn)
            lit_ground = wp.cw_mul(linear(ground_color(scene, b, p[0], p[2], near)), light)
            gloss = scene[b, Scene.gloss] * (0.05 + 0.6 * wp.pow(1.0 + d[1], 4.0))
            mirror = arriving(soft_env, b, wp.vec3(d[0], -d[1], d[2]))
            color = wp.lerp(lit_ground, mirror, gloss)
            soft = scene[b, Scene.horizon_soft]
            fog = scene[b, Scene.haze] * (1.0 - wp.exp(-0.05 * near))
            if soft > 0.0:
                fog = wp.max(fog, ramp(near, 5.2 - 4.0 * soft, 13.0 - 10.0 * soft))
        if fog > 0.01:
            sky = radiance(scene, b, wp.normalize(wp.vec3(d[0], wp.max(d[1], 0.0), d[2])))
            color = wp.lerp(color, sky, fog)
        nearest = far
        for k in range(FRONT, cards.shape[1]):
            if cards[b, k, Card.kind] > 0.5:
                hit = card_hit(cards, b, k, view.eye, floor, d)
                if hit[2] > focus[b, 0] + 0.35 and hit[2] < nearest:
                    found = card_color(cards, b, k, hit[0], hit[1])
                    if found[3] > 0.0:
                        nearest = hit[2]
                        color = wp.cw_mul(linear(wp.vec3(found[0], found[1], found[2])), up_light * 0.75)
        out[b, i, j, 0] = color[0]
        out[b, i, j, 1] = color[1]
        out[b, i, j, 2] = color[2]
        out[b, i, j, 3] = focus[b, 1] * wp.abs(1.0 - focus[b, 0] / nearest)


@wp.kernel
def smear(first: int, source: wp.array4d[float], down: int, out: wp.array4d[float]):
    """Gaussian blur along the rows, or with `down` the columns; channel 3 is its standard deviation in pixels."""
    b, i = wp.tid()
    b += first
    side = source.shape[1]
    for j in range(side):
        sigma = source[b, i, j, 3]
        total, weight = wp.vec3(source[b, i, j, 0], source[b, i, j, 1], source[b, i, j, 2]), wp.float32(1.0)
        if sigma > 0.15:
            reach, scale = int(wp.ceil(2.0 * sigma)), -0.5 / (sigma * sigma)
            for k in range(-reach, reach + 1):
                y, x = wp.where(down == 1, i + k, i), wp.where(down == 1, j, j + k)
                if k != 0 and x >= 0 and y >= 0 and x < side and y < side:
                    # what is sharp does not run into what is blurred
                    w = wp.exp(scale * float(k * k)) * wp.min(1.0, (source[b, y, x, 3] + 0.05) / sigma)
                    total = total + w * wp.vec3(source[b, y, x, 0], source[b, y, x, 1], source[b, y, x, 2])
                    weight += w
        total = total / weight
        out[b, i, j, 0] = total[0]
        out[b, i, j, 1] = total[1]
        out[b, i, j, 2] = total[2]
        out[b, i, j, 3] = sigma


@wp.kernel
def develop(first: int, source: wp.array4d[float], film: wp.array2d[float], out: wp.array4d[wp.uint8]):
    """Sensor and film: from linear light [B, R, R, 4] to RGB [B, R, R, 3].

    `film` [B, 9]: gains of three channels, vignetting, noise, contrast, saturation, black level, seed.
    """
    b, i = wp.tid()
    b += first
    side = source.shape[1]
    gain, noise, seed = three(film, b, 0), film[b, 4], int(film[b, 8])
    for j in range(side):
        x, y = (float(j) + 0.5) / float(side) * 2.0 - 1.0, (float(i) + 0.5) / float(side) * 2.0 - 1.0
        edge = 1.0 - film[b, 3] * 0.5 * (x * x + y * y)
        light = wp.cw_mul(wp.vec3(source[b, i, j, 0], source[b, i, j, 1], source[b, i, j, 2]), gain) * edge
        shown = wp.vec3(wp.sqrt(light[0]), wp.sqrt(light[1]), wp.sqrt(light[2]))
        mean = 0.3 * shown[0] + 0.59 * shown[1] + 0.11 * shown[2]
        shot = gauss(3 * j, i, seed)
        for c in range(3):
            value = mean + film[b, 6] * (shown[c] - mean)
            value = value + film[b, 5] * (value - 0.45) * wp.clamp(1.2 - value, 0.0, 1.0)
            value = film[b, 7] + (1.0 - film[b, 7]) * value
            if value > 0.8:
                value = 0.8 + 0.22 * (1.0 - wp.exp(-(value - 0.8) / 0.22))
            value = value + noise * (0.7 * shot + 0.7 * gauss(3 * j + c, i, seed + 1))
            out[b, i, j, c] = wp.uint8(wp.clamp(value, 0.0, 1.0) * 255.0 + 0.5)


@wp.func
def gauss(x: int, y: int, seed: int):
    """Nearly normal noise."""
    return 2.45 * (hash3(x, y, seed) + hash3(x, y, seed + 101) + hash3(x, y, seed + 202) - 1.5) * 0.82


@wp.kernel
def expose(
    first: int,
    face_index: wp.array3d[wp.int64],
    depth: wp.array3d[float],
    own: int,  # faces below this number are the object's, the others belong to what goes with it
    positions: wp.array3d[wp.vec3],
    normals: wp.array3d[wp.vec3],
    finishes: wp.array4d[float],
    rooms: wp.array3d[wp.vec4],
    scene: wp.array2d[float],
    cards: wp.array3d[float],
    cameras: wp.array2d[float],
    focus: wp.array2d[float],  # [B, 4]: as of `background`, and the blur of the lens in pixels
    sh: wp.array3d[float],
    env: wp.array4d[float],
    soft_env: wp.array4d[float],
    maps: wp.array4d[float],
    frames: wp.array3d[wp.vec3],
    behind: wp.array4d[float],
    picture: wp.array4d[float],
    seen: wp.array4d[float],
):
    """picture [B, R, R, 4]: the object before its background `behind`. seen [B, R, R, 2]: its cover and depth."""
    b, i = wp.tid()
    b += first
    side = picture.shape[1]
    samples = face_index.shape[1] // side
    view, floor = view_of(cameras, b), focus[b, 2]
    light = around(sh, b, wp.vec3(0.0, 1.0, 0.0)) + three(scene, b, Scene.lamp_light) * 0.3
    for j in range(side):
        back = wp.vec3(behind[b, i, j, 0], behind[b, i, j, 1], behind[b, i, j, 2])
        total, cover, deep = wp.vec3(0.0, 0.0, 0.0), wp.float32(0.0), wp.float32(0.0)
        for s in range(samples * samples):
            y, x = i * samples + s // samples, j * samples + s % samples
            f = int(face_index[b, y, x])
            color = back
            hidden = bool(f < 0)
            if f >= 0:
                hidden = positions[b, y, x][1] < floor - 0.006  # under water
            for k in range(FRONT):
                if cards[b, k, Card.kind] > 0.5:
                    wide = float(side * samples)
                    d = ray(view, (float(x) + 0.5) / wide, (float(y) + 0.5) / wide)
                    hit = card_hit(cards, b, k, view.eye, floor, d)
                    if hit[2] > 0.0:
                        found = card_color(cards, b, k, hit[0], hit[1])
                        if found[3] > 0.0:
                            hidden = True
                            color = wp.cw_mul(linear(wp.vec3(found[0], found[1], found[2])), light * 0.75)
            if not hidden:
                p, n = positions[b, y, x], normals[b, y, x]
                made = Finish()
                made.albedo = wp.vec3(finishes[b, y, x, 0], finishes[b, y, x, 1], finishes[b, y, x, 2])
                made.coat = finishes[b, y, x, 3]
                made.roughness = finishes[b, y, x, 4]
                made.metal = finishes[b, y, x, 5]
                made.glass = finishes[b, y, x, 6]
                through = back
                if made.glass > 0.0:
                    room, tint = rooms[b, y, x], made.glass * linear(made.albedo)
                    near = wp.cw_mul(wp.vec3(room[0], room[1], room[2]), light)
                    through = wp.cw_mul(wp.lerp(near, wp.cw_mul(back, tint), room[3]), tint)
                v = wp.normalize(view.eye - p)
                color = shaded(
                    scene, sh, env, soft_env, maps, frames, b, p, n, v, floor, made, through, 0.7 * wp.float32(s)
                )
                if f < own:
                    cover += 1.0
                    deep += depth[b, y, x]
            total = total + color
        count = float(samples * samples)
        for c in range(3):
            picture[b, i, j, c] = total[c] / count
        picture[b, i, j, 3] = focus[b, 3]
        seen[b, i, j, 0] = cover / count
        seen[b, i, j, 1] = deep / wp.max(cover, 1.0)
