"""The coat of a horse of the second edition, its tack, and its rider's clothes."""

import warp as wp

from ganverse_nb.studio.second.herd import Horse
from ganverse_nb.studio.second.kernels.noise import (
    between,
    finish,
    grey,
    noise,
    ramp,
    rough_noise,
    three,
)

TRUNK, NECK, HEAD, EAR, MANE, TAIL, LEG, SADDLE, TORSO, FACE, BOOTS, SLEEVE = 0, 1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15
WHITE = wp.constant(wp.vec3(0.92, 0.90, 0.86))
KNEE, CORONET = 0.5, 0.875  # along a leg


@wp.func
def rider_paint(horse: wp.array2d[float], b: int, part: int, along: float, up: float, side: float):
    seed = int(horse[b, Horse.seed])
    if part == TORSO:
        return finish(three(horse, b, Horse.jacket) * (0.85 + 0.2 * noise(9.0 * along, 5.0 * side, seed)), 0.2, 0.8)
    if part == FACE:
        helmet = along > 0.62
        return finish(wp.where(helmet, three(horse, b, Horse.leather) * 0.8, three(horse, b, Horse.skin)), 0.6, 0.4)
    if part == SLEEVE:
        return finish(wp.where(along > 0.88, three(horse, b, Horse.skin), three(horse, b, Horse.jacket)), 0.2, 0.8)
    return finish(wp.where(along > 0.45, grey(0.06), three(horse, b, Horse.trousers)), 0.4, 0.5)


@wp.func
def horse_paint(horse: wp.array2d[float], b: int, part: int, place: wp.vec3, p: wp.vec3, n: wp.vec3):
    """The finish at position `p` with normal `n` of horse b; `place` as in `tubes.Layout.places`."""
    along, side, up = place[0], place[1], place[2]
    if part >= TORSO:
        return rider_paint(horse, b, part, along, up, side)
    seed = int(horse[b, Horse.seed])
    leather = finish(three(horse, b, Horse.leather), 1.0, 0.35)
    if part == SADDLE:
        return leather
    is_leg, tack = part >= LEG, horse[b, Horse.tack] > 0.0
    color = three(horse, b, Horse.coat)
    # Muscles and hair: lighter and darker places, streaks along the body.
    hair = rough_noise(9.0 * p[2] + 3.0 * p[0], 9.0 * p[1], seed) - 0.5
    strand = noise(70.0 * p[2], 18.0 * p[1], seed + 1) - 0.5
    color = color * (1.0 + 0.22 * hair + 0.12 * strand)
    if part == TRUNK:
        color = color * (1.0 - 0.08 * up)
    if horse[b, Horse.dapple] > 0.0 and (part <= NECK or is_leg and along < 0.4):
        color = color * (0.9 + 0.3 * noise(17.0 * p[2], 17.0 * p[1] + 11.0 * p[0], seed + 2))
    if is_leg:
        color = wp.lerp(color, three(horse, b, Horse.points), ramp(along, KNEE - 0.12, KNEE + 0.04))
    if part == EAR:
        color = 0.75 * color
    patches = wp.float32(0.0)
    if horse[b, Horse.pinto] > 0.0 and part != EAR:
        phase = Horse.patch_phase
        patches = (
            wp.sin(9.0 * along + 2.0 * side + 6.283 * horse[b, phase] + float(part))
            + wp.sin(5.0 * along - 2.6 * up + 6.283 * horse[b, phase + 1] + 2.0 * float(part))
            + wp.sin(4.0 * along + 3.0 * side * up + 6.283 * horse[b, phase + 2])
        )
        if patches > 0.25 or is_leg and along > 0.35:
            color = WHITE
    spots = horse[b, Horse.leopard]
    if spots > 0.0 and (part <= NECK or is_leg and along < 0.3):
        whitened = ramp(rough_noise(3.0 * p[2] + 2.0 * spots, 3.0 * p[1], seed + 5) - 0.6 * p[2], 0.4, 0.55)
        spot = noise(26.0 * p[2], 26.0 * p[1] + 17.0 * p[0], seed + 6) > 0.68
        color = wp.where(spot, 0.8 * color, wp.lerp(color, WHITE, whitened))
    if part == HEAD:
        muzzle = ramp(along, 0.8, 0.9)
        color = wp.lerp(color, 0.45 * color + wp.vec3(0.09, 0.07, 0.07), muzzle)
        if wp.abs(side) < horse[b, Horse.blaze] and up > 0.2 and between(along, 0.12, 0.9):
            color = WHITE
        if wp.abs(along - 0.93) < 0.035 and wp.abs(side) > 0.55 and up > 0.1:
            color = grey(0.03)
        if wp.abs(along - 0.27) < 0.05 and wp.abs(side) > 0.65 and between(up, 0.2, 0.78):
            return finish(wp.vec3(0.04, 0.03, 0.02), 1.5, 0.05)
        if tack and (
            wp.abs(along - 0.62) < 0.03
            or wp.abs(along - 0.16) < 0.025
            or wp.abs(up - 0.1) < 0.13
            and between(along, 0.16, 0.85)
        ):
            return leather
    if is_leg:
        leg = wp.min(part - LEG, 3)
        if along > 1.0 - 0.125 - horse[b, Horse.socks + leg] and horse[b, Horse.socks + leg] > 0.0:
            color = WHITE
        if horse[b, Horse.feather] > 0.0 and along > 0.72:
            color = 0.5 * (color + WHITE)
        if along > CORONET + 0.03:
            return finish(three(horse, b, Horse.hoof), 0.6, 0.4)
    if part > EAR and part < LEG:  # mane and tail
        strands = 1.0 + 0.3 * (noise(24.0 * wp.atan2(up, side), 4.0 * along, seed + 3) - 0.5)
        return finish(three(horse, b, Horse.hair) * strands, 0.7 * horse[b, Horse.shine], 0.5)
    if tack and part == TRUNK:
        if between(along, 0.40, 0.66) and up > 0.42:
            return finish(three(horse, b, Horse.cloth), 0.0, 0.95)
        if wp.abs(along - 0.62) < 0.018:
            return leather  # girth
    made = finish(color, 0.9 * horse[b, Horse.shine], 0.42)
    if is_leg and along < 0.36:  # shoulders and thighs merge with the trunk
        out = wp.normalize(wp.vec3(1.3 * p[0], p[1] - horse[b, Horse.axis], 0.3 * n[2]))
        made.normal = wp.normalize(wp.lerp(n, out, 0.85 * (1.0 - ramp(along, 0.06, 0.36))))
    return made


@wp.func
def horse_interior(horse: wp.array2d[float], b: int, p: wp.vec3, d: wp.vec3):
    """Horses have no windows."""
    return wp.vec4(0.0, 0.0, 0.0, 0.0)
