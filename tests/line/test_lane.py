"""Lanes at virtual fixtures: what starts a walk, what does not, what ends one, and that nothing ends the lane but its stop."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from station.chip.chip import Chip
from station.errors import Code
from station.events import Event, LaneClosed, LaneWaiting, RunStarted, VerdictReached, WaitReason
from station.held_baud import HeldBaud
from station.ledger import Ledger
from station.line import lane as lane_module
from station.line.lane import Startup
from station.line.shift import Shift
from station.profile.prepare import prepare_recipe
from station.profile.recipe import Recipe
from station.serial_number import EntryWay
from station.verdict import Step, StepState, Verdict
from station.virtual.faults import Faults
from tests.end_to_end.quick_line import LineAtWork, at_work, opened_shift, step, told, waiting
from tests.end_to_end.quick_units import (
    SLOW_BAUD,
    mac_number,
    make_product,
    quick_fixture,
    quick_fixtures,
    unit_number,
    write_profile,
)
from tests.waiting import wait_until

PASS = (Verdict.PASS, None)
ABORTED = (Verdict.ABORTED, Code.ABORTED)


@pytest.fixture(autouse=True)
def settled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """These units have nothing to do after their verdict."""
    monkeypatch.setattr(lane_module, "SETTLE_AFTER_VERDICT_S", 0.05)


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quick")
    make_product(folder)
    return folder


@pytest.fixture(scope="session")
def recipe(product: Path) -> Recipe:
    return prepare_recipe(product / "quick.yaml")


@pytest.fixture(scope="session")
def slow_recipe(product: Path) -> Recipe:
    return prepare_recipe(write_profile(product / "slow.yaml", baud=SLOW_BAUD))


@pytest.fixture
def shift(recipe: Recipe, tmp_path: Path) -> Iterator[Shift]:
    with opened_shift(recipe, tmp_path) as shift:
        yield shift


@pytest.fixture
def slow_shift(slow_recipe: Recipe, tmp_path: Path) -> Iterator[Shift]:
    with opened_shift(slow_recipe, tmp_path) as shift:
        yield shift


def test_the_next_unit_starts_by_itself_after_removal(shift: Shift) -> None:
    with quick_fixture() as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        for number in (1, 2):
            work.wait(WaitReason.INSERT_UNIT)
            fixture.insert(unit_number(number))
            verdict = work.verdict()
            assert (told(verdict), verdict.mac) == (PASS, mac_number(number))
            work.wait(WaitReason.REMOVE_UNIT)
            fixture.remove()


def test_a_lane_learns_what_its_cable_holds_and_the_next_shift_knows_it(product: Path, tmp_path: Path) -> None:
    recipe = prepare_recipe(write_profile(product / "learned.yaml", baud=None))
    with opened_shift(recipe, tmp_path) as shift, quick_fixture(faults=Faults(garbles_above_baud=500_000)) as fixture:
        for number in (1, 2):
            fixture.insert(unit_number(number))
            with at_work(LineAtWork(shift, [fixture.url])) as work:
                assert told(work.verdict()) == PASS
            assert shift.ledger.held_bauds.of(fixture.url) == HeldBaud(460_800, number - 1, 921_600, 1)


def test_a_unit_that_is_changed_for_another_without_a_pause_is_walked(shift: Shift) -> None:
    with quick_fixture(unit_number(1)) as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        work.verdict()
        fixture.insert(unit_number(2))
        assert (told(work.verdict()), work.verdicts[-1].mac) == (PASS, mac_number(2))


def test_a_finished_unit_is_not_walked_again_while_it_stays(shift: Shift, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Semaphore(0)
    ask = Chip.still_there

    def counted(chip: Chip) -> bool:
        asked.release()
        return ask(chip)

    monkeypatch.setattr(Chip, "still_there", counted)
    with quick_fixture(unit_number(1)) as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        assert told(work.verdict()) == PASS
        for _ in range(5):
            assert asked.acquire(timeout=20)
        assert len(work.verdicts) == 1
        assert len(shift.ledger.runs()) == 1


def test_the_retry_key_walks_the_same_unit_again(shift: Shift) -> None:
    with quick_fixture(unit_number(1)) as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        first = work.verdict()
        work.wait(WaitReason.REMOVE_UNIT)
        work.line.retry(1)
        second = work.verdict()
        assert (told(second), second.device_name) == (PASS, first.device_name)


@pytest.fixture(scope="session")
def labelled_recipe(product: Path) -> Recipe:
    label = {"scan": "before", "fields": {"serial_number": "SP[0-9]{8}"}}
    return prepare_recipe(write_profile(product / "labelled.yaml", serial_number=label))


def test_where_the_label_comes_first_no_unit_is_walked_without_its_own(labelled_recipe: Recipe, tmp_path: Path) -> None:
    """A unit that is in already waits for it; one that takes the finished one's place without a pause, too."""
    with (
        opened_shift(labelled_recipe, tmp_path) as shift,
        quick_fixture(unit_number(1)) as fixture,
        at_work(LineAtWork(shift, [fixture.url])) as work,
    ):
        labels = work.line.labels
        assert labels is not None
        for number in (1, 2):
            work.wait(WaitReason.SCAN_LABEL)
            assert len(work.verdicts) == number - 1
            assert labels.give(1, f"SP{number:08}", EntryWay.SCANNED) is None
            verdict = work.verdict()
            assert (told(verdict), verdict.mac, verdict.serial_number) == (PASS, mac_number(number), f"SP{number:08}")
            work.wait(WaitReason.REMOVE_UNIT)
            assert labels.give(1, "SP00000009", EntryWay.SCANNED) is not None
            fixture.insert(unit_number(number + 1))
        work.wait(WaitReason.SCAN_LABEL)


