"""The unit's label in the walk: bound before anything is written, or awaited before the verdict; never another unit's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from station.errors import Code
from station.events import Event, LabelRefused, LabelTaken, LabelWanted, SerialNumberBound, StepReported
from station.line.label_desk import LabelDesk
from station.line.label_slot import LabelSlot, SlotState
from station.profile.serial_number import ScanTime, SerialNumber
from station.serial_number import EntryWay, ScanRefusal
from station.unit import Mac
from station.verdict import Step, Verdict
from tests.line.conftest import Desk
from tests.line.fake_chip import FakeChip, FakeUnit

A, B = (Mac(f"24:0a:c4:00:20:{number:02x}") for number in (1, 2))
SP1, SP2 = "SP00000001", "SP00000002"


class Heard(list[Event]):
    """What was reported; `react` hears it too, on the thread that reports."""

    react: Callable[[Event], object] = staticmethod(lambda _event: None)

    def append(self, event: Event) -> None:
        super().append(event)
        self.react(event)


class Bench:
    """A desk whose profile wants labels, and its lanes' places for them."""

    def __init__(self, desk: Desk, scan: ScanTime) -> None:
        rule = SerialNumber.model_validate({"scan": scan, "fields": {"serial_number": "SP[0-9]{8}"}})
        profile = desk.recipe.profile.model_copy(update={"serial_number": rule})
        self.heard = Heard()
        self.desk = replace(desk, recipe=replace(desk.recipe, profile=profile), heard=self.heard)
        self.stopped = threading.Event()
        self.slots = {number: LabelSlot(self.stopped.is_set) for number in (1, 2)}
        self.labels = LabelDesk(rule, profile.product_key, desk.ledger, lambda: self.slots, self.heard.append)

    def give(self, code: str, lane: int = 1, *, replace: bool = False) -> bool:
        return self.labels.give(lane, code, EntryWay.SCANNED, replace=replace) is None

    def before(self, mac: Mac, code: str, lane: int = 1) -> tuple[Verdict, str | None]:
        """Scan, insert, walk, as the lane does it."""
        self.slots[lane].open()
        assert self.give(code, lane)
        assert self.slots[lane].lock() is not None
        return self.walk(mac, lane)

    def walk(
        self, mac: Mac, lane: int = 1, before: Callable[[str], None] = lambda _call: None
    ) -> tuple[Verdict, str | None]:
        done = self.desk.walk(FakeChip(FakeUnit(mac), before), lane=lane, label_slot=self.slots[lane])
        self.slots[lane].shut()
        self.last = done
        return done.verdict, done.code

    def scan_at_start(self, mac: Mac, *codes: str) -> tuple[Verdict, str | None]:
        """Walk a unit, and scan until a code is taken when it is started."""

        def at(call: str) -> None:
            if call == "restart":
                assert any(self.give(code) for code in codes)

        return self.walk(mac, before=at)

    def bearer(self, code: str) -> str | None:
        row = self.desk.ledger.serial_numbers.bearer(self.desk.recipe.profile.product_key, code)
        return None if row is None else row.mac

    def refusals(self) -> list[ScanRefusal | None]:
        return [event.why for event in self.heard if isinstance(event, LabelRefused)]


@pytest.fixture
def first(desk: Desk) -> Bench:
    return Bench(desk, ScanTime.BEFORE)


@pytest.fixture
def after(desk: Desk) -> Bench:
    return Bench(desk, ScanTime.AFTER)


def test_the_label_scanned_before_is_the_units(first: Bench) -> None:
    assert first.before(A, SP1) == (Verdict.PASS, None)

    assert (first.bearer(SP1), first.last.serial_number) == (A, SP1)
    assert first.desk.ledger.runs()[0].serial_number == SP1
    assert SerialNumberBound(1, A, SP1, False) in first.heard


def test_another_units_label_stops_the_walk_before_anything_is_written(first: Bench) -> None:
    first.before(A, SP1)
    chip = FakeChip(FakeUnit(B))
    first.slots[1].open()
    first.give(SP1)
    first.slots[1].lock()
    refused = first.desk.walk(chip, label_slot=first.slots[1])

    assert (refused.verdict, refused.code) == (Verdict.FAIL, Code.SERIAL_NUMBER_TAKEN)
    assert A in refused.message
    assert chip.written == []
    assert (first.bearer(SP1), refused.device_name) == (A, None)


def test_a_unit_that_comes_back_is_named_at_the_scan_and_keeps_its_number(first: Bench) -> None:
    first.before(A, SP1)
    assert first.before(A, SP1) == (Verdict.PASS, None)

    names = [event.bearer for event in first.heard if isinstance(event, LabelTaken)]
    assert names[0] is None
    assert str(names[1]).startswith(A)
    assert first.before(A, SP2) == (Verdict.FAIL, Code.OTHER_SERIAL_NUMBER)
    assert (first.bearer(SP1), first.bearer(SP2)) == (A, None)


