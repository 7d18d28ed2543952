"""The plumage of a bird of the second edition."""

import warp as wp

from ganverse_nb.studio.second.flock import Bird
from ganverse_nb.studio.second.kernels.noise import between, finish, grey, noise, ramp, rough_noise, three

BODY, NECK, HEAD, BEAK, EYE, TAIL, WING, LEG, FOOT = 0, 1, 2, 3, 4, 5, 6, 7, 8


@wp.func
def bird_paint(bird: wp.array2d[float], b: int, part: int, place: wp.vec3, p: wp.vec3, n: wp.vec3):
    """The finish at position `p` with normal `n` of bird b; `place` as in `tubes.Layout.places`."""
    along, side, up = place[0], place[1], place[2]
    seed = int(bird[b, Bird.seed])
    back, breast, belly = three(bird, b, Bird.back), three(bird, b, Bird.breast), three(bird, b, Bird.belly)
    cheek, throat, cap = three(bird, b, Bird.cheek), three(bird, b, Bird.throat), three(bird, b, Bird.cap)
    # Colours meet along ragged lines, as feathers do.
    rag = 0.25 * (noise(30.0 * along, 9.0 * side, seed) - 0.5)
    color = back
    if part == BEAK:
        return finish(three(bird, b, Bird.beak_paint) * (1.0 - 0.35 * ramp(along, 0.8, 1.0)), 1.0, 0.3)
    if part == FOOT:
        return finish(three(bird, b, Bird.legs), 0.4, 0.6)
    if part == EYE:
        dark = cheek[0] + cheek[1] + cheek[2] < 0.6
        ring = between(along, 0.45, 0.72) and dark
        return finish(wp.where(ring, wp.vec3(0.75, 0.55, 0.15), grey(0.02)), 2.0, 0.02)
    if part == BODY:
        below = wp.lerp(belly, breast, ramp(along, 0.42, 0.66))
        if (
            bird[b, Bird.streaks] > 0.0
            and along > 0.4
            and noise(26.0 * along, 9.0 * wp.atan2(up, side), seed + 1) > 0.62
        ):
            below = 0.5 * (below + back)
        color = wp.lerp(below, back, ramp(up + rag, 0.05, 0.25) * (1.0 - ramp(along, 0.86, 0.96)))
    elif part == NECK:
        low = wp.lerp(breast, back, ramp(up + rag, 0.0, 0.25))
        high = wp.lerp(throat, cap, ramp(up + rag, 0.2, 0.4))
        color = wp.lerp(low, high, ramp(along + rag, 0.35, 0.55))
    elif part == HEAD:
        color = wp.lerp(cheek, throat, ramp(-up + rag, 0.38, 0.52))
        if up + rag > 0.45 or along < 0.12:
            color = cap
    elif part == TAIL:
        color = wp.lerp(back, three(bird, b, Bird.tail_paint), ramp(along, 0.15, 0.35))
        if along > 0.3 and wp.cos(15.7 * side) > 0.6:
            color = 0.82 * color
    elif part == WING:
        wing = three(bird, b, Bird.wing)
        color = wing
        if side < -0.25 and up > 0.0:
            scales = wp.sin(60.0 * along) * wp.sin(14.0 * side)
            color = wing * (0.95 + 0.12 * scales)
        if up > 0.0 and wp.abs(side - 0.02) < 0.16 and between(along, 0.12, 0.75):
            color = three(bird, b, Bird.bar)
        if side > 0.2 and wp.cos(81.7 * along) > 0.4:
            color = 0.75 * color
        if along > 0.74 or side > 0.75 and along > 0.3:
            color = three(bird, b, Bird.tip)
        if bird[b, Bird.spread] > 0.0 and up < -0.05 and along < 0.85:
            color = 0.6 * color + 0.4 * belly
    else:
        color = wp.where(along < 0.42, belly, three(bird, b, Bird.legs))
    feathers = rough_noise(34.0 * p[2] + 11.0 * p[0], 30.0 * p[1], seed + 2) - 0.5
    return finish(color * (1.0 + 0.26 * feathers), 0.5 * bird[b, Bird.shine], 0.5)


@wp.func
def bird_interior(bird: wp.array2d[float], b: int, p: wp.vec3, d: wp.vec3):
    """Birds have no windows."""
    return wp.vec4(0.0, 0.0, 0.0, 0.0)
