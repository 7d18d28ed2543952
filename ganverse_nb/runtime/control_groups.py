"""The control groups that this process is in: a container's, or a job's of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def control_groups(controller: str, root: Path = Path("/")) -> Iterator[tuple[Path, bool]]:
    """Folders of the groups of this process and of those above them, and whether they are of the first version.

    Args:
        controller: what they limit: "cpu" or "memory".
        root: of the system's files.
    """
    mounts = root / "sys" / "fs" / "cgroup"
    for line in read(root / "proc" / "self" / "cgroup").splitlines():
        _, controllers, name = (line.split(":", 2) + ["", ""])[:3]
        if controllers and controller not in controllers.split(","):
            continue
        base = mounts / controller if controllers else mounts
        group = base / name.lstrip("/")
        for folder in [group, *group.parents]:
            yield folder, bool(controllers)
            if folder == base:
                break


def read(path: Path) -> str:
    """The content of a system's file, "" where there is none."""
    try:
        return path.read_text()
    except OSError:
        return ""
