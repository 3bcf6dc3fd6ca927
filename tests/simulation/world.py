"""The world of one simulation: its points, and what a fault does when it strikes there."""

from __future__ import annotations

import errno
import random
import shutil
import sqlite3
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from station.events import Event, VerdictReached
from station.unit import Mac
from tests.simulation import power
from tests.simulation.hardware import Fixture, SimUnit
from tests.simulation.judge import Judge, Violation, secrets_in
from tests.simulation.plan import Fault, FaultKind, Place, Plan
from tests.simulation.process import SimFileLock, StationProcess
from tests.simulation.product import BATCH, SECOND_BATCH, CertificateFile, foreign_image, recipe
from tests.simulation.scheduler import Killed, Scheduler

TRACE_POINTS: Final = 60
_POINT_LINE: Final = "{:5} {:9.3f} s  {} {}  {} {}"
UNSYNCED_S: Final = 30.0
"""So long after it was written a file may be lost without a sync (Linux, vm.dirty_expire_centisecs)."""
_SPAWNED: Final = frozenset({FaultKind.SWAP, FaultKind.ABORT_TWICE, FaultKind.OTHER_LANES, FaultKind.VOID})
_BORN: Final = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


class World:
    """Made for one plan; `tests.simulation.run` brings it to life."""

    def __init__(self, plan: Plan, base: Path, template: Path) -> None:
        self.plan = plan
        self.rng = random.Random(f"world {plan.seed}")  # noqa: S311  a simulation must be repeatable
        self.scheduler = Scheduler()
        self.step = 0
        self.struck: Counter[tuple[FaultKind, str]] = Counter()
        self.points: list[tuple[Place, str]] = []
        """What the program called, step by step, as long as something could go wrong."""
        self.judge = Judge(self)
        self.calm = False
        self.replace_foreign = plan.seed % 2 == 0
        self.processes: list[StationProcess] = []
        self.file_locks: dict[str, tuple[SimFileLock, object]] = {}
        self.fixtures = {f"sim://{n}": Fixture(f"sim://{n}") for n in range(1, plan.fixtures + 1)}
        self.units = [self._unit(number) for number in range(plan.units + plan.foreign_units)]
        self.tray = list(self.units)
        self.finished: set[Mac] = set()
        self.to_rework = plan.reworks
        self.on_strike: Callable[[Fault, StationProcess, Fixture], None] = lambda *_: None
        self.synced_inodes: set[int] = set()
        self._base = base
        self._generation = 0
        self.folder = base / "data-0"
        if not plan.cold_start:
            shutil.copytree(template, self.folder)
        numbers = tuple(range(1, len(self.units) + 3 + plan.foreign_units))
        files = [CertificateFile(BATCH, numbers)]
        if plan.second_batch:
            files.append(CertificateFile(SECOND_BATCH, (*numbers[::2], 101, 102)))
        self.certificate_files = [file.write(base) for file in files]
        self._pending = deque(plan.faults)
        self._wall_offset_s = 0.0
        self._tear_next_commit = False
        self._synced_log = power.SyncedLog()
        self._failing: tuple[FaultKind, int] | None = None
        self._trace: deque[str | partial[str]] = deque(maxlen=TRACE_POINTS)
        """Lines, and points that become one when they are asked for."""
        self._story: list[str] = []

    def _unit(self, number: int) -> SimUnit:
        unit = SimUnit(Mac(f"24:0a:c4:00:{number + 1:02x}:0f"), talkative=number < self.plan.talkative_units)
        if number >= self.plan.units:
            partition = recipe().credentials_partition
            unit.flash[partition.offset : partition.end] = foreign_image(self.plan.carried)
            self.judge.brought |= {(name, unit.mac) for name in secrets_in(unit.credentials())}
        return unit

    # What the station's code meets

    def wall_clock(self) -> datetime:
        """The time of day, which a person or NTP may set back."""
        return _BORN + timedelta(seconds=self.scheduler.now_s + self._wall_offset_s)

    def process_of_current(self) -> StationProcess | None:
        """The process whose turn it is."""
        task = self.scheduler.current
        owner = None if task is None else task.owner
        return owner if isinstance(owner, StationProcess) else None

    def heard(self, process: StationProcess, event: Event) -> None:
        """A lane's event: the judge hears all, the trace keeps verdicts."""
        if isinstance(event, VerdictReached):
            self.trace(f"{process} lane {event.lane}: {event.verdict} {event.code} {event.mac} {event.device_name}")
        self.judge.heard(process, event)

    def point(self, place: Place, name: str, fixture: Fixture | None = None) -> FaultKind | None:
        """A call of the program begins: time passes, and a fault may strike. Gives what the caller itself must do."""
        process = self.process_of_current()
        if process is None:
            return None
        if process.dead:
            raise Killed
        self.step += 1
        step = self.step  # others take theirs while this one sleeps
        task = self.scheduler.current
        self._trace.append(
            partial(
                _POINT_LINE.format, step, self.scheduler.now_s, process, "" if task is None else task.name, place, name
            )
        )
        if not self.calm:
            self.points.append((place, name))
        if place is Place.DATABASE:
            self.scheduler.sleep(self.rng.random() * 0.001)
        elif place is Place.COMMIT:
            self.scheduler.sleep(self.rng.random() * 0.02)
        fault = self._due(step, place)
        if fault is not None:
            self.struck[fault.kind, f"{place} {name}"] += 1
            self.trace(f"  FAULT {fault.kind}")
            return self._strike(fault, process, place, fixture)
        if self._failing is not None and place in {Place.DATABASE, Place.COMMIT}:
            kind, until = self._failing
            if self.step < until:
                return kind
            self._failing = None
        return None

    def _due(self, step: int, place: Place) -> Fault | None:
        if not self._pending or not self._pending[0].fits(step, place) or self.calm:
            return None
        return self._pending.popleft()

    @property
    def faults_left(self) -> bool:
        """True while one of the plan has not struck."""
        return bool(self._pending)

    def _strike(self, fault: Fault, process: StationProcess, place: Place, at: Fixture | None) -> FaultKind | None:  # noqa: PLR0912  one case a fault
        fixtures = list(self.fixtures.values())
        fixture = at or fixtures[fault.choice % len(fixtures)]
        match fault.kind:
            case FaultKind.KILL:
                self.scheduler.in_hub(lambda: self.kill(process))
            case FaultKind.POWER_CUT if place is Place.COMMIT and fault.choice % 3:
                self._tear_next_commit = True
            case FaultKind.POWER_CUT:
                self.scheduler.in_hub(self.cut_power)
            case FaultKind.PORT_GONE:
                fixture.port_there = False
            case FaultKind.PULL:
                if (unit := fixture.pull()) is not None:
                    self.tray.append(unit)
            case FaultKind.CHIP_RESET:
                if fixture.unit is not None:
                    fixture.unit.epoch += 1
            case FaultKind.TWO_LANES:
                self._wire_together(fixture, fixtures[(fault.choice >> 8) % len(fixtures)])
            case FaultKind.SLOW:
                self.scheduler.sleep(0.5 + fault.choice % 12)
            case FaultKind.CLOCK_BACK:
                self._wall_offset_s -= fault.choice % (3 * 86400)
            case FaultKind.DISK_FULL | FaultKind.DISK_ERROR if place is Place.FILE:
                number = errno.ENOSPC if fault.kind is FaultKind.DISK_FULL else errno.EIO
                raise OSError(number, "simulated", str(self.folder))
            case FaultKind.BUSY | FaultKind.READ_ONLY | FaultKind.DISK_FULL | FaultKind.DISK_ERROR:
                self._failing = fault.kind, self.step + (1, 1, 5, 40)[fault.choice % 4]
                return fault.kind
            case kind if kind in _SPAWNED:
                self.on_strike(fault, process, fixture)
            case kind:
                return kind
        return None

    def _wire_together(self, one: Fixture, other: Fixture) -> None:
        """A wiring fault: the unit of one fixture is seen in the other too."""
        if one.unit is not None and one is not other:
            if (displaced := other.pull()) is not None and displaced is not one.unit:
                self.tray.append(displaced)
            other.unit = one.unit

    def commit(self, do: Callable[[], None], connection: sqlite3.Connection) -> None:
        """Let SQLite commit; the judge looks at once. A power cut may strike within."""
        if not self._tear_next_commit:
            do()
            self.judge.committed(connection)
            self._synced_log = self._synced_log.now(self.folder, synced=False)
            return
        self._tear_next_commit = False
        self._synced_log = self._synced_log.now(self.folder, synced=False)
        logged, ledger_before = (self.folder / power.WAL).exists(), (self.folder / power.LEDGER).read_bytes()
        do()
        torn = self._next_folder()
        power.copy_after_kill(self.folder, torn)
        if logged:
            power.tear_commit(torn, self._synced_log, ledger_before, self.rng)
        self.scheduler.in_hub(lambda: self._power_is_gone(torn))

    def sync_log(self, do: Callable[[], None]) -> None:
        """Let the station sync the ledger's log: what was committed before the call is on the disk after it."""
        fault = self.point(Place.COMMIT, "sync")
        if fault is not None:
            raise OSError(errno.ENOSPC if fault is FaultKind.DISK_FULL else errno.EIO, "simulated", str(self.folder))
        do()
        self._synced_log = self._synced_log.now(self.folder, synced=True)
        self.judge.all_is_on_the_disk()

    def must_come_again(self, mac: Mac) -> None:
        """A unit's certificate is void: hands fetch it from the finished ones."""
        if mac in self.finished:
            self.finished.discard(mac)
            unit = next(unit for unit in self.units if unit.mac == mac)
            if unit not in self.tray and all(fixture.unit is not unit for fixture in self.fixtures.values()):
                self.tray.append(unit)

    # Kills; only outside of tasks

    def kill(self, process: StationProcess) -> None:
        """End one process. What it had not committed is rolled back by SQLite, at once or at the next opening."""
        if all(other.dead or other is process for other in self.processes):
            self.folder.mkdir(exist_ok=True)  # before the very first call there is none
            left = self._next_folder()
            power.copy_after_kill(self.folder, left)
            self._all_die(left)
        else:
            self._die(process)

    def cut_power(self) -> None:
        """End every process, the units and whatever was not synced."""
        self.folder.mkdir(exist_ok=True)
        left = self._next_folder()
        unsynced = sorted(
            path
            for path in self.folder.iterdir()
            if path.is_file()
            and not path.name.startswith(power.LEDGER)
            and path.suffix != ".lock"
            and path.stat().st_ino not in self.synced_inodes
            and self.plan.cold_start
            and self.scheduler.now_s < UNSYNCED_S
        )
        self._synced_log = self._synced_log.now(self.folder, synced=False)
        power.copy_after_power_cut(self.folder, left, self.rng, unsynced=unsynced, synced=self._synced_log)
        for unit in self.units:
            unit.epoch += 1
        self._power_is_gone(left)

    def _power_is_gone(self, left: Path) -> None:
        self._all_die(left)
        self._synced_log = power.SyncedLog.whole(left)
        self.judge.power_was_cut()

    def _all_die(self, left: Path) -> None:
        gone = self.folder
        for process in self.processes:
            self._die(process)
        self.file_locks.clear()
        self.folder = left
        self.synced_inodes |= {path.stat().st_ino for path in left.iterdir()}
        self._failing = None
        shutil.rmtree(gone)

    def _die(self, process: StationProcess) -> None:
        process.dead = True
        self.scheduler.kill(process)
        if process.ledger is not None:
            process.ledger._database.close()

    def _next_folder(self) -> Path:
        self._generation += 1
        return self._base / f"data-{self._generation}"

    # For the report

    def trace(self, text: str) -> None:
        """Keep a line for the report of a failure."""
        line = f"{self.step:5} {self.scheduler.now_s:9.3f} s  {text}"
        self._trace.append(line)
        self._story.append(line)

    @property
    def last_points(self) -> list[str]:
        """The story from the beginning, and every point of the last moments."""
        points = (point if isinstance(point, str) else point() for point in self._trace)
        return [*self._story, "the last points:", *points]

    @property
    def failure(self) -> Violation | None:
        """The first thing that the judge saw, even when the program went on."""
        return self.judge.violation
