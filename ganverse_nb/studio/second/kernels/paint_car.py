"""What a car of the second edition is painted with, at any point of its surface."""

import warp as wp

from ganverse_nb.studio.second.car_columns import Car
from ganverse_nb.studio.second.kernels.noise import (
    Finish,
    between,
    finish,
    grey,
    hash3,
    ink,
    metal,
    noise,
    rough_noise,
    three,
)
from ganverse_nb.studio.second.kernels.paint_car_parts import lacquer, trim_paint, wheel_paint

BODY, CABIN, WHEEL, TRIM = 0, 1, 2, 3
STICKERS = 3


@wp.func
def deck_height(car: wp.array2d[float], b: int, z: float):
    """As `car_body.deck_height`."""
    length = car[b, Car.length]
    half, cowl, tail = 0.5 * length, car[b, Car.cowl], car[b, Car.tail_glass]
    bonnet = wp.pow(wp.clamp((z - half + cowl) / cowl, 0.0, 1.0), car[b, Car.bonnet_curve])
    boot = wp.pow(wp.clamp((tail - half - z) / tail, 0.0, 1.0), 1.6)
    belt = car[b, Car.belt] + car[b, Car.wedge] * (0.5 - z / length)
    return belt + (car[b, Car.nose] - belt) * bonnet + (car[b, Car.deck] - belt) * boot


@wp.func
def sticker(car: wp.array2d[float], b: int, k: int, u: float, v: float, where: int, color: wp.vec3):
    """The colour of a place on side `where`, u and v along and up it in shares of the car's length."""
    at = Car.sticker0 + k * (Car.sticker1 - Car.sticker0)
    kind = int(car[b, at])
    if kind == 0 or int(car[b, at + 1]) != where:
        return color
    size = car[b, at + 4]
    x, y = (u - car[b, at + 2]) / size, (v - car[b, at + 3] * 0.2) / size
    if wp.abs(x) > 1.0 or wp.abs(y) > 1.0:
        return color
    seed = int(car[b, Car.seed]) + 31 * k
    paint = three(car, b, at + 5)
    if kind == 1:
        return wp.where(ink(0.5 + 0.5 * x, 0.5 + 1.1 * y, 3 + int(4.0 * hash3(seed, 1, 1)), seed), paint, color)
    if kind == 2:
        radius = wp.sqrt(x * x + y * y)
        figure = ink(0.5 + 0.9 * x, 0.5 + 0.9 * y, 1, seed)
        if radius > 0.55:
            return color
        return wp.where(figure, grey(0.05), wp.where(radius > 0.48, paint, grey(0.92)))
    if kind == 3:
        tongue = 0.34 * (1.0 - x) * (0.4 + 0.6 * wp.abs(wp.sin(7.0 * x + 3.0 * y + float(seed))))
        return wp.where(wp.abs(y) < tongue, paint, color)
    return wp.where(wp.abs(y) < 0.25, paint, color)


