"""Trainings of f beside the story's own, only to be compared with each other. Computed once, as stages are."""

from __future__ import annotations

from pathlib import Path

from ganverse_nb.config import InverseGraphicsConfig
from ganverse_nb.inverse_graphics.cameras import CameraBank
from ganverse_nb.inverse_graphics.light_trials import light_settings
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.perceptual import perceptual_features
from ganverse_nb.inverse_graphics.training import MODEL, train_inverse_graphics
from ganverse_nb.run import Run
from ganverse_nb.sources import compute_device
from ganverse_nb.stages import discriminator, inverse_graphics, multiview


def light_trials(run: Run) -> dict[str, InverseGraphicsModel]:
    """Appendix K: f trained without light ("none"), with it ("light") and with an albedo prior too ("prior").

    All see the same pictures from the cameras that `stages.inverse_graphics` found, which stay, and have its camera
    head: what differs is the light. There is no "prior" where its weight is 0.
    """
    story, seed, models = inverse_graphics(run), run.config.seed, {}
    for name, config in light_settings(run.config).items():

        def compute(directory: Path, config: InverseGraphicsConfig = config) -> None:
            features = perceptual_features(discriminator(run), config.perceptual_backbone)
            bank = CameraBank.of(story.bank().detach())
            train_inverse_graphics(multiview(run), config, directory, features, seed, compute_device(), bank=bank)

        multiview(run)
        directory = run.stage(f"light_{name}", compute, [config, seed], needs=["multiview", "inverse_graphics"])
        models[name] = InverseGraphicsModel.load(directory / MODEL)
        models[name].head = story.head
    return models
