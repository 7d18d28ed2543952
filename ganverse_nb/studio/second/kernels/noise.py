"""Randomness that depends on a place alone, letters, and small things every kernel needs."""

import warp as wp

# Letters and digits of 3 x 5 dots, row by row from the top, the left dot in the highest bit.
FONT = wp.constant(
    wp.types.vector(32, wp.int32)(
        0b010101111101101, 0b110101110101110, 0b011100100100011, 0b110101101101110, 0b111100110100111,
        0b111100110100100, 0b011100101101011, 0b101101111101101, 0b111010010010111, 0b001001001101010,
        0b101110100110101, 0b100100100100111, 0b101111111101101, 0b110101101101101, 0b010101101101010,
        0b110101110100100, 0b010101101111011, 0b110101110101101, 0b011100010001110, 0b111010010010010,
        0b101101101101111, 0b101101101101010, 0b101101111111101, 0b101101010101101, 0b101101010010010,
        0b111001010100111, 0b111101101101111, 0b010110010010111, 0b110001010100111, 0b110001010001110,
        0b101101111001001, 0b111100110001110,
    )
)  # fmt: skip


@wp.func
def hash3(x: int, y: int, seed: int):
    """A number in [0, 1) for a cell."""
    h = (
        wp.uint32(x) * wp.uint32(374761393)
        + wp.uint32(y) * wp.uint32(668265263)
        + wp.uint32(seed) * wp.uint32(668265273)
    )
    h = (h ^ (h >> wp.uint32(13))) * wp.uint32(1274126177)
    h = (h ^ (h >> wp.uint32(15))) * wp.uint32(2146121005)
    h = h ^ (h >> wp.uint32(16))
    return float(h & wp.uint32(0xFFFFFF)) / 16777216.0


@wp.func
def noise(x: float, y: float, seed: int):
    """Smooth noise in [0, 1) with cells of size 1."""
    i, j = int(wp.floor(x)), int(wp.floor(y))
    u, v = x - float(i), y - float(j)
    u, v = u * u * (3.0 - 2.0 * u), v * v * (3.0 - 2.0 * v)
    low = wp.lerp(hash3(i, j, seed), hash3(i + 1, j, seed), u)
    high = wp.lerp(hash3(i, j + 1, seed), hash3(i + 1, j + 1, seed), u)
    return wp.lerp(low, high, v)


@wp.func
def rough_noise(x: float, y: float, seed: int):
    """Three octaves of `noise`, in [0, 1)."""
    return (
        0.55 * noise(x, y, seed) + 0.28 * noise(2.1 * x, 2.1 * y, seed + 7) + 0.17 * noise(4.3 * x, 4.3 * y, seed + 13)
    )


@wp.func
def between(x: float, low: float, high: float):
    return x > low and x < high


@wp.func
def ramp(x: float, low: float, high: float):
    """0 below `low`, 1 above `high`, smooth between them."""
    t = wp.clamp((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@wp.func
def ink(u: float, v: float, letters: int, seed: int):
    """Whether a line of `letters` random letters, which fills 0 to 1 in u and v (upwards), has ink at a place."""
    if u < 0.0 or u >= 1.0 or v < 0.0 or v >= 1.0:
        return False
    at = u * float(letters)
    letter = int(at)
    column, row = int((at - float(letter)) * 4.0), int((1.0 - v) * 5.0)
    if column > 2:
        return False
    dots = FONT[int(hash3(letter, seed, 5) * 32.0)]
    return ((dots >> (14 - (row * 3 + column))) & 1) == 1


@wp.func
def three(table: wp.array2d[float], b: int, k: int):
    """A colour or a direction in three columns of a table."""
    return wp.vec3(table[b, k], table[b, k + 1], table[b, k + 2])


@wp.func
def grey(x: float):
    return wp.vec3(x, x, x)


@wp.func
def linear(color: wp.vec3):
    """Colours of tables are as displays show them; light adds up in squares of them."""
    return wp.cw_mul(color, color)


@wp.struct
class Finish:
    """What a point of a surface is made of."""

    albedo: wp.vec3  # as displays show it
    coat: float  # reflection of the clear layer on top, seen straight on, in units of 0.04
    roughness: float
    metal: float  # share that reflects in its own colour
    glass: float  # share that is looked through
    normal: wp.vec3  # which way it faces where the mesh is too coarse to tell, or 0


@wp.func
def finish(albedo: wp.vec3, coat: float, roughness: float):
    made = Finish()
    made.albedo = albedo
    made.coat = coat
    made.roughness = roughness
    made.metal = 0.0
    made.glass = 0.0
    made.normal = wp.vec3(0.0, 0.0, 0.0)
    return made


@wp.func
def metal(albedo: wp.vec3, roughness: float):
    made = finish(albedo, 0.0, roughness)
    made.metal = 1.0
    return made
