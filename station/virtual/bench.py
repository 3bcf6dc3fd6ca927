"""The training bench: fixtures with virtual units, served by child processes, so that they take no time from the station's own.

A child ends when the pipe to its parent closes: nothing is left behind, also when the parent is killed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from station.virtual.boot import make_run_mode
from station.virtual.fixture import Fixture, Unit, make_unit
from station.virtual.security_fuses import SecurityFuses
from station.virtual.virtual_chip import SilentApplication

if sys.platform == "win32":
    from multiprocessing.connection import PipeConnection as PipeEnd
else:
    from multiprocessing.connection import Connection as PipeEnd

LANES_A_PROCESS: Final = 4
MAC_PREFIX: Final = "24:0a:c4"
"""Espressif's own prefix, as on most ESP32 boards."""
LOG_NAME: Final = "bench.log"
_START_TIMEOUT_S: Final = 60.0
_ANSWER_TIMEOUT_S: Final = 30.0
_STOP_TIMEOUT_S: Final = 10.0


class BenchFault(RuntimeError):
    """A bench process did not do what it was asked; the text says why."""


@dataclass(frozen=True, slots=True)
class _Settings:
    """What a child process needs to know."""

    folder: Path
    lanes: tuple[int, ...]
    chip: str
    flash_size: str
    reply_latency_s: float
    runs_applications: bool

    def make_unit(self, mac: str, security: SecurityFuses | None, chip: str | None) -> Unit:
        file = _flash_file(self.folder, mac)
        return make_unit(mac, chip=chip or self.chip, flash_size=self.flash_size, flash_file=file, security=security)


class Bench:
    """Lanes 1 to `lanes`, each an RFC 2217 port on 127.0.0.1; without a unit a port is open and silent.

    A unit's flash is a file below `folder` named after its MAC: a unit that is put in again is the same unit. Without
    `runs_applications` a unit that is started does nothing, and costs this PC nothing.
    """

    def __init__(
        self,
        folder: Path,
        lanes: int,
        *,
        chip: str = "esp32",
        flash_size: str = "4MB",
        reply_latency_s: float = 0.001,
        runs_applications: bool = True,
    ) -> None:
        self._folder = folder
        numbers = tuple(range(1, lanes + 1))
        groups = [numbers[first : first + LANES_A_PROCESS] for first in range(0, lanes, LANES_A_PROCESS)]
        self._children = [
            _Child(_Settings(folder, group, chip, flash_size, reply_latency_s, runs_applications)) for group in groups
        ]
        self._macs: dict[int, str] = {}
        self._fuses: dict[str, SecurityFuses] = {}
        self._guard = threading.Lock()
        self._next_unit = 1

    def start(self) -> None:
        """Start the child processes and wait until every port is open. Raises BenchFault."""
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            for child in self._children:
                child.start()
            for child in self._children:
                child.wait_for_ports()
        except BaseException:
            self.stop()
            raise

    @property
    def ports(self) -> tuple[str, ...]:
        """The URL of each lane's port, lane 1 first."""
        return tuple(url for child in self._children for url in child.urls)

    def new_unit(self) -> str:
        """Give the MAC of a unit that never was in a lane; its flash is blank until somebody writes `flash_file`."""
        with self._guard:
            return self._new_mac()

    def insert(
        self, lane: int, mac: str | None = None, *, security: SecurityFuses | None = None, chip: str | None = None
    ) -> str:
        """Put a unit into a lane in place of the one there and give its MAC; None makes a new unit.

        `chip` is another chip than the bench's. What `security` burns stays burnt as long as the bench stands.
        ValueError: no such lane, or that unit is in another lane. Raises BenchFault.
        """
        with self._guard:
            child = self._child_of(lane)
            chosen = mac.lower() if mac is not None else self._new_mac()
            place = next((other for other, there in self._macs.items() if there == chosen and other != lane), None)
            if place is not None:
                raise ValueError(f"unit {chosen} is in lane {place}")
            fuses = security or self._fuses.get(chosen)
            child.ask("insert", lane, chosen, fuses, chip)
            if fuses is not None:
                self._fuses[chosen] = fuses
            self._macs[lane] = chosen
            return chosen

    def remove(self, lane: int) -> None:
        """Pull the unit out of a lane, whatever it is doing. ValueError: no such lane. Raises BenchFault."""
        with self._guard:
            self._child_of(lane).ask("remove", lane, None)
            self._macs.pop(lane, None)

    def flash_file(self, mac: str) -> Path:
        """Give the file that is a unit's flash; what lies beyond its end is blank."""
        return _flash_file(self._folder, mac.lower())

    def stop(self) -> None:
        """End everything; may be called twice."""
        for child in self._children:
            child.stop()
        self._macs.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _child_of(self, lane: int) -> _Child:
        for child in self._children:
            if lane in child.lanes:
                return child
        raise ValueError(f"there is no lane {lane}")

    def _new_mac(self) -> str:
        while True:
            mac = f"{MAC_PREFIX}:{self._next_unit.to_bytes(3, 'big').hex(':')}"
            self._next_unit += 1
            if mac not in self._macs.values() and not self.flash_file(mac).exists():
                return mac


