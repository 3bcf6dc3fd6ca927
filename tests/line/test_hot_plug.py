"""Lanes come with their adapters, find them again under another name, and a lane's trouble stays its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from station.chip.ports import Place, PortInfo
from station.errors import Code
from station.events import LaneAppeared, LaneWaiting, VerdictReached, WaitReason
from station.line.lane import LaneInfo, LanePlan
from station.line.lane_places import NOTHING_LEARNT, LanePlaces
from station.line.line import HotPlug, Line
from station.line.port_watch import PortWatch
from station.line.shift import Shift
from station.profile.prepare import prepare_recipe
from station.profile.recipe import Recipe
from station.verdict import Verdict
from tests.end_to_end.quick_line import LineAtWork, at_work, opened_shift, told
from tests.end_to_end.quick_units import mac_number, make_product, quick_fixture, quick_fixtures, unit_number
from tests.line.ports import PluggedIn, adapter
from tests.line.wedged_port import wedged


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    folder = tmp_path_factory.mktemp("quick")
    make_product(folder)
    return prepare_recipe(folder / "quick.yaml")


@pytest.fixture
def shift(recipe: Recipe, tmp_path: Path) -> Iterator[Shift]:
    with opened_shift(recipe, tmp_path) as shift:
        yield shift


def plugged(plugs: Callable[[], Sequence[PortInfo]], taught: Mapping[int, Place] = NOTHING_LEARNT) -> HotPlug:
    watch = PortWatch(LanePlaces(taught), plugs, new_lanes=not taught, period_s=0.05)
    return HotPlug(watch, lambda number, port: LanePlan(LaneInfo(number, port)))


def test_an_adapter_that_comes_during_the_shift_is_a_new_lane_and_walks_units(shift: Shift) -> None:
    with quick_fixtures(2) as (one, other):
        plugs = PluggedIn([adapter(one.url, "1-1")])
        with at_work(LineAtWork(shift, [one.url], hot_plug=plugged(plugs))) as work:
            work.wait(WaitReason.INSERT_UNIT)
            plugs.ports = [adapter(one.url, "1-1"), adapter(other.url, "1-2")]
            assert work.wait_for(lambda event: isinstance(event, LaneAppeared)) == LaneAppeared(2, other.url)
            other.insert(unit_number(2))
            verdict = work.verdict(lane=2)
            assert (told(verdict), verdict.mac) == ((Verdict.PASS, None), mac_number(2))
            assert [(lane.number, lane.port) for lane in work.line.lanes] == [(1, one.url), (2, other.url)]


def test_an_adapter_put_back_under_another_name_is_found_by_its_own_lane(shift: Shift) -> None:
    """Another adapter has the old name by then, and no lane touches it."""
    with quick_fixtures(2) as (old, new):
        plugs = PluggedIn([adapter(old.url, "1-1")])
        with at_work(LineAtWork(shift, [old.url], hot_plug=plugged(plugs, {1: Place(None, "1-1")}))) as work:
            work.wait(WaitReason.INSERT_UNIT)
            plugs.ports = []
            old.stop()
            work.wait_for(lambda event: isinstance(event, LaneWaiting) and event.code == Code.PORT_MISSING)
            plugs.ports = [adapter(old.url, "1-7"), adapter(new.url, "1-1")]
            assert work.wait_for(lambda event: isinstance(event, LaneAppeared)) == LaneAppeared(1, new.url)
            new.insert(unit_number(1))
            assert told(work.verdict()) == (Verdict.PASS, None)
            assert [row.port for row in shift.ledger.runs()] == [new.url]
            assert shift.ledger.held_bauds.of("USB 1-1") is not None, "the adapter is not known by its place"


def test_a_taught_lane_has_its_place_among_the_others_before_its_adapter_comes(shift: Shift) -> None:
    with quick_fixture() as fixture:
        taught = {1: Place(None, "1-1"), 2: Place(None, "1-2"), 3: Place(None, "1-3")}
        hot_plug = plugged(PluggedIn([adapter(fixture.url, "1-2")]), taught)
        line = Line(shift, [LanePlan(LaneInfo(2, fixture.url))], operator="Li W.", hot_plug=hot_plug)
        assert [(place.number, place.port) for place in line.places] == [(1, ""), (2, fixture.url), (3, "")]
        assert [lane.number for lane in line.lanes] == [2]


def test_a_list_of_ports_that_fails_once_disturbs_nobody(shift: Shift) -> None:
    with quick_fixture(unit_number(1)) as fixture:
        failed = threading.Event()

        def broken_once() -> list[PortInfo]:
            if not failed.is_set():
                failed.set()
                raise OSError("the system is busy")
            return [adapter(fixture.url, "1-1")]

        with at_work(LineAtWork(shift, [], hot_plug=plugged(broken_once))) as work:
            assert told(work.verdict()) == (Verdict.PASS, None)
            assert failed.is_set()


@pytest.mark.parametrize("call", ["open", "write", "read"])
def test_a_driver_that_does_not_return_is_told_and_costs_the_other_lane_and_the_stop_nothing(
    shift: Shift, call: str
) -> None:
    with quick_fixtures(2) as (bad, good), wedged(bad.url, call):
        bad.insert(unit_number(1))
        work = LineAtWork(shift, [bad.url, good.url])
        work.line.start()
        stuck = work.wait(WaitReason.STATION_FAULT)
        assert stuck.code == Code.PORT_STUCK
        assert "Pull the adapter out" in stuck.message
        good.insert(unit_number(2))
        assert told(work.verdict(lane=2)) == (Verdict.PASS, None)
        assert not work.line.stop(1.0)


def test_a_driver_that_does_not_close_is_told_at_the_stop(shift: Shift) -> None:
    with quick_fixture() as fixture, wedged(fixture.url, "close"):
        work = LineAtWork(shift, [fixture.url])
        work.line.start()
        work.wait(WaitReason.INSERT_UNIT)
        assert not work.line.stop(1.0)
        assert work.wait(WaitReason.STATION_FAULT).code == Code.PORT_STUCK


def test_a_lane_without_a_screen_ends_with_the_stations_fault_and_the_line_with_it(shift: Shift) -> None:
    with quick_fixtures(2) as (bad, good), wedged(bad.url, "write"):
        good.insert(unit_number(2))
        work = LineAtWork(shift, [bad.url, good.url], units=1, end_on_error=True)
        work.line.start()
        assert work.line.join(60)
        assert {verdict.lane: told(verdict) for verdict in work.verdicts} == {
            1: (Verdict.ERROR, Code.PORT_STUCK),
            2: (Verdict.PASS, None),
        }
        assert not work.line.stop(0.2)
        assert len([event for event in work.verdicts if isinstance(event, VerdictReached)]) == 2
