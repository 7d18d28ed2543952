"""The options that commands share, and the run that they mean."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganverse_nb.categories import CATEGORIES, DEFAULT, Category, own_category
from ganverse_nb.config import Config
from ganverse_nb.workflow.configuration import (
    RUNS,
    Given,
    as_value,
    changes,
    recorded,
    run_config,
    run_directory,
    runs_of,
)
from ganverse_nb.workflow.places import whole
from ganverse_nb.workflow.run import Run, open_run

PROFILE, SEED = "mini", 0
POLICY = "color,translation,cutout"  # of gan.augment, all that there is
CATEGORY_HELP = f"{', '.join(CATEGORIES)} (default: {DEFAULT}); of your own its file, or its name once it has a run"


def profile_options(command: argparse.ArgumentParser, seed: bool = True) -> None:
    """Options that say which configuration is meant."""
    add = command.add_argument
    add("--run", type=Path, metavar="DIR", help="the run whose settings hold, as in runs/car-mini-seed0")
    add("--profile", help=f"smoke, {PROFILE} (default), full, gpu, paper")
    add("--category", metavar="NAME", help=CATEGORY_HELP)
    if seed:
        add("--seed", type=int, help=f"default: {SEED}")
    add(
        "--set",
        action="append",
        default=[],
        metavar="STAGE.KEY=VALUE",
        help="change one setting, as in inverse.steps=100",
    )
    add("--yes", action="store_true", help="download the weights that a setting asks for by name, without asking")
    add("--runs", type=Path, metavar="DIR", help=f"where runs are kept (default: {RUNS}, or where that of --run is)")


def run_options(command: argparse.ArgumentParser) -> None:
    """Those, and where its figures go."""
    profile_options(command)
    command.add_argument("--figures", type=Path, default=Path("figures"), metavar="DIR", help="where figures go")


def images_option(command: argparse.ArgumentParser) -> None:
    """Pictures of one's own."""
    command.add_argument(
        "--images", type=Path, metavar="FOLDER", help="pictures of your own; name what they show: --category mug"
    )


def meant(options: argparse.Namespace) -> tuple[str, Given, int, Path]:
    """Profile, category, seed and folder of the run that the options name, or the only one of its category.

    With `--run` and `--runs` it is one in that folder, with the settings of this one.

    Raises:
        ValueError: options that contradict each other, or several runs of a category of one's own.
    """
    category: Given = options.category or DEFAULT
    profile, seed, images = options.profile, getattr(options, "seed", None), getattr(options, "images", None)
    runs = options.runs or RUNS
    if options.run is not None:
        if images is not None:
            raise ValueError(f"{options.run} has pictures of its own; leave out --images, or --run.")
        found = recorded(options.run)
        for name, given, there in zip(("profile", "category", "seed"), (profile, options.category, seed), found):
            there = there.name if isinstance(there, Category) else there
            if given is not None and given not in (there, f"{there}.toml"):
                raise ValueError(f"{options.run} is of {name} {there}; leave out --{name}, or --run.")
        return *found, options.runs or options.run.parent
    if images is not None and not str(category).endswith(".toml"):
        category = own_category(str(category), images=whole(images))
    if profile is None and seed is None and str(category) not in CATEGORIES and not isinstance(category, Category):
        name = Path(category).stem if str(category).endswith(".toml") else str(category)
        begun = runs_of(name, runs)
        if len(begun) > 1:
            places = ", ".join(str(run) for run in begun)
            raise ValueError(f"There are several runs of {name} ({places}); name one with --run.")
        if begun:
            print(f"ganverse: this is {begun[0]}", file=sys.stderr)
            found_profile, found_category, found_seed = recorded(begun[0])
            return found_profile, category if name != str(category) else found_category, found_seed, runs
    return profile or PROFILE, category, SEED if seed is None else seed, runs


def chosen(options: argparse.Namespace, more: Mapping[str, Any] | None = None) -> Config:
    """The configuration that the options name; nothing is written.

    Args:
        more: settings of options with names of their own.
    """
    return run_config(*meant(options), _settings_of(options) | settings(options) | dict(more or {}))


def open_chosen(options: argparse.Namespace, more: Mapping[str, Any] | None = None) -> Run:
    """The run that the options name; they remember it as `opened`."""
    profile, category, seed, runs = meant(options)
    figures = vars(options).get("figures", Path("figures"))  # not every command draws
    given = _settings_of(options) | settings(options) | dict(more or {})
    options.opened = open_run(profile, category, seed, runs, figures, given)
    return options.opened


def _settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """Those of `--run`, where another folder than its own is meant, in which nobody knows them."""
    if options.run is None or options.runs is None:
        return {}
    profile, category, seed = recorded(options.run)
    return changes(*(run_config(profile, category, seed, runs) for runs in ("nowhere", options.run.parent)))


def has_begun(options: argparse.Namespace, config: Config) -> bool:
    """Whether the run of this configuration is there."""
    return run_directory(config, meant(options)[-1]).exists()


def rows(text: str) -> tuple[int, int]:
    """Two rows of a picture, as in 64:448."""
    first, _, last = text.partition(":")
    try:
        return int(first), int(last)
    except ValueError:
        raise argparse.ArgumentTypeError(f"write two numbers, as in 64:448, not {text!r}") from None


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """`--set inverse.steps=100 --yes` -> `{"inverse.steps": 100, "weights.download": True}`; not JSON: text."""
    given = {name: as_value(text) for name, text in map(assignment, options.set)}
    views = getattr(options, "views", None)
    given |= {"views.codes": {"auto": "suggested"}.get(views, views)} if views else {}
    return given | {"weights.download": True} if options.yes else given


def assignment(text: str, option: str = "--set") -> tuple[str, str]:
    """The name and the value of `STAGE.KEY=VALUE`."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{option} {text}: write STAGE.KEY=VALUE, as in inverse.steps=100.")
    return name.strip(), value


def values(text: str) -> list[Any]:
    """`"0.5,0"` -> `[0.5, 0]`; values that are lists keep their commas: `"[1,2],[3,4]"`."""
    several = as_value(f"[{text}]")
    return several if isinstance(several, list) else [as_value(part) for part in text.split(",")]