@wp.func
def body_paint(car: wp.array2d[float], b: int, p: wp.vec3, n: wp.vec3):
    length, paint = car[b, Car.length], three(car, b, Car.paint)
    half, left, radius = 0.5 * length, 0.5 * car[b, Car.width], car[b, Car.wheel_radius]
    x, y, z = wp.abs(p[0]), p[1] + 0.5 * car[b, Car.roof], p[2]
    seed = int(car[b, Car.seed])
    deck = deck_height(car, b, z)
    rise = (y - car[b, Car.clearance]) / wp.max(deck - car[b, Car.clearance], 1e-3)  # 0 sill, 1 shoulder
    across = x / left
    sideways, dark = wp.abs(n[0]) > 0.5, finish(grey(0.05), 0.25, 0.7)
    ahead, behind = half - z, z + half  # from the ends
    front, rear = ahead < 0.1 * length and n[2] > 0.2, behind < 0.1 * length and n[2] < -0.2
    bow = wp.where(z > 0.0, car[b, Car.bow], car[b, Car.tail_bow]) * wp.pow(wp.min(across, 1.0), 2.4)

    arch = car[b, Car.arch] * radius
    to_front, to_rear = z - half + car[b, Car.axle_front], z + half - car[b, Car.axle_rear]
    axle = wp.where(wp.abs(to_front) < wp.abs(to_rear), to_front, to_rear)
    away = wp.sqrt(axle * axle + (y - radius) * (y - radius))
    if away < arch * 1.015 and x > left - 1.4 * car[b, Car.tyre] and n[1] < 0.3 or n[1] < -0.6:
        return finish(grey(0.035), 0.0, 0.9)
    if (
        car[b, Car.open] + car[b, Car.bed] > 0.0
        and y < deck - 0.012 * length
        and x < 0.9 * left
        and not front
        and not rear
    ):
        inside = wp.where(
            car[b, Car.open] > 0.0,
            z < half - car[b, Car.cowl] - 0.04 * length and z > car[b, Car.tail_glass] - half - 0.01,
            z < car[b, Car.tail_glass] - half,
        )
        if inside and (n[1] > 0.5 or across < 0.84):
            color = wp.where(
                car[b, Car.open] > 0.0,
                three(car, b, Car.interior),
                wp.where(hash3(seed, 3, 3) < 0.5, grey(0.08), 0.7 * paint),
            )
            return finish(color, 0.2, 0.8)

    color = paint
    tone, stripe = int(car[b, Car.two_tone]), int(car[b, Car.stripe])
    if tone == 2 and rise < 0.5:
        color = three(car, b, Car.second)
    if (stripe == 1 and between(across, 0.1, 0.32) or stripe == 2 and x + p[0] < 0.02 * length and across < 0.55) and n[
        1
    ] > 0.25:
        color = three(car, b, Car.second)
    if stripe == 3 and sideways and between(rise, 0.3, 0.42):
        color = three(car, b, Car.second)
    for k in range(STICKERS):
        if sideways:
            color = sticker(car, b, k, z * wp.sign(-p[0]), y, wp.where(p[0] > 0.0, 0, 1), color)
        elif n[1] > 0.5 and z > 0.0:
            color = sticker(car, b, k, p[0], half - 0.5 * car[b, Car.cowl] - z + 0.1, 2, color)
    made = lacquer(car, b, color)

    if rise < 0.1 or (rise < 0.24 or away < 1.13 * arch) and car[b, Car.plastic] > 0.0:
        made = dark
    gap = 0.0035 * length
    screen = half - car[b, Car.cowl]
    if sideways and rise > 0.14 and rise < 0.985:
        door = half - car[b, Car.cowl] - 0.02 * length
        middle = 0.5 * (door + car[b, Car.tail_glass] - half) + 0.02 * length
        back = middle - (door - middle) * 0.92
        doors = wp.abs(z - door) < gap or wp.abs(z - middle) < gap
        if car[b, Car.window_rows] > 1.5 and wp.abs(z - back) < gap:
            doors = True
        if doors and away > 1.1 * arch:
            made = finish(0.42 * color, 0.3, 0.6)
        handle = between(z - middle, 0.015 * length, 0.05 * length) or between(z - back, 0.015 * length, 0.05 * length)
        if handle and between(rise, 0.8, 0.86):
            made = metal(grey(0.75), 0.2)
            if car[b, Car.chrome] < 0.5:
                made = finish(0.55 * color, 1.0, 0.2)
        if rise > 0.955 and car[b, Car.chrome] > 0.5:
            made = metal(grey(0.8), 0.1)
    if n[1] > 0.4 and z > 0.0:
        if z < screen + 0.022 * length and across < 0.88:
            made = finish(grey(0.05), 0.2, 0.6)  # below the windscreen
        elif wp.abs(across - 0.84 + 0.5 * bow) < 0.012:
            made = finish(0.3 * color, 0.2, 0.6)  # the bonnet's edge

    # The face of the car: lamps that wrap round the corner, grille, intake, plate.
    if front or ahead < 0.055 * length + bow and sideways:
        low = 0.9 - 2.0 * car[b, Car.lamp_height]
        if car[b, Car.classic] < 0.5 and across > 1.0 - 1.15 * car[b, Car.lamp_width] and between(rise, low, 0.9):
            inner = wp.abs((rise - low) / (0.9 - low) - 0.5) < 0.36 and across > 1.04 - 1.15 * car[b, Car.lamp_width]
            glow = 0.92 - car[b, Car.lamp_dark]
            ring = wp.abs(wp.sin(across * 16.0))
            made = finish(grey(wp.where(inner, glow * (0.55 + 0.45 * ring), 0.12)), 1.6, 0.03)
            made.metal = 0.3
            if across > 0.95 and n[2] < 0.7:
                made.albedo = wp.vec3(0.9, 0.5, 0.12)
        if front:
            top, bottom, wide = car[b, Car.grille_top], car[b, Car.grille_low], car[b, Car.grille_width]
            if across < wide and between(rise, bottom, top):
                made = finish(grey(0.03), 0.4, 0.4)
                bars = car[b, Car.grille_bars]
                edge = across > wide - 0.045 or rise > top - 0.05 or rise < bottom + 0.04
                if edge or bars > 0.0 and wp.sin((rise - bottom) / (top - bottom) * bars * 6.28) > 0.55:
                    made = finish(grey(0.12), 1.0, 0.3)
                    if car[b, Car.grille_chrome] > 0.5:
                        made = metal(grey(0.85), 0.08)
            if across < car[b, Car.intake] and between(rise, 0.12, 0.3):
                made = finish(grey(0.03), 0.3, 0.5)
            if between(across, 0.74, 0.86) and between(rise, 0.16, 0.28) and hash3(seed, 9, 1) < 0.6:
                made = finish(grey(0.7), 1.5, 0.05)  # fog lamp
            if across < 0.075 and between(rise, 0.74, 0.86):
                made = metal(grey(0.9), 0.1)  # badge
            line = wp.abs(rise - 0.36) < 0.012 or wp.abs(rise - 0.9) < 0.014
            if line and across > wide:
                made = finish(0.35 * color, 0.3, 0.5)
    if rear or behind < 0.045 * length + bow and sideways:
        red = car[b, Car.lamp_width]
        shape = int(car[b, Car.tail_shape])
        lit = across > 1.0 - 1.1 * red and between(rise, 0.9 - 1.6 * car[b, Car.lamp_height], 0.92)
        if shape == 1:
            lit = across > 0.86 and between(rise, 0.55, 1.0)
        if shape == 2:
            lit = between(rise, 0.78, 0.88) and across > 0.12
        if lit:
            made = finish(wp.vec3(0.62, 0.03, 0.05), 1.5, 0.04)
            if between(across, 0.80, 0.88) and rise < 0.84:
                made.albedo = grey(0.8)
        if rear:
            if (
                wp.abs(rise - 0.36) < 0.014
                and across < 0.93
                or wp.abs(across - 0.8) < 0.012
                and between(rise, 0.36, 0.95)
            ):
                made = finish(0.3 * color, 0.3, 0.5)
            if across < 0.06 and between(rise, 0.75, 0.85):
                made = metal(grey(0.9), 0.1)
            if rise < 0.18 and between(across, 0.5, 0.62) and hash3(seed, 4, 8) < 0.6:
                made = metal(grey(0.5), 0.3)  # exhaust
    low_plate = wp.where(front, 0.06, 0.085) * length + car[b, Car.clearance]
    if (
        (front or rear)
        and car[b, Car.plate] > 0.5
        and x < 0.056 * length
        and between(y, low_plate, low_plate + 0.028 * length)
    ):
        u, v = 0.5 + p[0] * wp.sign(n[2]) / (0.106 * length), (y - low_plate) / (0.028 * length)
        dark_text = wp.where(hash3(seed, 2, 2) < 0.85, 0.08, 0.9)
        color = wp.where(
            ink((u - 0.06) / 0.88, (v - 0.2) / 0.6, 7, seed), grey(dark_text), three(car, b, Car.plate_paint)
        )
        made = finish(color, 0.6, 0.3)
    return made


