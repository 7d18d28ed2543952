"""`ganverse score-photos`: how well the networks do on a public set of real photographs."""

from __future__ import annotations

from pathlib import Path

from ganverse_nb.data.photo_sets import PhotoSet
from ganverse_nb.evaluation.measured import row_of
from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
from ganverse_nb.runtime.files import write_json
from ganverse_nb.runtime.rows import Row, is_met
from ganverse_nb.workflow.provenance import device, environment
from ganverse_nb.workflow.run import Run


def score_photos(
    networks: Run | str, photos: PhotoSet, command: str, masks: str | None = None, output: Path | None = None
) -> list[Row]:
    """Measure a set; returns the rows, writes them as JSON to `output`, and records them in the run, if it is one.

    Args:
        networks: the run whose networks are used, or the name of those that come with the package.
        photos: what `data.photo_sets.read_photo_set` gives, all of the networks' category.
        command: what is being done, for the rows.
        masks: "given", "own", or None: given where the set has them.

    Raises:
        FileNotFoundError, ValueError: as `evaluation.photo_scores.score_photo_set`.
    """
    from ganverse_nb.evaluation.photo_scores import score_photo_set

    if isinstance(networks, Run):
        from ganverse_nb.workflow.stages import reconstructor

        name, reconstruct = str(networks.directory), reconstructor(networks)
    else:
        name, reconstruct = f"shipped, {networks}", Reconstructor.from_pretrained(networks)
    scores = score_photo_set(reconstruct, photos, masks)
    measured = scores.measurements()
    if isinstance(networks, Run):
        networks.record_all(measured, command)
    rows = [row_of(key, m, *_of(networks), device(), command) for key, m in measured.items()]
    if output is not None:
        facts = {"set": photos.name, "networks": name, "segmenter": reconstruct.segmenter.source}
        write_json(output, facts | {"masks": scores.masks, "environment": environment(), "rows": rows})
    return rows


def table(rows: list[Row]) -> str:
    """The rows for people: key, number, by which masks, and whether its bar is met."""
    width = max(len(row.key) for row in rows)
    words = {None: "", True: "met", False: "not met"}
    lines = []
    for row in rows:
        number = "-" if row.ours is None else f"{row.ours:.4g}"
        bar = f"{row.bar}: {words[is_met(row, rows)]}" if row.bar else ""
        lines.append(f"{row.key:{width}}  {number:>7}  {row.unit:32}  {bar}".rstrip())
    return "\n".join(lines)


def _of(networks: Run | str) -> tuple[str, str, int]:
    """Category, profile and seed of the networks."""
    if isinstance(networks, Run):
        return networks.config.category, networks.config.profile, networks.config.seed
    from ganverse_nb.runtime.shipped import Shipped

    config = Shipped.of(networks).facts["config"]
    return config["category"], config["profile"], config["seed"]
