"""When the next connection is tried, by a clock that is handed in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.firmware.board import TICKS_PERIOD, Board, Clock


def backoff(clock: Clock, chance: int = 0) -> Any:
    return Board().load("aliyun.backoff").Backoff(clock, lambda _bits: chance)


def waits(clock: Clock, number: int, chance: int = 0, *, is_refused: bool = False) -> list[int]:
    """Give the waits (ms) before so many tries that all fail at once."""
    tried = backoff(clock, chance)
    found = []
    for _ in range(number):
        wait_ms = tried.wait_ms()
        found.append(wait_ms)
        clock.now_ms += wait_ms
        tried.trying()
        tried.failed(is_refused)
    return found


def test_the_first_try_is_at_once_and_the_waits_double_up_to_five_minutes() -> None:
    assert waits(Clock(), 12, 65535) == [
        0,
        2000,
        4000,
        8000,
        16000,
        32000,
        64000,
        128000,
        256000,
        300000,
        300000,
        300000,
    ]


def test_jitter_takes_up_to_half_of_each_wait() -> None:
    assert waits(Clock(), 4, 0)[1:] == [1000, 2000, 4000]
    assert waits(Clock(), 4, 32768)[1:] == [1500, 3000, 6000]


def test_a_refusal_waits_at_least_a_minute_because_only_people_can_mend_it() -> None:
    assert min(waits(Clock(), 6, 0, is_refused=True)[1:]) >= 60_000


def test_never_more_than_five_tries_are_in_any_minute() -> None:
    clock = Clock()
    tried = backoff(clock)
    times = []
    for _ in range(60):
        clock.now_ms += tried.wait_ms()
        times.append(clock.now_ms)
        tried.trying()
        # The connection holds just long enough to begin anew each time.
        tried.connected()
        clock.now_ms += 100
        tried.failed()
        if len(times) % 7 == 0:
            clock.now_ms += 3_600_000
            tried.connected()
            clock.now_ms += 61_000
            tried.failed()
    assert all(later - first >= 60_000 for first, later in zip(times, times[5:], strict=False))


def test_two_units_with_one_certificate_kick_each_other_off_ever_more_slowly() -> None:
    clock = Clock()
    tried = backoff(clock, 65535)
    found = []
    for _ in range(8):
        found.append(tried.wait_ms())
        clock.now_ms += found[-1]
        tried.trying()
        tried.connected()
        clock.now_ms += 1000
        tried.failed()
    assert found[-1] >= 64_000


def test_a_connection_that_held_for_a_minute_begins_with_short_waits_again() -> None:
    clock = Clock()
    tried = backoff(clock, 65535)
    for _ in range(6):
        clock.now_ms += tried.wait_ms()
        tried.trying()
        tried.failed()
    clock.now_ms += tried.wait_ms()
    tried.trying()
    tried.connected()
    clock.now_ms += 60_000
    tried.failed()
    assert tried.wait_ms() <= 2000


@pytest.mark.parametrize("start_ms", [TICKS_PERIOD - 1, TICKS_PERIOD - 5000, TICKS_PERIOD * 3 - 20_000])
def test_ticks_that_come_round_change_nothing(start_ms: int) -> None:
    assert waits(Clock(start_ms), 6, 65535) == waits(Clock(), 6, 65535)
