"""Where a unit goes that did not pass stands in the audit log, and the log answers whether it may be walked again."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.certificate import CertificateState
from station.errors import Code, UsageError
from station.ledger import EventKind, Ledger, UnitStanding
from station.unit import Disposition
from station.verdict import Verdict
from tests.ledger.making import begin, mac_of, write_csv

UNIT = mac_of(1)


@pytest.fixture
def stocked(tmp_path: Path) -> Ledger:
    ledger = Ledger.open(tmp_path / "data")
    ledger.import_batch(write_csv(tmp_path / "batch.csv", range(3)))
    return ledger


def walk(ledger: Ledger, *verdicts: Verdict) -> None:
    for verdict in verdicts:
        run = begin(ledger, 1)
        ledger.allocate(run)
        ledger.begin_installing(run)
        code = None if verdict is Verdict.PASS else Code.NO_BOOT
        ledger.finish_run(run, verdict, seconds=1.0, code=code, message="")


def test_fails_in_a_row_are_counted_and_only_they(stocked: Ledger) -> None:
    with stocked as ledger:
        assert ledger.dispositions.standing(UNIT) == UnitStanding()
        walk(ledger, Verdict.FAIL, Verdict.PASS, Verdict.FAIL, Verdict.ERROR, Verdict.FAIL, Verdict.ABORTED)

        assert ledger.dispositions.standing(UNIT).failed_in_row == 2


def test_a_decision_is_one_event_with_old_and_new_value_and_counting_begins_anew(stocked: Ledger) -> None:
    with stocked as ledger:
        walk(ledger, Verdict.FAIL)
        ledger.dispositions.put(UNIT, Disposition.HOLD, reason=" bent pin ", operator="Li W.", lane=2)
        ledger.dispositions.put(UNIT, Disposition.REWORK, reason="straight again", operator="Wang")

        assert ledger.dispositions.standing(UNIT) == UnitStanding(Disposition.REWORK, "straight again", 0)
        events = [event for event in ledger.audit_events(mac=UNIT) if event.kind == EventKind.UNIT_DISPOSED]
        told = [
            (event.lane, event.operator, event.data["from"], event.data["to"], event.data["reason"]) for event in events
        ]
        assert told == [(2, "Li W.", None, "hold", "bent pin"), (None, "Wang", "hold", "rework", "straight again")]
        assert [event.data["failed_in_row"] for event in events] == [1, 0]
        walk(ledger, Verdict.FAIL)
        assert ledger.dispositions.standing(UNIT).failed_in_row == 1


def test_scrap_makes_the_certificate_void_and_rework_does_not(stocked: Ledger) -> None:
    with stocked as ledger:
        walk(ledger, Verdict.FAIL)
        ledger.dispositions.put(UNIT, Disposition.REWORK, reason="x", operator="Li W.")
        assert ledger.certificates("batch")[0].state is CertificateState.INSTALLING
        ledger.dispositions.put(UNIT, Disposition.SCRAP, reason="cracked", operator="Wang")
        scrapped = ledger.certificates("batch")[0]
        ledger.dispositions.put(UNIT, None, reason="another unit was meant", operator="Wang")

        assert (scrapped.state, scrapped.void_reason) == (CertificateState.VOID, "scrap: cracked")
        assert ledger.dispositions.standing(UNIT).disposition is None


def test_nothing_is_decided_without_a_reason_or_while_a_lane_has_the_unit(stocked: Ledger) -> None:
    with stocked as ledger:
        walk(ledger, Verdict.FAIL)
        with pytest.raises(UsageError, match="reason"):
            ledger.dispositions.put(UNIT, Disposition.HOLD, reason=" ", operator="Li W.")
        begin(ledger, 1, lane=3)
        with pytest.raises(UsageError, match="lane 3"):
            ledger.dispositions.put(UNIT, Disposition.HOLD, reason="x", operator="Li W.")

        assert ledger.dispositions.standing(UNIT).disposition is None
