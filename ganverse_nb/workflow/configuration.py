"""The configuration of a run: its profile's, as its directory says it was made with, changed by settings."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganverse_nb.categories import CATEGORIES, Category, find_category
from ganverse_nb.config import Config, as_json, load_config
from ganverse_nb.runtime.files import plain
from ganverse_nb.runtime.settings import deciding, override
from ganverse_nb.workflow.marks import CONFIG, recorded_config
from ganverse_nb.workflow.places import PATHS, is_path, whole, whole_paths

Given = str | Path | Category
RUNS = Path("runs")  # where runs are, where nothing else is said


def run_config(
    profile: str, category: Given, seed: int, runs: str | Path, settings: Mapping[str, Any] | None = None
) -> Config:
    """The configuration of the run that lives, or will live, in the folder `runs`; nothing is written.

    Where it has begun, its own settings hold, so that nobody has to give them again, and it knows a category of one's
    own by its name. `settings` come last. Paths in them are whole (`whole_paths`).

    Raises:
        ValueError: an unknown profile, category or setting, or a damaged config.json.
    """
    if isinstance(category, (str, Path)) and str(category).endswith(".toml"):
        category = whole(category)
    directory = Path(runs) / f"{category}-{profile}-seed{seed}"
    known = isinstance(category, Category) or str(category) in CATEGORIES or str(category).endswith(".toml")
    theirs = recorded_config(directory) if not known else None
    kind = find_category(theirs["own"] if theirs and "own" in theirs else category)
    default = load_config(profile, kind, seed)
    theirs = recorded_config(run_directory(default, runs))
    own = {} if theirs is None else changes(default, theirs)
    given = whole_paths(settings) if isinstance(settings, Mapping) else settings
    config = load_config(profile, kind, seed, {**own, **given} if isinstance(given, Mapping) else given or own)
    for name in PATHS:
        section, key = name.split(".")
        value = getattr(getattr(config, section), key)
        config = override(config, [section, key], whole_paths({name: value})[name], name)
    return config


def recorded(directory: Path) -> tuple[str, Given, int]:
    """Profile, category and seed of the run whose directory this is.

    Raises:
        FileNotFoundError: it is no directory of a run. ValueError: its config.json is damaged.
    """
    theirs = recorded_config(directory)
    if theirs is None:
        raise FileNotFoundError(f"{directory} is no directory of a run: it holds no {CONFIG}.")
    name = f"{theirs['category']}-{theirs['profile']}-seed{theirs['seed']}"
    if directory.name != name:
        raise ValueError(f"{directory} was renamed; a run's directory is called {name}.")
    return theirs["profile"], find_category(theirs.get("own", theirs["category"])), theirs["seed"]


def run_directory(config: Config, root: str | Path = "runs") -> Path:
    """Where a run of this configuration lives."""
    return Path(root) / f"{config.category}-{config.profile}-seed{config.seed}"


def runs_of(category: str, runs: str | Path) -> list[Path]:
    """The directories of all runs of a category, by name."""
    return sorted(path.parent for path in Path(runs).glob(f"{category}-*-seed*/{CONFIG}"))


def decided(config: Config) -> dict[str, Any]:
    """The settings that decide the results, in plain JSON types."""
    return deciding(as_json(config))


def differences(theirs: Any, ours: Any, prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """Dotted names of the settings that differ -> (theirs, ours); a setting that one side lacks is None there."""
    theirs, ours = plain(theirs), plain(ours)
    result: dict[str, tuple[Any, Any]] = {}
    for name in [*ours, *(n for n in theirs if n not in ours)]:
        a, b = theirs.get(name), ours.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            result |= differences(a, b, f"{prefix}{name}.")
        elif a != b:
            result[prefix + name] = (a, b)
    return result


def changes(default: Config, theirs: Config | Mapping[str, Any]) -> dict[str, Any]:
    """Dotted name -> value of the settings in which another configuration, or what config.json says, differs.

    What this version does not know is left out.
    """
    known, found = _flat(asdict(default)), _flat(asdict(theirs) if isinstance(theirs, Config) else theirs)
    return {name: value for name, value in found.items() if name in known and value != known[name]}


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of all stages by dotted name, in JSON types."""
    sections = {n: s for n, s in deciding(config).items() if isinstance(s, dict) and n != "own"}
    return {f"{name}.{key}": value for name, section in sections.items() for key, value in plain(section).items()}


def is_elsewhere(name: str, a: Any, b: Any) -> bool:
    """Whether a setting only says that a file lies in another place: what is in it decides, not where it is."""
    return name in ("own.source", "own.images") or (is_path(name, a) and is_path(name, b))


def as_value(text: str) -> Any:
    """What is typed behind `--set NAME=`: as JSON has it, several also as `(1, 2)` or `1,2`; else it is a text."""
    several = f"[{text.strip().removeprefix('(').removesuffix(')')}]" if "," in text else text
    for written in (text, several):
        with suppress(json.JSONDecodeError):
            return json.loads(written)
    return text


def as_option(name: str, value: Any) -> str:
    """`--set NAME=VALUE`, as it is to be typed for `as_value` to read this value."""
    value = plain(value)
    text = value if isinstance(value, str) and as_value(value) == value else json.dumps(value, separators=(",", ":"))
    bare = text[1:-1]
    if isinstance(value, list) and as_value(bare) == value and '"' not in bare:
        text = bare
    return f"--set {shlex.quote(f'{name}={text}')}"


def means(config: Config, runs: str | Path = RUNS) -> str:
    """The options that mean a configuration whose run need not have begun, as they are to be typed.

    Args:
        runs: the folder in which its run is, or is to be.
    """
    category = config.kind.source or config.category
    parts = [f"--profile {config.profile} --category {shlex.quote(category)} --seed {config.seed}"]
    default = run_config(config.profile, config.kind, config.seed, "nowhere")
    parts += [as_option(name, value) for name, value in changes(default, config).items()]
    if config.kind.images and not config.kind.source:
        parts.append(f"--images {shlex.quote(config.kind.images)}")
    if Path(runs) != RUNS:
        parts.append(f"--runs {shlex.quote(str(runs))}")
    return " ".join(parts)
