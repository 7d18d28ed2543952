"""Things that stand about: upright cards that face the camera, with simple shapes cut out of them."""

import warp as wp

from ganverse_nb.studio.second.kernels.noise import between, grey, hash3, ink, noise, ramp, rough_noise
from ganverse_nb.studio.second.scene_columns import Card

HOUSE, PERSON, TREE, CAR, SIGN, BUSH, BANNER, CRATE, FENCE = 1, 2, 3, 4, 5, 6, 7, 8, 9


@wp.func
def card_color(cards: wp.array3d[float], b: int, k: int, u: float, v: float):
    """Colour of card k at u in -1 to 1 and v in 0 to 1, and whether it is there at all."""
    kind, seed = int(cards[b, k, Card.kind]), int(cards[b, k, Card.seed])
    first = wp.vec3(cards[b, k, Card.color], cards[b, k, Card.color + 1], cards[b, k, Card.color + 2])
    second = wp.vec3(cards[b, k, Card.second], cards[b, k, Card.second + 1], cards[b, k, Card.second + 2])
    stretch = cards[b, k, Card.width] / cards[b, k, Card.height]
    nothing = wp.vec4(0.0, 0.0, 0.0, 0.0)
    color = first
    round_ = 0.7 + 0.3 * wp.sqrt(wp.max(1.0 - u * u, 0.0)) - 0.15 * u
    if kind == HOUSE:
        if v > 0.8 + 0.2 * hash3(seed, 1, 1) * (1.0 - wp.abs(u)):
            return nothing
        x, y = 3.0 * (u + 1.0), 5.0 * v
        if between(x - wp.floor(x), 0.25, 0.75) and between(y - wp.floor(y), 0.3, 0.85):
            color = second * (0.4 + 0.8 * hash3(int(x), int(y), seed))
    elif kind == PERSON:
        lean = 0.1 * (hash3(seed, 1, 1) - 0.5)
        x, skin = (u - lean) * 1.0, wp.vec3(0.85, 0.64, 0.5) * (0.45 + 0.6 * hash3(seed, 2, 1))
        if v > 0.86:
            y = (v - 0.93) / 0.07
            if (x * x) / 0.1 + y * y > 1.0:
                return nothing
            color = wp.where(y > 0.25, grey(0.1 + 0.3 * hash3(seed, 2, 2)), skin)
        elif v > 0.47:
            if wp.abs(x) > 0.62 * (1.0 - 0.5 * ramp(v, 0.76, 0.86)) or between(wp.abs(x), 0.4, 0.45) and v < 0.75:
                return nothing
            color = wp.where(wp.abs(x) > 0.45 and v < 0.53, skin, first)
        else:
            if wp.abs(x) > 0.42 or wp.abs(x) < 0.07 * (1.0 - 2.0 * v):
                return nothing
            color = wp.where(v < 0.04, grey(0.08), second)
        color = color * (0.75 + 0.3 * noise(3.0 * u, 9.0 * v, seed)) * round_
    elif kind == TREE:
        if v < 0.35:
            if wp.abs(u) > 0.09:
                return nothing
            color = wp.vec3(0.28, 0.2, 0.14)
        else:
            y = (v - 0.66) / 0.34
            leaves = rough_noise(5.0 * u, 6.0 * v, seed)
            if u * u + y * y > 0.55 + 0.55 * leaves:
                return nothing
            color = wp.lerp(0.45 * first, first * 1.15, leaves + 0.25 * y - 0.2 * u)
    elif kind == CAR:
        y, roof = v, 1.0 - 1.7 * wp.pow(wp.abs(u + 0.06) / 0.9, 3.0)
        top = wp.where(wp.abs(u + 0.06) < 0.68, wp.max(roof, 0.58), 0.56 - 0.14 * wp.abs(u))
        if y > top or wp.abs(u) > 0.99:
            return nothing
        wheel = wp.min(wp.abs(u - 0.62), wp.abs(u + 0.6)) * stretch * 0.5
        away = wp.sqrt(wheel * wheel + (y - 0.2) * (y - 0.2))
        if away < 0.2:
            color = wp.where(away < 0.12, grey(0.55), grey(0.06))
        elif y < 0.14:
            return nothing
        elif y > 0.6 and y < top - 0.08 and wp.abs(u + 0.06) < 0.62:
            color = wp.where(wp.abs(u + 0.03) < 0.03, first, second * 0.35)
        color = color * (0.75 + 0.4 * y)
    elif kind == SIGN:
        if v < 0.6:
            if wp.abs(u) > 0.12:
                return nothing
            color = grey(0.4)
        else:
            color = wp.where(ink(0.5 + 0.45 * u, (v - 0.68) / 0.24, 2 + seed % 4, seed), second, first)
    elif kind == BUSH:
        leaves = rough_noise(4.0 * u * stretch, 5.0 * v, seed)
        if u * u + v * v > 0.45 + 0.8 * leaves:
            return nothing
        color = wp.lerp(0.4 * first, first, leaves + 0.4 * v)
    elif kind == BANNER:
        x = 0.5 + 0.5 * u
        color = wp.where(ink(1.1 * x - 0.05, (v - 0.35) / 0.4, 3 + seed % 5, seed), second, first)
        if hash3(seed, 1, 3) < 0.4 and between(v, 0.1, 0.2):
            color = second
    elif kind == CRATE:
        x, y = wp.abs(u), wp.abs(2.0 * v - 1.0)
        color = first * wp.where(wp.max(x, y) > 0.86 or wp.abs(x - y) < 0.07, 0.7, 1.0) * wp.where(u > 0.3, 0.65, 1.0)
    else:  # a fence
        post = (u + 1.0) * 4.0
        rail = between(v, 0.85, 0.97) or between(v, 0.5, 0.62) or between(v, 0.15, 0.27)
        if not rail and post - wp.floor(post) > 0.1:
            return nothing
        color = first * (0.85 + 0.3 * noise(20.0 * u, 4.0 * v, seed))
    color = color * (0.72 + 0.4 * rough_noise(3.0 * u, 4.0 * v, seed + 17) + 0.12 * v)
    return wp.vec4(color[0], color[1], color[2], 1.0)


@wp.func
def card_hit(cards: wp.array3d[float], b: int, k: int, eye: wp.vec3, floor: float, d: wp.vec3):
    """Where the ray from `eye` along `d` meets card k, which stands upright and faces the camera: u, v, distance.

    The distance is negative where it misses.
    """
    x, z = eye[0] - cards[b, k, Card.x], eye[2] - cards[b, k, Card.z]
    far = wp.max(wp.sqrt(x * x + z * z), 1e-3)
    x, z = x / far, z / far
    along = -(d[0] * x + d[2] * z)
    if along < 1e-3:
        return wp.vec3(0.0, 0.0, -1.0)
    t = far / along
    px, py, pz = (
        eye[0] + t * d[0] - cards[b, k, Card.x],
        eye[1] + t * d[1] - floor,
        eye[2] + t * d[2] - cards[b, k, Card.z],
    )
    u, v = (px * z - pz * x) / (0.5 * cards[b, k, Card.width]), py / cards[b, k, Card.height]
    return wp.vec3(u, v, wp.where(wp.abs(u) <= 1.0 and v >= 0.0 and v <= 1.0, t, -1.0))
