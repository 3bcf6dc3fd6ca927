"""Puts the simulation's threads, ports, locks, disk and database driver where the station has the real ones."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

from tests.simulation import power
from tests.simulation.database import simulated_driver
from tests.simulation.hardware import SimChip, SimPort
from tests.simulation.plan import Place
from tests.simulation.process import SimFileLock
from tests.simulation.scheduler import SimEvent, SimLock, SimThread
from tests.simulation.world import World

_FILE_EVENTS: Final = frozenset({"open", "os.mkdir", "os.rename", "os.remove"})
_living: list[World] = []


def _hear(name: str, arguments: tuple[Any, ...]) -> None:
    """Python's audit hook: every file call below the data folder is a point. It can never be taken away again."""
    if not _living or name not in _FILE_EVENTS:
        return
    world = _living[-1]
    target = str(arguments[0])
    if target.startswith(str(world.folder)) and ".sqlite3" not in target:
        world.point(Place.FILE, f"{name} {Path(target).suffix}")


_hook: list[bool] = []


@contextmanager
def simulated(world: World) -> Iterator[None]:
    """Let the station's code run in this world while the block lasts."""
    if not _hook:
        sys.addaudithook(_hear)
        _hook.append(True)
    threads = SimpleNamespace(
        Event=functools.partial(SimEvent, world.scheduler), Thread=functools.partial(SimThread, world.scheduler)
    )
    ports = SimpleNamespace(open=functools.partial(SimPort.open, world))
    real_fsync = os.fsync

    def fsync(descriptor: int) -> None:
        log, inode = world.folder / power.WAL, os.fstat(descriptor).st_ino
        if log.exists() and log.stat().st_ino == inode:
            world.sync_log(lambda: real_fsync(descriptor))
        else:
            real_fsync(descriptor)
        world.synced_inodes.add(inode)

    with ExitStack() as stack:
        for name, stand_in in (
            ("station.line.lane.threading", threads),
            ("station.line.lane.LanePort", ports),
            ("station.line.lane.Chip", SimChip),
            ("station.ledger.sqlite.FairLock", functools.partial(SimLock, world.scheduler)),
            ("station.ledger.log_sync.FairLock", functools.partial(SimLock, world.scheduler)),
            ("station.ledger.sqlite.FileLock", functools.partial(SimFileLock, world)),
            ("station.ledger.opening.FileLock", functools.partial(SimFileLock, world)),
            ("station.ledger.processes.FileLock", functools.partial(SimFileLock, world)),
            ("station.ledger.sqlite.CHECKPOINT_PAGES", world.plan.checkpoint_pages),
            ("station.ledger.sqlite.CHECKPOINT_SYNCS", 1 + world.plan.checkpoint_pages // 30),
            ("os.fsync", fsync),
        ):
            stack.enter_context(patch(name, stand_in))
        stack.enter_context(simulated_driver(world))
        _living.append(world)
        try:
            yield
        finally:
            _living.pop()
