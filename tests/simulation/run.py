"""Runs one plan from the first start to the last verdict, and judges it."""

from __future__ import annotations

import atexit
import functools
import logging
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from station.ledger import Ledger
from tests.simulation.final import judge_the_end
from tests.simulation.judge import Violation
from tests.simulation.people import People
from tests.simulation.plan import FaultKind, Place, Plan, plan_of
from tests.simulation.seams import simulated
from tests.simulation.world import World

FAULTS_END_S: Final = 400.0
"""After this nothing goes wrong any more: from here on everything must get well."""
END_S: Final = 3000.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a plan. `violation` is None when every invariant held."""

    plan: Plan
    violation: str | None
    steps: int
    trace: tuple[str, ...]
    struck: Counter[tuple[FaultKind, str]]
    points: tuple[tuple[Place, str], ...]
    verdicts: int

    @property
    def again(self) -> str:
        """Give how to see this alone once more."""
        if self.plan == plan_of(self.plan.seed):
            return f"python -m tests.simulation --seed {self.plan.seed}"
        return f"simulate({self.plan!r})"

    def __str__(self) -> str:
        if self.violation is None:
            return f"seed {self.plan.seed}: {self.steps} steps, {self.verdicts} verdicts, all invariants hold"
        return "\n".join(
            [
                *self.trace,
                f"seed {self.plan.seed} step {self.steps}: {self.violation}",
                f"again: {self.again}",
            ]
        )


def fast_folder() -> Path:
    """Give where files are quick: memory where the system has such a folder."""
    shared = Path("/dev/shm")  # noqa: S108  a folder of our own is made in it
    return shared if shared.is_dir() else Path(tempfile.gettempdir())


@functools.cache
def template() -> Path:
    """Give a data folder with an empty ledger, made once: its making takes longer than a whole simulation."""
    base = Path(tempfile.mkdtemp(prefix="template-", dir=fast_folder()))
    atexit.register(shutil.rmtree, base, ignore_errors=True)
    Ledger.open(base / "data").close()
    return base / "data"


def simulate(plan: Plan | int, *, data: Path | None = None) -> Outcome:
    """Live through a plan, or the plan of a seed; `data` is the folder that the first process finds."""
    plan = plan_of(plan) if isinstance(plan, int) else plan
    with tempfile.TemporaryDirectory(prefix="simulation-", dir=fast_folder()) as name:
        world = World(plan, Path(name), data or template())
        with simulated(world), _log_to(world), suppress(Violation):
            _live(world)
        points = tuple(world.points)
        return Outcome(
            plan,
            None if world.failure is None else world.failure.what,
            world.step,
            tuple(world.last_points),
            world.struck,
            points,
            len(world.judge.texts),
        )


@contextmanager
def _log_to(world: World) -> Iterator[None]:
    """Let the judge read what the station logs."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            world.judge.texts.append(text)
            world.trace(text)

    logger, handler = logging.getLogger("station"), Handler()
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = True


def _live(world: World) -> None:
    people = People(world)
    scheduler = world.scheduler
    try:
        scheduler.run(lambda: (not world.faults_left and people.all_came_through) or scheduler.now_s > FAULTS_END_S)
        world.calm = world.replace_foreign = True
        for process in world.processes:
            if not process.dead and world.plan.foreign_units:
                people.restart_with_other_lanes(process)
        scheduler.run(lambda: people.all_passed or scheduler.now_s > END_S)
        missing = {unit.mac for unit in world.units} - world.finished
        world.judge.require(not missing, f"units {missing} never passed")
        people.stop_all()
        scheduler.run(lambda: all(process.dead for process in world.processes))
        judge_the_end(world)
    except Violation:
        raise
    except Exception as error:  # noqa: BLE001  whatever reaches the top is a finding
        world.judge.require(False, f"{type(error).__name__} reached the top: {error}")
    finally:
        for process in world.processes:
            world.scheduler.kill(process)
            if process.ledger is not None:
                process.ledger._database.close()
