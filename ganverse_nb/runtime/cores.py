"""How many processors this process may use: every number of workers follows from it."""

from __future__ import annotations

import os
from pathlib import Path

from ganverse_nb.runtime.control_groups import control_groups, read


def cores(root: Path = Path("/")) -> int:
    """Processors that this process may use, at least one: by its affinity, and by the quota of its control groups.

    In a container, or as a job of a cluster, they are fewer than the machine has (`os.cpu_count`).

    Args:
        root: of the system's files.
    """
    return max(1, min([allowed(), *(int(quota) for quota in _quotas(root))]))


def allowed() -> int:
    """Processors that this process may be put on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quotas(root: Path) -> list[float]:
    """Processors that the control groups of this process and those above them allow; none where nobody limits it."""
    groups = control_groups("cpu", root)
    return [quota for folder, first in groups if (quota := _quota_v1(folder) if first else _quota_v2(folder))]


def _quota_v2(folder: Path) -> float | None:
    parts = read(folder / "cpu.max").split()
    return int(parts[0]) / int(parts[1]) if len(parts) == 2 and parts[0] != "max" else None


def _quota_v1(folder: Path) -> float | None:
    quota, period = (read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    return int(quota) / int(period) if quota and period and int(quota) > 0 else None
