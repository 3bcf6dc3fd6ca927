"""Units and fixtures that go wrong in every way the bench knows: the verdict, what is left untouched, and how it goes on."""

from __future__ import annotations

import hashlib
import os
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from station.chip.chip import ROM_BAUD, ResetMode
from station.errors import Code
from station.events import CertificateAllocated, Event, StepReported, WaitReason
from station.ledger import Ledger
from station.line import lane as lane_module
from station.line.decision import LeadDecision
from station.line.shift import Shift
from station.profile.prepare import prepare_recipe
from station.profile.recipe import Recipe
from station.verdict import Step, StepState, Verdict
from station.virtual.faults import Faults
from station.virtual.fixture import Fixture, Unit
from station.virtual.reset_circuit import ResetAction
from tests.end_to_end.conftest import Desk
from tests.end_to_end.quick_line import Fits, LineAtWork, at_work, opened_shift, step, told, waiting
from tests.end_to_end.quick_units import (
    APP_OFFSET,
    CREDENTIALS_OFFSET,
    PRODUCT_KEY,
    SLOW_BAUD,
    MuteApplication,
    QuickApplication,
    mac_number,
    make_product,
    quick_fixture,
    quick_fixtures,
    unit_number,
    write_profile,
)
from tests.end_to_end.watched_station import desk_in
from tests.waiting import wait_until

PASS = (Verdict.PASS, None)


@pytest.fixture(autouse=True)
def settled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """These units have nothing to do after their verdict."""
    monkeypatch.setattr(lane_module, "SETTLE_AFTER_VERDICT_S", 0.05)


NEEDS_REVISION_3 = {
    "version": "1.0.0",
    "images": [
        {"file": "bootloader.bin", "at": 0x1000},
        {"file": "partition-table.bin", "at": 0x8000},
        {"file": "newer.bin", "at": "factory"},
    ],
}


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quick")
    make_product(folder)
    (folder / "newer.bin").write_bytes(needing_revision((folder / "app.bin").read_bytes(), 300))
    return folder


def needing_revision(image: bytes, oldest: int) -> bytes:
    """Put the oldest revision into an image's header (`min_chip_rev_full`), and its SHA-256 anew behind it."""
    body = image[:15] + struct.pack("<H", oldest) + image[17:-32]
    return body + hashlib.sha256(body).digest()


@pytest.fixture(scope="session")
def recipe(product: Path) -> Recipe:
    return prepare_recipe(write_profile(product / "patient.yaml", boot_within="4s"))


@pytest.fixture
def shift(recipe: Recipe, tmp_path: Path) -> Iterator[Shift]:
    with opened_shift(recipe, tmp_path) as shift:
        yield shift


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return desk_in(tmp_path)


def allocated(event: Event) -> bool:
    return isinstance(event, CertificateAllocated)


def is_blank(unit: Unit) -> bool:
    return unit.flash.is_blank(0, unit.flash.size_bytes)


@pytest.mark.parametrize(
    ("instant", "verdict"),
    [
        pytest.param(step(Step.IDENTIFY, StepState.BEGUN), (Verdict.FAIL, Code.UNIT_GONE), id="identify"),
        pytest.param(allocated, (Verdict.FAIL, Code.UNIT_GONE), id="allocate"),
        pytest.param(step(Step.WRITE, StepState.PROGRESS), (Verdict.FAIL, Code.UNIT_GONE), id="write"),
        pytest.param(step(Step.WRITE, StepState.DONE), (Verdict.FAIL, Code.UNIT_GONE), id="verify"),
        pytest.param(step(Step.VERIFY, StepState.DONE), (Verdict.FAIL, Code.NO_BOOT), id="start"),
    ],
)
def test_a_unit_pulled_out_and_put_in_again_passes_with_the_same_certificate(
    shift: Shift, instant: Fits, verdict: tuple[Verdict, Code]
) -> None:
    unit = unit_number(1)
    with quick_fixture(unit) as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        work.on(instant, fixture.remove)
        first = work.verdict()
        assert told(first) == verdict
        work.wait(WaitReason.INSERT_UNIT)
        fixture.insert(unit)
        second = work.verdict()
        assert told(second) == PASS
        assert first.device_name in (None, second.device_name)
        assert work.holders() == {mac_number(1): second.device_name}


