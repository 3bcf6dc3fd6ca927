"""The screen's own thread is never kept busy: no long call, and a key is painted at once while sixteen lanes write."""

from __future__ import annotations

import asyncio
import gc
import statistics
import threading
import time
from collections.abc import Callable, Iterable

import pytest

from station.tui.collector import spare_what_came
from station.tui.lane_pane import PAINTED_APART_S
from tests.tui.busy_line import Measured, measure, watched_calls
from tests.tui.driving import on_line
from tests.tui.fake_line import fake_app, fake_line

LANES = 16
REPORTS = 30
"""Of each unit's write, so that a unit takes 3 s."""
KEYS = 80
"""The first ones make the caches: they must not be most of what is left out."""
CALL_CPU_S_MAX = 0.05
CALL_WALL_S_MAX = 1.0
"""A call that waits (disk, lock, port) takes no CPU; a busy machine stretches every call, hence the wide limit."""
KEY_TO_PAINT_CPU_S_MAX = 0.05
KEY_TO_PAINT_S_MAX = 0.05
"""For 95 of 100 keys, by the clock on the wall."""
ROUNDS_MAX = 3
"""Something else on the PC may spoil the clock's word on a round, not on all of them; CPU time is held in each."""
CPU_SHARE_MAX = 0.8
"""Of one core, in the thread of the screen; a third of it is usual."""
PHASES_A_UNIT = 4
"""Inserted, begun, verdict, taken out: what is painted at once."""
PAINTS_A_KEY = 2
"""The tile that was chosen and the one that is."""


@pytest.mark.alone
async def test_sixteen_writing_lanes_leave_every_call_short_and_every_key_quick() -> None:
    waits: list[float] = []
    while len(waits) < ROUNDS_MAX and min(waits, default=1.0) >= KEY_TO_PAINT_S_MAX:
        seen = await measure(LANES, reports=REPORTS, ends=lambda load, keys: keys >= KEYS and load.units >= LANES)

        assert max(seen.calls.cpu_s) < CALL_CPU_S_MAX
        assert max(seen.calls.wall_s) < CALL_WALL_S_MAX
        assert _p95(key.cpu_s for key in seen.keys) < KEY_TO_PAINT_CPU_S_MAX
        assert seen.cpu_s < CPU_SHARE_MAX * seen.seconds
        _expect_no_picture_too_many(seen)
        waits.append(_p95(key.seconds for key in seen.keys))

    assert min(waits) < KEY_TO_PAINT_S_MAX


def _p95(values: Iterable[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _expect_no_picture_too_many(seen: Measured) -> None:
    """A tile is painted for a new phase, for a key, and for all else only so often."""
    units = seen.load.units + LANES
    at_times = LANES * (seen.seconds / PAINTED_APART_S + 1)
    assert seen.load.progress + seen.load.facts > 2 * at_times, "too few events to judge"
    assert seen.painted <= PHASES_A_UNIT * units + PAINTS_A_KEY * len(seen.keys) + at_times


async def test_the_collector_spares_the_line_s_screen_without_a_look_through_all_of_it() -> None:
    def cpu_s(call: Callable[[], object]) -> float:
        began = time.thread_time()
        call()
        return time.thread_time() - began

    async with on_line(fake_app(fake_line(LANES)), (120, 40)):
        looking = cpu_s(gc.collect)
        sparing = cpu_s(
            spare_what_came
        )  # for good: to take it back would give the collector all other tests to look at
        spared = cpu_s(gc.collect)

    assert max(sparing, spared) < looking / 10


async def test_the_watchdog_sees_a_call_that_computes_and_one_that_waits() -> None:
    def compute() -> None:
        until = time.thread_time() + CALL_CPU_S_MAX
        while time.thread_time() < until:
            pass

    with watched_calls() as calls:
        loop = asyncio.get_running_loop()
        loop.call_soon(compute)
        await asyncio.sleep(0)
        loop.call_soon(threading.Event().wait, CALL_WALL_S_MAX)
        await asyncio.sleep(0)

    assert max(calls.cpu_s) >= CALL_CPU_S_MAX
    assert max(calls.wall_s) >= CALL_WALL_S_MAX


async def test_the_watchdog_leaves_out_the_call_in_which_it_is_sent_away() -> None:
    with watched_calls() as calls:
        await asyncio.sleep(0)
        threading.Event().wait(CALL_WALL_S_MAX / 10)
    await asyncio.sleep(0)

    assert max(calls.wall_s, default=0.0) < CALL_WALL_S_MAX / 10
