"""Time and tasks of the simulation: one real thread, one task at a time, the next one is who wakes first."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Any, Final

from greenlet import GreenletExit, getcurrent, greenlet

TICKS_MAX: Final = 400_000
"""A simulation that needs more turns than this hangs."""


class Killed(GreenletExit):
    """Ends a task in the middle of what it does, as the death of its process would."""


class Task:
    """A thread of the simulated station, or a pair of hands. `owner` is the process it dies with."""

    def __init__(self, name: str, owner: object, body: Callable[[], None], hub: greenlet) -> None:
        self.name = name
        self.owner = owner
        self.error: BaseException | None = None
        self.ended = False
        self.ticket = 0
        self.waiters: list[Task] = []
        self.greenlet = greenlet(self._run, hub)
        self._body = body

    def _run(self) -> None:
        try:
            self._body()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001  the judge hears of it
            self.error = error


class Scheduler:
    """Runs tasks in the order of their waking times; a call that waits gives the turn away. Made where `run` is called."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._hub = getcurrent()
        self._heap: list[tuple[float, int, int, Task]] = []
        self._numbers = itertools.count()
        self._tasks: dict[greenlet, Task] = {}
        self._asked: list[Callable[[], None]] = []
        self._ticks = 0

    @property
    def current(self) -> Task | None:
        """The task whose turn it is; None outside of all tasks."""
        return self._tasks.get(getcurrent())

    @property
    def tasks(self) -> list[Task]:
        """All that have not ended."""
        return list(self._tasks.values())

    def spawn(self, name: str, owner: object, body: Callable[[], None]) -> Task:
        """Start a task; its first turn comes at this same moment."""
        task = Task(name, owner, body, self._hub)
        self._tasks[task.greenlet] = task
        self._push(task, 0.0)
        return task

    def sleep(self, seconds: float) -> None:
        """Let simulated time pass for the current task."""
        task = self._must_be_task()
        self._push(task, seconds)
        self._switch()

    def block(self, timeout_s: float | None) -> None:
        """Wait until `wake` or the limit."""
        task = self._must_be_task()
        task.ticket += 1
        if timeout_s is not None:
            self._push(task, timeout_s)
        self._switch()

    def wake(self, task: Task) -> None:
        """Give a waiting task its turn at this moment."""
        self._push(task, 0.0)

    def in_hub(self, deed: Callable[[], None]) -> None:
        """Do something outside of all tasks (a kill of several of them), then go on."""
        task = self._must_be_task()
        self._asked.append(deed)
        self._push(task, 0.0)
        self._switch()

    def kill(self, owner: object) -> None:
        """End every task of an owner where it stands; only outside of tasks."""
        for task in self.tasks:
            if task.owner is owner:
                task.greenlet.throw(Killed)
                self._bury(task)

    def run(self, until: Callable[[], bool]) -> None:
        """Give turns until the condition holds or nobody waits any more."""
        while not until() and self._heap:
            self._ticks += 1
            if self._ticks > TICKS_MAX:
                raise RuntimeError(f"the simulation hangs: {', '.join(task.name for task in self.tasks)}")
            at, _, ticket, task = heapq.heappop(self._heap)
            if task.ended or ticket != task.ticket:
                continue
            self.now_s = max(self.now_s, at)
            task.ticket += 1
            task.greenlet.switch()
            while self._asked:
                self._asked.pop(0)()
            self._bury(task)

    def _bury(self, task: Task) -> None:
        if task.greenlet.dead and not task.ended:
            task.ended = True
            del self._tasks[task.greenlet]
            for waiter in task.waiters:
                self.wake(waiter)
            task.waiters.clear()
            if task.error is not None:
                raise task.error

    def _push(self, task: Task, seconds: float) -> None:
        heapq.heappush(self._heap, (self.now_s + seconds, next(self._numbers), task.ticket, task))

    def _switch(self) -> None:
        self._hub.switch()

    def _must_be_task(self) -> Task:
        task = self.current
        if task is None:
            raise RuntimeError("only a task can wait")
        return task


class SimEvent:
    """threading.Event of the simulation."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._is_set = False
        self._waiting: list[Task] = []

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        for task in self._waiting:
            self._scheduler.wake(task)
        self._waiting.clear()

    def clear(self) -> None:
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        task = self._scheduler.current
        if not self._is_set and task is not None:
            self._waiting.append(task)
            self._scheduler.block(timeout)
            if task in self._waiting:  # the limit came first
                self._waiting.remove(task)
        return self._is_set


class SimThread:
    """threading.Thread of the simulation: a task that dies with the process it was started in."""

    def __init__(self, scheduler: Scheduler, *, target: Callable[[], None], name: str = "", **_: Any) -> None:
        self._scheduler = scheduler
        self._target = target
        self._name = name
        self._task: Task | None = None

    def start(self) -> None:
        current = self._scheduler.current
        owner = None if current is None else current.owner
        self._task = self._scheduler.spawn(self._name, owner, self._target)

    def is_alive(self) -> bool:
        return self._task is not None and not self._task.ended

    def join(self, timeout: float | None = None) -> None:
        current = self._scheduler.current
        if self._task is not None and not self._task.ended and current is not None:
            self._task.waiters.append(current)
            self._scheduler.block(timeout)
            if current in self._task.waiters:
                self._task.waiters.remove(current)


class SimLock:
    """FairLock of the simulation: who waits gives the turn away."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._held = False
        self._waiting: list[Task] = []

    def acquire(self, timeout_s: float, *, urgent: bool = False) -> bool:
        deadline = self._scheduler.now_s + timeout_s
        while self._held:
            task = self._scheduler.current
            left = deadline - self._scheduler.now_s
            if task is None or left <= 0:
                return False
            self._waiting.insert(0 if urgent else len(self._waiting), task)
            self._scheduler.block(left)
            if task in self._waiting:
                self._waiting.remove(task)
        self._held = True
        return True

    def release(self) -> None:
        self._held = False
        if self._waiting:
            self._scheduler.wake(self._waiting[0])
