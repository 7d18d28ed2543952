"""Projection: the latent code whose picture is most like a given one (Karras et al. 2020, appendix D).

`space` decides how much freedom there is: one w for all layers ("w", always an object of the GAN's), one w per layer
("w+", Abdal et al. 2019), or the styles themselves ("styles", Wu et al. 2021), which fit most and edit worst.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import broadcast, sample_w
from ganverse_nb.gan.noise_maps import noise_correlation, normalise_noise, own_noise

Distance = Callable[[Tensor, Tensor], Tensor]
"""Two batches of pictures [B, 3, H, W] in [0, 1] -> how different they are, a scalar."""

SPACES = ("w", "w+", "styles")
STATISTICS = 4096  # random w that give the deviation
PYRAMID_FLOOR = 4  # pixels, the coarsest level
RAMP_UP, RAMP_DOWN = 0.05, 0.25  # shares of the steps in which the learning rate rises and falls
NOISE_WEIGHT, PERCEPTUAL_NOISE_WEIGHT = 1e3, 1e5  # the paper's 1e5 goes with LPIPS, some hundred times larger
NOISE_SHARE = 0.75  # of the steps in which noise on the latent lets it leave poor minima


@dataclass(frozen=True)
class Projection:
    """What was found for a batch of pictures.

    Attributes:
        space: of the latent.
        latent: w [B, w_dim], w_plus [B, num_ws, w_dim] or flat styles [B, S].
        styles: flat styles [B, S] of the latent, what `Generator.synthesize` takes (with `noise`, if any).
        picture: [B, 3, H, W] in [0, 1].
        loss: the distance of `picture`.
        losses: the distance in every step, of the latent with noise on it.
        steps: how many were taken; fewer than asked for where the distance no longer fell.
        noise: the noise maps found, one [B, 1, R, R] per convolution, or None where the generator has no noise.
    """

    space: str
    latent: Tensor
    styles: Tensor
    picture: Tensor
    loss: float
    losses: list[float]
    steps: int
    noise: list[Tensor] | None


def pyramid_distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean over an image pyramid (halved by averaging, down to about 4 px) of the mean squared difference."""
    terms = [(a - b).square().mean()]
    while min(a.shape[-2:]) >= 2 * PYRAMID_FLOOR:
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        terms.append((a - b).square().mean())
    return torch.stack(terms).mean()


def project(
    generator: Generator,
    images: Tensor,
    space: str = "w",
    distance: Distance = pyramid_distance,
    *,
    steps: int = 500,
    lr: float = 0.1,
    latent_noise: float = 0.5,
    noise_weight: float = NOISE_WEIGHT,
    patience: int = 30,
    tolerance: float = 1e-3,
    seed: int = 0,
    progress: bool = True,
    device: str | None = None,
) -> Projection:
    """Minimise `distance` over the latents of `images`, beginning at the average w.

    Args:
        images: [B, 3, H, W] in [0, 1], of the generator's picture size.
        distance: `pyramid_distance`, or a perceptual one.
        lr: Adam's, in deviations of random latents, after a linear rise over the first 5 % of the steps and before a
            cosine fall over the last 25 %.
        latent_noise: noise on the latent at the start, in deviations; gone after 75 % of the steps. 0.5 in 128
            dimensions is the paper's 0.05 of the length.
        noise_weight: of `noise_correlation`, where the generator uses noise. Its maps are then optimised too, and must
            not carry the picture. `PERCEPTUAL_NOISE_WEIGHT` goes with LPIPS.
        patience, tolerance: stop when the distance has not fallen by this share within so many steps, once the noise
            on the latent is gone.
        seed: decides everything random.
        device: where it computes, by default where the generator lies; what is found lies where the pictures do.

    Raises:
        ValueError: an unknown space, pictures of another size, type or range, or no steps.
    """
    _check(generator, images, space, steps)
    home, where = images.device, torch.device(device or generator.const.device)
    if where != generator.const.device:
        generator = copy.deepcopy(generator).to(where)
    images = images.to(where, torch.float32)
    rng = torch.Generator(where).manual_seed(seed)
    average, deviation = _statistics(generator, space, seed)
    offset = torch.zeros(len(images), *average.shape[1:], device=where, requires_grad=True)  # in deviations
    maps = own_noise(generator, len(images))
    optimiser = torch.optim.Adam([offset, *(maps or [])], betas=(0.9, 0.999))
    losses: list[float] = []
    best, since = math.inf, 0
    with tqdm(total=steps, desc=f"projection to {space}", disable=not progress) as bar:
        for step in range(steps):
            at = (step + 0.5) / steps
            optimiser.param_groups[0]["lr"] = lr * _ramp(at)
            shake = latent_noise * max(0.0, 1.0 - at / NOISE_SHARE) ** 2
            shaken = offset + shake * torch.randn(offset.shape, generator=rng, device=where)
            loss = distance(_picture(generator, _styles(generator, average + deviation * shaken, space), maps), images)
            total = loss if maps is None else loss + noise_weight * noise_correlation(maps)
            optimiser.zero_grad(set_to_none=True)
            total.backward(inputs=[offset, *(maps or [])])
            optimiser.step()
            normalise_noise(maps or [])
            losses.append(float(loss.detach()))
            bar.update()
            bar.set_postfix(distance=f"{losses[-1]:.2e}", refresh=False)
            if shake == 0.0:
                best, since = (losses[-1], 0) if losses[-1] < best * (1.0 - tolerance) else (best, since + 1)
                if since >= patience:
                    break
    with torch.no_grad():
        latent = average + deviation * offset
        styles = _styles(generator, latent, space)
        picture = generator.synthesize(styles, "none" if maps is None else maps)
        reached = float(distance(picture, images))
    noise = None if maps is None else [m.detach().to(home) for m in maps]
    latent, flat, picture = (found.to(home) for found in (latent, torch.cat(styles, 1), picture))
    return Projection(space, latent, flat, picture, reached, losses, len(losses), noise)


