"""The wheels, the trim and the inside of a car of the second edition."""

import warp as wp

from ganverse_nb.studio.second.car_columns import Car
from ganverse_nb.studio.second.kernels.noise import between, finish, grey, hash3, ink, metal, ramp, three

# The first box of `car_trim.TRIM_NAMES` that is no longer of a kind.
MIRRORS, SPOILER, RAILS, SEATS, DASHBOARD, CARGO = 2, 3, 5, 8, 9, 10
WINGS, LAMPS, BARS, STEPS, LOAD = 14, 16, 18, 20, 21


@wp.func
def lacquer(car: wp.array2d[float], b: int, color: wp.vec3):
    """Car paint of a colour; metallic paint has flakes."""
    made = finish(color, car[b, Car.coat], car[b, Car.roughness])
    made.metal = 0.45 * car[b, Car.flake]
    return made


@wp.func
def wheel_paint(car: wp.array2d[float], b: int, place: wp.vec3):
    radius = wp.sqrt(place[0] * place[0] + place[1] * place[1])
    size = car[b, Car.rim_size]
    if place[2] > 0.4 or radius > size:
        mark = wp.where(between(radius, 0.85, 0.88), 0.075, 0.045)
        return finish(grey(mark), 0.3, 0.75)
    rim, r = three(car, b, Car.rim), radius / size
    shiny = metal(rim, 0.22)
    angle = wp.atan2(place[0], place[1]) + car[b, Car.spoke_turn]
    wave = wp.cos(angle * car[b, Car.spokes])
    if r < 0.2 or r > 0.9:
        return shiny
    if car[b, Car.hubcap] > 0.5:
        hole = between(r, 0.6, 0.82) and wave > 0.3
        return wp.where(hole, finish(grey(0.03), 0.0, 0.9), finish(rim, 1.0, 0.3))
    edge = 1.0 - 2.0 * car[b, Car.spoke_width] + 0.3 * (r - 0.5)
    if wave > edge:
        made = metal(rim * (0.75 + 0.25 * ramp(wave, edge, edge + 0.5)), 0.22)
        return made
    if r < 0.62:
        return metal(grey(0.3), 0.5)  # the brake disc
    return finish(grey(0.02), 0.0, 0.9)


@wp.func
def trim_paint(car: wp.array2d[float], b: int, k: int, place: wp.vec3, p: wp.vec3, n: wp.vec3):
    paint, seed = three(car, b, Car.paint), int(car[b, Car.seed])
    body = lacquer(car, b, paint)
    if k < MIRRORS:
        if n[2] < -0.6:
            return metal(grey(0.7), 0.02)
        return wp.where(hash3(seed, 5, 5) < 0.25, finish(grey(0.05), 0.5, 0.4), body)
    if k < SPOILER:
        return wp.where(hash3(seed, 5, 6) < 0.4, finish(grey(0.05), 0.8, 0.3), body)
    if k < RAILS:
        return wp.where(hash3(seed, 5, 7) < 0.5, finish(grey(0.05), 0.4, 0.5), metal(grey(0.7), 0.3))
    if k < SEATS:
        return finish(three(car, b, Car.interior) * (0.9 + 0.1 * wp.sign(wp.sin(22.0 * place[0]))), 0.4, 0.6)
    if k < DASHBOARD:
        return finish(grey(0.05), 0.3, 0.7)
    if k < CARGO:
        color = wp.where(hash3(seed, 5, 9) < 0.65, grey(0.9), paint)
        u, v = place[2] * wp.sign(-p[0]), place[1]
        if wp.abs(n[0]) > 0.8 and hash3(seed, 5, 10) < 0.6:
            color = wp.where(ink(0.5 + 0.65 * u, 0.5 + 1.4 * v, 5, seed), three(car, b, Car.second), color)
        if wp.abs(place[1]) > 0.92 or wp.abs(place[2]) > 0.96 and wp.abs(n[0]) > 0.5:
            color = 0.6 * color
        if n[2] < -0.8 and (wp.abs(place[0]) < 0.015 or wp.abs(place[0]) > 0.93):
            color = grey(0.25)
        return finish(color, 0.6, 0.3)
    if k < WINGS:
        return lacquer(car, b, wp.where(int(car[b, Car.two_tone]) > 0, three(car, b, Car.second), paint))
    if k < LAMPS:
        if n[2] > 0.45:
            return finish(grey(0.85), 1.5, 0.05)
        return metal(grey(0.85), 0.08)
    if k < BARS:
        return metal(grey(0.85), 0.08)
    if k < STEPS:
        return finish(grey(0.05), 0.3, 0.7)
    if k < LOAD:
        if car[b, Car.load_size] < 0.2:
            sign = ink(0.5 - 0.6 * place[0] * wp.sign(n[2]), 0.5 + 0.8 * place[1], 4, seed)
            return finish(wp.where(sign and wp.abs(n[2]) > 0.5, grey(0.05), wp.vec3(0.95, 0.85, 0.3)), 0.5, 0.3)
        return finish(wp.where(hash3(seed, 5, 11) < 0.6, grey(0.05), grey(0.6)), 0.8, 0.3)
    return finish(wp.where(n[2] < -0.6, 0.6 * paint, grey(0.05)), 0.4, 0.6)