def test_a_unit_swapped_in_mid_write_fails_and_the_new_one_is_walked_by_itself(shift: Shift) -> None:
    with quick_fixture(unit_number(1)) as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        work.on(step(Step.WRITE, StepState.PROGRESS), lambda: fixture.insert(unit_number(2)))
        first, second = work.verdict(), work.verdict()
        assert (first.verdict, first.mac) == (Verdict.FAIL, mac_number(1))
        assert (told(second), second.mac) == (PASS, mac_number(2))
        # No byte of a certificate had left for the first unit: its certificate went to the next one.
        assert work.holders() == {mac_number(2): second.device_name}


@pytest.mark.parametrize(
    ("unit", "code"),
    [
        pytest.param(unit_number(1, chip="esp32c3"), Code.WRONG_CHIP, id="another chip"),
        pytest.param(unit_number(1, flash_size="2MB"), Code.FLASH_TOO_SMALL, id="small flash"),
        pytest.param(unit_number(1, revision=100), Code.WRONG_REVISION, id="old silicon"),
        pytest.param(unit_number(1, flash_encryption=True), Code.SECURITY_SET, id="flash encryption"),
        pytest.param(
            unit_number(1, flash_encryption=True, release_mode=True), Code.SECURITY_SET, id="flash encryption for ever"
        ),
        pytest.param(unit_number(1, secure_boot_v1=True), Code.SECURITY_SET, id="secure boot v1"),
        pytest.param(unit_number(1, secure_boot=True), Code.SECURITY_SET, id="secure boot v2"),
        pytest.param(unit_number(1, chip="esp32c3", secure_download=True), Code.SECURITY_SET, id="locked download"),
        pytest.param(unit_number(1, chip="esp32c3", secure_boot=True), Code.WRONG_CHIP, id="another chip, secure boot"),
    ],
)
def test_a_unit_that_is_not_the_products_is_refused_untouched(
    product: Path, tmp_path: Path, unit: Unit, code: Code
) -> None:
    recipe = prepare_recipe(write_profile(product / "newer.yaml", firmware=NEEDS_REVISION_3))
    with opened_shift(recipe, tmp_path) as shift, quick_fixture(unit) as fixture:
        work = LineAtWork(shift, [fixture.url])
        with at_work(work):
            assert told(work.verdict()) == (Verdict.FAIL, code)
            work.wait(WaitReason.REMOVE_UNIT)
            assert work.holders() == {}
            assert is_blank(unit)


def test_a_unit_with_open_jtag_is_written_only_where_a_line_lead_forces_it(product: Path, tmp_path: Path) -> None:
    recipe = prepare_recipe(write_profile(product / "jtag.yaml", security={"expect": "jtag-disabled"}))
    unit, closed = unit_number(1), unit_number(2, jtag_disabled=True)
    decision = LeadDecision("Wang", "samples for the laboratory", True)
    with opened_shift(recipe, tmp_path) as shift, quick_fixture(unit) as fixture:
        with at_work(LineAtWork(shift, [fixture.url])) as work:
            assert told(work.verdict()) == (Verdict.FAIL, Code.SECURITY_SET)
            assert is_blank(unit)
            fixture.insert(closed)
            assert told(work.verdict()) == PASS
        fixture.insert(unit)
        with at_work(LineAtWork(shift, [fixture.url], force_security=decision)) as work:
            assert told(work.verdict()) == PASS
        forced = [event for event in shift.ledger.audit_events() if event.kind == "security.forced"]
    assert [(event.mac, event.operator) for event in forced] == [(mac_number(1), "Li W.")]
    assert forced[0].data["overruled"] == (
        "This unit is refused: it has JTAG open (eFuse JTAG_DISABLE), and the profile expects units with JTAG disabled"
    )
    assert {**decision.as_data()}.items() <= forced[0].data.items()


