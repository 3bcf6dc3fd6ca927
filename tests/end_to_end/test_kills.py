"""Real stations die at random instants while eight lanes are at work: no certificate on two MACs, none lost, none unrecorded."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.end_to_end.kills import LANES, SPARE_UNITS, finish, floor_and_desk, judge, killed_once
from tests.end_to_end.quick_units import mac_number
from tests.end_to_end.watched_station import WatchedStation, step

KILLS = 50
"""Each strikes the runs of up to eight lanes, more than 200 in all; `python -m tests.end_to_end.kills` kills 200 times."""
KILLS_A_SHIFT = 10


@pytest.mark.timeout(400)  # ten starts of eight lanes, on a busy machine too
@pytest.mark.parametrize("seed", range(KILLS // KILLS_A_SHIFT))
def test_killed_stations_lose_no_certificate_and_give_none_twice(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  the instants must be repeatable as far as they can be
    with floor_and_desk(tmp_path, LANES + SPARE_UNITS) as (floor, desk):
        at_work = [killed_once(desk, floor, rng) for _ in range(KILLS_A_SHIFT)]
        finish(desk, floor)
        verdicts = judge(desk, floor.units)

    assert sum(at_work) > 3 * KILLS_A_SHIFT
    assert verdicts["PASS"] >= len(floor.units)
    assert verdicts["ABORTED"] > 0


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
