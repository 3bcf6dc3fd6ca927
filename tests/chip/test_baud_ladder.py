"""Which baud rate a lane uses next."""

from __future__ import annotations

from station.chip.baud_ladder import CLEAN_UNITS_TO_CLIMB, CLEAN_UNITS_TO_TRY_AGAIN, FIRST_BAUD, BaudLadder
from station.held_baud import HeldBaud

RATES = (2_000_000, 921600, 115200)


class Memory:
    def __init__(self, held: HeldBaud | None = None) -> None:
        self.held = held

    def recall(self) -> HeldBaud | None:
        return self.held

    def keep(self, held: HeldBaud, /) -> None:
        self.held = held


def units(ladder: BaudLadder, count: int, holds: int, bauds: tuple[int, ...] | None = None) -> list[int]:
    """Write units over a line that holds so much; give the rate at which each was begun."""
    begun = []
    for _ in range(count):
        ladder.offer(bauds)
        begun.append(ladder.baud)
        while ladder.baud > holds:
            assert ladder.step_down()
        ladder.unit_was_clean()
    return begun


def test_of_a_given_list_the_first_unit_gets_the_first_rate() -> None:
    assert units(BaudLadder(), 2, RATES[0], RATES) == [RATES[0]] * 2


def test_a_lane_that_stepped_down_stays_there_for_the_next_unit() -> None:
    assert units(BaudLadder(), 4, RATES[1], RATES) == [RATES[0], *[RATES[1]] * 3]


def test_below_the_last_rate_there_is_none() -> None:
    lane = BaudLadder()
    lane.offer(RATES)
    assert [lane.step_down() for _ in RATES] == [True, True, False]
    assert lane.baud == RATES[-1]


def test_a_unit_that_fails_at_every_rate_teaches_nothing() -> None:
    lane = BaudLadder()
    lane.offer(RATES)
    while lane.step_down():
        pass
    lane.offer(RATES)
    assert lane.baud == RATES[0]


def test_a_rate_that_failed_is_tried_again_more_and_more_rarely() -> None:
    begun = units(BaudLadder(), 5 * CLEAN_UNITS_TO_TRY_AGAIN, RATES[1], RATES)
    tries = [number for number, baud in enumerate(begun) if baud == RATES[0]]
    assert tries == [0, CLEAN_UNITS_TO_TRY_AGAIN + 1, 3 * CLEAN_UNITS_TO_TRY_AGAIN + 2]


def test_a_profile_without_a_rate_that_the_lane_holds_gets_its_last_one() -> None:
    lane = BaudLadder()
    units(lane, 1, RATES[1], RATES)
    lane.offer((3_000_000, 2_000_000))
    assert lane.baud == 2_000_000


def test_without_a_list_a_lane_climbs_to_the_fastest_rate_after_clean_units() -> None:
    begun = units(BaudLadder(), 4 * CLEAN_UNITS_TO_CLIMB, 3_000_000)
    assert begun[::CLEAN_UNITS_TO_CLIMB] == [FIRST_BAUD, 1_500_000, 2_000_000, 3_000_000]


def test_a_lane_settles_at_what_its_cable_holds_and_no_unit_is_lost() -> None:
    for holds in (115_200, 460_800, 921_600, 1_500_000, 2_000_000, 3_000_000):
        begun = units(BaudLadder(), 40, holds)
        assert sum(baud > holds for baud in begun) <= 5
        assert begun.count(holds) >= 20


def test_a_second_step_down_in_one_unit_goes_to_the_lowest_rate() -> None:
    lane = BaudLadder(Memory(HeldBaud(3_000_000, 9)))
    lane.offer(None)
    taken = [lane.baud]
    while lane.step_down():
        taken.append(lane.baud)
    assert taken == [3_000_000, 2_000_000, 115_200]


def test_what_a_lane_learned_outlives_the_program() -> None:
    memory = Memory()
    units(BaudLadder(memory), 20, 1_500_000)
    assert memory.held is not None
    assert (memory.held.baud, memory.held.failed_baud) == (1_500_000, 2_000_000)
    assert units(BaudLadder(memory), 1, 1_500_000) == [1_500_000]
