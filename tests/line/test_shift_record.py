"""What the shift's people ask of the ledger and decide about units."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from station.certificate import Secret
from station.errors import Code, NotAllowed, UsageError
from station.events import Event, UnitDisposed
from station.ledger import EventKind, Ledger, Role
from station.line.decision import Decision
from station.line.shift_record import ShiftRecord
from station.profile.serial_number import SerialNumber
from station.unit import Disposition, Mac
from station.verdict import Verdict
from tests.ledger.making import begin, mac_of, write_csv

UNIT: Mac = mac_of(1)
PIN = Secret("273 Garden Road")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "data") as opened:
        opened.import_batch(write_csv(tmp_path / "batch.csv", range(3)))
        yield opened


def finished(ledger: Ledger, unit: int) -> None:
    ledger.finish_run(begin(ledger, unit), Verdict.FAIL, seconds=1.0, code=Code.WRONG_CHIP, message="")


def test_the_shifts_runs_are_those_since_it_began_newest_first(ledger: Ledger) -> None:
    finished(ledger, 1)
    record = ShiftRecord(ledger, lambda: "Li W.", lambda _event: None)
    finished(ledger, 2)
    finished(ledger, 3)
    begin(ledger, 4)

    assert [run.mac for run in record.runs()] == [mac_of(3), mac_of(2)]
    assert [run.mac for run in record.earlier_runs()] == [mac_of(1)]
    assert record.events()[0].number > record.events()[-1].number
    assert len(record.story(mac_of(1)).runs) == 1


def test_a_units_story_is_found_by_its_whole_label(ledger: Ledger) -> None:
    rule = SerialNumber.model_validate(
        {"scan": "after", "separator": ";", "fields": {"serial_number": "SP[0-9]", "hw": "R[0-9]"}}
    )
    record = ShiftRecord(ledger, lambda: "Li W.", lambda _event: None, rule=rule)

    assert [record.subject_of(code) for code in ("SP1;R2", "SP1", "plug;1")] == ["SP1", "SP1", "plug;1"]
    with pytest.raises(UsageError, match=r"SP1(?!;)"):
        record.story("SP1;R2")


def test_scrap_and_what_was_held_are_decided_by_a_line_lead_with_a_pin(ledger: Ledger) -> None:
    heard: list[Event] = []
    record = ShiftRecord(ledger, lambda: "Li W.", heard.append)
    ledger.operators.add("Wang", by="root", role=Role.LINE_LEAD, pin=PIN)
    assert [record.lead_needed(UNIT, place) for place in Disposition] == [False, False, True]
    record.decide(Decision(UNIT, Disposition.HOLD, "bent pin", lane=2))
    assert record.lead_needed(UNIT, None)
    with pytest.raises(NotAllowed):
        record.decide(Decision(UNIT, None, "straight", lead="Wang", pin=Secret("wrong")))
    record.decide(Decision(UNIT, None, "straight", lead="wang", pin=PIN))

    assert heard == [UnitDisposed(2, UNIT, Disposition.HOLD), UnitDisposed(0, UNIT, None)]
    told = [event.operator for event in ledger.audit_events(mac=UNIT) if event.kind == EventKind.UNIT_DISPOSED]
    assert told == ["Li W.", "Wang"]


def test_without_any_line_lead_anybody_decides_and_the_record_says_so(ledger: Ledger) -> None:
    record = ShiftRecord(ledger, lambda: "Li W.", lambda _event: None)
    assert not record.lead_needed(UNIT, Disposition.SCRAP)
    record.decide(Decision(UNIT, Disposition.SCRAP, "cracked"))

    kinds = [event.kind for event in record.events()[:2]]
    assert kinds == [EventKind.UNIT_DISPOSED, EventKind.WITHOUT_LINE_LEAD]
