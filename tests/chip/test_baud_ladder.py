"""Which baud rate a lane uses next."""

from __future__ import annotations

from station.chip.baud_ladder import CLEAN_UNITS_BEFORE_CLIMB, BaudLadder

RATES = (2_000_000, 921600, 115200)


def ladder() -> BaudLadder:
    ladder = BaudLadder()
    ladder.offer(RATES)
    return ladder


def test_the_first_unit_gets_the_profiles_first_rate() -> None:
    assert ladder().baud == RATES[0]


def test_a_lane_that_stepped_down_stays_there_for_the_next_unit() -> None:
    lane = ladder()
    assert lane.step_down()
    lane.offer(RATES)
    assert lane.baud == RATES[1]


def test_below_the_last_rate_there_is_none() -> None:
    lane = ladder()
    assert [lane.step_down() for _ in RATES] == [True, True, False]
    assert lane.baud == RATES[-1]


def test_after_enough_clean_units_the_rate_above_is_tried_again() -> None:
    lane = ladder()
    lane.step_down()
    for _ in range(CLEAN_UNITS_BEFORE_CLIMB):
        lane.offer(RATES)
        assert lane.baud == RATES[1]
        lane.unit_was_clean()
    lane.offer(RATES)
    assert lane.baud == RATES[0]


def test_a_profile_without_a_rate_that_the_lane_holds_gets_its_last_one() -> None:
    lane = ladder()
    lane.step_down()
    lane.offer((3_000_000, 2_000_000))
    assert lane.baud == 2_000_000
