"""Runs: what is recorded, who may hold a unit, and what a crash leaves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from station.certificate import CertificateState
from station.errors import CertificateHeld, ChipError, Code, InternalFault, UsageError
from station.ledger import Ledger
from station.verdict import Step, StepState, Verdict
from tests.ledger.making import PRODUCT, begin, chip_of, known_device, mac_of, name, secret, write_csv


def test_a_run_is_recorded_from_begin_to_verdict(stocked: Ledger) -> None:
    run = begin(stocked, 1)
    stocked.allocate(run)
    stocked.begin_installing(run)
    stocked.record_step(run, Step.WRITE, StepState.DONE, 10.0, {"bytes": 5})
    stocked.finish_run(
        run, Verdict.PASS, seconds=12.34567, code=None, message="all good", data={"hashes": {"app": "ab"}}
    )

    (row,) = stocked.runs()
    assert (row.id, row.lane, row.port, row.profile, row.firmware_version) == (run, 1, "COM1", "plug", "1.4.2")
    assert (row.batch, row.product_key, row.operator, row.station) == ("batch", PRODUCT, "Li", stocked.station)
    assert (row.mac, row.device_name, row.last_step) == (mac_of(1), name(1), "write")
    assert (row.verdict, row.code, row.message, row.seconds) == (Verdict.PASS, None, "all good", 12.346)
    assert row.certificate_state is CertificateState.INSTALLED
    assert row.finished_at is not None
    assert row.finished_at > row.started_at


def test_runs_are_found_newest_first_by_unit_or_device(stocked: Ledger) -> None:
    for unit in (1, 2, 1):
        run = begin(stocked, unit)
        stocked.allocate(run)
        stocked.begin_installing(run)
        stocked.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")

    assert [run.id for run in stocked.runs()] == [3, 2, 1]
    assert [run.id for run in stocked.runs(limit=1)] == [3]
    assert [run.id for run in stocked.runs(mac=mac_of(1).upper().replace(":", "-"))] == [3, 1]
    assert [run.id for run in stocked.runs(device_name=name(2))] == [2]
    with pytest.raises(UsageError, match="not a MAC"):
        stocked.runs(mac="lane 1")


def test_identify_tells_whether_the_unit_was_here_before(stocked: Ledger) -> None:
    run = begin(stocked)
    assert not stocked.identify_run(run, chip_of(1))
    stocked.allocate(run)
    stocked.begin_installing(run)
    stocked.finish_run(run, Verdict.FAIL, seconds=1, code=Code.NO_BOOT, message="silent")

    assert stocked.identify_run(begin(stocked), chip_of(1))
    told = [event.data for event in stocked.audit_events() if event.kind == "unit_identified"]
    assert [(one["rework"], one["keeps"]) for one in told] == [(False, None), (True, name(1))]


def test_a_unit_on_two_lanes_is_refused_on_the_second(stocked: Ledger, data: Path) -> None:
    begin(stocked, 1, lane=1)
    with Ledger.open(data) as other_station:
        for ledger in (stocked, other_station):
            run = begin(ledger, lane=2)
            with pytest.raises(ChipError) as caught:
                ledger.identify_run(run, chip_of(1))
            assert caught.value.code is Code.UNIT_ON_OTHER_LANE
            assert "lane 1" in caught.value.cause
            ledger.finish_run(run, Verdict.FAIL, seconds=1, code=caught.value.code, message=caught.value.cause)


def test_a_run_is_finished_once(stocked: Ledger) -> None:
    run = begin(stocked, 1)
    stocked.finish_run(run, Verdict.ABORTED, seconds=1, code=Code.ABORTED, message="")

    with pytest.raises(InternalFault):
        stocked.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")
    with pytest.raises(InternalFault):
        stocked.record_step(run, Step.WRITE, StepState.DONE, 1.0)
    with pytest.raises(InternalFault):
        stocked.record_step(99, Step.WRITE, StepState.DONE, 1.0)


def test_a_run_of_an_unknown_batch_does_not_begin(stocked: Ledger) -> None:
    with pytest.raises(UsageError, match="no batch named"):
        begin(stocked, batch="nowhere")
    assert stocked.runs() == []


# What a crash leaves: a ledger that is closed without a verdict is a process that died.


@pytest.mark.parametrize("installing", [False, True])
def test_an_interrupted_unit_resumes_with_its_certificate(data: Path, tmp_path: Path, installing: bool) -> None:
    with Ledger.open(data) as dying:
        dying.import_batch(write_csv(tmp_path / "batch.csv", range(1, 5)))
        begin(dying, 9, lane=1)
        run = begin(dying, 2, lane=2)
        dying.allocate(run)
        if installing:
            dying.begin_installing(run)
        dying.record_step(run, Step.WRITE, StepState.BEGUN, 0.0)

    with Ledger.open(data) as ledger:
        listed = ledger.unfinished_runs()
        assert [(one.id, one.mac, one.last_step) for one in listed] == [(1, mac_of(9), None), (run, mac_of(2), "write")]
        again = begin(ledger)
        assert ledger.identify_run(again, chip_of(2))
        allocation = ledger.allocate(again)

        assert (allocation.certificate.identity.device_name, allocation.resumed) == (name(1), True)
        assert ledger.left("batch") == 3
        (ended,) = [one for one in ledger.runs() if one.id == run]
        assert (ended.verdict, ended.code) == (Verdict.ABORTED, "A02")
        assert [one.id for one in ledger.unfinished_runs()] == [1, again]
        ledger.finish_run(again, Verdict.ABORTED, seconds=1, code=Code.ABORTED, message="")
        assert ledger.left("batch") == (3 if installing else 4)


def test_a_lane_that_lost_its_run_takes_its_unit_again(stocked: Ledger) -> None:
    lost = begin(stocked, 1)
    stocked.allocate(lost)

    again = begin(stocked, 1)

    assert stocked.allocate(again).certificate.identity.device_name == name(1)
    assert [one.id for one in stocked.unfinished_runs()] == [again]


def test_a_living_process_is_not_listed_by_another(stocked: Ledger, data: Path) -> None:
    run = begin(stocked, 1)
    with Ledger.open(data) as other:
        assert other.unfinished_runs() == []
    assert [one.id for one in stocked.unfinished_runs()] == [run]


def test_files_of_processes_that_died_long_ago_are_swept(stocked: Ledger, data: Path) -> None:
    begin(stocked)
    (living,) = (data / "processes").iterdir()
    young, old = data / "processes" / "young.lock", data / "processes" / "old.lock"
    young.touch()
    old.touch()
    for file in (old, living):
        os.utime(file, (1.0, 1.0))

    with Ledger.open(data) as other:
        begin(other)
        assert living.exists()
        assert young.exists()
        assert not old.exists()
        assert stocked.unfinished_runs()
        assert [run.id for run in other.unfinished_runs()] == [2]


def test_a_dead_run_without_a_unit_is_ended_by_the_next(stocked: Ledger, data: Path) -> None:
    with Ledger.open(data) as dying:
        nameless = begin(dying)

    begin(stocked, 1)

    assert {one.id: one.verdict for one in stocked.runs()}[nameless] is Verdict.ABORTED


def test_the_last_certificates_are_not_lost_in_dead_processes(data: Path, tmp_path: Path) -> None:
    with Ledger.open(data) as dying:
        dying.import_batch(write_csv(tmp_path / "batch.csv", [1, 2]))
        unused, used = begin(dying, 1, lane=1), begin(dying, 2, lane=2)
        dying.allocate(unused)
        dying.allocate(used)
        dying.begin_installing(used)

    with Ledger.open(data) as ledger:
        assert ledger.allocate(begin(ledger, 3)).certificate.identity.device_name == name(1)
        assert [one.id for one in ledger.unfinished_runs()] == [used, 3]


# Void


def installed(ledger: Ledger, unit: int) -> None:
    run = begin(ledger, unit)
    ledger.allocate(run)
    ledger.begin_installing(run)
    ledger.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")


def test_a_void_certificate_is_never_used_again(stocked: Ledger) -> None:
    installed(stocked, 1)

    done = stocked.void(mac_of(1), reason="board scrapped", operator="Wang")

    assert (done.state, done.void_reason, done.mac) == (CertificateState.VOID, "board scrapped", mac_of(1))
    assert known_device(stocked, mac_of(1), PRODUCT) is None
    assert stocked.allocate(begin(stocked, 1)).certificate.identity.device_name == name(2)
    (event,) = [one for one in stocked.audit_events() if one.kind == "certificate_voided"]
    assert (event.operator, event.mac, event.device_name) == ("Wang", mac_of(1), name(1))
    moved = {"from": "installed", "to": "void", "reason": "board scrapped", "product_key": PRODUCT}
    assert event.data == {
        **moved,
        "line_lead": False,
        "fingerprint": stocked._keys.box.fingerprint(PRODUCT, secret(1))[:4].hex(),
    }


def test_a_certificate_nobody_has_can_be_void(stocked: Ledger) -> None:
    assert stocked.void(f"{PRODUCT}/{name(1)}", reason="deleted on the platform", operator="Wang").mac is None
    assert stocked.left("batch") == 9
    assert stocked.allocate(begin(stocked, 1)).certificate.identity.device_name == name(2)


@pytest.mark.parametrize(("reason", "operator"), [("", "Wang"), ("  ", "Wang"), ("why", ""), ("why", " ")])
def test_void_needs_a_reason_and_somebody(stocked: Ledger, reason: str, operator: str) -> None:
    with pytest.raises(UsageError):
        stocked.void(name(1), reason=reason, operator=operator)


def test_void_of_what_is_void_or_unknown_or_unclear_is_refused(stocked: Ledger, tmp_path: Path) -> None:
    stocked.void(name(1), reason="x", operator="Wang")
    stocked.import_batch(write_csv(tmp_path / "lamp.csv", [2], product="b2Lamp"))

    for subject, word in ((name(1), "void already"), ("nobody", "no certificate"), (name(2), f"{PRODUCT}/{name(2)}")):
        with pytest.raises(UsageError, match=word):
            stocked.void(subject, reason="x", operator="Wang")


def test_a_mac_that_is_also_the_name_of_another_device_is_unclear(ledger: Ledger, tmp_path: Path) -> None:
    twin = mac_of(1).replace(":", "")
    lines = f"DeviceName,DeviceSecret,ProductKey\nplug-1,aaaa,{PRODUCT}\n{twin},bbbb,{PRODUCT}\n"
    (tmp_path / "batch.csv").write_text(lines, encoding="utf-8")
    ledger.import_batch(tmp_path / "batch.csv")
    installed(ledger, 1)

    with pytest.raises(UsageError, match="more than one"):
        ledger.void(twin, reason="x", operator="Wang")


def test_a_unit_in_the_hands_of_a_lane_is_not_made_void(stocked: Ledger) -> None:
    run = begin(stocked, 1)
    stocked.allocate(run)

    with pytest.raises(UsageError, match="lane 1"):
        stocked.void(mac_of(1), reason="x", operator="Wang")


def test_a_unit_that_never_came_back_after_a_crash_can_be_made_void(data: Path, tmp_path: Path) -> None:
    with Ledger.open(data) as dying:
        dying.import_batch(write_csv(tmp_path / "batch.csv", [1, 2]))
        run = begin(dying, 1)
        dying.allocate(run)
        dying.begin_installing(run)

    with Ledger.open(data) as ledger:
        assert ledger.void(mac_of(1), reason="lost", operator="Wang").state is CertificateState.VOID
        assert ledger.unfinished_runs() == []


def test_installing_with_a_certificate_made_void_meanwhile_is_held(stocked: Ledger, data: Path) -> None:
    run = begin(stocked, 1)
    stocked.allocate(run)
    with stocked._changing() as change:  # another way than `void`, which refuses a unit in a lane's hands
        change.connection.exec_driver_sql("UPDATE certificates SET state = 'void', void_reason = 'x' WHERE id = 1")

    with pytest.raises(CertificateHeld):
        stocked.begin_installing(run)


def test_a_units_story_is_told_by_mac_or_name(stocked: Ledger) -> None:
    installed(stocked, 1)
    stocked.void(mac_of(1), reason="x", operator="Wang")
    installed(stocked, 1)

    for subject in (mac_of(1), mac_of(1).upper(), name(1), f"{PRODUCT}/{name(2)}"):
        story = stocked.unit(subject)
        assert story.mac == mac_of(1)
        assert {one.identity.device_name for one in story.certificates} == {name(1), name(2)}
        assert [one.id for one in story.runs] == [2, 1]
        assert [one.kind for one in story.events].count("run_finished") == 2
    assert stocked.unit(name(5)).runs == ()
    with pytest.raises(UsageError, match="no unit"):
        stocked.unit("plug-99999")
    with pytest.raises(UsageError, match="no unit"):
        stocked.unit("24:0a:c4:ff:ff:ff")
