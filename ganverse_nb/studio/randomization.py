"""How much the photographs of the second edition vary: every knob of it, by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Randomization:
    """Ranges and chances of everything that varies beside the objects' own shapes.

    A pair is a range, a share is how often something occurs, and 0 switches an effect off.
    """

    # the camera
    elevation: tuple[float, float] = (0.0, 40.0)  # degrees
    elevation_mean: float = 11.0  # most pictures are taken from eye height
    fov: tuple[float, float] = (14.0, 48.0)  # degrees, from telephoto to wide angle
    stretch: tuple[float, float] = (0.72, 1.36)  # distance, of the one at which the object fits from all sides
    fill: float = 0.95  # share of the picture that the object may reach at most
    off_centre: float = 0.6  # of the room beside and above the object
    roll: float = 2.0  # degrees, standard deviation; at most 8
    cut_off: float = 0.0  # share of pictures whose border cuts the object
    # the objects
    proportions: float = 0.02  # standard deviation of every measure of a car, beyond its type's ranges
    gloss: float = 1.0  # strength of reflections
    two_tone: float = 0.2
    stripes: float = 0.12
    stickers: float = 0.25  # how many, on average
    dirt: float = 0.3
    scratches: float = 0.15
    tack: float = 0.25  # saddle and bridle; they belong to the horse
    rider: float = 0.12  # who does not
    # light and place
    booths: float = 0.3  # plain, white and black rooms
    halls: float = 0.22  # rooms with many lamps
    shadows: float = 1.0  # darkness of cast shadows
    contact: float = 1.0  # darkness right below the object
    softness: tuple[float, float] = (0.01, 0.22)  # of shadows: radius of a lamp at distance 1
    clutter: float = 3.0  # mean number of things that stand about
    writing: float = 0.25  # on walls and floors
    ground_texture: float = 1.0
    occluders: float = 0.0  # mean number of things that stand in front of the object
    # the picture
    blur: tuple[float, float] = (0.0, 0.9)  # pixels at 128 px
    background_blur: float = 2.0  # pixels at 128 px, at most
    noise: float = 0.02  # standard deviation at most, of middle grey
    jpeg: tuple[int, int] = (40, 98)  # quality; a share of `jpeg_share` of the pictures goes through it
    jpeg_share: float = 0.6
    exposure: float = 0.3  # stops, standard deviation
    white_balance: float = 0.05  # standard deviation of the channels' gains
    contrast: float = 0.12
    vignette: float = 0.25  # loss in the corners at most


PHOTOS = Randomization()
"""For the GAN and for tests: the object whole and in front of everything."""
SEGMENTER = Randomization(
    stretch=(0.7, 2.2), off_centre=1.0, roll=4.0, cut_off=0.2, clutter=7.0, writing=0.4, occluders=0.8,
)  # fmt: skip
"""For a network that finds the object: among other things, partly hidden, cut off by the border."""
