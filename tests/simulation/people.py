"""The people of the simulation: hands that put units in and take them out, a line engineer, a line lead, and accidents."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final

from station.errors import CodedError
from station.ledger import Ledger
from station.unit import Mac
from tests.simulation.hardware import Fixture, SimUnit
from tests.simulation.plan import Fault, FaultKind
from tests.simulation.process import StationProcess
from tests.simulation.scheduler import Killed, Task
from tests.simulation.world import World

PATIENCE_S: Final = 90.0
"""How long hands wait for a verdict before they take a unit out again."""
LOOK_PERIOD_S: Final = 1.0
FETCH_S: Final = (2.5, 5.0)
"""From taking a unit out to putting one in."""


class People:
    """Starts their tasks; nobody of them dies with a process."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.closing = False
        self._numbers = iter(range(1, 10_000))
        self._turn = 0
        self._accidents: list[Task] = []
        self._judged: set[Mac] = set()
        """Units of which a verdict has been seen, good or bad."""
        self._own, self._foreign = world.units[: world.plan.units], world.units[world.plan.units :]
        world.on_strike = self.accident
        for slot in range(world.plan.processes):
            world.scheduler.spawn(f"engineer {slot + 1}", None, functools.partial(self.keep_running, slot))
        for fixture in world.fixtures.values():
            world.scheduler.spawn(f"hands at {fixture.url}", None, functools.partial(self.tend, fixture))

    @property
    def all_passed(self) -> bool:
        """True when every unit has passed and holds a live certificate, and no accident is under way."""
        return self._have_passed(self.world.units)

    @property
    def all_came_through(self) -> bool:
        """True when all have passed that may: a unit of another station waits for a line lead, and is refused each time alike."""
        if self.world.replace_foreign:
            return self.all_passed
        return self._have_passed(self._own) and all(unit.mac in self._judged for unit in self._foreign)

    def _have_passed(self, units: Sequence[SimUnit]) -> bool:
        return (
            not self.world.to_rework
            and len(self.world.finished) >= len(units)  # asked at every turn: what is quick comes first
            and all(unit.mac in self.world.finished for unit in units)
            and all(accident.ended for accident in self._accidents)
        )

    # The line engineer

    def keep_running(self, slot: int) -> None:
        """Start the station program of a slot, and start it again whenever it has ended."""
        world = self.world
        while not self.closing:
            process = StationProcess(world, next(self._numbers), self._urls(slot))
            world.processes.append(process)
            world.trace(f"{process} starts with {', '.join(process.urls) or 'no lanes'}")
            world.scheduler.spawn("main", process, process.body)
            while not process.dead and not self.closing:
                world.scheduler.sleep(LOOK_PERIOD_S)
            world.scheduler.sleep(world.rng.uniform(0.1, 4.0))

    def _urls(self, slot: int) -> tuple[str, ...]:
        """Share the fixtures out; each restart with other lanes turns them on by one."""
        urls = list(self.world.fixtures)
        turned = urls[self._turn % len(urls) :] + urls[: self._turn % len(urls)]
        return tuple(turned[slot :: self.world.plan.processes])

    def stop_all(self) -> None:
        """Have every process end in good order."""
        self.closing = True
        for process in self.world.processes:
            if not process.dead:
                self.world.scheduler.spawn("stop", process, process.stop)

    def restart_with_other_lanes(self, process: StationProcess) -> None:
        """Stop a process; the engineer starts it again with the lanes in another order."""
        self._turn += 1
        self._accidents.append(self.world.scheduler.spawn("stop", process, process.stop))

    # Hands

    def tend(self, fixture: Fixture) -> None:
        """Put in a unit, wait for its verdict, take it out; again and again."""
        world = self.world
        while not self.closing:
            world.scheduler.sleep(world.rng.uniform(*FETCH_S))
            if not fixture.port_there and world.rng.random() < 0.4:
                fixture.port_there = True
            if fixture.unit is None and world.tray:
                fixture.insert(world.tray.pop(world.rng.randrange(len(world.tray))))
            if fixture.unit is not None:
                self._wait_for_verdict(fixture)
                self._take_out(fixture)

    def _wait_for_verdict(self, fixture: Fixture) -> None:
        world = self.world
        seen = len(world.judge.texts)
        deadline = world.scheduler.now_s + PATIENCE_S
        while world.scheduler.now_s < deadline and fixture.unit is not None and not self.closing:
            if not fixture.port_there and world.rng.random() < 0.2:
                fixture.port_there = True
            mac = fixture.unit.mac
            if any(f"'{mac}'" in text for text in world.judge.texts[seen:]):
                self._judged.add(mac)
                world.scheduler.sleep(world.rng.uniform(0.1, 3.0))
                return
            world.scheduler.sleep(LOOK_PERIOD_S)

    def _take_out(self, fixture: Fixture) -> None:
        world = self.world
        unit = fixture.pull()
        if unit is None or any(other.unit is unit for other in world.fixtures.values()) or unit in world.tray:
            return
        if unit.mac not in world.finished:
            world.tray.append(unit)
        elif world.to_rework:
            world.to_rework -= 1
            world.finished.discard(unit.mac)
            world.tray.append(unit)

    # Accidents

    def accident(self, fault: Fault, process: StationProcess, fixture: Fixture) -> None:
        """Begin what takes its time beside the program."""
        deed = {
            FaultKind.SWAP: functools.partial(self.swap, fixture, fault.choice),
            FaultKind.ABORT_TWICE: functools.partial(self.abort_twice, process, fault.choice),
            FaultKind.OTHER_LANES: functools.partial(self.restart_with_other_lanes, process),
            FaultKind.VOID: functools.partial(self.void, fault.choice),
        }[fault.kind]
        self._accidents.append(self.world.scheduler.spawn(str(fault.kind), None, deed))

    def swap(self, fixture: Fixture, choice: int) -> None:
        """Put another unit in the place of this one, whatever the lane is doing: by hand, or a relay turns to its other nest."""
        world = self.world
        world.scheduler.sleep((0.0, 0.01, 0.3, 2.0)[choice % 4])
        pulled = fixture.pull()
        if pulled is not None:
            world.tray.append(pulled)
        by_hand = (choice >> 12) % 2
        world.scheduler.sleep(by_hand * (0.3 + (choice >> 4) % 10 / 10))
        others = [unit for unit in world.tray if unit is not pulled]
        if fixture.unit is None and others:
            unit = others[(choice >> 8) % len(others)]
            world.tray.remove(unit)
            fixture.insert(unit)

    def abort_twice(self, process: StationProcess, choice: int) -> None:
        """Press the abort key, and again."""
        line = process.line
        if line is None:
            return
        lane = choice % len(process.urls) + 1
        line.abort(lane)
        self.world.scheduler.sleep((0.0, 0.05, 0.5)[choice % 3])
        if not process.dead:
            line.abort(lane)
            line.retry(lane)

    def void(self, choice: int) -> None:
        """A line lead takes a unit's certificate out of use, on the command line of a process of its own."""
        unit = self.world.units[choice % len(self.world.units)]
        process = LeadProcess(self.world, next(self._numbers), unit.mac)
        self.world.processes.append(process)
        self._accidents.append(self.world.scheduler.spawn("void", process, process.body))


class LeadProcess(StationProcess):
    """`station unit void`."""

    def __init__(self, world: World, number: int, mac: str) -> None:
        super().__init__(world, number, ())
        self._mac = mac

    def body(self) -> None:
        try:
            self.ledger = Ledger.open(self.world.folder, clock=self.world.wall_clock)
            self.ledger.void(self._mac, reason="label lost", operator="lead")
            self.world.trace(f"{self} made the certificate of {self._mac} void")
        except CodedError as error:
            if self.dead:
                raise Killed from None
            self.world.judge.told(error)
        self.end()