@wp.func
def cabin_paint(car: wp.array2d[float], b: int, place: wp.vec3, p: wp.vec3, n: wp.vec3):
    t, along, across = place[0], place[1], wp.abs(place[2])
    seed, tone = int(car[b, Car.seed]), int(car[b, Car.two_tone])
    color = three(car, b, Car.paint)
    if tone == 3 or tone == 1 and t > 0.9:
        color = three(car, b, Car.second)
    stripe = int(car[b, Car.stripe])
    if t > 0.97 and (stripe == 1 and between(across, 0.12, 0.4) or stripe == 2 and between(place[2], -0.7, 0.05)):
        color = three(car, b, Car.second)
    if t > 0.97:
        for k in range(STICKERS):
            color = sticker(car, b, k, p[0], 0.1 - 0.3 * along, 3, color)
    made = lacquer(car, b, color)
    soft = car[b, Car.fabric] > 0.0
    if soft:
        made = finish(wp.where(hash3(seed, 8, 8) < 0.7, grey(0.06), wp.vec3(0.42, 0.34, 0.25)), 0.0, 0.95)
    if t > 0.97 and between(along, -0.15, 0.45) and across < 0.7 and car[b, Car.sunroof] > 0.5:
        return finish(grey(0.04), 1.5, 0.03)

    side = wp.abs(n[0]) > 0.58
    is_open = car[b, Car.open] > 0.0
    glass, seal = False, False
    if side and not is_open:
        low, high, rows = 0.13, wp.where(soft, 0.78, 0.87), car[b, Car.window_rows]
        end = wp.where(soft, -0.25, car[b, Car.quarter])
        if car[b, Car.closed] > 0.5:
            end = 0.12
        inside = between(t, low, high) and between(along, end, 0.94 - 0.05 * t)
        split = wp.where(rows > 2.5, 0.22, 0.06)
        pillar = rows > 1.5 and wp.abs(along - split) < 0.03
        if rows > 2.5:
            pillar = pillar or wp.abs(along + 0.44) < 0.03
        rim = between(t, low - 0.05, high + 0.04) and between(along, end - 0.05, 0.97 - 0.04 * t)
        glass, seal = inside and not pillar, rim
        if pillar and inside and car[b, Car.closed] < 0.5 and hash3(seed, 6, 1) < 0.7:
            made = finish(grey(0.04), 0.8, 0.2)
    elif n[2] > 0.0 and along > 0.3:
        glass = between(t, 0.05, 0.92) and across < 0.9
        seal = t < 0.945 and across < 0.93 and hash3(seed, 6, 2) < 0.8
        if is_open:
            glass, seal = between(t, 0.02, 0.9) and across < 0.92, False
    elif along < -0.3 and t < 0.95:
        glass = between(t, 0.2, 0.86) and across < 0.84 and car[b, Car.closed] < 0.5
        if is_open:
            glass = between(t, 0.02, 0.9) and across < 0.92
        if soft:
            glass = between(t, 0.3, 0.7) and across < 0.6
    if glass:
        made = finish(wp.vec3(0.72, 0.8, 0.78), 1.5, 0.0)
        shade = car[b, Car.glass]
        if (side and along < 0.06 or along < -0.5) and not is_open:
            shade = shade * (1.0 - car[b, Car.privacy])
        made.glass = shade
    elif seal:
        made = finish(grey(0.035), 0.6, 0.4)
        if side and car[b, Car.chrome] > 0.5:
            made = metal(grey(0.8), 0.1)
    return made


