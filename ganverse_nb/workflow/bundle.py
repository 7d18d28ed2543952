"""What a finished run has learned, as files of the package (`runtime.shipped`)."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganverse_nb.config import as_json
from ganverse_nb.runtime.errors import DamagedError, ExpectedError
from ganverse_nb.runtime.files import CHECKSUM, plain, read_json, remove, sha256, write_json
from ganverse_nb.runtime.shipped import FACTS, FORMAT, SHIPPED, WEIGHTS, Shipped, shipped_name, shipped_stage
from ganverse_nb.runtime.tensors import checksum, packed, read_tensors, save_tensors
from ganverse_nb.workflow import stages
from ganverse_nb.workflow.marks import COMPLETE
from ganverse_nb.workflow.run import Run, Stage

SMALL = 4096  # tensors of fewer numbers stay as they are: cameras, statistics, the knots of a path
OF_STUDIO = ("domain_check",)  # stages that only categories of the studio have
EXACT = ("domain",)  # stages whose numbers stay as they are: an inverse covariance has a wide range


def bundle(run: Run, weights: Path = WEIGHTS) -> Path:
    """Writes what the run has learned into the folder of its category and size; returns that folder's `shipped.json`.

    Networks come in eight bits a number (`runtime.tensors.packed`; in half precision the package would take 90 MB),
    with where they come from in their metadata. What was there of these stages is replaced, but for those that the run
    itself has taken from the package.

    Raises:
        ExpectedError: a stage is not finished, or was made with other settings than the run has now.
    """
    names = [name for name in SHIPPED if name not in OF_STUDIO or run.config.has_studio]
    told = [getattr(stages, f"{name}_stage")(run) for name in names]
    manifest, config = run.manifest, plain(as_json(run.config))
    folder = weights / shipped_name(config)
    made = {stage.name: facts for stage in told if (facts := _taken(run, stage, config, weights)) is not None}
    told = [stage for stage in told if stage.name not in made]
    for stage in told:
        _check_finished(run, stage)
    before = read_json(folder / FACTS) if (folder / FACTS).is_file() else {}
    source = {"command": run.command, "weights": before.get("weights", {}) | manifest["weights"]}
    with tempfile.TemporaryDirectory(dir=weights, prefix=".bundle-") as temporary:
        for stage in told:
            mark = read_json(run.directory / stage.name / COMPLETE)
            target = Path(temporary) / stage.name
            target.mkdir()
            for name in SHIPPED[stage.name]:
                _copy(run.directory / stage.name / name, target / name, source | {"commit": mark["commit"]})
            hashes = {name: sha256(target / name) for name in SHIPPED[stage.name]}
            facts = {"identity": stage.identity, "commit": mark["commit"], "seconds": mark["seconds"], "files": hashes}
            made[stage.name] = facts
        folder.mkdir(exist_ok=True)
        for stage in told:
            remove(folder / stage.name)
            shutil.move(Path(temporary) / stage.name, folder / stage.name)
    facts = {
        "format": FORMAT,
        "config": config,
        "environment": manifest["environments"][-1],
        "notes": before.get("notes", {}) | manifest["notes"],
        "stages": {name: made[name] for name in names},
        "rows": [asdict(row) for row in run.rows()],
    }
    write_json(folder / FACTS, source | facts, sealed=True)
    return folder / FACTS


def _taken(run: Run, stage: Stage, config: dict[str, Any], weights: Path) -> dict[str, Any] | None:
    """The facts of a stage that the run has taken from the package; None where it has its own, or there is none."""
    if (run.directory / stage.name / COMPLETE).exists() or shipped_stage(
        config, stage.name, stage.identity, weights
    ) is None:
        return None
    facts: dict[str, Any] = Shipped.of(shipped_name(config), weights).facts["stages"][stage.name]
    return facts


def _check_finished(run: Run, stage: Stage) -> None:
    mark = run.directory / stage.name / COMPLETE
    if not mark.exists() or read_json(mark)["identity"] != stage.identity:
        state = "is not finished" if not mark.exists() else "was made with other settings or weights"
        raise ExpectedError(
            f"Stage {stage.name} of {run.directory} {state}; run `{run.again('reproduce')} --only 00,04,08` first."
        )


def _copy(source: Path, target: Path, provenance: dict[str, object]) -> None:
    """A file of a stage; of safetensors, the large ones packed, and `provenance` in the metadata."""
    if source.suffix != ".safetensors":
        shutil.copyfile(source, target)
        return
    tensors, metadata = read_tensors(source, "file of tensors", "run its stage again")
    if metadata.get(CHECKSUM, told := checksum(tensors, metadata)) != told:
        raise DamagedError(f"{source} is damaged; delete {source.parent} and run the same command again.")
    if target.parent.name not in EXACT:
        tensors = packed(tensors, SMALL)
    kept = {name: told for name, told in metadata.items() if name not in ("format", CHECKSUM)}
    save_tensors(target, tensors, metadata["format"], kept | {"provenance": json.dumps(provenance, sort_keys=True)})