def test_a_unit_that_answers_garbage_gets_one_verdict_and_the_next_one_passes(shift: Shift) -> None:
    faults = Faults(babbles=True)
    with quick_fixture(unit_number(1), faults=faults) as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        assert told(work.verdict()) == (Verdict.FAIL, Code.CHIP_GARBLED)
        work.wait(WaitReason.REMOVE_UNIT)
        fixture.remove()
        faults.babbles = False
        work.wait(WaitReason.INSERT_UNIT)
        fixture.insert(unit_number(2))
        assert told(work.verdict()) == PASS
        assert len(work.verdicts) == 2


def test_a_good_unit_put_in_place_of_one_that_garbles_is_walked_at_once(shift: Shift) -> None:
    faults = Faults(babbles=True)
    with quick_fixture(unit_number(1), faults=faults) as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        assert told(work.verdict()) == (Verdict.FAIL, Code.CHIP_GARBLED)
        faults.babbles = False
        fixture.insert(unit_number(2))
        assert told(work.verdict()) == PASS


class DeadBootLine(Fixture):
    """EN is wired, BOOT is not: a reset always starts the application."""

    def _act(self, action: ResetAction) -> None:
        super()._act(ResetAction.RUN if action is ResetAction.DOWNLOAD else action)


class BootLog(QuickApplication):
    """Prints the ROM's first lines, as every chip does."""

    def start(self) -> None:
        self._console(b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n")


def test_a_unit_that_starts_instead_of_listening_is_told_as_such(shift: Shift) -> None:
    with DeadBootLine(unit_number(1), boot=BootLog) as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        verdict = work.verdict()
        assert told(verdict) == (Verdict.FAIL, Code.NOT_IN_DOWNLOAD_MODE)
        assert "BOOT" in verdict.mend
        work.wait(WaitReason.REMOVE_UNIT)


def test_without_reset_lines_the_technician_holds_boot_and_lets_it_go(product: Path, tmp_path: Path) -> None:
    recipe = prepare_recipe(write_profile(product / "by-hand.yaml", reset="no-reset"))
    faults, unit = Faults(ignores_reset=True), unit_number(1)
    with (
        opened_shift(recipe, tmp_path) as shift,
        quick_fixture(faults=faults) as fixture,
        at_work(LineAtWork(shift, [fixture.url], reset=ResetMode.NO_RESET)) as work,
    ):
        work.wait(WaitReason.HOLD_BOOT)
        faults.boot_held = True
        fixture.insert(unit)
        asked = work.wait_for(step(Step.START, StepState.BEGUN))
        assert isinstance(asked, StepReported)
        assert asked.message == "Let BOOT go and press EN"
        wait_until(lambda: fixture.baud == ROM_BAUD)  # only then the lane hears what the unit says
        faults.boot_held = False
        fixture.insert(unit)
        assert told(work.verdict()) == PASS


def test_a_port_that_vanishes_in_mid_write_is_the_stations_fault_and_the_unit_resumes(shift: Shift) -> None:
    faults = Faults()
    with quick_fixture(unit_number(1), faults=faults) as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        work.on(step(Step.WRITE, StepState.PROGRESS), lambda: setattr(faults, "hang_up_after_bytes", 0))
        work.on(waiting(WaitReason.STATION_FAULT), lambda: setattr(faults, "hang_up_after_bytes", None))
        first = work.verdict()
        assert told(first) == (Verdict.ERROR, Code.PORT_LOST)
        second = work.verdict()
        assert (told(second), second.device_name) == (PASS, first.device_name)


def test_an_adapter_that_is_unplugged_and_plugged_in_again_resumes(shift: Shift) -> None:
    unit = unit_number(1)
    fixture = quick_fixture(unit).start()
    pulled: Callable[[], None] = fixture.stop
    with at_work(LineAtWork(shift, [fixture.url])) as work:
        work.on(step(Step.WRITE, StepState.PROGRESS), pulled)
        first = work.verdict()
        assert told(first) == (Verdict.ERROR, Code.PORT_LOST)
        assert work.wait(WaitReason.STATION_FAULT).code == Code.PORT_LOST
        assert work.wait(WaitReason.STATION_FAULT).code == Code.PORT_MISSING
        with quick_fixture(unit, port=fixture.port):
            second = work.verdict()
            assert (told(second), second.device_name) == (PASS, first.device_name)


def test_a_unit_that_falls_silent_in_mid_write_is_gone(shift: Shift) -> None:
    faults = Faults()
    with quick_fixture(unit_number(1), faults=faults) as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        work.on(step(Step.WRITE, StepState.PROGRESS), lambda: setattr(faults, "silent_after_bytes", 0))
        assert told(work.verdict()) == (Verdict.FAIL, Code.UNIT_GONE)


@pytest.mark.parametrize("address", [APP_OFFSET + 0x100, CREDENTIALS_OFFSET + 0x2000])
def test_worn_flash_is_found_by_verify(shift: Shift, address: int) -> None:
    faults = Faults(worn_cells={address: 0x01})
    with quick_fixture(unit_number(1), faults=faults) as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        assert told(work.verdict()) == (Verdict.FAIL, Code.VERIFY_MISMATCH)
        work.wait(WaitReason.REMOVE_UNIT)
        assert list(work.holders()) == [mac_number(1)]


def test_a_unit_that_does_not_start_fails_and_passes_once_it_does(shift: Shift) -> None:
    unit = unit_number(1)
    with quick_fixture(unit, boot=MuteApplication) as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        first = work.verdict()
        assert told(first) == (Verdict.FAIL, Code.NO_BOOT)
    with quick_fixture(unit) as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        second = work.verdict()
        assert (told(second), second.device_name) == (PASS, first.device_name)


def test_one_unit_on_two_lanes_at_once_is_refused_on_the_second(product: Path, tmp_path: Path) -> None:
    recipe = prepare_recipe(write_profile(product / "long.yaml", baud=115_200))
    with (
        opened_shift(recipe, tmp_path) as shift,
        quick_fixtures(2) as (one, other),
        at_work(LineAtWork(shift, [one.url, other.url])) as work,
    ):
        work.on(step(Step.IDENTIFY, StepState.DONE, lane=1), lambda: other.insert(unit_number(1)))
        one.insert(unit_number(1))
        refused, passed = work.verdict(lane=2), work.verdict(lane=1)
        assert told(refused) == (Verdict.FAIL, Code.UNIT_ON_OTHER_LANE)
        assert told(passed) == PASS
        assert work.holders() == {mac_number(1): passed.device_name}


def test_a_batch_that_runs_out_in_the_middle_of_a_shift_ends_with_4_and_units_that_come_back_still_pass(
    desk: Desk,
) -> None:
    desk.import_certificates(PRODUCT_KEY, 1)
    profile, untouched, served = desk.profiles / "quick.yaml", unit_number(2), unit_number(1)
    with quick_fixture(served) as fixture:
        assert desk.here("flash", profile, "--port", fixture.url).code == 0
        fixture.insert(untouched)
        done = desk.station("flash", profile, "--port", fixture.url, "--units", "3", "--json")
        assert (done.code, [verdict["code"] for verdict in done.verdicts]) == (4, ["E40"])
        assert "Import" in done.verdicts[0]["mend"]
        assert is_blank(untouched)
        fixture.insert(served)
        assert desk.here("flash", profile, "--port", fixture.url).code == 0


def test_a_bad_unit_ends_with_1_and_says_code_cause_and_mend(desk: Desk) -> None:
    desk.import_certificates(PRODUCT_KEY)
    faults = Faults(worn_cells={APP_OFFSET + 0x100: 0x01})
    with quick_fixture(unit_number(1), faults=faults) as fixture:
        done = desk.station("flash", desk.profiles / "quick.yaml", "--port", fixture.url)
    assert (done.code, done.err) == (1, "")
    *_, head, reason = done.out.splitlines()
    assert "FAIL" in head
    assert mac_number(1) in head
    assert reason.startswith("    F30: The flash does not hold what was written (app")
    assert reason.endswith("Try the unit once more; if it happens again, its flash is bad")


def test_a_lost_port_ends_with_3(desk: Desk) -> None:
    desk.import_certificates(PRODUCT_KEY)
    profile = write_profile(desk.profiles / "slow.yaml", baud=SLOW_BAUD)
    with quick_fixture(unit_number(1), faults=Faults(hang_up_after_bytes=60_000)) as fixture:
        done = desk.station("flash", profile, "--port", fixture.url, "--json")
    assert (done.code, done.err) == (3, "")
    assert [verdict["code"] for verdict in done.verdicts] == ["E13"]


def test_a_unit_of_another_ledger_is_held_until_the_line_lead_has_it_replaced(desk: Desk, tmp_path: Path) -> None:
    desk.import_certificates(PRODUCT_KEY)
    other = Desk(tmp_path / "other", desk.profiles)
    other.data.parent.mkdir(exist_ok=True)
    other.import_certificates(PRODUCT_KEY, prefix="other")
    words = ("flash", desk.profiles / "quick.yaml", "--json", "--port")
    with quick_fixture(unit_number(1)) as fixture:
        assert other.here(*words, fixture.url).code == 0
        held = desk.here(*words, fixture.url)
        assert (held.code, held.verdicts[0]["code"]) == (1, "F50")
        assert "other-000001" in held.verdicts[0]["message"]
        replaced = desk.station(*words, fixture.url, "--replace-foreign")
        assert (replaced.code, replaced.verdicts[0]["device_name"]) == (0, "unit-000001")


def test_a_certificate_that_a_unit_brings_from_the_same_csv_goes_to_no_other_unit(
    recipe: Recipe, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with quick_fixture(unit_number(1)) as fixture:
        with opened_shift(recipe, elsewhere) as there, at_work(LineAtWork(there, [fixture.url])) as work:
            brought = work.verdict().device_name
        with Ledger.open(tmp_path / "data") as ledger:
            batch = ledger.import_batch(elsewhere / "shift.csv").batch
            with at_work(LineAtWork(Shift(recipe, ledger, batch, None, None), [fixture.url])) as work:
                held = work.verdict()
                assert told(held) == (Verdict.FAIL, Code.FOREIGN_CERTIFICATE)
                assert str(brought) in held.message
                fixture.insert(unit_number(2))
                second = work.verdict()
                assert told(second) == PASS
                assert work.holders() == {mac_number(1): brought, mac_number(2): second.device_name}


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo terminal stands in for an adapter")
def test_two_stations_on_one_adapter_are_kept_apart(desk: Desk) -> None:
    import pty  # noqa: PLC0415  not on Windows

    desk.import_certificates(PRODUCT_KEY)
    controller, adapter = pty.openpty()
    name = os.ttyname(adapter)
    first = desk.start("flash", desk.profiles / "quick.yaml", "--port", name)
    try:
        assert first.stdout is not None
        assert "Insert a unit" in first.stdout.readline()
        second = desk.station("flash", desk.profiles / "quick.yaml", "--port", name, "--json")
    finally:
        first.terminate()
        first.communicate(timeout=60)
        os.close(controller)
        os.close(adapter)
    assert (second.code, second.verdicts[0]["code"]) == (3, "E11")
