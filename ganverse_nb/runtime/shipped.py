"""What comes with the package: results of finished runs, each with everything that made it.

ganverse_nb/weights/<name>/
    shipped.json   the run: configuration, commit, command, measured numbers, weights; each stage's identity and files
    <stage>/       what the stage's directory holds, networks in eight bits a number

The name is that of the category, and tells the size where the run's GAN is not the one of 64 px: "car", "car-128".

`ganverse bundle` writes them (`workflow.bundle`). A run takes one in place of a stage of its own where the identities
agree; the front door's `from_pretrained` takes them as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import read_json, sha256
from ganverse_nb.runtime.settings import deciding

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
FACTS = "shipped.json"
FORMAT = 1
BUNDLED = "bundled"  # as `gan.network` names the package's GAN of 64 px; others have their size behind it
INSTALL_AGAIN = "install the package again"
SHIPPED = {  # stage -> its files
    "inverse_graphics": ("model.safetensors", "metrics.jsonl"),
    "framing": ("framing.safetensors",),
    "domain": ("domain.safetensors",),
    "domain_check": ("check.json",),
    "stylegan_r": ("stylegan_r.safetensors", "mapping_only.safetensors", "metrics.jsonl"),
}


def shipped_name(config: dict[str, Any]) -> str:
    """By which name the package brings the results of a run with this configuration, in plain JSON types, if at all."""
    network = str(config["gan"]["network"])
    size = network.removeprefix(BUNDLED) if network.startswith(f"{BUNDLED}-") else ""
    return f"{config['category']}{size}"


@dataclass(frozen=True)
class Shipped:
    """The shipped results of one category, by one of its GANs.

    Attributes:
        folder: where they lie.
        facts: the content of `shipped.json`.
    """

    folder: Path
    facts: dict[str, Any]

    @classmethod
    def of(cls, name: str, weights: Path = WEIGHTS) -> Shipped:
        """The shipped results of a category ("car"), or those of another size ("car-128").

        Raises:
            ExpectedError: the package has none, or those of another version.
        """
        folder = weights / name
        if not (folder / FACTS).is_file():
            known = ", ".join(sorted(path.parent.name for path in weights.glob(f"*/{FACTS}"))) or "none"
            raise ExpectedError(
                f"The package comes with no networks for {name!r} (it has some for: {known}); "
                "train them with `ganverse reproduce`, and take those of the run."
            )
        facts = read_json(folder / FACTS, INSTALL_AGAIN)
        if not isinstance(facts, dict) or {"format", "config", "stages"} - facts.keys():
            raise ExpectedError(f"{folder / FACTS}, which comes with the package, is damaged; {INSTALL_AGAIN}.")
        if facts["format"] != FORMAT:
            raise ExpectedError(
                f"{folder / FACTS} is of another version of the package ({facts['format']} instead of {FORMAT}); "
                f"{INSTALL_AGAIN}."
            )
        return cls(folder, facts)

    def file(self, stage: str, name: str) -> Path:
        """A file of a stage, whose content is the one that was shipped.

        Raises:
            ExpectedError: it is missing or damaged, or nothing like it is shipped.
        """
        path, expected = self.folder / stage / name, self.facts["stages"].get(stage, {"files": {}})["files"].get(name)
        if expected is None:
            raise ExpectedError(f"The package comes with no {stage} for {self.folder.name}.")
        if not path.is_file() or sha256(path) != expected:
            state = "damaged" if path.is_file() else "missing"
            raise ExpectedError(f"{path}, which comes with the package, is {state}; {INSTALL_AGAIN}.")
        return path

    @property
    def category(self) -> str:
        """What they know."""
        return str(self.facts["config"]["category"])

    @property
    def segmenter(self) -> str:
        """The setting `segmenter.weights` of the run that was shipped."""
        return str(self.facts["config"]["segmenter"]["weights"])

    @property
    def photo_segmenter(self) -> str:
        """The setting `segmenter.photographs` of the run that was shipped."""
        return str(self.facts["config"]["segmenter"]["photographs"])


def known_sha256(path: Path, weights: Path = WEIGHTS) -> str | None:
    """The SHA-256 that a file of the package had when it was shipped; None of any other file."""
    path = path.resolve()
    if not path.is_relative_to(weights):
        return None
    for facts in sorted(weights.glob(f"*/{FACTS}")):
        known = read_json(facts, INSTALL_AGAIN)
        for stage, made in known.get("stages", {}).items():
            if path.parent == facts.parent / stage:
                return made["files"].get(path.name)
        for entry, told in known.get("weights", {}).items():
            category = entry.split("/")[0]
            if told["file"] == path.name and path.parent in (weights, weights / category):
                return str(told["sha256"])
    return None


def is_shipped(config: dict[str, Any], weights: Path = WEIGHTS) -> bool:
    """Whether the package brings the results of a run with exactly this configuration, in plain JSON types."""
    name = shipped_name(config)
    if not (weights / name / FACTS).is_file():
        return False
    return deciding(Shipped.of(name, weights).facts["config"]) == deciding(config)


def shipped_stage(config: dict[str, Any], stage: str, identity: str, weights: Path = WEIGHTS) -> Path | None:
    """The directory of a stage's shipped result; None where the package has none for these settings.

    Args:
        config: of the run that asks, in plain JSON types.
        identity: of the stage, as `workflow.run.Stage` tells it.

    Raises:
        ExpectedError: the shipped files were made by these very settings but another version of the stage, or they are
            damaged: they are never taken silently.
    """
    name = shipped_name(config)
    if not (weights / name / FACTS).is_file():
        return None
    shipped = Shipped.of(name, weights)
    made = shipped.facts["stages"].get(stage)
    if made is None:
        return None
    if made["identity"] == identity:
        return [shipped.file(stage, name) for name in made["files"]][0].parent
    if is_shipped(config, weights):
        raise ExpectedError(
            f"The {stage} that comes with the package for {name} was made by another version of it; install the "
            "package again, or train your own with open_run(..., shipped=False)."
        )
    return None