@wp.func
def car_interior(car: wp.array2d[float], b: int, p: wp.vec3, d: wp.vec3):
    """What is seen through the window at `p` along `d`: linear colour, and the share seen through a far window."""
    length, ground = car[b, Car.length], -0.5 * car[b, Car.roof]
    half, belt = 0.5 * length, ground + car[b, Car.belt]
    low, high = ground + car[b, Car.clearance] + 0.04 * length, ground + car[b, Car.roof] - 0.012 * length
    wide = 0.5 * car[b, Car.width] * 0.86
    front, rear = half - car[b, Car.cowl] - 0.3 * car[b, Car.screen], car[b, Car.tail_glass] - half + 0.03 * length
    tx = (wp.where(d[0] > 0.0, wide, -wide) - p[0]) / wp.where(wp.abs(d[0]) < 1e-5, 1e-5, d[0])
    ty = (wp.where(d[1] > 0.0, high, low) - p[1]) / wp.where(wp.abs(d[1]) < 1e-5, 1e-5, d[1])
    tz = (wp.where(d[2] > 0.0, front, rear) - p[2]) / wp.where(wp.abs(d[2]) < 1e-5, 1e-5, d[2])
    reach = wp.max(wp.min(tx, wp.min(ty, tz)), 0.0)
    cloth = three(car, b, Car.interior)
    cloth = wp.cw_mul(cloth, cloth)
    seat = half - car[b, Car.cowl] - car[b, Car.screen] - 0.1 * length
    for k in range(2):  # two rows of seats with their headrests
        t = (seat - float(k) * 0.19 * length - p[2]) / wp.where(wp.abs(d[2]) < 1e-5, 1e-5, d[2])
        if t > 0.0 and t < reach and (k == 0 or car[b, Car.window_rows] > 1.5):
            x, y = wp.abs(p[0] + t * d[0]) / wide, (p[1] + t * d[1] - belt) / length
            back = between(x, 0.12, 0.88) and y < 0.012
            head = between(x, 0.34, 0.64) and y < 0.045
            if back or head:
                light = 0.5 * wp.clamp(0.5 + 8.0 * y, 0.12, 1.0)
                return wp.vec4(light * cloth[0], light * cloth[1], light * cloth[2], 0.0)
    e = p + reach * d
    y = (e[1] - belt) / length
    if reach < ty - 1e-4 and y > 0.004 and car[b, Car.closed] < 0.5:
        return wp.vec4(0.0, 0.0, 0.0, 1.0)
    light = 0.25 * wp.clamp(0.6 + 5.0 * y, 0.08, 0.8)
    return wp.vec4(light * cloth[0], light * cloth[1], light * cloth[2], 0.0)
