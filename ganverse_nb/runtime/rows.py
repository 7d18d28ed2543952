"""Measured numbers: one row each, with the paper's value, the bar it is held to and what made it."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Number = int | float
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_BAR = re.compile(r"(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)(?:\s*x\s+([a-z0-9_.]+))?")


@dataclass(frozen=True)
class Measurement:
    """A number on its way into the report, without what made it.

    Attributes:
        value: a number or one-element tensor; None or NaN where it could not be measured.
        unit: of `value` and `paper`; empty for shares and scores.
        paper: the paper's value for its cars, or a value for each of its categories.
        bar: what the number is held to, see `Row.bar`.
    """

    value: Any
    unit: str = ""
    paper: Number | str | Mapping[str, Number] | None = None
    bar: str = ""


Measurements = Mapping[str, Measurement]
"""Dotted key, without the category -> what was measured."""


@dataclass(frozen=True)
class Row:
    """One number of the report.

    Attributes:
        key: dotted name that starts with the category, as in `car.inverse.gan_test_iou`.
        ours: what was measured; None where it could not be (for example no pictures were left to measure on).
        paper: the paper's value, None where it states none.
        unit: of `ours` and `paper`; empty for shares and scores.
        bar: what `ours` is held to, as in `>= 0.93` or `<= 0.6 x inverse.camera_error_deg_before`; empty for none.
        profile, seed, device, command: what made it.
    """

    key: str
    ours: Number | None
    paper: Number | str | None
    unit: str
    bar: str
    profile: str
    seed: int
    device: str
    command: str


def check_bar(bar: str) -> None:
    """Raises ValueError unless `bar` is empty, `>= 0.93` or `<= 0.6 x other.key`."""
    if bar and not _BAR.fullmatch(bar):
        raise ValueError(
            f"The bar {bar!r} is not understood; write '>= 0.93' or '<= 0.6 x other.key', or leave it empty."
        )


def is_met(row: Row, rows: Sequence[Row]) -> bool | None:
    """Whether a row meets its bar: None without a bar; a number that could not be measured does not meet one.

    A bar relative to another row finds it in `rows`, by key with or without the category.
    """
    if not row.bar:
        return None
    check_bar(row.bar)
    match = _BAR.fullmatch(row.bar)
    assert match is not None
    compare, limit, other = match.groups()
    threshold: float | None = float(limit)
    if other:
        category = row.key.split(".")[0]
        values = [r.ours for r in rows if r.key in (other, f"{category}.{other}")]
        threshold = None if not values or values[0] is None else float(limit) * values[0]
    return row.ours is not None and threshold is not None and _OPERATORS[compare](row.ours, threshold)