def test_a_label_taken_back_is_awaited_anew_and_a_retry_needs_no_second_scan(
    labelled_recipe: Recipe, tmp_path: Path
) -> None:
    with (
        opened_shift(labelled_recipe, tmp_path) as shift,
        quick_fixture() as fixture,
        at_work(LineAtWork(shift, [fixture.url])) as work,
    ):
        labels = work.line.labels
        assert labels is not None
        work.wait(WaitReason.SCAN_LABEL)
        assert labels.give(1, "SP00000001", EntryWay.SCANNED) is None
        work.wait(WaitReason.INSERT_UNIT)
        assert labels.take_back(1)
        work.wait(WaitReason.SCAN_LABEL)
        assert labels.give(1, "SP00000002", EntryWay.TYPED) is None
        work.wait(WaitReason.INSERT_UNIT)
        fixture.insert(unit_number(1))
        assert work.verdict().serial_number == "SP00000002"
        work.wait(WaitReason.REMOVE_UNIT)
        work.line.retry(1)
        assert (told(work.verdict()), work.verdicts[-1].serial_number) == (PASS, "SP00000002")


def test_with_a_start_key_a_unit_waits_for_it(shift: Shift) -> None:
    with (
        quick_fixture(unit_number(1)) as fixture,
        at_work(LineAtWork(shift, [fixture.url], startup=Startup.KEY)) as work,
    ):
        for _ in range(2):
            work.wait(WaitReason.PRESS_START)
            assert fixture.mode is not None
            assert fixture.mode.name == "RUN"
            work.line.retry(1)
            assert told(work.verdict()) == PASS
        assert len(shift.ledger.runs()) == 2


def test_a_retry_without_a_unit_does_nothing(shift: Shift) -> None:
    with quick_fixture() as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        work.wait(WaitReason.INSERT_UNIT)
        work.line.retry(1)
        work.line.abort(1)
        fixture.insert(unit_number(1))
        assert told(work.verdict()) == PASS


def test_an_abort_stops_a_write_within_a_second_and_the_lane_goes_on(slow_shift: Shift) -> None:
    with quick_fixture(unit_number(1)) as fixture, at_work(LineAtWork(slow_shift, [fixture.url])) as work:
        work.wait_for(step(Step.WRITE, StepState.PROGRESS))
        began = time.monotonic()
        work.line.abort(1)
        assert told(work.verdict()) == ABORTED
        assert time.monotonic() - began < 1.0
        work.wait(WaitReason.REMOVE_UNIT)
        fixture.insert(unit_number(2))
        assert (told(work.verdict()), work.verdicts[-1].mac) == (PASS, mac_number(2))


