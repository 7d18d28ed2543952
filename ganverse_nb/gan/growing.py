"""Networks of other sizes that begin with what trained ones have learned.

A generator of more pixels or channels than the one it begins with paints that one's pictures at first, enlarged by the
skip architecture's own filter: new channels feed nothing yet and new blocks add no colour. One of fewer pixels paints
what the first blocks of the other add up to. A discriminator of more channels says what the smaller one said; one of
more pixels has new blocks in front, which must learn, and one of fewer lacks the first and sees the picture anew.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import Generator


@torch.no_grad()
def grow(small: nn.Module, large: nn.Module) -> None:
    """Set the weights of `large`, fresh from its constructor, from those of `small`, two generators or discriminators.

    `large` may have fewer pixels; everywhere else it is as large or larger.

    Raises:
        ValueError: as `check_growth`.
    """
    check_growth(small, large)
    if isinstance(small, Generator) and isinstance(large, Generator):
        renamed = {name: name for name in small.state_dict()}
        silent = [torgb.weight for torgb in list(large.torgbs)[len(small.torgbs) :]]
    else:
        assert isinstance(small, Discriminator) and isinstance(large, Discriminator)
        more = len(large.blocks) - len(small.blocks)
        renamed = {name: _shifted(name, more) for name in small.state_dict()}
        if more:  # another block sees the picture
            renamed = {name: new for name, new in renamed.items() if not name.startswith("fromrgb.")}
        silent = []
    theirs, mine = small.state_dict(), large.state_dict()
    for name, new in renamed.items():
        if new in mine:  # not so in a network of fewer pixels, which has fewer blocks
            mine[new].copy_(_enlarged(theirs[name], mine[new], name))
    for weight in silent:
        assert isinstance(weight, Tensor)
        weight.zero_()


def check_growth(small: nn.Module, large: nn.Module) -> None:
    """Whether `small` can `grow` into `large`, whose weights are not looked at and may be on torch's device "meta".

    Raises:
        ValueError: `large` has fewer channels somewhere, or the two differ in what does not grow (latents, mapping
            network, channels at 4 px, the discriminator's filter, black bars).
    """
    if isinstance(small, Generator) and isinstance(large, Generator):
        _check(small, large, ("z_dim", "w_dim", "conv_clamp", "rows"))
        before, after = len(small.mapping.layers), len(large.mapping.layers)
        if before != after:
            raise ValueError(f"a mapping network of {before} layers cannot become one of {after}")
    elif isinstance(small, Discriminator) and isinstance(large, Discriminator):
        _check(small, large, ("filtered",))
    else:
        raise TypeError(f"A {type(small).__name__} cannot grow into a {type(large).__name__}.")


def _check(small: Generator | Discriminator, large: Generator | Discriminator, fixed: tuple[str, ...]) -> None:
    for name in fixed:
        if getattr(small, name) != getattr(large, name):
            raise ValueError(f"{name} {getattr(small, name)} cannot become {getattr(large, name)}")
    few, many = small.channels, large.channels
    if many[0] != few[0] or any(b < a for a, b in zip(few, many)):
        raise ValueError(
            f"channels {few} cannot become {many}: none may be fewer, and those of 4 px must be as many as they were"
        )


def _shifted(name: str, more: int) -> str:
    """The name of a discriminator's parameter when so many blocks have come before its first."""
    first, number, *rest = name.split(".")
    return ".".join([first, str(int(number) + more), *rest]) if first == "blocks" else name


def _enlarged(old: Tensor, fresh: Tensor, name: str) -> Tensor:
    """`old` within a tensor of the size of `fresh`: new outputs as they were drawn, new inputs of old outputs zero."""
    new = fresh.clone()
    part = tuple(slice(0, size) for size in old.shape)
    if not name.endswith("weight") or "affine" in name or "mapping" in name:  # no input of these is a picture's channel
        new[part] = old
        return new
    new[: old.shape[0]] = 0.0
    modulated = name.startswith("convs.")  # demodulated, so that the number of inputs does not scale its output
    gain = 1.0 if modulated else math.sqrt(fresh.shape[1] / old.shape[1])
    new[part] = old * gain
    return new
