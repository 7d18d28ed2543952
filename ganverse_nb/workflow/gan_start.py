"""How the training of a GAN begins: with which networks, and whether its pictures are augmented."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import Tensor

from ganverse_nb.categories import CATEGORIES
from ganverse_nb.config import GanConfig
from ganverse_nb.gan.checkpoint import resolve
from ganverse_nb.runtime.files import read_json, sha256, write_json
from ganverse_nb.runtime.team import Team
from ganverse_nb.workflow.options import POLICY
from ganverse_nb.workflow.run import Run

NEAREST, FRESH = "nearest", "fresh"
AUTO, OFTEN = "auto", 50  # of `gan.augment`; how many times a picture may be shown as it is
STAGE, FILE = "gan_start", "start.json"


def gan_start(run: Run, given: str | None, photos: Tensor, config: GanConfig, source: str) -> str | None:
    """The bundled name or the file of a GAN to begin with; None for random networks.

    Pictures of one's own are too few to learn from scratch what all pictures have in common, so that their GAN begins
    with the package's network most like them unless something else is asked for. Which one is found once, by KID.

    Args:
        given: "nearest", "fresh", a bundled name, a file, or None: "nearest" for a user's category, else "fresh".
        photos: uint8 [N, 3, R, R] that will be learned from, of the stage `source`.
    """
    given = given or (NEAREST if run.config.kind.is_own else FRESH)
    if given != NEAREST:
        return None if given == FRESH else given

    def compute(directory: Path) -> None:
        from ganverse_nb.evaluation.nearest import nearest_gan

        found = nearest_gan(list(CATEGORIES), photos, config, run.config.seed)
        kids = [{"network": str(name), "kid": round(kid.value, 6)} for name, kid in found.items()]
        write_json(directory / FILE, {"networks": kids}, sealed=True)

    sizes = [config.resolution, config.z_dim, config.w_dim, config.mapping_layers, config.channels]
    candidates = [sha256(resolve(name)) for name in CATEGORIES]
    settings = [candidates, *sizes, config.discriminator_filter, run.config.seed]
    networks = read_json(run.stage(STAGE, compute, settings, needs=[source]) / FILE)["networks"]
    told = _told(networks)
    if Team.from_environment().is_main:
        run.note("GAN", told)
        print(told)
    return str(networks[0]["network"]) if networks else None


def augmented(config: GanConfig, photos: int) -> GanConfig:
    """The configuration with `gan.augment` decided where it is "auto": DiffAugment, if pictures are shown too often.

    A mirrored picture is another one. Measured on 2,000 pictures, mirrored: when each had been shown 8 times, a
    discriminator that saw them augmented told them from the generator's no better than by chance.
    """
    if config.augment != AUTO:
        return config
    different = photos * (2 if config.mirror else 1)
    return replace(config, augment=POLICY if config.images > OFTEN * different else "")


def _told(networks: list[dict[str, str | float]]) -> str:
    if not networks:
        return "begun with random networks: none of the package's has the sizes of this training"
    values = ", ".join(f"{one['network']} {1000 * float(one['kid']):.1f}" for one in networks)
    return f"begun with the package's network most like the pictures, by KID x 10^-3 on own features: {values}"