def test_an_aborted_unit_goes_on_by_the_retry_key(slow_shift: Shift) -> None:
    with quick_fixture(unit_number(1)) as fixture, at_work(LineAtWork(slow_shift, [fixture.url])) as work:
        work.wait_for(step(Step.WRITE, StepState.PROGRESS))
        work.line.abort(1)
        aborted = work.verdict()
        work.wait(WaitReason.REMOVE_UNIT)
        work.line.retry(1)
        passed = work.verdict()
        assert (told(passed), passed.device_name) == (PASS, aborted.device_name)


def test_an_abort_on_one_lane_leaves_the_other_alone(slow_shift: Shift) -> None:
    with quick_fixtures(2) as (one, other), at_work(LineAtWork(slow_shift, [one.url, other.url])) as work:
        one.insert(unit_number(1))
        other.insert(unit_number(2))
        work.on(step(Step.WRITE, StepState.PROGRESS, lane=1), lambda: work.line.abort(1))
        work.wait(WaitReason.REMOVE_UNIT, lane=2)
        assert {verdict.lane: told(verdict) for verdict in work.verdicts} == {1: ABORTED, 2: PASS}


def test_stop_in_mid_write_ends_within_seconds_and_frees_the_port(slow_shift: Shift) -> None:
    with quick_fixture(unit_number(1)) as fixture:
        work = LineAtWork(slow_shift, [fixture.url])
        work.line.start()
        work.wait_for(step(Step.WRITE, StepState.PROGRESS))
        began = time.monotonic()
        assert work.line.stop(10)
        assert time.monotonic() - began < 3
        wait_until(lambda: not fixture.has_client)
        assert [told(verdict) for verdict in work.verdicts] == [ABORTED]
        assert slow_shift.ledger.unfinished_runs() == []


@pytest.mark.parametrize("startup", list(Startup))
def test_stop_ends_a_lane_that_waits(shift: Shift, startup: Startup) -> None:
    with quick_fixture() as fixture:
        work = LineAtWork(shift, [fixture.url], startup=startup)
        work.line.start()
        work.wait_for(lambda event: isinstance(event, LaneWaiting))
        assert work.line.stop(5)
        wait_until(lambda: not fixture.has_client)
        assert work.verdicts == []


def test_a_port_that_is_missing_at_first_becomes_a_lane_once_it_is_there(shift: Shift) -> None:
    with quick_fixture() as placeholder:
        port = placeholder.port
    with at_work(LineAtWork(shift, [placeholder.url])) as work:
        assert work.wait(WaitReason.STATION_FAULT).code == Code.PORT_MISSING
        with quick_fixture(unit_number(1), port=port):
            assert told(work.verdict()) == PASS


def test_a_port_that_another_lane_has_is_told_and_used_once_it_is_free(shift: Shift) -> None:
    with quick_fixture() as fixture, at_work(LineAtWork(shift, [fixture.url, fixture.url])) as work:
        fault = work.wait_for(lambda event: isinstance(event, LaneWaiting) and event.code is not None)
        assert isinstance(fault, LaneWaiting)
        assert fault.code == Code.PORT_BUSY
        fixture.insert(unit_number(1))
        verdict = work.wait_for(lambda event: isinstance(event, VerdictReached))
        assert isinstance(verdict, VerdictReached)
        assert told(verdict) == PASS
        assert verdict.lane != fault.lane


def test_a_fault_that_lasts_is_told_once(shift: Shift) -> None:
    heard: list[Event] = []
    with quick_fixture() as gone:
        pass
    tries = threading.Semaphore(0)
    work = LineAtWork(shift, [gone.url, gone.url])
    work.line.subscribe(heard.append)
    work.on(waiting(WaitReason.STATION_FAULT), tries.release)
    with at_work(work):
        work.wait(WaitReason.STATION_FAULT, lane=1)
        threads = [thread for thread in threading.enumerate() if thread.name.startswith("lane-")]
        for thread in threads:
            thread.join(1.5)
            assert thread.is_alive()
    assert len([event for event in heard if waiting(WaitReason.STATION_FAULT)(event)]) == 1