@wp.func
def car_paint(car: wp.array2d[float], b: int, part: int, place: wp.vec3, p: wp.vec3, n: wp.vec3):
    """The finish at position `p` with normal `n` of car b; `place` as in `car_body.places`."""
    made = Finish()
    if part == BODY:
        made = body_paint(car, b, p, n)
    elif part == CABIN:
        made = cabin_paint(car, b, place, p, n)
    elif part == WHEEL:
        made = wheel_paint(car, b, place)
    else:
        made = trim_paint(car, b, part - TRIM, place, p, n)
    seed, length = int(car[b, Car.seed]), car[b, Car.length]
    dirt = car[b, Car.dirt]
    if dirt > 0.0:
        y = (p[1] + 0.5 * car[b, Car.roof]) / length
        stain = rough_noise(14.0 * p[2] + 9.0 * p[0], 22.0 * p[1], seed)
        amount = wp.clamp(dirt * (1.15 - 5.0 * y) + 0.9 * dirt * (stain - 0.45), 0.0, 0.85)
        made.albedo = wp.lerp(made.albedo, three(car, b, Car.dirt_paint), amount)
        made.coat = made.coat * (1.0 - amount)
        made.metal = made.metal * (1.0 - amount)
        made.glass = made.glass * (1.0 - amount)
    if car[b, Car.scratches] > 0.0 and part == BODY:
        bend = p[1] + 0.03 * wp.sin(9.0 * p[2] + float(seed)) - 0.12 * (hash3(seed, 7, 1) - 0.5)
        where = noise(5.0 * p[2], 3.0 * p[0], seed + 3)
        if (
            wp.abs(bend) < 0.0022
            and where > 0.62
            or noise(26.0 * p[2], 26.0 * p[1], seed + 4) > 1.0 - 0.09 * car[b, Car.scratches]
        ):
            made.albedo = wp.lerp(made.albedo, grey(0.72), 0.55 * car[b, Car.scratches])
            made.coat = 0.3 * made.coat
    return made
