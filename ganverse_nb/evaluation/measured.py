"""A measured number as a row of the report: beside the paper's, where the paper has one for the category."""

from __future__ import annotations

from collections.abc import Mapping

from ganverse_nb.categories import DEFAULT, FULL_BARS
from ganverse_nb.runtime.files import plain
from ganverse_nb.runtime.rows import Measurement, Row, check_bar


def row_of(key: str, measured: Measurement, category: str, profile: str, seed: int, device: str, command: str) -> Row:
    """The row of the report for one measured number; the category is put in front of `key` where it is missing.

    Profile `full` has bars of its own (`categories.FULL_BARS`): 128 px must show more.

    Raises:
        ValueError: a value that is no number, or a bar that is not understood.
    """
    check_bar(measured.bar)
    value = plain(measured.value)
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is not None and not isinstance(value, (int, float)):
        raise ValueError(f"record({key!r}): one number is needed, got {value!r}.")
    key = key if key.startswith(f"{category}.") else f"{category}.{key}"
    ours = float(f"{value:.6g}") if isinstance(value, float) else value
    paper = measured.paper
    theirs = (paper if isinstance(paper, Mapping) else {DEFAULT: paper}).get(category)
    bars = FULL_BARS.get(category, {}) if profile == "full" else {}
    bar = bars.get(key.removeprefix(f"{category}."), measured.bar)
    return Row(key, ours, theirs, measured.unit, bar, profile, seed, device, command)
