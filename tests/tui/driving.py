"""How the tests drive the screen: open it on a fake line, wait for what must come, with a limit and without sleeping."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from textual.events import Key
from textual.pilot import Pilot
from textual.worker import WorkerCancelled

from station.tui.app import StationApp
from station.tui.lane_view import LaneView
from station.tui.line_screen import LineScreen
from station.tui.screen_app import ScreenApp

ROUNDS_MAX = 200

StationPilot = Pilot[bool]


async def settle(pilot: StationPilot) -> None:
    """Let threads end and their messages be handled."""
    app = pilot.app
    while isinstance(app, StationApp) and app.is_holding_keys:
        await asyncio.sleep(0)
    for delay in (0, 0, None):  # each pause lets every widget handle its messages, the last one waits for quiet too
        with suppress(WorkerCancelled):  # when the app ends, so do its reads
            await pilot.app.workers.wait_for_complete()
        await pilot.pause(delay)


async def until(pilot: StationPilot, holds: Callable[[], bool]) -> None:
    """Wait until something holds; fail when it does not come."""
    for _ in range(ROUNDS_MAX):
        if holds():
            return
        await settle(pilot)
    raise AssertionError("it did not come")


@asynccontextmanager
async def opened(app: ScreenApp, size: tuple[int, int] = (80, 24)) -> AsyncIterator[StationPilot]:
    """The app on its first screen, quiet."""
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield pilot


@asynccontextmanager
async def on_line(app: StationApp, size: tuple[int, int] = (80, 24)) -> AsyncIterator[StationPilot]:
    """The app on the line's screen, quiet."""
    async with opened(app, size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LineScreen))
        await settle(pilot)
        yield pilot


def view_of(app: StationApp, lane: int) -> LaneView:
    screen = app.line_screen
    assert screen is not None
    return screen.view(lane)


async def press(pilot: StationPilot, *pressed: str) -> None:
    """Press keys one after the other, each seen before the next."""
    for key in pressed:
        await pilot.press(key)
        await settle(pilot)


def keys(text: str, *suffixes: str, apart_s: float = 0.002, start_s: float = 10.0) -> list[Key]:
    """The keys of a text at an even pace, and of its suffixes."""
    made = [Key(letter, letter) for letter in text] + [Key(suffix, None) for suffix in suffixes]
    for place, key in enumerate(made):
        key.time = start_s + place * apart_s
    return made


async def scan(pilot: StationPilot, code: str, suffix: str = "enter") -> None:
    """Keys as a scanner sends them: stamped when they came in, however late they are handled."""
    driver = pilot.app._driver
    assert driver is not None
    for key in keys(code, suffix):
        key.set_sender(pilot.app)
        driver.send_message(key)
    await settle(pilot)
