"""Two real stations on one ledger die while all lanes are at work: no certificate on two MACs, none lost, none unrecorded."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end.kills import LANES, floor_and_desk, judge
from tests.end_to_end.quick_units import mac_number
from tests.end_to_end.watched_station import WatchedStation, step


def test_two_stations_started_in_one_instant_share_a_ledger_and_change_units_after_a_kill(tmp_path: Path) -> None:
    with floor_and_desk(tmp_path, LANES) as (floor, desk):
        flash = ("flash", desk.profiles / "quick.yaml")
        halves = floor.ports[:LANES], floor.ports[LANES:]
        with WatchedStation(desk, *flash, *halves[0]) as one, WatchedStation(desk, *flash, *halves[1]) as other:
            for station in (one, other):
                station.wait_for(step("write", "begun"))
            for station in (one, other):
                station.process.kill()
                station.end()
        with (
            WatchedStation(desk, *flash, *halves[1], "--units", 1) as one,
            WatchedStation(desk, *flash, *halves[0], "--units", 1) as other,
        ):
            assert [one.end(), other.end()] == [0, 0]
        judge(desk, floor.units)

    passed = [event["mac"] for event in (*one.events, *other.events) if event["event"] == "verdict"]
    assert sorted(passed) == [mac_number(number) for number in range(1, LANES + 1)]
