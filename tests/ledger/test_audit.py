"""The audit log: one chain per station, in the transaction of what it tells, and exports that harm nobody."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from station.certificate import Secret
from station.errors import Code, UsageError
from station.ledger import AuditEvent, Ledger, canonical_json, event_hash, event_object
from station.ledger.audit_export import ExportFormat
from station.ledger.audit_lines import CSV_COLUMNS
from station.verdict import Step, StepState, Verdict
from tests.ledger.making import STAMP, begin, mac_of, name, write_csv

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


def walk(ledger: Ledger, unit: int) -> None:
    run = begin(ledger, unit)
    ledger.allocate(run)
    ledger.begin_installing(run)
    ledger.record_step(run, Step.WRITE, StepState.DONE, 1.5, {"bytes": 1000}, None)
    ledger.record_step(run, Step.START, StepState.FAILED, 20, code=Code.NO_BOOT)
    ledger.finish_run(run, Verdict.FAIL, seconds=22.0, code=Code.NO_BOOT, message="silent", data={"reset": "ü"})


def chain_is_whole(events: list[AuditEvent]) -> bool:
    prev = "0" * 64
    for number, event in enumerate(events, 1):
        if (event.number, event.prev, event.hash) != (number, prev, event_hash(event)):
            return False
        prev = event.hash
    return True


def test_every_change_leaves_its_event(stocked: Ledger) -> None:
    walk(stocked, 1)

    events = list(stocked.audit_events())

    assert [one.kind for one in events] == [
        "ledger_created",
        "batch_imported",
        "run_begun",
        "unit_identified",
        "certificate_allocated",
        "certificate_installing",
        "step",
        "step",
        "run_finished",
    ]
    assert [one.data.get("run") for one in events[2:]] == [1] * 7
    assert events[6].data == {"run": 1, "step": "write", "state": "done", "seconds": 1.5, "code": None} | {
        "data": {"bytes": 1000}
    }
    assert {(one.lane, one.operator, one.batch) for one in events[2:]} == {(1, "Li", "batch")}
    assert {(one.mac, one.device_name) for one in events[5:]} == {(mac_of(1), name(1))}


def test_the_chain_can_be_checked_from_the_export_alone(stocked: Ledger, tmp_path: Path) -> None:
    walk(stocked, 1)
    result = stocked.export_audit(tmp_path / "audit.jsonl")

    prev = "0" * 64
    lines = (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    events = [one for one in map(json.loads, lines) if "record" not in one]
    for number, event in enumerate(events, 1):
        claimed = event.pop("hash")
        text = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(text.encode("utf-8")).hexdigest() == claimed
        assert (event["number"], event["prev"], event["station"]) == (number, prev, stocked.station)
        assert set(event["subject"]) == {"mac", "device_name", "batch"}
        prev = claimed
    assert (result.events, result.head) == (len(events), prev)


def test_two_ledgers_of_one_station_go_on_with_one_chain(stocked: Ledger, data: Path) -> None:
    with Ledger.open(data) as other:
        for unit in range(1, 4):
            walk(stocked, unit)
            walk(other, unit + 10)

    assert chain_is_whole(list(stocked.audit_events()))


def test_stations_have_chains_of_their_own(stocked: Ledger, data: Path) -> None:
    (data / "station.yaml").write_text("station: second-line\n", encoding="utf-8")
    with Ledger.open(data) as second:
        walk(second, 1)
        walk(stocked, 2)
        events = list(second.audit_events())

    for station in (stocked.station, "second-line"):
        assert chain_is_whole([one for one in events if one.station == station])
    assert {one.station for one in events} == {stocked.station, "second-line"}


def test_a_change_that_fails_leaves_no_event(stocked: Ledger) -> None:
    run = begin(stocked, 1)
    before = list(stocked.audit_events())

    with pytest.raises(TypeError):
        stocked.record_step(run, Step.WRITE, StepState.DONE, 1.0, {"oops": Secret(STAMP)})  # type: ignore[dict-item]  # the mistake under test
    with pytest.raises(ValueError, match="JSON"):
        stocked.record_step(run, Step.VERIFY, StepState.DONE, 1.0, {"oops": float("nan")})

    assert list(stocked.audit_events()) == before
    assert stocked.runs()[0].last_step is None


def test_the_clock_is_the_one_handed_in_and_may_step_back(data: Path, tmp_path: Path) -> None:
    ticks = itertools.chain([NOON, NOON, NOON, NOON - timedelta(hours=2)], itertools.repeat(NOON))
    with Ledger.open(data, clock=lambda: next(ticks)) as ledger:
        ledger.import_batch(write_csv(tmp_path / "batch.csv", [1]))
        begin(ledger)
        events = list(ledger.audit_events())

    assert [one.at for one in events] == [
        "2026-11-03T12:00:00.000000Z",
        "2026-11-03T12:00:00.000000Z",
        "2026-11-03T10:00:00.000000Z",
    ]
    assert chain_is_whole(events)


def test_events_are_found_by_subject_operator_and_time(stocked: Ledger) -> None:
    walk(stocked, 1)
    walk(stocked, 2)
    stocked.void(mac_of(2), reason="scrap", operator="Wang")

    assert {one.mac for one in stocked.audit_events(mac=mac_of(1))} == {mac_of(1)}
    assert {one.device_name for one in stocked.audit_events(device_name=name(2))} == {name(2)}
    assert [one.kind for one in stocked.audit_events(operator="Wang")] == ["certificate_voided"]
    assert len(list(stocked.audit_events(batch="batch"))) == 1 + 2 * 7 + 1
    assert list(stocked.audit_events(until=NOON - timedelta(days=9999))) == []
    assert len(list(stocked.audit_events(since=NOON - timedelta(days=9999)))) == 17


def test_many_events_are_read_page_by_page(stocked: Ledger) -> None:
    with stocked._changing() as change:
        for number in range(4500):
            change.trail.append("note", data={"n": number})

    events = list(stocked.audit_events())

    assert len(events) == 4502
    assert chain_is_whole(events)


def test_notes_stand_beside_the_rest(stocked: Ledger) -> None:
    run = begin(stocked, 1)
    stocked.record_note(run, "foreign_certificate_kept", {"found": "plug-x"})
    stocked.record_note(None, "shift_begun", {"shift": "early"}, operator="Wang")

    of_run, of_station = list(stocked.audit_events())[-2:]
    assert (of_run.mac, of_run.data) == (mac_of(1), {"run": run, "found": "plug-x"})
    assert (of_station.mac, of_station.operator, of_station.data) == (None, "Wang", {"shift": "early"})


def test_the_csv_export_opens_in_a_spreadsheet_without_harm(stocked: Ledger, tmp_path: Path) -> None:
    stocked.record_note(None, "note", {"text": "你好"}, operator="=cmd|' /C calc'!A0")
    for sign in "+-@\t\r":
        stocked.record_note(None, "note", {}, operator=f"{sign}1")

    stocked.export_audit(tmp_path / "audit.csv", "csv")

    raw = (tmp_path / "audit.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)
    assert any("你好" in cell for cell in rows[4])


def test_an_export_never_replaces_a_file_unless_told(stocked: Ledger, tmp_path: Path) -> None:
    out = tmp_path / "audit.jsonl"
    out.write_text("mine", encoding="utf-8")

    with pytest.raises(UsageError, match="--force"):
        stocked.export_audit(out)
    assert out.read_text(encoding="utf-8") == "mine"

    assert stocked.export_audit(out, force=True).events == 2
    with pytest.raises(UsageError):
        stocked.export_audit(tmp_path, force=True)
    with pytest.raises(UsageError, match="cannot be written"):
        stocked.export_audit(tmp_path / "nowhere" / "audit.jsonl")
    assert sorted(file.name for file in tmp_path.iterdir() if "audit" in file.name) == ["audit.jsonl"]


def test_no_secret_stands_in_an_export(stocked: Ledger, tmp_path: Path) -> None:
    walk(stocked, 1)
    for form in get_args(ExportFormat):
        stocked.export_audit(tmp_path / form, form)
        assert STAMP not in (tmp_path / form).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [1.5, None, True]}, '{"a":[1.5,null,true],"b":1}'),
        ({"ü": "你\n"}, '{"ü":"你\\n"}'),
        ({"half": "\udce4"}, '{"half":"?"}'),
    ],
)
def test_canonical_json_has_one_form(value: Any, text: str) -> None:
    assert canonical_json(value) == text


def test_a_changed_field_changes_the_hash(stocked: Ledger) -> None:
    event = list(stocked.audit_events())[-1]
    fields = {slot: getattr(event, slot) for slot in AuditEvent.__slots__}

    for slot in fields.keys() - {"hash"}:
        changed = AuditEvent(**{**fields, slot: {"x": 1} if slot == "data" else "other"})
        assert event_hash(changed) != event.hash, slot
    assert event_object(event)["hash"] == event_hash(event)
