"""A shift is handed over while the line goes on: signed off, signed in, and counted anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from station.errors import UsageError
from station.ledger import EventKind, Ledger
from station.line.line import Line
from station.line.shift import Shift
from station.profile.recipe import Recipe
from tests.batch_csv import write_batch_csv


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def line(recipe: Recipe, ledger: Ledger, tmp_path: Path) -> Line:
    csv = tmp_path / "batch.csv"
    write_batch_csv(csv, recipe.profile.product_key, 3)
    return Line(Shift(recipe, ledger, ledger.import_batch(csv).batch, None, None), [], operator="Li W.")


def test_a_known_operator_takes_over_and_both_are_in_the_log(line: Line, ledger: Ledger) -> None:
    for name in ("Li W.", "Wang"):
        ledger.operators.add(name, by="root", badge=f"B-{name}")
    ledger.operators.sign_in("Li W.")
    began = line.record.began
    line.hand_over("B-Wang")
    told = [(event.kind, event.operator) for event in line.record.events()[:2]]

    assert line.operator == "Wang"
    assert line.record.began > began
    assert line.record.signed_head is not None
    assert line.record.signed_head.is_genuine()
    assert told == [(EventKind.SIGNED_IN, "Wang"), (EventKind.SIGNED_OUT, "Li W.")]


def test_an_unknown_badge_ends_nobodys_shift(line: Line, ledger: Ledger) -> None:
    ledger.operators.add("Li W.", by="root")
    ledger.operators.sign_in("Li W.")
    with pytest.raises(UsageError):
        line.hand_over("B-7")

    assert (line.operator, ledger.operators.signed_in) == ("Li W.", "Li W.")
    assert line.record.signed_head is None


def test_where_nobody_is_known_any_name_takes_over(line: Line, ledger: Ledger) -> None:
    line.hand_over("Wang")

    assert (line.operator, ledger.operators.signed_in) == ("Wang", "Wang")
