"""One station program of the simulation: opens the ledger, imports, starts its lanes; can be stopped, and killed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import Timeout

from station.errors import CodedError
from station.events import Event
from station.ledger import Ledger
from station.line.decision import LeadDecision
from station.line.lane import LaneInfo, LanePlan
from station.line.line import Line
from station.line.shift import Shift
from tests.simulation.product import BATCH, recipe
from tests.simulation.scheduler import Killed

if TYPE_CHECKING:
    from tests.simulation.world import World

DECISION: Final = LeadDecision("lead", "units from the other hall", by_line_lead=True)


class StationProcess:
    """Its tasks carry it as their owner."""

    def __init__(self, world: World, number: int, urls: tuple[str, ...]) -> None:
        self.world = world
        self.number = number
        self.urls = urls
        self.started_s = world.scheduler.now_s
        self.dead = False
        self.ledger: Ledger | None = None
        self.line: Line | None = None
        self.runs: set[int] = set()

    def __repr__(self) -> str:
        return f"station {self.number}"

    def body(self) -> None:
        """Start as `station run` does; a refusal is told and ends the process."""
        try:
            self.ledger = ledger = Ledger.open(self.world.folder, clock=self.world.wall_clock)
            for file in self.world.certificate_files:
                ledger.import_batch(file, name=file.stem)
            left = self.world.judge.left_by_the_dead()
            self.world.judge.listed(self, left, ledger.unfinished_runs())
            shift = Shift(recipe(), ledger, BATCH, None, None)
            lanes = [LanePlan(LaneInfo(number, url)) for number, url in enumerate(self.urls, 1)]
            self.line = Line(
                shift,
                lanes,
                operator="Li",
                replace_foreign=DECISION if self.world.replace_foreign else None,
                clock=lambda: self.world.scheduler.now_s,
            )
            self.line.subscribe(self.hear)
            self.line.start()
        except CodedError as error:
            if self.dead:  # what unwinding brings is heard by nobody
                raise Killed from None
            self.world.judge.told(error)
            self.world.trace(f"{self} could not start: {error.code} {error.cause}")
            self.end()

    def has_token(self, token: str) -> bool:
        """Whether the runs of this token are its own."""
        return self.ledger is not None and self.ledger._processes.is_mine(token)

    def hear(self, event: Event) -> None:
        """Every event of every lane."""
        if self.dead:
            raise Killed
        self.world.heard(self, event)

    def stop(self) -> None:
        """End in good order: runs in hand are aborted, every lane returns, the ledger is closed."""
        if self.line is not None:
            self.line.stop(60.0)
        self.end()

    def end(self) -> None:
        """Close the ledger; nothing of this process lives on."""
        if self.ledger is not None:
            self.ledger.close()
        self.dead = True


class SimFileLock:
    """filelock.FileLock of the simulation: held by a process, let go by its death. The file stays, as the real one does."""

    def __init__(self, world: World, path: Path, timeout: float = -1, **_: Any) -> None:
        self._world = world
        self._path = path
        self._timeout_s = timeout

    def acquire(self) -> SimFileLock:
        world, locks = self._world, self._world.file_locks
        deadline = world.scheduler.now_s + self._timeout_s
        key = str(self._path)
        while key in locks and not getattr(locks[key][1], "dead", False):
            if world.scheduler.current is None or (self._timeout_s >= 0 and world.scheduler.now_s >= deadline):
                raise Timeout(key)
            world.scheduler.sleep(0.05)
        self._path.touch()
        locks[key] = (self, world.process_of_current())
        return self

    def release(self) -> None:
        locks = self._world.file_locks
        if locks.get(str(self._path), (None, None))[0] is self:
            del locks[str(self._path)]

    def __enter__(self) -> SimFileLock:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
