"""A run: one directory, in which every stage is computed once, resumed after an interrupt, never half-written.

runs/car-mini-seed0/
    config.json       every setting; a directory belongs to one configuration
    manifest.json     versions, machine, commit, weights with hashes, substitutions, notes
    rows.json         the measured numbers (`Row`)
    <stage>/          a finished stage with its `complete.json`
    <stage>.partial/  an interrupted one, from which the same stage continues
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ganverse_nb.categories import DEFAULT
from ganverse_nb.config import Config, as_json
from ganverse_nb.evaluation.measured import row_of
from ganverse_nb.evaluation.report_text import RowTable, pictures_folder
from ganverse_nb.runtime.errors import SettingError, is_out_of_memory
from ganverse_nb.runtime.files import content_of, digest, plain, read_json, remove, remove_leftovers, sha256, write_json
from ganverse_nb.runtime.process import compute_for_run, prepare_process
from ganverse_nb.runtime.rows import Measurement, Measurements, Number, Row
from ganverse_nb.runtime.settings import kept_every
from ganverse_nb.runtime.shipped import shipped_stage
from ganverse_nb.runtime.team import Team, alone
from ganverse_nb.workflow.configuration import (
    Given,
    changes,
    decided,
    differences,
    is_elsewhere,
    means,
    recorded,
    run_config,
    run_directory,
)
from ganverse_nb.workflow.kernel import check_notebook, from_notebooks
from ganverse_nb.workflow.locks import exclusive
from ganverse_nb.workflow.marks import (
    COMPLETE,
    CONFIG,
    MANIFEST,
    PARTIAL,
    PARTS,
    ROWS,
    begin,
    check_files,
    files_of,
    finish,
    identity_of,
    read_manifest,
    read_mark,
    recorded_config,
)
from ganverse_nb.workflow.memory import too_little_memory
from ganverse_nb.workflow.provenance import device, environment


@dataclass(frozen=True)
class Stage:
    """One step of a run: how it is computed, and everything that its result depends on.

    Attributes:
        name: of its directory, in small letters, digits and underscores.
        compute: writes the result into the directory it is given, see `Run.stage`.
        settings: a dataclass or JSON value: whatever decides the content beside `needs`.
        needs: the stages that this one is made from; when one changes, this one is computed anew.
        shared: whether processes that were started together compute it together; else one of them does.
    """

    name: str
    compute: Callable[[Path], object]
    settings: Any = None
    needs: tuple[Stage, ...] = ()
    shared: bool = False

    @property
    def identity(self) -> str:
        """A short hash of everything that the result depends on; nothing is computed for it."""
        return _digest(self.settings, {need.name: need.identity for need in self.needs})


class Run:
    """The artifacts, numbers and provenance of one configuration.

    Args:
        config: what is run.
        root: the directory that holds the run's directory `<category>-<profile>-seed<seed>`.
        figures: where the report of all runs goes, and the run's pictures into a folder of their own: that of its
            category, of the default profile; of others, of category and profile.
        shipped: whether `finish` takes a result that comes with the package, instead of computing it.

    Raises:
        ValueError: the directory belongs to another configuration; the message names the settings that differ.
    """

    def __init__(
        self, config: Config, root: str | Path = "runs", figures: str | Path = "figures", shipped: bool = True
    ) -> None:
        prepare_process()
        self.config, self.shipped = config, shipped
        self.root, self.figures = Path(root), Path(figures)
        self.pictures = self.figures / pictures_folder(config.category, config.profile)
        self.directory = run_directory(config, root)
        self._announced: set[str] = set()
        self._identities: dict[str, str] = {}  # of stages that were finished or found through this object
        self._is_new = not (self.directory / CONFIG).exists()
        self._claim()

    # ---- stages

    def finish(self, stage: Stage) -> Path:
        """The directory of a finished stage: the run's own, else the package's, else it is computed now.

        The package's is taken where it is the result of exactly these settings (`runtime.shipped`), which is said and
        recorded. Of processes that were started together (`runtime.team`) all call this.
        """
        self._identities[stage.name] = identity = stage.identity
        if self.shipped and identity_of(self.directory / stage.name / COMPLETE) != identity:
            found = shipped_stage(plain(as_json(self.config)), stage.name, identity)
            if found is not None:
                self.substitute(f"the {stage.name} that comes with the package", "one of this run", "same settings")
                return found
        if Team.from_environment().size > 1 and not stage.shared:
            for need in stage.needs:  # which may be shared, while this stage is computed by one process alone
                self.finish(need)
        return self._stage(stage.name, stage.compute, stage.settings, identity, stage.shared)

    def stage(
        self,
        name: str,
        compute: Callable[[Path], object],
        settings: Any = None,
        needs: Sequence[str] = (),
        shared: bool = False,
    ) -> Path:
        """The directory of a finished stage, computed if it is not there yet.

        `compute` gets `<name>.partial/`: empty at first, and with all it wrote before when an earlier attempt with the
        same settings was interrupted. When it returns, the directory is renamed to `<name>/`. A stage of other settings
        is computed anew; the old one stays until the new one is complete. What a killed attempt was writing goes.

        Args:
            settings: a dataclass or JSON value; whatever decides the content beside `needs`.
            needs: finished stages that this one is made from; when one changes, this one is computed anew.
            shared: whether processes that were started together, which all call this, compute it together.

        Raises:
            ExpectedError: a file of the finished stage is damaged or missing; the message says what to do.
        """
        identity = _digest(settings, {need: self._identity(need) for need in needs})
        return self._stage(name, compute, settings, identity, shared)

    def _stage(
        self, name: str, compute: Callable[[Path], object], settings: Any, identity: str, shared: bool = False
    ) -> Path:
        if not re.fullmatch(r"[a-z0-9_]+", name):
            raise ValueError(f"A stage's name has small letters, digits and underscores, got {name!r}.")
        final, partial = self.directory / name, self.directory / f"{name}.partial"
        team = Team.from_environment()

        def done() -> bool:
            if identity_of(final / COMPLETE) != identity:
                return False
            check_files(final)
            return True

        if not team.is_main:
            team.wait()
            if not done():
                if shared:
                    compute(partial)
                team.wait()  # until all have computed ...
                team.wait()  # ... and it has its name
            return final
        if done():
            team.wait()
            return final
        with self._lock(name, wait=None):
            remove_leftovers(self.directory, name)
            if identity_of(partial / COMPLETE) == identity:  # an earlier process ended before it could rename
                finish(partial, final)
            if done():
                team.wait()
                return final
            mark = begin(partial, identity, settings)
            team.wait()
            with alone(not shared):
                self._compute(name, compute, mark)
            team.wait()
            finish(partial, final)
        team.wait()
        return final

    def is_at_hand(self, stage: Stage) -> bool:
        """Whether `finish` would have to compute nothing: the stage is finished, or comes with the package."""
        if identity_of(self.directory / stage.name / COMPLETE) == stage.identity:
            return True
        found = self.shipped and shipped_stage(plain(as_json(self.config)), stage.name, stage.identity)
        return bool(found)

    def is_complete(self, name: str) -> bool:
        """Whether a stage of this name is finished, with whatever settings."""
        return (self.directory / name / COMPLETE).exists()

    def seconds(self, name: str) -> float:
        """Seconds that a finished stage took, interrupted attempts included; NaN where there is none."""
        mark = self.directory / name / COMPLETE
        return float(read_mark(mark)["seconds"]) if mark.exists() else float("nan")

    def stage_seconds(self) -> float:
        """Seconds spent in the stages that are there, interrupted attempts included."""
        marks = [*self.directory.glob(f"*/{COMPLETE}"), *self.directory.glob(f"*.partial/{PARTIAL}")]
        total = 0.0
        for mark in marks:
            with suppress(FileNotFoundError):  # finished and renamed by another process since it was listed
                total += float(read_mark(mark)["seconds"])
        return total

    def _compute(self, name: str, compute: Callable[[Path], object], mark: Path) -> None:
        content = read_mark(mark)
        before, start = content["seconds"], time.monotonic()
        try:
            with kept_every(self.config.runtime.checkpoint_seconds):
                compute(mark.parent)
        except (MemoryError, RuntimeError) as error:
            if is_out_of_memory(error) and (told := too_little_memory(error, name, self.config)):
                raise told from error
            raise
        finally:
            content["seconds"] = round(before + time.monotonic() - start, 3)
            write_json(mark, content, sealed=True)
        facts = {"commit": self.manifest["environments"][-1]["commit"], "files": files_of(mark.parent)}
        write_json(mark.with_name(COMPLETE), content | facts, sealed=True)

    def _identity(self, name: str) -> str:
        identity = self._identities.get(name) or identity_of(self.directory / name / COMPLETE)
        if identity is None:
            raise ValueError(f"Stage {name} of {self.directory} is not finished, and a later stage needs it.")
        return identity

    # ---- numbers and provenance

    def record(
        self,
        key: str,
        value: Any,
        unit: str = "",
        paper: Number | str | Mapping[str, Number] | None = None,
        bar: str = "",
        command: str | None = None,
    ) -> Row:
        """Stores one measured number, as `record_all` does many; `value` to `bar` are those of a `Measurement`.

        Args:
            key: dotted name; the category is put in front where it is missing.
            command: what makes the number; the command that reproduces the run where it is not given.
        """
        return self.record_all({key: Measurement(value, unit, paper, bar)}, command)[0]

    def record_all(self, measured: Measurements, command: str | None = None) -> RowTable:
        """Stores measured numbers in `rows.json`, over earlier ones of the same keys; what it returns a notebook shows.

        Raises:
            ValueError: a value that is no number, or a bar that is not understood; then nothing is stored.
        """
        new = [self._row(key, measurement, command) for key, measurement in measured.items()]
        with self._lock(ROWS, wait=60):
            rows = {row.key: row for row in [*self.rows(), *new]}
            write_json(self.directory / ROWS, {"rows": [asdict(row) for row in rows.values()]}, sealed=True)
        return RowTable(new, list(rows.values()))

    def _row(self, key: str, measured: Measurement, command: str | None) -> Row:
        config = self.config
        made_by = (config.profile, config.seed, device(), command or self.command)
        return row_of(key, measured, config.category, *made_by)

    def rows(self) -> list[Row]:
        """The recorded numbers, in the order they were first recorded in."""
        path = self.directory / ROWS
        with content_of(path, "list of numbers"):
            found = read_json(path) if path.exists() else []
            return [Row(**row) for row in (found["rows"] if isinstance(found, dict) else found)]  # a list: earlier ones

    @property
    def manifest(self) -> dict[str, Any]:
        """What is written in manifest.json: environments, weights, substitutions, notes."""
        return read_manifest(self.directory / MANIFEST)

    def substitute(self, what: str, instead_of: str, why: str) -> None:
        """Says once, and records in the manifest, that `what` is used in place of `instead_of`."""
        sentence = f"Using {what} instead of {instead_of}: {why}"
        if sentence not in self._announced:
            self._announced.add(sentence)
            print(sentence)
        entry = {"what": what, "instead_of": instead_of, "why": why}
        with self._edit_manifest() as manifest:
            if entry not in manifest["substitutions"]:
                manifest["substitutions"].append(entry)

    def use_weights(self, name: str, path: str | Path) -> None:
        """Records a weight file with its SHA-256 in the manifest."""
        with self._edit_manifest() as manifest:
            manifest["weights"][name] = {"file": Path(path).name, "sha256": sha256(path)}

    def note(self, key: str, value: str) -> None:
        """Records a fact that belongs beside the numbers, for example which perceptual features were used."""
        with self._edit_manifest() as manifest:
            manifest["notes"][key] = value

    @property
    def changes(self) -> dict[str, Any]:
        """The settings that differ from the profile's, by dotted name."""
        config = self.config
        default = run_config(config.profile, config.kind, config.seed, "nowhere")
        return changes(default, config)

    @property
    def command(self) -> str:
        """The command line that makes this run again, wherever runs are kept."""
        return f"ganverse reproduce {means(self.config)}"

    @property
    def option(self) -> str:
        """The option that means this run, as it is to be typed."""
        return f"--run {shlex.quote(str(self.directory))}"

    def again(self, command: str) -> str:
        """A command that goes on with this run."""
        return f"ganverse {command} {self.option}"

    # ---- the directory

    def _claim(self) -> None:
        """The directory becomes, or is, that of this configuration; what killed processes were writing there goes."""
        path, ours = self.directory / CONFIG, decided(self.config)
        theirs = recorded_config(self.directory)
        all_differing = {} if theirs is None else differences(theirs, ours)
        differing = {name: both for name, both in all_differing.items() if not is_elsewhere(name, *both)}
        if differing:
            named = "; ".join(f"{k} = {a!r} there, {b!r} asked for" for k, (a, b) in list(differing.items())[:3])
            raise ValueError(
                f"{self.directory} belongs to another configuration ({named}): "
                "choose another directory with --runs, ask for the same settings, or delete it."
            )
        if theirs is None and any(self.directory.glob(f"*/{COMPLETE}")):
            raise ValueError(
                f"{self.directory} has stages but neither {CONFIG} nor settings in {MANIFEST}; "
                "delete it or choose another directory."
            )
        self.directory.mkdir(parents=True, exist_ok=True)
        here = environment()
        with self._lock(ROWS, wait=60):
            remove_leftovers(self.directory, Path(ROWS).stem)
        with self._edit_manifest() as manifest:
            for name in (CONFIG, MANIFEST):
                remove_leftovers(self.directory, Path(name).stem)
            if not path.exists() or all_differing:
                write_json(path, ours, sealed=True)
            manifest["config"] = ours  # for the day when config.json is lost
            if here not in manifest["environments"]:
                manifest["environments"].append(here)

    def abandon(self) -> None:
        """Takes the directory back where it was made for this object and nothing was computed in it.

        So a command that is refused leaves its place to one of other settings.
        """
        files = [path for path in self.directory.rglob("*") if path.is_file() and path.parent.name != ".locks"]
        if self._is_new and all(path.name in (CONFIG, MANIFEST, PARTIAL) for path in files):
            remove(self.directory)
            with suppress(OSError):  # others are in it
                self.root.rmdir()

    @contextmanager
    def _edit_manifest(self) -> Iterator[dict[str, Any]]:
        path = self.directory / MANIFEST
        with self._lock(MANIFEST, wait=60):
            manifest = read_manifest(path) if path.exists() else {k: kind() for k, kind in PARTS.items()}
            before = digest(manifest)
            yield manifest
            if digest(manifest) != before or not path.exists():
                write_json(path, manifest, sealed=True)

    @contextmanager
    def _lock(self, what: str, wait: float | None) -> Iterator[None]:
        """One process at a time for each stage and each file; stages need each other one way, so none waits forever."""
        folder = self.directory / ".locks"
        folder.mkdir(exist_ok=True)
        with exclusive(folder / f"{what}.lock", f"{self.directory} ({what})", wait):
            yield


