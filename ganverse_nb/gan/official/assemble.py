"""From a foreign file's arrays to our networks: every name used once, every shape checked, nothing left over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.official.errors import ForeignError
from ganverse_nb.gan.official.numbers import Numbers
from ganverse_nb.gan.ops import fir_kernel

MAX_RESOLUTION = 2048
OUR_LR_MULTIPLIER = 0.01  # of our mapping network; other values are folded into its weights

Arrays = Mapping[str, Numbers]


class Entry(NamedTuple):
    """Our tensor `ours` is `change(theirs)`."""

    ours: str
    theirs: str
    change: Callable[[Tensor], Tensor]


@dataclass
class Foreign:
    """What a file of another project holds.

    Attributes:
        format: its kind, in words.
        architecture: arguments of `Generator`.
        generator, discriminator: states of our networks; no discriminator if the file has none like ours.
        notes: what was decided while reading, one sentence each.
    """

    format: str
    architecture: dict[str, Any]
    generator: dict[str, Tensor]
    discriminator: dict[str, Tensor] | None = None
    notes: list[str] = field(default_factory=list)


def same(x: Tensor) -> Tensor:
    return x


def transposed(x: Tensor) -> Tensor:
    """[in, out] -> [out, in]."""
    return x.t()


def times(factor: float) -> Callable[[Tensor], Tensor]:
    return lambda x: x * factor


def flat_rgb(x: Tensor) -> Tensor:
    """The weight of a ToRGB [3, C, 1, 1] or [1, 3, C, 1, 1] -> [3, C]."""
    return x.reshape(3, -1)


def first(x: Tensor) -> Tensor:
    return x[0]


def plane(x: Tensor) -> Tensor:
    """A noise map [1, 1, R, R] -> [R, R]."""
    return x[0, 0]


def scalar(x: Tensor) -> Tensor:
    return x.reshape([])


def gather(arrays: Arrays, entries: Iterable[Entry], ignored: Iterable[str] = ()) -> dict[str, Tensor]:
    """The state of our network.

    Raises:
        ForeignError: an array is missing, left over, of the wrong rank or not finite.
    """
    state, left = {}, set(arrays) - set(ignored)
    for ours, theirs, change in entries:
        if theirs not in arrays:
            raise ForeignError(f"it lacks {theirs!r}; it is not a whole StyleGAN2 with skip connections.")
        try:
            tensor = change(arrays[theirs].tensor()).contiguous()
        except (RuntimeError, IndexError) as error:
            raise ForeignError(f"{theirs!r} has the unexpected shape {arrays[theirs].shape}.") from error
        if not torch.isfinite(tensor).all():
            raise ForeignError(f"{theirs!r} holds numbers that are not finite; it is damaged, download it again.")
        state[ours] = tensor
        left.discard(theirs)
    if left:
        raise ForeignError(f"it holds {min(left)[:80]!r}, which a StyleGAN2 with skip connections does not have.")
    return state


def check_filters(arrays: Arrays, names: Iterable[str]) -> None:
    """Every resampling filter must be StyleGAN2's own, up to its gain.

    Raises:
        ForeignError: another filter.
    """
    for name in names:
        kernel = arrays[name].tensor()
        if kernel.shape != (4, 4) or not torch.allclose(kernel / kernel.sum(), fir_kernel(), atol=1e-5):
            raise ForeignError(f"{name!r} is another resampling filter than [1, 3, 3, 1], which is not supported.")


def resolutions(has_block: Callable[[int], bool]) -> list[int]:
    """[4, 8, ...] up to the last block of the file.

    Raises:
        ForeignError: fewer than two blocks.
    """
    found = [4]
    while found[-1] < MAX_RESOLUTION and has_block(2 * found[-1]):
        found.append(2 * found[-1])
    if len(found) < 2:
        raise ForeignError("it holds no synthesis network of StyleGAN2; give another file.")
    return found


def size(arrays: Arrays, name: str, axis: int) -> int:
    """One side of an array.

    Raises:
        ForeignError: no such array or no such side.
    """
    if name not in arrays:
        raise ForeignError(f"it lacks {name!r}; it is not a whole StyleGAN2 with skip connections.")
    shape = arrays[name].shape
    if not -len(shape) <= axis < len(shape):
        raise ForeignError(f"{name!r} has the unexpected shape {shape}.")
    return shape[axis]


def conv_names(blocks: list[int]) -> list[tuple[str, int, str]]:
    """(our name, resolution, "conv0" or "conv1") of the convolutions of the generator in order."""
    names = [(4, "conv1")] + [(res, conv) for res in blocks[1:] for conv in ("conv0", "conv1")]
    return [(f"convs.{i}", res, conv) for i, (res, conv) in enumerate(names)]


def config_name(channels: Sequence[int]) -> str:
    """config-e (fmap_base 8192), config-f (16384) or another, from the channels at 4, 8, ... px."""
    for name, base in (("config-e", 8192), ("config-f", 16384)):
        if list(channels) == [min(2 * base // 2 ** (i + 2), 512) for i in range(len(channels))]:
            return name
    return "neither config-e nor config-f"


def build(foreign: Foreign) -> tuple[Generator, Discriminator | None]:
    """Our networks with the file's numbers, in evaluation mode.

    Raises:
        ForeignError: shapes do not fit together.
    """
    with torch.device("meta"):  # sizes come from the file: nothing is allocated before they are known to fit
        try:
            generator = Generator(**foreign.architecture)
        except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:
            raise ForeignError(f"its sizes make no StyleGAN2 ({error}).") from error
        discriminator = Discriminator(generator.resolution, generator.channels)
    _fill(generator, foreign.generator)
    if foreign.discriminator is None:
        return generator, None
    try:
        _fill(discriminator, foreign.discriminator)
    except ForeignError as error:  # it only serves as a perceptual metric
        foreign.notes.append(f"The discriminator was left out: {error}")
        return generator, None
    return generator, discriminator


def _fill(network: nn.Module, state: dict[str, Tensor]) -> None:
    try:
        network.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ForeignError(f"its arrays do not fit together: {reason}") from error
    network.eval().requires_grad_(False)