class _Child:
    """The parent's side of one child process."""

    def __init__(self, settings: _Settings) -> None:
        self.lanes = settings.lanes
        self.urls: tuple[str, ...] = ()
        self._settings = settings
        self._process: SpawnProcess | None = None
        self._pipe: PipeEnd | None = None

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        name = f"bench lanes {self.lanes[0]}-{self.lanes[-1]}"
        self._process = context.Process(target=serve_lanes, args=(theirs, self._settings), name=name, daemon=True)
        self._process.start()
        theirs.close()

    def wait_for_ports(self) -> None:
        self.urls = tuple(self._answer(_START_TIMEOUT_S))

    def ask(
        self,
        verb: str,
        lane: int,
        mac: str | None,
        security: SecurityFuses | None = None,
        chip: str | None = None,
    ) -> None:
        if self._pipe is None:
            raise BenchFault("the bench is not running")
        try:
            self._pipe.send((verb, lane, mac, security, chip))
        except OSError:
            raise BenchFault(self._gone()) from None
        self._answer(_ANSWER_TIMEOUT_S)

    def stop(self) -> None:
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        self.urls = ()
        if pipe is not None:
            pipe.close()  # this is what tells the child to end
        if process is not None and process.pid is not None:
            process.join(_STOP_TIMEOUT_S)
            if process.is_alive():
                process.kill()
                process.join(_STOP_TIMEOUT_S)
            process.close()

    def _answer(self, timeout_s: float) -> Any:
        if self._pipe is None or not self._pipe.poll(timeout_s):
            raise BenchFault(f"the bench process did not answer within {timeout_s:.0f} s")
        try:
            is_done, value = self._pipe.recv()
        except (EOFError, OSError):
            raise BenchFault(self._gone()) from None
        if not is_done:
            raise BenchFault(str(value))
        return value

    def _gone(self) -> str:
        return f"the bench process has ended; see {self._settings.folder / LOG_NAME}"


def serve_lanes(pipe: PipeEnd, settings: _Settings) -> None:
    """Be the child process: serve the lanes until the pipe closes."""
    # Ctrl-C reaches every process of the terminal; the parent decides when the bench ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with (
        (settings.folder / LOG_NAME).open("a", encoding="utf-8", buffering=1) as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
        contextlib.ExitStack() as open_fixtures,
    ):
        boot = make_run_mode if settings.runs_applications else SilentApplication
        fixtures = {
            lane: open_fixtures.enter_context(Fixture(reply_latency_s=settings.reply_latency_s, boot=boot))
            for lane in settings.lanes
        }
        try:
            pipe.send((True, [fixture.url for fixture in fixtures.values()]))
            while True:
                verb, lane, mac, security, chip = pipe.recv()
                pipe.send(_do(fixtures[lane], verb, partial(settings.make_unit, mac, security, chip)))
        except (EOFError, OSError):
            return
        finally:
            for fixture in fixtures.values():
                fixture.remove()


def _do(fixture: Fixture, verb: str, make: Callable[[], Unit]) -> tuple[bool, str]:
    try:
        fixture.remove()
        if verb == "insert":
            fixture.insert(make())
    except (ValueError, OSError) as fault:
        return False, str(fault)
    return True, ""


def _flash_file(folder: Path, mac: str) -> Path:
    # Windows allows no colon in a file's name.
    return folder / f"{mac.replace(':', '-')}.bin"
