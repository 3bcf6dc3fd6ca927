"""Sixteen lanes at work on a line without ports, and clocks for what the screen makes of it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from textual.content import Content
from textual.events import Key

from station.events import Event, StepReported
from station.tui.app import TICK_S, StationApp
from station.tui.collector import spared
from station.tui.lane_pane import LanePane
from station.verdict import StepState
from tests.tui.driving import StationPilot, on_line
from tests.tui.fake_line import FakeLine, fake_app, fake_line, passed, progress, until_write, waiting

REPORTS_APART_S = 0.1
"""As often as a write reports at most."""
PAINT_LIMIT_S = 10.0


def unit_events(lane: int, reports: int) -> list[Event]:
    """One unit's whole stay, with so many reports of its write."""
    name = f"plug-{lane:06}"
    before, after = until_write(lane, name), passed(lane, name)
    written = [progress(lane, REPORTS_APART_S * n, n / reports) for n in range(1, reports + 1)]
    done = next(place for place, event in enumerate(after) if isinstance(event, StepReported) and _is_written(event))
    return [*before, *written, *after[done:], waiting(lane)]


def _is_written(event: StepReported) -> bool:
    return event.step == "write" and event.state is StepState.DONE


@dataclass
class Load:
    """What the lanes have said so far."""

    progress: int = 0
    facts: int = 0
    units: int = 0


@contextmanager
def lanes_at_work(line: FakeLine, reports: int) -> Iterator[Load]:
    """Each lane makes one unit after the other, on a thread of its own; facts come at once, reports ten times a second."""
    ended = threading.Event()
    load, lock = Load(), threading.Lock()

    def work(lane: int) -> None:
        ended.wait(REPORTS_APART_S * lane / len(line.lanes))
        while not ended.is_set():
            for event in unit_events(lane, reports):
                is_report = isinstance(event, StepReported) and event.state is StepState.PROGRESS
                if is_report and ended.wait(REPORTS_APART_S):
                    return
                with lock:
                    load.progress += is_report
                    load.facts += not is_report
                line.say(event)
            with lock:
                load.units += 1

    threads = [threading.Thread(target=work, args=(lane.number,)) for lane in line.lanes]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@dataclass
class Watchdog:
    """What each call on the event loop's thread took."""

    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)


@contextmanager
def watched_calls() -> Iterator[Watchdog]:
    """Time every call of the event loop that runs on this thread, but the one in which the watching ends: it also clears up."""
    dog, thread, run = Watchdog(), threading.get_ident(), asyncio.Handle._run

    def timed(self: asyncio.Handle) -> None:
        wall, cpu = time.perf_counter(), time.thread_time()
        run(self)
        if threading.get_ident() == thread and asyncio.Handle._run is timed:
            dog.cpu_s.append(time.thread_time() - cpu)
            dog.wall_s.append(time.perf_counter() - wall)

    asyncio.Handle._run = timed  # type: ignore[method-assign]
    try:
        yield dog
    finally:
        asyncio.Handle._run = run  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Wait:
    """From a key to its paint: time, and what of it the screen's thread worked."""

    seconds: float
    cpu_s: float


class PaintClock:
    """Counts pictures of tiles, and tells when a tile stands on the screen as the chosen one.

    The terminal's bytes are made, as for a real one.
    """

    def __init__(self, app: StationApp) -> None:
        self.painted = 0
        self._drawn: set[int] = set()
        self._wanted = 0
        self._shown = asyncio.Event()
        self._app, self._render, self._display = app, LanePane.render, app._display

    def __enter__(self) -> PaintClock:
        clock, render, display, app = self, self._render, self._display, self._app

        def noted_render(self: LanePane) -> Content:
            clock.painted += 1
            if self.chosen:
                clock._drawn.add(self.view.lane)
            return render(self)

        def noted_display(screen: object, renderable: object) -> None:
            if hasattr(renderable, "render_segments"):
                renderable.render_segments(app.console)
            display(screen, renderable)  # type: ignore[arg-type]
            if self._wanted in self._drawn:
                self._shown.set()

        LanePane.render = noted_render  # type: ignore[method-assign]
        app._display = noted_display  # type: ignore[method-assign]
        return self

    def __exit__(self, *_error: object) -> None:
        LanePane.render = self._render  # type: ignore[method-assign]
        self._app._display = self._display  # type: ignore[method-assign]

    async def press(self, pilot: StationPilot, key: str, lane: int) -> Wait:
        """Send a key as the terminal does; give what it took until this lane is painted as the chosen one."""
        driver = pilot.app._driver
        assert driver is not None
        self._drawn.clear()
        self._shown.clear()
        self._wanted = lane
        event = Key(key, None)
        event.set_sender(pilot.app)
        began, cpu = time.perf_counter(), time.thread_time()
        driver.send_message(event)
        await asyncio.wait_for(self._shown.wait(), PAINT_LIMIT_S)
        return Wait(time.perf_counter() - began, time.thread_time() - cpu)


@dataclass(frozen=True, slots=True)
class Measured:
    """What `measure` saw: the keys' waits, each call, what the lanes said, the thread's CPU, how many pictures."""

    keys: tuple[Wait, ...]
    calls: Watchdog
    load: Load
    seconds: float
    cpu_s: float
    painted: int


async def measure(lanes: int, *, reports: int, ends: Callable[[Load, int], bool]) -> Measured:
    """Press keys while the lanes work until `ends` says so, given the load and the number of keys."""
    line = fake_line(lanes)
    app = fake_app(line, tick_s=TICK_S)
    keys: list[Wait] = []
    async with on_line(app, (120, 40)) as pilot:
        with spared(), PaintClock(app) as clock, watched_calls() as calls, lanes_at_work(line, reports) as load:
            began, cpu = time.perf_counter(), time.thread_time()
            while not ends(load, len(keys)):
                key, lane = (("right", 2), ("left", 1))[len(keys) % 2]
                keys.append(await clock.press(pilot, key, lane))
                await asyncio.sleep(REPORTS_APART_S / 2)  # nobody presses faster
            seconds, cpu_s = time.perf_counter() - began, time.thread_time() - cpu
            painted = clock.painted
    return Measured(tuple(keys), calls, load, seconds, cpu_s, painted)
