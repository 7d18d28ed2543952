"""Steps of a GAN training as CUDA graphs: the whole of one is launched at once.

At these sizes a step is some two thousand small kernels, and a GPU waits for the processor that launches them one by
one. Recorded once and replayed, they follow each other without a gap. Each kind of step (with or without the penalties)
is a recording of its own; its first few are run as usual, since libraries choose their algorithms then.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import torch
from torch import Tensor

from ganverse_nb.gan.trainer import GanTrainer

WARM_UP = 3  # steps of a kind before it is recorded


class _Recording(NamedTuple):
    graph: torch.cuda.CUDAGraph
    photos: Tensor
    metrics: dict[str, Tensor]


class GraphedSteps:
    """`trainer.step` for a trainer on a GPU that has no other processes beside it; call it instead.

    The returned losses are overwritten by the next step of the same kind.
    """

    def __init__(self, trainer: GanTrainer):
        self.trainer = trainer
        self._recordings: dict[tuple[bool, bool], _Recording] = {}
        self._seen: Counter[tuple[bool, bool]] = Counter()
        self._stream = torch.cuda.Stream(trainer.device)
        for optimiser in (trainer.generator_optimiser, trainer.discriminator_optimiser):
            for group in optimiser.param_groups:
                group["capturable"] = True

    def __call__(self) -> dict[str, Tensor]:
        """One update of both networks; returns its losses as scalars."""
        kind, photos = self.trainer.due(), self.trainer.real_batch()
        if kind not in self._recordings and self._seen[kind] >= WARM_UP:
            self._recordings[kind] = self._record(kind, photos)
        if kind in self._recordings:
            recording = self._recordings[kind]
            recording.photos.copy_(photos)
            recording.graph.replay()
            metrics = recording.metrics
        else:
            self._seen[kind] += 1
            self._stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._stream):
                metrics = self.trainer.update(photos, *kind)
            torch.cuda.current_stream().wait_stream(self._stream)
        self.trainer.count()
        return metrics

    def _record(self, kind: tuple[bool, bool], photos: Tensor) -> _Recording:
        static = photos.clone()
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self.trainer.rng)
        torch.cuda.synchronize()
        with torch.cuda.graph(graph, stream=self._stream):
            metrics = self.trainer.update(static, *kind)
        return _Recording(graph, static, metrics)
