"""A station process whose events are read as they come."""

from __future__ import annotations

import json
import queue
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Protocol, Self

from tests.end_to_end.conftest import Desk
from tests.end_to_end.quick_units import EVENT_LIMIT_S, make_product

Event = dict[str, Any]
END_LIMIT_S: Final = 30.0


def step(name: str, state: str) -> Callable[[Event], bool]:
    """Fits the event of a step's state."""
    return lambda event: event["event"] == "step" and (event["step"], event["state"]) == (name, state)


def first_progress(event: Event) -> bool:
    return step("write", "progress")(event)


def last_progress(event: Event) -> bool:
    return step("write", "progress")(event) and bool(event["done_bytes"] == event["total_bytes"])


def certificate(event: Event) -> bool:
    return bool(event["event"] == "certificate")


def waiting(reason: str) -> Callable[[Event], bool]:
    """Fits the event that a lane waits for this."""
    return lambda event: event["event"] == "waiting" and event["reason"] == reason


class StationProcess(Protocol):
    """What is asked of a process, as `subprocess.Popen` has it."""

    @property
    def pid(self) -> int: ...
    @property
    def stdout(self) -> IO[str] | None: ...
    @property
    def stderr(self) -> IO[str] | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float) -> int: ...
    def kill(self) -> None: ...
    def send_signal(self, number: signal.Signals, /) -> None: ...


class WatchedStation:
    """One command with --json under way: `wait_for` an event, do something to it, `end`."""

    def __init__(self, desk: Desk, *words: object) -> None:
        self.process = self.start(desk, [*map(str, words), "--json"])
        self.events: list[Event] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._errors: list[str] = []
        self._readers = [threading.Thread(target=self._read, daemon=True), threading.Thread(target=self._listen)]
        for reader in self._readers:
            reader.start()

    def start(self, desk: Desk, words: Sequence[str]) -> StationProcess:
        """Give the process in which the command runs."""
        return desk.start(*words)

    def _read(self) -> None:
        stdout = self.process.stdout
        assert stdout is not None
        try:
            for line in stdout:
                self._lines.put(line)
        except ValueError:
            pass  # the test closed it
        self._lines.put(None)

    def _listen(self) -> None:
        stderr = self.process.stderr
        assert stderr is not None
        self._errors.extend(stderr)

    def wait_for(self, fits: Callable[[Event], bool]) -> Event:
        """Give the next event that fits."""
        while (line := self._lines.get(timeout=EVENT_LIMIT_S)) is not None:
            event: Event = json.loads(line)
            self.events.append(event)
            if fits(event):
                return event
        raise AssertionError(f"the station ended first: {self.events} {self._errors}")

    def verdict(self) -> Event:
        return self.wait_for(lambda event: event["event"] == "verdict")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for the end; give the exit code."""
        code = self.process.wait(END_LIMIT_S)
        for reader in self._readers:
            reader.join(END_LIMIT_S)
        while (line := self._lines.get(timeout=EVENT_LIMIT_S)) is not None:
            # A killed process may leave half a line.
            if line.endswith("\n"):
                self.events.append(json.loads(line))
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return code

    @property
    def said_on_stderr(self) -> str:
        return "".join(self._errors)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.end()


def desk_in(folder: Path) -> Desk:
    """A data folder with the small product's profile (`quick.yaml`)."""
    work = folder / "product"
    work.mkdir()
    make_product(work)
    return Desk(folder / "data", work)
