"""A good lane that makes unit after unit, first alone, then beside lanes in trouble: what each of its units takes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from time import monotonic
from typing import Final
from unittest import mock

from station.chip.ports import Place, PortInfo
from station.errors import Code
from station.events import Event, VerdictReached
from station.line import lane as lane_module
from station.line.lane import LaneInfo, LanePlan
from station.line.lane_places import LanePlaces
from station.line.line import HotPlug
from station.line.port_watch import PortWatch
from station.line.shift import Shift
from station.verdict import Step, StepState, Verdict
from station.virtual.faults import Faults
from station.virtual.fixture import Fixture
from station.virtual.virtual_chip import BootFactory
from tests.end_to_end.quick_line import LineAtWork, at_work, step, waiting_with
from tests.end_to_end.quick_units import QuickApplication, quick_fixture, unit_number
from tests.line.ports import PluggedIn, adapter
from tests.line.wedged_port import wedged

GOOD_LANE: Final = 1
SETTLE_S: Final = 0.1
SILENT_AFTER_BYTES: Final = 12_000
"""The flasher has come by then, and the write has begun."""

STUCK_AFTER_S: Final = 4.0
"""A port that says nothing is given up after 3 s."""


class Trouble(StrEnum):
    """What a lane may have that is no other lane's business."""

    BABBLES = "chip that babbles"
    TALKS = "unit that talks without end and heeds no reset"
    FALLS_SILENT = "chip that falls silent while it is written"
    HUNG_PORT = "port that takes the connection and says nothing"
    PULLED = "adapter pulled out while it writes, put back under another name"
    NEVER_OPENS = "driver that does not return from open"
    NEVER_WRITES = "driver that does not return from write"


class EndlessApplication(QuickApplication):
    """Says as much as its console takes, as long as it is under power."""

    def start(self) -> None:
        self._stopped = threading.Event()
        threading.Thread(target=self._talk, name="endless", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _talk(self) -> None:
        while not self._stopped.is_set():
            self._console(b"wifi:state: init -> auth (b0)\r\n" * 4)


@dataclass(slots=True)
class GoodUnits:
    """Seconds of each unit on the good lane, from the moment it is put in to its verdict."""

    alone_s: list[float] = field(default_factory=list)
    beside_s: list[float] = field(default_factory=list)

    @property
    def lost_s(self) -> float:
        """What the slowest unit beside lanes in trouble took more than the slowest alone."""
        return max(self.beside_s) - max(self.alone_s)


def make_units_beside(shift: Shift, troubles: list[Trouble], units: int) -> GoodUnits:
    """Make `units` alone, then at least as many beside a lane in each of these troubles, until all of them have shown."""
    done = GoodUnits()
    numbers = count(1)
    with ExitStack() as things:
        things.enter_context(mock.patch.object(lane_module, "SETTLE_AFTER_VERDICT_S", SETTLE_S))
        things.enter_context(mock.patch.object(lane_module, "BAD_SYNCS_MAX", 1))
        good = _started(things, quick_fixture())
        plugs = PluggedIn([adapter(good.url, f"1-{GOOD_LANE}")])
        taught = {lane: Place(None, f"1-{lane}") for lane in range(GOOD_LANE, GOOD_LANE + len(troubles) + 1)}
        watch = PortWatch(LanePlaces(taught), plugs, period_s=0.05)
        hot_plug = HotPlug(watch, lambda number, port: LanePlan(LaneInfo(number, port)))
        work = LineAtWork(shift, [good.url], hot_plug=hot_plug)
        things.enter_context(at_work(work))
        lanes = _TroubledLanes(things, work, plugs)
        for lane, trouble in enumerate(troubles, start=GOOD_LANE + 1):
            lanes.add(lane, trouble)

        def make() -> float:
            began = monotonic()
            good.insert(unit_number(next(numbers)))
            assert work.verdict(GOOD_LANE).verdict is Verdict.PASS
            return monotonic() - began

        make()  # the first one finds no lane that has just finished another
        done.alone_s += [make() for _ in range(units)]
        plugs.ports = [*plugs.ports, *lanes.adapters]
        while lanes.hidden or len(done.beside_s) < units:
            done.beside_s.append(make())
    return done


class _TroubledLanes:
    """The adapters of lanes that will be in trouble once they are plugged in."""

    def __init__(self, things: ExitStack, work: LineAtWork, plugs: PluggedIn) -> None:
        self._things = things
        self._work = work
        self._plugs = plugs
        self.adapters: list[PortInfo] = []
        self.hidden: set[Trouble] = set()
        """Those that have not shown yet."""

    def add(self, lane: int, trouble: Trouble) -> None:
        self.hidden.add(trouble)
        shows, port = self._with(lane, trouble)
        self.adapters.append(adapter(port, f"1-{lane}"))
        self._work.on(shows, lambda: self.hidden.discard(trouble))

    def _with(self, lane: int, trouble: Trouble) -> tuple[Callable[[Event], bool], str]:
        match trouble:
            case Trouble.BABBLES:
                return _refused(lane), self._fixture(lane, Faults(babbles=True)).url
            case Trouble.TALKS:
                return _refused(lane), self._fixture(lane, Faults(ignores_reset=True), EndlessApplication).url
            case Trouble.FALLS_SILENT:
                return _refused(lane), self._fixture(lane, Faults(silent_after_bytes=SILENT_AFTER_BYTES)).url
            case Trouble.HUNG_PORT:
                server = self._things.enter_context(socket.create_server(("127.0.0.1", 0)))
                return waiting_with(Code.PORT_BUSY, lane), f"rfc2217://127.0.0.1:{server.getsockname()[1]}"
            case Trouble.PULLED:
                return _passed(lane), self._pulled(lane)
            case Trouble.NEVER_OPENS | Trouble.NEVER_WRITES:
                url = self._fixture(lane).url
                call = "open" if trouble is Trouble.NEVER_OPENS else "write"
                self._things.enter_context(wedged(url, call, STUCK_AFTER_S))
                return waiting_with(Code.PORT_STUCK, lane), url

    def _fixture(self, lane: int, faults: Faults | None = None, boot: BootFactory = QuickApplication) -> Fixture:
        return _started(self._things, quick_fixture(unit_number(200 + lane), faults=faults, boot=boot))

    def _pulled(self, lane: int) -> str:
        before = self._fixture(lane)
        after = _started(self._things, quick_fixture(unit_number(240)))
        place = f"1-{lane}"

        def pull() -> None:
            self._plugs.ports = [port for port in self._plugs.ports if port.location != place]
            before.stop()

        def put_back() -> None:
            self._plugs.ports = [*self._plugs.ports, adapter(after.url, place)]

        self._work.on(step(Step.WRITE, StepState.BEGUN, lane), pull)
        self._work.on(waiting_with(Code.PORT_MISSING, lane), put_back)
        return before.url


def _started(things: ExitStack, fixture: Fixture) -> Fixture:
    things.callback(fixture.stop)
    return fixture.start()


def _refused(lane: int) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, VerdictReached) and event.lane == lane and event.verdict is Verdict.FAIL


def _passed(lane: int) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, VerdictReached) and event.lane == lane and event.verdict is Verdict.PASS
