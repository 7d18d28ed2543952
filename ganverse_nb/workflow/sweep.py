"""The same notebooks for several seeds and settings, and one table of what they measured.

sweep("mini", "car", seeds=[0, 1, 2], vary={"inverse.weight_perceptual": [0.5, 0]}, only=["04"])
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganverse_nb.categories import DEFAULT, find_category
from ganverse_nb.evaluation.spread import as_json, as_markdown, table
from ganverse_nb.runtime.files import content_of, digest, read_json, sha256, write_json, write_text
from ganverse_nb.runtime.settings import UNDECIDING
from ganverse_nb.workflow.configuration import Given, run_config
from ganverse_nb.workflow.jobs import HERE, check_executor, in_jobs, in_turn
from ganverse_nb.workflow.marks import COMPLETE
from ganverse_nb.workflow.notebooks import notebooks
from ganverse_nb.workflow.provenance import commit
from ganverse_nb.workflow.reproduce import reproduce
from ganverse_nb.workflow.run import Run, open_run

STATE, TABLE, JOBS = "sweep.json", "sweep.md", "jobs"


def variants(vary: Mapping[str, Sequence[Any]]) -> dict[str, dict[str, Any]]:
    """Every combination of the given values: name, as in `inverse.steps=100`, -> settings.

    Raises:
        ValueError: a setting without values.
    """
    empty = [name for name, values in vary.items() if not values]
    if empty:
        raise ValueError(f"--vary {empty[0]}: give values, as in inverse.weight_perceptual=0.5,0.")
    combinations = [dict(zip(vary, values)) for values in itertools.product(*vary.values())]
    return {", ".join(f"{k}={json.dumps(v)}" for k, v in c.items()) or "as it is": c for c in combinations}


def sweep(
    profile: str = "mini",
    category: Given = DEFAULT,
    seeds: Sequence[int] = (0, 1, 2),
    vary: Mapping[str, Sequence[Any]] | None = None,
    settings: Mapping[str, Any] | None = None,
    only: Sequence[str] = ("04",),
    output: str | Path = "sweeps",
    directory: Path | None = None,
    jobs: int | None = None,
    executor: str = HERE,
    job: Mapping[str, Any] | None = None,
) -> Path:
    """Executes notebooks for every seed and combination of settings; returns the path of the table, sweep.md.

    Results lie in `<output>/<category>-<profile>-<hash>/`: a run directory for each, sweep.md and sweep.json. What has
    been measured is not measured again when the same sweep is called once more, and stages that settings do not change
    are computed once for each seed.

    Args:
        vary: setting -> values, every combination of them.
        settings: changes to the profile that all share.
        only, directory, jobs: as in `reproduce`.
        executor: "here", one case after the other; "slurm" or "local": each seed is a job, see `workflow.jobs`.
        job: what such a job may take, by submitit's names, as in `{"timeout_min": 600, "slurm_partition": "gpu"}`.

    Raises:
        ValueError: no seeds, a setting without values, or one that is unknown or of the wrong type.
        ReproductionError: a notebook failed. ExpectedError: a job that failed, or none can be had.
    """
    if not seeds:
        raise ValueError("A sweep needs at least one seed, as in --seeds 0,1,2.")
    cases = {name: {**(settings or {}), **changes} for name, changes in variants(vary or {}).items()}
    sources = {path.stem: sha256(path) for path in notebooks(directory, only)}
    decisive = [{k: v for k, v in case.items() if k.split(".")[0] not in UNDECIDING} for case in cases.values()]
    name = find_category(category).name
    key = digest([profile, name, dict(zip(cases, decisive, strict=True)), sorted(sources)])[:8]
    root = Path(output) / f"{name}-{profile}-{key}"
    made_by = {"notebooks": sources, "commit": commit()}
    with content_of(root / STATE, "record of a sweep"):
        state = read_json(root / STATE)["results"] if (root / STATE).exists() else []
        results = [result for result in state if result["made_by"] == made_by and result["seed"] in seeds]
        done = {(result["variant"], result["seed"]) for result in results}
    left = [(seed, name) for seed in seeds for name in cases if (name, seed) not in done]
    for seed, name in left:  # a wrong setting is said before anything is written
        run_config(profile, category, seed, _folder(root, name), cases[name])
    check_executor(executor)
    runs = {(s, n): _open(root, profile, category, s, cases[n], n) for s, n in left}

    def measure(seed: int, name: str) -> list[dict[str, Any]]:
        return _measured(runs[seed, name], root, only, directory, jobs)

    here = executor == HERE
    found = in_turn(left, measure) if here else in_jobs(left, measure, executor, root / JOBS, job or {})
    for (seed, name), rows in found:
        results.append({"variant": name, "seed": seed, "made_by": made_by, "rows": rows})
        write_json(root / STATE, {"results": results, "table": as_json(table(results, list(cases)))}, sealed=True)
    cells = table(results, list(cases))
    write_json(root / STATE, {"results": results, "table": as_json(cells)}, sealed=True)
    write_text(root / TABLE, as_markdown(cells, list(cases), seeds))
    return root / TABLE


def _measured(
    run: Run, root: Path, only: Sequence[str], directory: Path | None, jobs: int | None
) -> list[dict[str, Any]]:
    """The numbers that the notebooks find for a run."""
    _adopt(run, root)
    reproduce(run, only, directory, jobs)
    return [{"key": row.key, "ours": row.ours, "unit": row.unit} for row in run.rows()]


def _open(root: Path, profile: str, category: Given, seed: int, settings: dict[str, Any], name: str) -> Run:
    folder = _folder(root, name)
    return open_run(profile, category, seed, folder, folder / "figures", settings)


def _folder(root: Path, name: str) -> Path:
    return root / re.sub(r"[^A-Za-z0-9.=_-]+", "_", name)


def _adopt(run: Run, root: Path) -> None:
    """Stages that other variants of the same seed have finished, as hard links: those that fit are not computed again,
    and the run computes anew, in a place of its own, those that do not."""
    for mark in sorted(root.glob(f"*/{run.directory.name}/*/{COMPLETE}")):
        target = run.directory / mark.parent.name
        if not target.exists():
            partial = target.with_name(f".{target.name}.adopted")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(mark.parent, partial, copy_function=_link)
            os.replace(partial, target)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