def test_a_label_may_be_replaced_until_the_unit_is_in(first: Bench) -> None:
    slot = first.slots[1]
    slot.open()
    assert first.give(SP1)
    assert not first.give(SP2)
    assert first.give(SP2, replace=True)
    assert first.labels.take_back(1)
    assert slot.state is SlotState.WANTED
    assert first.give(SP1)
    slot.lock()

    assert not first.give(SP2, replace=True)
    assert not first.labels.take_back(1)
    assert first.walk(A) == (Verdict.PASS, None)
    assert first.bearer(SP1) == A


def test_one_label_is_at_one_lane(first: Bench) -> None:
    for slot in first.slots.values():
        slot.open()
    assert first.give(SP1, 1)
    assert not first.give(SP1, 2)
    assert first.give(SP2, 2)

    assert first.refusals() == [ScanRefusal.ON_OTHER_LANE]


def test_what_is_no_label_is_refused_at_once_and_the_lane_waits_on(first: Bench) -> None:
    first.slots[1].open()
    assert not first.give("SP1")
    assert not first.give(SP1, 2)

    assert first.refusals() == [ScanRefusal.OTHER_TEXT, ScanRefusal.NOT_WANTED]
    assert first.slots[1].state is SlotState.WANTED


def test_a_label_scanned_meanwhile_does_not_hold_the_walk_up(after: Bench) -> None:
    assert after.scan_at_start(A, SP1) == (Verdict.PASS, None)

    kinds = [type(event) for event in after.heard if isinstance(event, LabelWanted | LabelTaken | SerialNumberBound)]
    assert kinds == [LabelWanted, LabelTaken, SerialNumberBound]
    assert after.bearer(SP1) == A


def test_the_verdict_waits_for_the_label(after: Bench) -> None:
    online = threading.Event()
    after.heard.react = lambda event: (
        online.set() if isinstance(event, StepReported) and event.step is Step.ONLINE else None
    )
    walk = threading.Thread(target=after.walk, args=(A,))
    walk.start()
    try:
        assert online.wait(10)
        assert after.give(SP1)
        walk.join(10)
    finally:
        after.stopped.set()
        after.slots[1].wake()
        walk.join(10)

    assert after.last.verdict is Verdict.PASS
    assert after.bearer(SP1) == A


def test_a_scan_is_replaced_before_the_unit_is_recorded(after: Bench) -> None:
    def at(call: str) -> None:
        if call == "restart":
            assert after.give(SP1)
            assert after.give(SP2, replace=True)

    assert after.walk(A, before=at) == (Verdict.PASS, None)

    assert (after.bearer(SP1), after.bearer(SP2)) == (None, A)


def test_a_run_that_is_stopped_while_it_waits_is_aborted(after: Bench) -> None:
    after.stopped.set()

    assert after.walk(A) == (Verdict.ABORTED, Code.ABORTED)
    assert after.bearer(SP1) is None


def test_a_duplicate_is_refused_while_the_unit_is_in_hand(after: Bench) -> None:
    after.scan_at_start(A, SP1)

    assert after.scan_at_start(B, SP1, SP2) == (Verdict.PASS, None)

    assert after.refusals() == [ScanRefusal.OTHER_UNIT]
    assert (after.bearer(SP1), after.bearer(SP2)) == (A, B)


def test_a_number_that_went_to_another_unit_after_the_scan_is_refused_and_another_awaited(after: Bench) -> None:
    elsewhere = Bench(after.desk, ScanTime.BEFORE)

    def at(call: str) -> None:
        if call == "restart":
            assert after.give(SP1)
            assert elsewhere.before(B, SP1, lane=2) == (Verdict.PASS, None)

    after.heard.react = lambda event: isinstance(event, LabelRefused) and after.give(SP2)

    assert after.walk(A, before=at) == (Verdict.PASS, None)
    assert after.refusals() == [ScanRefusal.OTHER_UNIT]
    assert (after.bearer(SP1), after.bearer(SP2)) == (B, A)


def test_a_unit_whose_label_is_known_needs_no_scan(after: Bench) -> None:
    after.scan_at_start(A, SP1)
    after.heard.clear()

    assert after.walk(A) == (Verdict.PASS, None)

    assert not any(isinstance(event, LabelWanted) for event in after.heard)
    assert [run.serial_number for run in after.desk.ledger.runs()] == [SP1, SP1]


def test_a_unit_that_fails_needs_no_label_and_keeps_the_scan_for_its_next_try(after: Bench) -> None:
    mute = FakeUnit(A, says=())

    def at(call: str) -> None:
        if call == "restart":
            after.give(SP1)

    failed = after.desk.walk(FakeChip(mute, at), label_slot=after.slots[1])
    after.slots[1].shut()
    assert (failed.verdict, failed.code) == (Verdict.FAIL, Code.NO_BOOT)
    assert after.bearer(SP1) is None

    assert after.walk(A) == (Verdict.PASS, None)
    assert after.bearer(SP1) == A
