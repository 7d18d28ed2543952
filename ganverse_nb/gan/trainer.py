"""The networks, optimisers and random state of a GAN's training, and one update of them; `gan.training` is the loop."""

from __future__ import annotations

import copy
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ganverse_nb.config import GanConfig
from ganverse_nb.gan.augment import DRAWS, augment, parse_policy
from ganverse_nb.gan.beginning import begin_with, fresh_networks
from ganverse_nb.gan.checkpoint import CheckpointError, load_generator, provenance
from ganverse_nb.gan.generator import W_AVERAGE_DECAY, Generator
from ganverse_nb.gan.latents import mix
from ganverse_nb.gan.losses import discriminator_loss, generator_loss, path_lengths, r1_penalty
from ganverse_nb.gan.view_pairs import PairHead
from ganverse_nb.runtime.checkpoints import Checkpoints, load_state, restore_state, save_state
from ganverse_nb.runtime.precision import convolution_dtype
from ganverse_nb.runtime.steps import finite
from ganverse_nb.runtime.team import Team

PHASE = "gan"
EMA_HALF_LIFE = 10_000.0  # pictures
EMA_RAMP = 0.05  # of the pictures seen
PATH_LENGTH_DECAY = 0.01
CHECKED = 16  # photos, about so many, that tell one set from another
OFFSET_LR = 0.2  # of the weights' learning rate: at the full one noise takes over the pictures