def _digest(settings: Any, needs: Mapping[str, str]) -> str:
    return digest([plain(settings), dict(needs)])


def open_run(
    profile: str = "mini",
    category: Given = DEFAULT,
    seed: int = 0,
    runs: str | Path = "runs",
    figures: str | Path = "figures",
    settings: Mapping[str, Any] | None = None,
    shipped: bool = True,
) -> Run:
    """The run of a profile: what notebooks and commands begin with.

    A run that has begun keeps its settings, whether they are given again or not.

    Args:
        category: a name of the package's; of one of your own its TOML file, or its name once its run has begun.
        settings: changes to the profile by dotted name, as in `{"inverse.steps": 100}`.
        shipped: take what the package brings where it is the result of exactly these settings; else it is computed.

    Raises:
        ValueError: unknown profile, category or setting; a run directory of another configuration; in a notebook that
            was started elsewhere, no folder of notebooks that `../runs` could be meant from.
        ExpectedError: papermill gave the notebook a parameter that it has not.

    Examples:
        >>> run = open_run("mini", "car", seed=0, runs=folder / "runs", settings={"inverse.steps": 100})
        >>> run.directory.name, run.config.inverse.steps
        ('car-mini-seed0', 100)
    """
    check_notebook()
    for name, place in (("runs", runs), ("figures", figures)):
        if not isinstance(place, (str, Path)):
            raise SettingError(f"{name} is the path of a folder; {place!r} is not.")
    runs, figures = from_notebooks(runs), from_notebooks(figures)
    try:
        config = run_config(profile, category, seed, runs, settings)
    except ValueError as error:
        raise SettingError(str(error)) from None  # which a notebook shows as one sentence
    compute_for_run()
    return Run(config, runs, figures, shipped)


def reopen_run(
    directory: str | Path,
    figures: str | Path = "figures",
    shipped: bool = True,
    settings: Mapping[str, Any] | None = None,
) -> Run:
    """The run whose directory this is, with the settings that it was made with.

    Args:
        settings: for what is to be different, where that may be: how files are reached, and what may be downloaded.

    Raises:
        FileNotFoundError: it is no directory of a run.
        ValueError: its config.json is of another version of the package.
    """
    directory = Path(directory)
    return open_run(*recorded(directory), directory.parent, figures, settings, shipped)
