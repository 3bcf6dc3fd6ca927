"""A serial number belongs to one unit of a product, and a unit bears one; each change is told in the log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from station.errors import CertificateHeld, Code, LedgerFault, UsageError
from station.ledger import JsonValue, Ledger, SerialNumberRow
from station.serial_number import EntryWay, UnitLabel
from station.verdict import Verdict
from tests.ledger.making import PRODUCT, begin, failing_at, mac_of, name, write_csv

SP1 = UnitLabel("SP00000001", EntryWay.SCANNED, {"hardware": "R02"})
SP2 = UnitLabel("SP00000002", EntryWay.TYPED)


def passed(ledger: Ledger, unit: int, label: UnitLabel | None = None, batch: str = "batch") -> int:
    """Walk a unit to its PASS, and give the run's number."""
    run = begin(ledger, unit, batch=batch)
    if label is not None:
        ledger.serial_numbers.bind(run, label)
    ledger.allocate(run)
    ledger.begin_installing(run)
    ledger.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")
    return run


def borne(ledger: Ledger, unit: int) -> SerialNumberRow:
    row = ledger.serial_numbers.of_unit(PRODUCT, mac_of(unit))
    assert row is not None
    return row


def told(ledger: Ledger, kind: str) -> list[Mapping[str, JsonValue]]:
    return [event.data for event in ledger.audit_events() if event.kind == kind]


def test_a_unit_bears_its_label_and_the_run_and_the_log_tell_it(stocked: Ledger) -> None:
    run = passed(stocked, 1, SP1)

    bearer = stocked.serial_numbers.bearer(PRODUCT, "SP00000001")
    assert bearer is not None
    assert (bearer.mac, bearer.device_name, bearer.entry) == (mac_of(1), name(1), EntryWay.SCANNED)
    assert stocked.runs()[0].serial_number == "SP00000001"
    assert told(stocked, "serial_number_bound") == [
        {
            "run": run,
            "product_key": PRODUCT,
            "serial_number": "SP00000001",
            "resumed": False,
            "entry": "scanned",
            "fields": {"hardware": "R02"},
        }
    ]


def test_a_duplicate_is_refused_and_names_the_unit_that_has_it(stocked: Ledger) -> None:
    passed(stocked, 1, SP1)
    second = begin(stocked, 2)

    with pytest.raises(CertificateHeld) as refused:
        stocked.serial_numbers.bind(second, SP1)

    assert refused.value.code == Code.SERIAL_NUMBER_TAKEN
    assert f"{mac_of(1)} ({name(1)})" in refused.value.cause
    assert stocked.serial_numbers.of_unit(PRODUCT, mac_of(2)) is None
    assert len(told(stocked, "serial_number_bound")) == 1


def test_a_unit_that_comes_back_keeps_its_number(stocked: Ledger) -> None:
    passed(stocked, 1, SP1)
    again = begin(stocked, 1)

    with pytest.raises(CertificateHeld) as refused:
        stocked.serial_numbers.bind(again, SP2)
    stocked.serial_numbers.bind(again, SP1)

    assert refused.value.code == Code.OTHER_SERIAL_NUMBER
    assert "SP00000001" in refused.value.cause
    assert "SP00000002" in refused.value.cause
    assert [event["resumed"] for event in told(stocked, "serial_number_bound")] == [False, True]
    assert [run.serial_number for run in stocked.runs()] == ["SP00000001", "SP00000001"]


def test_what_the_ledger_knows_already_is_noted_without_a_scan(stocked: Ledger) -> None:
    passed(stocked, 1, SP1)
    again = begin(stocked, 1)
    known = stocked.serial_numbers.of_unit(PRODUCT, mac_of(1))
    assert known is not None

    stocked.serial_numbers.keep(again, known)
    stocked.serial_numbers.keep(again, known)

    events = told(stocked, "serial_number_bound")
    assert [event["entry"] for event in events] == ["scanned", None]


def test_two_products_may_number_their_units_alike(stocked: Ledger, tmp_path: Path) -> None:
    stocked.import_batch(write_csv(tmp_path / "other.csv", range(101, 103), product="a1Other"))
    passed(stocked, 1, SP1)
    passed(stocked, 2, SP1, batch="other")

    with pytest.raises(UsageError, match="more than one unit"):
        stocked.unit("SP00000001")
    assert stocked.unit("a1Other/SP00000001").mac == mac_of(2)


def test_a_story_is_found_by_the_label(stocked: Ledger) -> None:
    passed(stocked, 1, SP1)

    story = stocked.unit("SP00000001")

    assert (story.mac, story.serial_number) == (mac_of(1), "SP00000001")
    assert [row.identity.device_name for row in story.certificates] == [name(1)]
    assert story.runs[0].serial_number == "SP00000001"


def test_the_label_goes_before_another_units_device_name(stocked: Ledger) -> None:
    """A scanned label shows the unit that bears it; the certificate of that name is told beside it."""
    passed(stocked, 1)
    passed(stocked, 2, UnitLabel(name(1), EntryWay.SCANNED))

    story = stocked.unit(name(1))

    assert story.mac == mac_of(2)
    assert {row.identity.device_name for row in story.certificates} == {name(1), name(2)}
    with pytest.raises(UsageError, match="more than one certificate"):
        stocked.void(name(1), reason="scrap", operator="Wang")


def test_a_number_taken_off_may_go_to_another_unit(stocked: Ledger) -> None:
    passed(stocked, 1, SP1)

    stocked.serial_numbers.release(borne(stocked, 1), reason="wrong label", operator="Wang")
    passed(stocked, 2, SP1)
    passed(stocked, 1, SP2)

    assert stocked.unit("SP00000001").mac == mac_of(2)
    rows = stocked.unit(mac_of(1)).serial_numbers
    assert [(row.serial_number, row.release_reason) for row in rows] == [
        ("SP00000002", None),
        ("SP00000001", "wrong label"),
    ]
    (event,) = told(stocked, "serial_number_released")
    assert (event["serial_number"], event["reason"], event["line_lead"]) == ("SP00000001", "wrong label", False)


def test_a_number_is_taken_off_once_with_a_reason_and_when_no_lane_has_the_unit(stocked: Ledger) -> None:
    passed(stocked, 1, SP1)
    row = borne(stocked, 1)
    with pytest.raises(UsageError, match="reason"):
        stocked.serial_numbers.release(row, reason=" ", operator="Wang")
    run = begin(stocked, 1)
    with pytest.raises(UsageError, match="worked on by lane 1"):
        stocked.serial_numbers.release(row, reason="wrong label", operator="Wang")
    assert borne(stocked, 1) == row
    stocked.finish_run(run, Verdict.ABORTED, seconds=1, code=Code.ABORTED, message="")

    stocked.serial_numbers.release(row, reason="wrong label", operator="Wang")

    with pytest.raises(UsageError, match="does not bear"):
        stocked.serial_numbers.release(row, reason="wrong label", operator="Wang")


def test_a_number_and_its_event_are_one_transaction(stocked: Ledger) -> None:
    run = begin(stocked, 1)
    before = len(list(stocked.audit_events()))
    number = 1
    while True:
        with failing_at(stocked, number) as seen:
            try:
                stocked.serial_numbers.bind(run, SP1)
            except LedgerFault:
                number += 1
                assert number < 30
            else:
                break
        assert seen[0] >= number - 1
        assert stocked.serial_numbers.of_unit(PRODUCT, mac_of(1)) is None
        assert len(list(stocked.audit_events())) == before

    assert len(list(stocked.audit_events())) == before + 1
    assert number > 3
