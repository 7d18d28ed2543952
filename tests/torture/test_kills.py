"""Whatever ends a stage, and whenever: the same command goes on and ends with the same bits.

The whole of it, `make torture`, ends every stage at fifty moments; `make test` some stages at one.
"""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from tests.torture import page, works
from tests.torture.killing import torture

SEED, TIMES, TIMES_ASKED = 0, int(os.environ.get("KILLS", "50")), 3
ASKED = {signal.SIGTERM: "SIGTERM", signal.SIGINT: "SIGINT (Ctrl-C)", signal.SIGHUP: "SIGHUP (a closed terminal)"}
ALL = works.WORKS | works.NOTEBOOKS


@pytest.mark.parametrize("name", works.SHORT)
def test_a_killed_stage_goes_on_to_the_same_bits(name: str, tmp_path: Path) -> None:
    tally = torture(name, works.WORKS[name], tmp_path, 1, SEED, timed=0)
    assert not tally.wrong and tally.ended == tally.resumed == tally.same == 1


def test_a_stage_that_is_asked_to_end_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    number = random.Random(SEED).choice(sorted(ASKED))
    tally = torture("train-gan", works.WORKS["train-gan"], tmp_path, 1, SEED, number, timed=0)
    assert not tally.wrong and tally.ended == tally.resumed == tally.same == 1


@pytest.mark.torture
@pytest.mark.parametrize("name", ALL)
def test_every_stage_goes_on_from_every_kill(name: str, tmp_path: Path) -> None:
    tally = torture(name, ALL[name], tmp_path, TIMES, SEED)
    page.record("kills", name, {"kills": tally.ended, "resumed": tally.resumed, "same bits": tally.same})
    assert not tally.wrong, "\n".join(tally.wrong)
    assert tally.ended == tally.resumed == tally.same == TIMES


@pytest.mark.torture
@pytest.mark.parametrize("name", ALL)
def test_every_stage_goes_on_where_it_was_asked_to_end(name: str, tmp_path: Path) -> None:
    tallies = {
        told: torture(name, ALL[name], tmp_path / told.split()[0], TIMES_ASKED, SEED, number)
        for number, told in ASKED.items()
    }
    ends = {told: f"{t.same} of {t.ended}, {t.slowest:.1f} s" for told, t in tallies.items()}
    page.record("signals", name, ends)
    assert not [wrong for t in tallies.values() for wrong in t.wrong]
    assert all(t.ended == t.resumed == t.same == TIMES_ASKED for t in tallies.values())