def test_a_lane_that_ends_on_error_tells_the_ports_fault_as_its_verdict(shift: Shift) -> None:
    with quick_fixture() as gone:
        pass
    work = LineAtWork(shift, [gone.url], units=1, end_on_error=True)
    work.line.start()
    assert work.line.join(20)
    assert [told(verdict) for verdict in work.verdicts] == [(Verdict.ERROR, Code.PORT_MISSING)]
    assert gone.url in work.verdicts[0].message


def test_a_lane_ends_after_its_units(shift: Shift) -> None:
    with quick_fixture(unit_number(1)) as fixture:
        work = LineAtWork(shift, [fixture.url], units=1)
        work.line.start()
        assert work.line.join(60)
        assert [told(verdict) for verdict in work.verdicts] == [PASS]


def test_a_bug_outside_a_run_is_told_and_the_lane_lives_on(shift: Shift, monkeypatch: pytest.MonkeyPatch) -> None:
    struck = threading.Event()
    sync = Chip.sync

    def broken_once(chip: Chip) -> object:
        if not struck.is_set():
            struck.set()
            raise ZeroDivisionError("a bug")
        return sync(chip)

    monkeypatch.setattr(Chip, "sync", broken_once)
    with quick_fixture(unit_number(1)) as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        assert work.wait(WaitReason.STATION_FAULT).code == Code.INTERNAL
        assert told(work.verdict()) == PASS


def test_a_verdict_that_a_bug_keeps_from_the_record_is_an_error_and_the_lane_lives_on(
    shift: Shift, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = Ledger.finish_run
    struck = threading.Event()

    def broken_once(*arguments: object, **named: object) -> None:
        if not struck.is_set():
            struck.set()
            raise ZeroDivisionError("a bug")
        finish(*arguments, **named)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(Ledger, "finish_run", broken_once)
    with quick_fixture(unit_number(1)) as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        first = work.verdict()
        assert told(first) == (Verdict.ERROR, Code.INTERNAL)
        work.wait(WaitReason.REMOVE_UNIT)
        work.line.retry(1)
        second = work.verdict()
        assert (told(second), second.device_name) == (PASS, first.device_name)
        assert shift.ledger.unfinished_runs() == []


def test_a_face_that_fails_does_not_break_the_walk(shift: Shift) -> None:
    def broken(event: Event) -> None:
        raise ZeroDivisionError("a bug of the screen")

    with quick_fixture(unit_number(1)) as fixture:
        work = LineAtWork(shift, [fixture.url], units=1)
        work.line.subscribe(broken)
        work.line.start()
        assert work.line.join(60)
        assert [told(verdict) for verdict in work.verdicts] == [PASS]


def test_a_unit_that_cannot_be_talked_to_is_recorded_as_one_run(shift: Shift) -> None:
    with (
        quick_fixture(unit_number(1), faults=Faults(babbles=True)) as fixture,
        at_work(LineAtWork(shift, [fixture.url])) as work,
    ):
        run = work.wait_for(lambda event: isinstance(event, RunStarted))
        assert isinstance(run, RunStarted)
        assert told(work.verdict()) == (Verdict.FAIL, Code.CHIP_GARBLED)
        work.wait(WaitReason.REMOVE_UNIT)
        assert [row.id for row in shift.ledger.runs()] == [run.run_id]


def test_the_last_word_of_a_lane_is_that_it_closed(shift: Shift) -> None:
    heard: list[Event] = []
    with quick_fixture() as fixture:
        work = LineAtWork(shift, [fixture.url])
        work.line.subscribe(heard.append)
        work.line.start()
        work.wait(WaitReason.INSERT_UNIT)
        assert work.line.stop(5)
    assert heard[-1] == LaneClosed(1)
    assert heard.count(LaneClosed(1)) == 1


def test_the_turns_of_threads_are_as_before_once_the_line_has_stopped(shift: Shift) -> None:
    found_s = sys.getswitchinterval()
    sys.setswitchinterval(0.02)
    with at_work(LineAtWork(shift, [])):
        assert sys.getswitchinterval() < 0.02
    assert sys.getswitchinterval() == pytest.approx(0.02)
    sys.setswitchinterval(found_s)
