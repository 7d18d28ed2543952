"""What a run's directory says of itself: its settings, its manifest, and the mark of each stage, read with care."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import content_of, plain, read_json, remove, remove_leftovers, write_json
from ganverse_nb.runtime.fingerprints import changed, fingerprints

CONFIG, MANIFEST, ROWS = "config.json", "manifest.json", "rows.json"  # of a run
COMPLETE, PARTIAL = "complete.json", "partial.json"  # of a stage
PARTS: dict[str, type] = {"environments": list, "weights": dict, "substitutions": list, "notes": dict}  # of a manifest
FORGOTTEN = 3600.0  # seconds after which nobody is still writing a file in a finished stage


def recorded_config(directory: Path) -> dict[str, Any] | None:
    """The settings that a run's directory belongs to, of config.json or else of the manifest; None where it has none.

    Raises:
        ValueError: config.json is damaged, or the manifest that stands in for it.
    """
    path, manifest = directory / CONFIG, directory / MANIFEST
    if path.exists():
        return _read(path, "configuration", lambda config: [config[n] for n in ("profile", "category", "seed")])
    return read_manifest(manifest).get("config") if manifest.exists() else None


def read_manifest(path: Path) -> dict[str, Any]:
    """The content of manifest.json.

    Raises:
        FileNotFoundError: it does not exist. ValueError: it is damaged.
    """

    def check(manifest: dict[str, Any]) -> None:
        wrong = [name for name, kind in PARTS.items() if not isinstance(manifest[name], kind)]
        if wrong:
            raise TypeError(f"{wrong[0]} is of another kind")

    return _read(path, "manifest", check)


def read_mark(mark: Path) -> dict[str, Any]:
    """A stage's complete.json or partial.json: its `identity`, `seconds` and more.

    Raises:
        FileNotFoundError: it does not exist. ValueError: it is damaged.
    """
    return _read(mark, "mark of a stage", lambda facts: [str(facts["identity"]), float(facts["seconds"])])


def identity_of(mark: Path) -> str | None:
    """The identity in a stage's mark, None where it has none."""
    return str(read_mark(mark)["identity"]) if mark.exists() else None


def _read(path: Path, what: str, check: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    with content_of(path, what):
        found: dict[str, Any] = read_json(path)
        check(found)
        return found


def begin(partial: Path, identity: str, settings: Any) -> Path:
    """The mark of a stage that begins or continues; what an attempt with other settings left is removed."""
    mark = partial / PARTIAL
    if identity_of(mark) != identity:
        remove(partial)
        partial.mkdir(parents=True)
        write_json(mark, {"identity": identity, "settings": plain(settings), "seconds": 0.0}, sealed=True)
    remove_leftovers(partial, deep=True)
    return mark


def finish(partial: Path, final: Path) -> None:
    """Gives a finished stage its name, in place of an older one."""
    (partial / PARTIAL).unlink(missing_ok=True)
    remove(final)
    os.replace(partial, final)


def files_of(stage: Path) -> dict[str, str]:
    """The fingerprints of a stage's files, which its complete.json keeps."""
    return {name: told for name, told in fingerprints(stage).items() if name not in (COMPLETE, PARTIAL)}


def check_files(final: Path) -> None:
    """Whether the files of a finished stage are those that it wrote; stages of earlier versions kept no fingerprints.

    Raises:
        ExpectedError: one is damaged or missing.
    """
    remove_leftovers(final, deep=True, older=FORGOTTEN)
    known = read_mark(final / COMPLETE).get("files", {})
    bad = changed(final, known if isinstance(known, dict) else {})
    if bad is not None:
        state = "is damaged: its content has changed since the stage wrote it" if bad.exists() else "is missing"
        raise ExpectedError(f"{bad} {state}; delete {final} and run the same command again.")