class GanTrainer:
    """Networks, optimisers and random state of one training; `step()` is one update of both networks.

    Both gradients are taken at the same point (simultaneous updates): one pass of G and one of D(fake) serve both.

    Several processes share one batch: each draws all of its random numbers and takes every n-th sample, which keeps the
    groups of the minibatch deviation together, so the gradients are those of one process.

    Args:
        photos: uint8 [N, 3, R, R].
        config: sizes and hyperparameters.
        seed: decides everything random.
        device: where the networks live.
        team: the processes that share the work.
        partners: int64 [N, K] other photos of each photo's view, for `pair_weight` (see `gan.view_pairs`).
    """

    def __init__(
        self,
        photos: Tensor,
        config: GanConfig,
        seed: int,
        device: str | torch.device = "cpu",
        team: Team | None = None,
        partners: Tensor | None = None,
    ):
        self.team = team or Team()
        expected = (3, config.resolution, config.resolution)
        if photos.dtype != torch.uint8 or photos.dim() != 4 or tuple(photos.shape[1:]) != expected:
            raise ValueError(
                f"Photos must be uint8 [N, 3, {config.resolution}, {config.resolution}], "
                f"got {photos.dtype} {tuple(photos.shape)}."
            )
        if config.batch % (4 * self.team.size) or config.path_length_batch > config.batch:
            raise ValueError(
                f"The batch must be a multiple of 4 for each of the {self.team.size} processes, "
                "and path_length_batch must not exceed it."
            )
        if len(photos) < config.batch:
            raise ValueError(
                f"{len(photos)} photos are fewer than one batch of {config.batch}; "
                "take more, or set gan.batch and gan.path_length_batch to a smaller multiple of 4."
            )
        self.photos, self.config, self.seed = photos, config, seed
        self.policy = parse_policy(config.augment)
        self.device = torch.device(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            generator, discriminator = fresh_networks(config)
            self.generator, self.discriminator = generator.to(self.device), discriminator.to(self.device)
            self.pair_head = PairHead(config.channels[0]).to(self.device) if config.pair_weight > 0 else None
        if self.pair_head is not None and partners is None:
            raise ValueError("gan.pair_weight needs photos of known cameras; set it to 0 for pictures of your own.")
        if partners is not None and (partners.dim() != 2 or len(partners) != len(photos)):
            raise ValueError(f"Partners must be [{len(photos)}, K], got {tuple(partners.shape)}.")
        self.partners = None if self.pair_head is None else partners
        if not config.noise:  # the strengths stay zero, which is the network without noise
            for name, parameter in self.generator.named_parameters():
                parameter.requires_grad_(not name.endswith("noise_strength"))
        for parameter in self.generator.parameters_below(config.frozen_below):
            parameter.requires_grad_(False)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.generator_optimiser = _adam(self.generator, config.generator_lr)
        judges = [self.discriminator] if self.pair_head is None else [self.discriminator, self.pair_head]
        self.judges = torch.nn.ModuleList(judges)
        self.discriminator_optimiser = _adam(self.judges, config.discriminator_lr)
        self.rng = torch.Generator(self.device).manual_seed(seed)
        self.path_length_mean = torch.zeros([], device=self.device)
        self.steps = 0
        self.original: Generator | None = None  # what it began with, for `keep_weight`
        self.begun = ""  # SHA-256 of the networks it began with, if not random ones
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.long)

    @property
    def images(self) -> int:
        """Real pictures shown so far."""
        return self.steps * self.config.batch

    def real_batch(self) -> Tensor:
        """The next photos in [-1, 1]; every photo once per epoch, in an order that seed and epoch decide.

        With pairs, the second half of a batch are other photos of the first half's views.
        """
        c, indices = self.config, []
        for position in range(self.images, self.images + c.batch):
            epoch, offset = divmod(position, len(self.photos))
            if epoch != self._epoch:
                order_rng = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch + 1)
                self._epoch, self._order = epoch, torch.randperm(len(self.photos), generator=order_rng)
            indices.append(int(self._order[offset]))
        if self.partners is not None:
            firsts = torch.tensor(indices[: c.batch // 2])
            drawn = torch.randint(self.partners.shape[1], (len(firsts),), generator=self.rng, device=self.device)
            indices = [*firsts.tolist(), *self.partners[firsts, drawn.cpu()].tolist()]
        photos = self.photos[self.team.shard(indices)].to(self.device).float().div_(127.5).sub_(1.0)
        if not c.mirror:
            return photos
        mirrored = torch.rand(c.batch, generator=self.rng, device=self.device) < 0.5
        if self.partners is not None:
            mirrored = mirrored[: c.batch // 2].repeat(2)
        mirrored = self.team.shard(mirrored)
        return torch.where(mirrored[:, None, None, None], photos.flip(3), photos)

    def latents(self, batch: int) -> Tensor:
        """This process' share of w_plus [batch, num_ws, w_dim] with style mixing.

        The crossover is uniform in `mixing_layers`, both ends included. With pairs, codes i and batch/2 + i have the
        first layers in common, and the second of them is always mixed.
        """
        g, c = self.generator, self.config
        z = torch.randn(2 * batch, c.z_dim, generator=self.rng, device=self.device)
        first, second = g.mapping(z).chunk(2)
        with torch.no_grad():
            if not c.frozen_below:
                g.mapping.w_average.lerp_(first.mean(0), 1.0 - W_AVERAGE_DECAY)
        low, high = c.mixing_layers
        crossover = torch.randint(low, high + 1, (batch,), generator=self.rng, device=self.device)
        mixed = torch.rand(batch, generator=self.rng, device=self.device) < c.mixing_probability
        if self.pair_head is not None:
            first, crossover = (half[: batch // 2].repeat(2, *[1] * (half.dim() - 1)) for half in (first, crossover))
            mixed[batch // 2 :] = True
        crossover = torch.where(mixed, crossover, g.num_ws)
        return self.team.shard(mix(first, second, crossover, g.num_ws))

    def noise(self, batch: int) -> list[Tensor] | None:
        """This process' share of fresh noise for `batch` pictures."""
        if not self.config.noise:
            return None
        return [self.team.shard(maps) for maps in self.generator.sample_noise(batch, self.rng)]

    def augment(self, images: Tensor) -> Tensor:
        """This process' share of a batch as the discriminator sees it; each call draws anew."""
        if not self.policy:
            return images
        uniform = torch.rand(self.config.batch, DRAWS, generator=self.rng, device=self.device)
        return augment(images, self.policy, self.team.shard(uniform))

    def judge(self, images: Tensor, dtype: torch.dtype) -> list[tuple[float, Tensor]]:
        """What the discriminator says of an augmented batch: weight and logits, of each picture and of each pair."""
        features = self.discriminator.trunk(images, dtype)[-1]
        verdicts = [(1.0, self.discriminator.judge(features))]
        if self.pair_head is not None:
            verdicts.append((self.config.pair_weight, self.pair_head(features)))
        return verdicts

    def due(self) -> tuple[bool, bool]:
        """Whether the next step penalises the discriminator's gradient, and the generator's path lengths."""
        c = self.config
        return (
            c.r1_gamma > 0 and self.steps % c.r1_interval == 0,
            c.path_length_weight > 0 and self.steps % c.path_length_interval == 0,
        )

    def step(self) -> dict[str, Tensor]:
        """One update of both networks; returns its losses as scalars.

        A network whose gradient is not finite stays as it was; `left_out` is how many of the two did.
        """
        metrics = self.update(self.real_batch(), *self.due())
        self.count()
        return metrics

    def count(self) -> None:
        """What follows every update: it counts, and the average moves."""
        self.steps += 1
        self._update_average()

    def update(self, real: Tensor, regularise_d: bool, regularise_g: bool) -> dict[str, Tensor]:
        """What `step` does with a batch of photos; waits for nothing, so that it can be recorded (`gan.graphed`)."""
        c, g = self.config, self.generator
        dtype = convolution_dtype(c.bfloat16, self.device)
        metrics: dict[str, Tensor] = {}
        parameters_g, parameters_d = ([p for p in n.parameters() if p.requires_grad] for n in (g, self.judges))
        w_plus = self.latents(c.batch)
        fake = g.synthesis(g.styles(w_plus), self.noise(c.batch), dtype)
        leaf = fake.detach().requires_grad_()
        fakes = self.judge(self.augment(leaf), dtype)
        loss_g = torch.stack([weight * generator_loss(logits) for weight, logits in fakes]).sum()
        if c.keep_weight > 0:
            metrics["apart"] = self._difference(leaf, w_plus.detach(), dtype)
            loss_g = loss_g + c.keep_weight * metrics["apart"]
        (gradient,) = torch.autograd.grad(loss_g, leaf, retain_graph=True)
        torch.autograd.backward(fake, gradient, inputs=parameters_g)
        real = real.detach().requires_grad_(regularise_d)
        reals = self.judge(self.augment(real), dtype)
        pairs = zip(fakes, reals, strict=True)
        loss_d = torch.stack([weight * discriminator_loss(a, b) for (weight, a), (_, b) in pairs]).sum()
        total = loss_d
        if regularise_d:
            metrics["r1"] = r1_penalty(torch.cat([weight * logits for weight, logits in reals]), real)
            total = total + metrics["r1"] * (0.5 * c.r1_gamma * c.r1_interval)
        torch.autograd.backward(total, inputs=parameters_d)
        if regularise_g:
            metrics["path_length"] = self._path_length(dtype)
        metrics |= {"loss_g": loss_g, "loss_d": loss_d, "real": reals[0][1].mean(), "fake": fakes[0][1].mean()}
        if self.pair_head is not None:
            metrics |= {"real_pair": reals[1][1].mean(), "fake_pair": fakes[1][1].mean()}
        metrics = {key: value.detach() for key, value in metrics.items()}
        self.team.average_gradients([*parameters_g, *parameters_d], list(metrics.values()))
        metrics["left_out"] = torch.zeros([], device=self.device)
        for optimiser in (self.generator_optimiser, self.discriminator_optimiser):
            bad = (~finite(optimiser)).float()
            optimiser.__dict__["found_inf"] = bad  # Adam's own way to leave a step out, without waiting for a GPU
            metrics["left_out"] += bad
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return metrics

    def _difference(self, images: Tensor, w_plus: Tensor, dtype: torch.dtype) -> Tensor:
        """Mean squared difference of pictures [B, 3, R, R] from the original's, at its size.

        Raises:
            ValueError: nobody has said what the original is.
        """
        if self.original is None:
            raise ValueError(
                "gan.keep_weight needs the networks that the training begins with; call keep_to with them."
            )
        with torch.no_grad():
            wanted = self.original.synthesis(self.original.styles(w_plus[:, : self.original.num_ws]), None, dtype)
        return (adaptive_avg_pool2d(images, wanted.shape[-1]) - wanted).square().mean()

    def _path_length(self, dtype: torch.dtype) -> Tensor:
        """Add the gradient of the path length penalty to the generator's; returns the mean length."""
        c, g = self.config, self.generator
        w_plus = self.latents(c.path_length_batch)
        if not w_plus.requires_grad:  # of a frozen mapping network
            w_plus.requires_grad_()
        images = g.synthesis(g.styles(w_plus), self.noise(c.path_length_batch), dtype)
        y = torch.randn(c.path_length_batch, *images.shape[1:], generator=self.rng, device=self.device)
        lengths = path_lengths(images, w_plus, self.team.shard(y))
        mean = lengths.detach().mean()
        self.team.average([mean])
        # The official mean starts at 0, so that at first the penalty shortens all paths: in a short training that
        # teaches the generator to ignore its latents. Here it starts at the first length.
        decay = torch.where(self.path_length_mean > 0, PATH_LENGTH_DECAY, 1.0)
        self.path_length_mean.lerp_(mean, decay)
        penalty = (lengths - self.path_length_mean).square().mean()
        (penalty * (c.path_length_weight * c.path_length_interval)).backward()
        return mean

    @torch.no_grad()
    def _update_average(self) -> None:
        half_life = min(EMA_HALF_LIFE, EMA_RAMP * self.images)
        decay = 0.5 ** (self.config.batch / half_life)
        torch._foreach_lerp_(list(self.average.parameters()), list(self.generator.parameters()), 1.0 - decay)
        for mine, theirs in zip(self.average.buffers(), self.generator.buffers(), strict=True):
            mine.copy_(theirs)

    def start_from(self, source: str | Path, counted: bool = True) -> None:
        """Begin with the networks of a finished training, a bundled name or a file.

        Where they are `counted`, its pictures count as shown: it learned from photos like these. Smaller networks grow
        (`gan.growing`). Only the averaged generator is shipped: it becomes both the average and what learns.

        Raises:
            CheckpointError: its networks cannot grow into these. FileNotFoundError: there is no such training.
        """
        begin_with(source, self._networks(), self.device)
        self.average.load_state_dict(self.generator.state_dict())
        self.steps = int(provenance(source).get("images", 0)) // self.config.batch if counted else 0

    def keep_to(self, source: str | Path) -> None:
        """Remember, where `keep_weight` asks for it, the networks that this training begins or began with."""
        if self.config.keep_weight > 0:
            self.original = load_generator(source).to(self.device)

    def _networks(self) -> dict[str, torch.nn.Module]:
        networks = {"generator": self.generator, "discriminator": self.discriminator, "average": self.average}
        return networks if self.pair_head is None else networks | {"pair_head": self.pair_head}

    def _optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {"generator": self.generator_optimiser, "discriminator": self.discriminator_optimiser}

    @property
    def identity(self) -> dict[str, Any]:
        """What must agree for a training to be continued: everything but its length."""
        settings = {key: value for key, value in asdict(self.config).items() if key not in ("images", "photos")}
        return {"gan": settings, "seed": self.seed, "photos": len(self.photos), "begun": self.begun}

    @property
    def pictures(self) -> str:
        """A checksum of some of the photos, which tells them from others of the same number."""
        some = self.photos[:: max(1, len(self.photos) // CHECKED)]
        return f"{zlib.crc32(some.cpu().numpy().tobytes()):08x}"

    def state(self) -> dict[str, Any]:
        """Everything `restore` needs to go on as if never stopped (float32)."""
        return {
            "pictures": self.pictures,
            "rng": self.rng.get_state(),
            "path_length_mean": self.path_length_mean,
            "networks": {name: network.state_dict() for name, network in self._networks().items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self._optimisers().items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from the `state` of another trainer after `state["step"]` steps.

        Raises:
            ValueError: it was begun with other photos, or on another kind of device.
        """
        if len(state["rng"]) != len(self.rng.get_state()):
            kind = self.device.type
            raise ValueError(f"{kind} cannot go on with random numbers of another kind of device: continue it on that")
        if state.get("pictures", self.pictures) != self.pictures:  # earlier versions did not tell
            raise ValueError("it was begun with other photos of the same number")
        for name, network in self._networks().items():
            network.load_state_dict(state["networks"][name])
        for name, optimiser in self._optimisers().items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.path_length_mean = state["path_length_mean"].to(self.device)
        self.rng.set_state(state["rng"])
        self.steps = state["step"]

    def save(self, path: Path) -> None:
        """Write `state`, whole or not at all."""
        save_state(path, {"step": self.steps, **self.state()}, self.identity)

    def load(self, path: Path) -> None:
        """Continue from `save`'s file.

        Raises:
            FileNotFoundError: there is none.
            CheckpointError: the file is damaged or belongs to another configuration or seed, or other photos.
        """
        try:
            state = load_state(path, self.identity)
            if state is None:
                raise FileNotFoundError(f"No state of a training at {path}.")
            restore_state(path, self.restore, state)
        except ValueError as error:
            raise CheckpointError(str(error)) from error

    def checkpoints(self, directory: Path) -> Checkpoints:
        """What this training keeps in `directory`."""
        c = self.config
        advice = (
            f"a lower gan.generator_lr (now {c.generator_lr:g}) or gan.discriminator_lr (now {c.discriminator_lr:g}), "
            f"or a higher gan.r1_gamma (now {c.r1_gamma:g})"
        )
        return Checkpoints(directory, PHASE, self.identity, advice, writes=self.team.is_main)


def _adam(network: torch.nn.Module, lr: float) -> torch.optim.Adam:
    """Weights are equalised to N(0, 1) and take a high learning rate; biases and noise strengths start at zero."""
    weights = [p for p in network.parameters() if p.dim() > 1]
    offsets = [p for p in network.parameters() if p.dim() <= 1]
    groups = [{"params": weights, "lr": lr}, {"params": offsets, "lr": lr * OFFSET_LR}]
    return torch.optim.Adam(groups, betas=(0.0, 0.99), eps=1e-8, fused=True)
