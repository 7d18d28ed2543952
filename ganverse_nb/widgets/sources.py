"""The pictures that a panel takes shapes, textures and backgrounds from, and the properties read off each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import sample_w
from ganverse_nb.neural_renderer.properties import Properties

SAMPLES = 64  # samples of the GAN that are remembered while somebody moves its sliders

Encode = Callable[[Tensor, str], Properties]
"""A picture [1, 3, R, R] in [0, 1] and its name -> properties; ValueError where nothing is found in it."""


@dataclass(frozen=True)
class Source:
    """A picture [1, 3, R, R] in [0, 1], and its properties."""

    name: str
    picture: Tensor
    properties: Properties


class Sources:
    """Pictures by name, and samples of a GAN by seed and truncation. Each is encoded when it is first used.

    Args:
        encode: reads properties off a picture.
        pictures: [1, 3, R, R] in [0, 1] by name.
        generator: the GAN that `sample` draws from.

    Raises:
        ValueError: no picture.
    """

    def __init__(self, encode: Encode, pictures: Mapping[str, Tensor], generator: Generator) -> None:
        if not pictures:
            raise ValueError("Sources: give at least one picture to begin with.")
        self._encode, self._pictures, self._encoded = encode, dict(pictures), dict[str, Source]()
        self._generator = generator
        self.sample = lru_cache(SAMPLES)(self._sample)

    @property
    def names(self) -> list[str]:
        """In the order in which they were added."""
        return list(self._pictures)

    def __getitem__(self, name: str) -> Source:
        """The picture of that name.

        Raises:
            ValueError: there is none, or nothing was found in it.
        """
        if name not in self._pictures:
            raise ValueError(f"There is no picture {name!r}; there are {', '.join(self._pictures)}.")
        if name not in self._encoded:
            picture = self._pictures[name]
            self._encoded[name] = Source(name, picture, self._encode(picture, name))
        return self._encoded[name]

    def add(self, name: str, picture: Tensor) -> None:
        """Adds [1, 3, R, R] in [0, 1], in place of one of that name; one that cannot be used is refused.

        Raises:
            ValueError: wrong size or range, or nothing was found in it.
        """
        self._encoded[name] = Source(name, picture, self._encode(picture, name))
        self._pictures[name] = picture

    @torch.no_grad()
    def _sample(self, seed: int, truncation: float) -> Source:
        generator, side = self._generator, next(iter(self._pictures.values())).shape[-1]
        w = sample_w(generator, 1, seed, truncation)
        picture = generator.squares(generator.styles(w), side)
        name = f"GAN sample, seed {seed}, ψ {truncation:.2f}"
        return Source(name, picture, self._encode(picture, name))
