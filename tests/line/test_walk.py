"""The walk of a unit, against a chip in memory and the real ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from station.certificate import Certificate, CertificateState
from station.chip.chip_failures import port_lost, unit_gone
from station.errors import Aborted, ChipError, Code, LedgerFault
from station.events import CertificateAllocated, StepReported, UnitIdentified, VerdictReached
from station.image.nvs_reader import read_nvs_image
from station.ledger import Ledger
from station.line.decision import LeadDecision
from station.line.passage import Passage
from station.line.walk import walk_unit
from station.unit import Disposition, SecurityState
from station.verdict import Step, StepState, Verdict
from tests.batch_csv import write_batch_csv
from tests.line.conftest import Desk
from tests.line.fake_chip import FakeChip, FakeUnit, unit_number


def when(call: str, happening: Callable[[], None], times: int = 1) -> Callable[[str], None]:
    """Do something before the `times`-th call of this name."""
    seen = 0

    def before(name: str) -> None:
        nonlocal seen
        if name == call:
            seen += 1
            if seen == times:
                happening()

    return before


def raising(error: Exception) -> Callable[[], None]:
    def happening() -> None:
        raise error

    return happening


def test_a_good_unit_passes_and_carries_its_certificate(desk: Desk) -> None:
    unit = unit_number(1)
    verdict = desk.walk(FakeChip(unit))
    assert (verdict.verdict, verdict.code) == (Verdict.PASS, None)
    assert verdict.device_name == desk.carried(unit)
    assert desk.states() == ["installed", "available", "available"]
    assert verdict.left == 2


def test_every_step_is_reported_in_order(desk: Desk) -> None:
    desk.walk(FakeChip(unit_number(1)))
    done = [e.step for e in desk.heard if isinstance(e, StepReported) and e.state is StepState.DONE]
    assert done == list(Step)
    assert any(isinstance(e, UnitIdentified) for e in desk.heard)
    assert any(isinstance(e, CertificateAllocated) for e in desk.heard)


def test_progress_ends_at_the_total(desk: Desk) -> None:
    desk.walk(FakeChip(unit_number(1)))
    progress = [e for e in desk.heard if isinstance(e, StepReported) and e.state is StepState.PROGRESS]
    assert progress[-1].done_bytes == progress[-1].total_bytes


def test_the_credentials_are_written_last(desk: Desk) -> None:
    chip = FakeChip(unit_number(1))
    desk.walk(chip)
    secret = [region.name for region in desk.recipe.unit_plan(_a_certificate(desk)).regions if region.secret]
    assert chip.written[-len(secret) :] == secret


def _a_certificate(desk: Desk) -> Certificate:
    allocated = desk.ledger.begin_run(
        lane=9, port="x", profile="x", firmware_version="1", batch=desk.batch, operator="x"
    )
    desk.ledger.identify_run(allocated, FakeChip(unit_number(99)).identify())
    return desk.ledger.allocate(allocated).certificate


def test_a_unit_that_comes_back_keeps_its_certificate_and_nothing_is_written_again(desk: Desk) -> None:
    unit = unit_number(1)
    first = desk.walk(FakeChip(unit))
    again = FakeChip(unit)
    second = desk.walk(again)
    assert second.verdict is Verdict.PASS
    assert second.device_name == first.device_name
    assert again.written == []
    assert desk.states().count(CertificateState.INSTALLED) == 1


@pytest.mark.parametrize(
    ("unit", "code"),
    [
        (unit_number(1, chip="esp32c3"), Code.WRONG_CHIP),
        (unit_number(2, flash_size_bytes=2 << 20), Code.FLASH_TOO_SMALL),
        (unit_number(3, security=SecurityState(flash_encryption=True, secure_boot=False)), Code.SECURITY_SET),
        (unit_number(4, security=SecurityState(flash_encryption=False, secure_boot=True)), Code.SECURITY_SET),
    ],
)
def test_a_unit_that_is_not_the_profiles_is_refused_before_anything_is_written(
    desk: Desk, unit: FakeUnit, code: Code
) -> None:
    chip = FakeChip(unit)
    verdict = desk.walk(chip)
    assert (verdict.verdict, verdict.code, verdict.mac) == (Verdict.FAIL, code, unit.mac)
    assert chip.written == []
    assert set(desk.states()) == {CertificateState.AVAILABLE}


@pytest.mark.parametrize(
    ("times", "state"),
    [(1, CertificateState.AVAILABLE), (2, CertificateState.AVAILABLE), (3, CertificateState.INSTALLING)],
)
def test_a_unit_that_is_swapped_stops_the_walk_before_the_next_write(
    desk: Desk, times: int, state: CertificateState
) -> None:
    chip = FakeChip(unit_number(1))
    other = unit_number(2)

    def swap() -> None:
        chip.unit = other

    chip.before = when("mac_now", swap, times)
    verdict = desk.walk(chip)
    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, Code.UNIT_SWAPPED)
    assert desk.carried(other) is None
    assert desk.states() == [state, "available", "available"]


def test_a_unit_with_a_certificate_of_somebody_else_is_held(desk: Desk, tmp_path: Path) -> None:
    unit = unit_number(1)
    csv = tmp_path / "other.csv"
    write_batch_csv(csv, desk.recipe.profile.product_key, 1, "foreign")
    with Ledger.open(tmp_path / "other") as other_ledger:
        Desk(desk.recipe, other_ledger, other_ledger.import_batch(csv).batch).walk(FakeChip(unit))
    chip = FakeChip(unit)
    verdict = desk.walk(chip)
    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, Code.FOREIGN_CERTIFICATE)
    assert str(desk.carried(unit)) in verdict.message
    assert chip.written == []
    assert set(desk.states()) == {CertificateState.AVAILABLE}


def test_a_line_lead_may_have_a_foreign_certificate_replaced(desk: Desk, tmp_path: Path) -> None:
    unit = unit_number(1)
    csv = tmp_path / "other.csv"
    write_batch_csv(csv, desk.recipe.profile.product_key, 1, "foreign")
    with Ledger.open(tmp_path / "other") as other_ledger:
        Desk(desk.recipe, other_ledger, other_ledger.import_batch(csv).batch).walk(FakeChip(unit))
    old = desk.carried(unit)
    verdict = desk.walk(FakeChip(unit), replace_foreign=LeadDecision("Wang", "returned by the customer", True))
    assert verdict.verdict is Verdict.PASS
    assert desk.carried(unit) == verdict.device_name
    told = {event.kind: event for event in desk.ledger.audit_events()}
    foreign = told["certificate.foreign"]
    assert (foreign.mac, foreign.device_name, foreign.data["ledger_has"]) == (unit.mac, old, None)
    replaced = told["certificate.replaced"]
    assert replaced.operator == "Li W."
    product_key = desk.recipe.profile.product_key
    assert replaced.data == {
        "run": 1,
        "from": {"product_key": product_key, "device_name": old},
        "to": {"product_key": product_key, "device_name": verdict.device_name},
        "decided_by": "Wang",
        "reason": "returned by the customer",
        "line_lead": True,
    }


def test_a_unit_whose_certificate_was_voided_gets_a_new_one(desk: Desk) -> None:
    unit = unit_number(1)
    first = desk.walk(FakeChip(unit))
    desk.ledger.void(unit.mac, reason="label lost", operator="lead")
    second = desk.walk(FakeChip(unit))
    assert second.verdict is Verdict.PASS
    assert second.device_name != first.device_name
    assert desk.states() == ["void", "installed", "available"]


@pytest.mark.parametrize(
    ("call", "times", "state"),
    [
        ("identify", 1, CertificateState.AVAILABLE),
        ("prepare", 1, CertificateState.AVAILABLE),
        ("read", 1, CertificateState.INSTALLING),
        ("mac_now", 1, CertificateState.AVAILABLE),
        ("mac_now", 2, CertificateState.AVAILABLE),
        ("mac_now", 3, CertificateState.INSTALLING),
        ("restart", 1, CertificateState.INSTALLING),
    ],
)
def test_a_unit_that_is_pulled_out_is_told_and_resumes(
    desk: Desk, call: str, times: int, state: CertificateState
) -> None:
    unit = unit_number(1)
    verdict = desk.walk(FakeChip(unit, when(call, raising(unit_gone()), times)))
    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, Code.UNIT_GONE)
    assert desk.states()[0] is state
    again = desk.walk(FakeChip(unit))
    assert again.verdict is Verdict.PASS
    assert desk.states() == ["installed", "available", "available"]


def test_a_port_that_vanishes_is_the_stations_fault_and_the_unit_resumes(desk: Desk) -> None:
    unit = unit_number(1)
    verdict = desk.walk(FakeChip(unit, when("restart", raising(port_lost("COM7")))))
    assert (verdict.verdict, verdict.code) == (Verdict.ERROR, Code.PORT_LOST)
    assert desk.walk(FakeChip(unit)).verdict is Verdict.PASS


def test_an_abort_is_the_persons_and_the_unit_resumes(desk: Desk) -> None:
    unit = unit_number(1)
    stop = Aborted(Code.ABORTED, "The run was stopped by hand", "Put the unit in again")
    verdict = desk.walk(FakeChip(unit, when("restart", raising(stop))))
    assert verdict.verdict is Verdict.ABORTED
    again = desk.walk(FakeChip(unit))
    assert (again.verdict, again.device_name) == (Verdict.PASS, verdict.device_name)


def test_flash_that_does_not_hold_its_bytes_fails_in_verify(desk: Desk) -> None:
    chip = FakeChip(unit_number(1))
    chip.spoil = lambda _name, data: bytes([data[0] ^ 1]) + data[1:]
    assert desk.walk(chip).code == Code.VERIFY_MISMATCH


def test_what_the_line_spoilt_unseen_is_written_again_at_a_lower_rate(desk: Desk) -> None:
    class SlowingChip(FakeChip):
        def slow_down(self) -> bool:
            self.spoil = lambda _name, data: data
            return True

    chip = SlowingChip(unit_number(1))
    chip.spoil = lambda _name, data: bytes([data[0] ^ 1]) + data[1:]
    assert desk.walk(chip).verdict is Verdict.PASS


def test_credentials_that_read_back_wrong_are_found_even_when_the_md5_agrees(desk: Desk) -> None:
    unit, other = unit_number(1), unit_number(2)
    desk.walk(FakeChip(other))
    chip = FakeChip(unit)
    partition = desk.recipe.credentials_partition

    def lie() -> None:
        span = slice(partition.offset, partition.offset + partition.size_bytes)
        unit.flash[span] = other.flash[span]

    chip.before = when("read", lie)
    verdict = desk.walk(chip)
    assert verdict.code == Code.CREDENTIALS_DIFFER
    assert "DeviceSecret" in verdict.message


@pytest.mark.parametrize(
    ("says", "code"),
    [
        ((), Code.NO_BOOT),
        (("rst:0x10 (RTCWDT_RTC_RESET)", "invalid header: 0xffffffff"), Code.NO_BOOT),
        (("station-app ready: station-training 1.0.0 device={device_name}",), Code.NOT_ONLINE),
    ],
)
def test_a_unit_that_is_not_seen_to_work_fails(desk: Desk, says: tuple[str, ...], code: Code) -> None:
    if code is Code.NOT_ONLINE and desk.recipe.profile.checks.online is None:
        pytest.skip("the training profile asks for no online check")
    verdict = desk.walk(FakeChip(unit_number(1, says=says)))
    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, code)
    if says:
        assert says[-1].format(device_name=verdict.device_name) in verdict.message


def test_a_unit_that_runs_with_another_certificate_is_caught(desk: Desk) -> None:
    says = ("station-app ready: station-training 1.0.0 device=unit-000009", "station-app online")
    verdict = desk.walk(FakeChip(unit_number(1, says=says)))
    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, Code.OTHER_IDENTITY)
    assert "unit-000009" in verdict.message
    assert str(verdict.device_name) in verdict.message


def test_a_secret_that_the_unit_prints_is_masked(desk: Desk) -> None:
    unit = unit_number(1)
    desk.walk(FakeChip(unit))
    partition = desk.recipe.credentials_partition
    held = read_nvs_image(bytes(unit.flash[partition.offset : partition.end]))
    secret = next(entry.text() for entry in held.entries if entry.key == "DeviceSecret")
    verdict = desk.walk(FakeChip(FakeUnit(unit.mac, flash=unit.flash, says=(f"my secret is {secret}",))))
    assert verdict.code == Code.NO_BOOT
    assert str(secret) not in verdict.message
    assert "my secret is ***" in verdict.message


def test_a_batch_that_runs_out_is_an_error_and_nothing_is_written(desk: Desk) -> None:
    for number in range(1, 4):
        assert desk.walk(FakeChip(unit_number(number))).verdict is Verdict.PASS
    chip = FakeChip(unit_number(4))
    verdict = desk.walk(chip)
    assert (verdict.verdict, verdict.code) == (Verdict.ERROR, Code.NO_CERTIFICATE_LEFT)
    assert chip.written == []
    assert desk.walk(FakeChip(unit_number(4))).code == Code.NO_CERTIFICATE_LEFT


def test_the_same_unit_on_two_lanes_is_refused_on_the_second(desk: Desk) -> None:
    unit = unit_number(1)
    second: list[VerdictReached] = []
    first = desk.walk(
        FakeChip(unit, when("restart", lambda: second.append(desk.walk(FakeChip(unit_number(1)), lane=2))))
    )
    assert first.verdict is Verdict.PASS
    assert (second[0].verdict, second[0].code) == (Verdict.FAIL, Code.UNIT_ON_OTHER_LANE)


def test_a_ledger_that_fails_in_the_middle_is_an_error_and_the_unit_resumes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = unit_number(1)
    fault = LedgerFault(Code.DISK_FULL, "The disk is full", "Free some space")
    with monkeypatch.context() as patch:
        patch.setattr(desk.ledger, "begin_installing", lambda _run: raising(fault)())
        chip = FakeChip(unit)
        verdict = desk.walk(chip)
    assert (verdict.verdict, verdict.code) == (Verdict.ERROR, Code.DISK_FULL)
    assert desk.carried(unit) is None
    assert desk.walk(FakeChip(unit)).verdict is Verdict.PASS


def test_a_verdict_that_cannot_be_recorded_is_no_pass(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = LedgerFault(Code.DISK_FULL, "The disk is full", "Free some space")
    with monkeypatch.context() as patch:
        patch.setattr(desk.ledger, "finish_run", lambda *_a, **_k: raising(fault)())
        verdict = desk.walk(FakeChip(unit_number(1)))
    assert (verdict.verdict, verdict.code) == (Verdict.ERROR, Code.DISK_FULL)


def test_a_bug_ends_the_run_as_error_and_not_the_lane(desk: Desk) -> None:
    verdict = desk.walk(FakeChip(unit_number(1), when("read", raising(ZeroDivisionError("secret text")))))
    assert (verdict.verdict, verdict.code) == (Verdict.ERROR, Code.INTERNAL)
    assert "secret text" not in verdict.message


def test_a_refused_unit_is_recorded(desk: Desk) -> None:
    refusal = ChipError(Code.NOT_IN_DOWNLOAD_MODE, "It starts", "Hold BOOT")
    passage = Passage(
        lane=1, port="test", chip=FakeChip(unit_number(1)), recipe=desk.recipe, static=(), batch=desk.batch,
        operator="x", ledger=desk.ledger, report=desk.heard.append,
    )  # fmt: skip
    verdict = walk_unit(passage, refusal)
    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, Code.NOT_IN_DOWNLOAD_MODE)
    assert desk.ledger.runs()[0].code == Code.NOT_IN_DOWNLOAD_MODE


@pytest.mark.parametrize("put", [Disposition.HOLD, Disposition.SCRAP])
def test_a_unit_on_hold_or_scrap_is_not_written_until_it_is_let_go(desk: Desk, put: Disposition) -> None:
    unit = unit_number(1)
    desk.ledger.dispositions.put(unit.mac, put, reason="bent pin", operator="Li W.")
    chip = FakeChip(unit)
    verdict = desk.walk(chip)
    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, Code.UNIT_PUT_ASIDE)
    assert "bent pin" in verdict.message
    assert chip.written == []
    assert set(desk.states()) == {CertificateState.AVAILABLE}
    desk.ledger.dispositions.put(unit.mac, None, reason="straight again", operator="Wang")
    assert desk.walk(FakeChip(unit)).verdict is Verdict.PASS


def test_a_unit_is_tried_as_often_as_the_profile_says_and_again_after_rework(desk: Desk) -> None:
    profile = desk.recipe.profile.model_copy(update={"retries": 1})
    desk.recipe = replace(desk.recipe, profile=profile)
    unit = unit_number(1)

    def walk() -> VerdictReached:
        return desk.walk(FakeChip(unit, before=when("prepare", raising(unit_gone()))))

    tried = [walk() for _ in range(3)]
    assert [one.code for one in tried] == [Code.UNIT_GONE, Code.UNIT_GONE, Code.TRIED_TOO_OFTEN]
    assert [(one.failed_in_row, one.tries_max) for one in tried] == [(1, 2), (2, 2), (3, 2)]
    desk.ledger.dispositions.put(unit.mac, Disposition.REWORK, reason="new contact", operator="Li W.")
    assert walk().failed_in_row == 1