def _check(generator: Generator, images: Tensor, space: str, steps: int) -> None:
    height, width = generator.picture_size
    if space not in SPACES:
        raise ValueError(f"Unknown space {space!r}; the spaces are {', '.join(SPACES)}.")
    if steps < 1:
        raise ValueError(f"A projection needs at least one step, got {steps}.")
    if images.dim() != 4 or tuple(images.shape[1:]) != (3, height, width) or not len(images):
        raise ValueError(f"Pictures to project must be RGB, [B, 3, {height}, {width}], got {tuple(images.shape)}.")
    if not images.is_floating_point():
        raise ValueError(f"Pictures to project must be floating-point numbers in [0, 1], got {images.dtype}.")
    if not torch.isfinite(images).all() or float(images.min()) < 0 or float(images.max()) > 1:
        low, high = float(images.min()), float(images.max())
        raise ValueError(f"Pictures to project must be finite and in [0, 1], got {low:.3g} to {high:.3g}.")


@torch.no_grad()
def _statistics(generator: Generator, space: str, seed: int) -> tuple[Tensor, Tensor]:
    """The average latent [1, ...], and the deviation of random ones from it: of w one number, of styles one each."""
    average = generator.mapping.w_average[None]
    w = sample_w(generator, STATISTICS, seed).to(average)
    if space == "styles":
        mean, random = (torch.cat(_styles(generator, v, "w"), 1) for v in (average, w))
        return mean, (random - mean).square().mean(0).sqrt()
    deviation = (w - average).square().mean().sqrt()
    return (average if space == "w" else broadcast(average, generator.num_ws)), deviation


def _styles(generator: Generator, latent: Tensor, space: str) -> list[Tensor]:
    return generator.split_styles(latent) if space == "styles" else generator.styles(latent)


def _picture(generator: Generator, styles: list[Tensor], maps: list[Tensor] | None) -> Tensor:
    """As `Generator.synthesize`, with gradients also where the picture is cut off at black and white."""
    image = generator.as_picture(generator.synthesis(styles, maps))
    return image + (image.clamp(0.0, 1.0) - image).detach()  # by value clamped, as the pictures to be found are


def _ramp(at: float) -> float:
    """Share of the learning rate at a share of the steps."""
    fall = min(1.0, (1.0 - at) / RAMP_DOWN)
    return (0.5 - 0.5 * math.cos(math.pi * fall)) * min(1.0, at / RAMP_UP)
