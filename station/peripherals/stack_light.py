"""The stack light: for each state of the line the bytes that its controller on a serial port wants.

Such controllers have no common protocol; the bytes stand in its manual and in the station's settings.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, Protocol

from station.errors import PeripheralFault

RETRY_PERIOD_S: Final = 5.0


class LightState(StrEnum):
    """What the light says, by falling need of a person."""

    STATION_FAULT = "fault"
    UNIT_BAD = "fail"
    """A unit that did not pass stands in a fixture."""
    WORKING = "working"
    UNIT_GOOD = "pass"
    """A good unit waits to be removed."""
    WAITING = "waiting"
    """Every lane waits for a unit."""
    OFF = "off"
    """The shift has ended."""


class LightPort(Protocol):
    """The serial port behind it; PeripheralFault."""

    def write(self, data: bytes, /) -> None: ...
    def close(self) -> None: ...


class StackLight:
    """Shows the newest state; a thread of its own waits for the port, and tries again when it was pulled."""

    def __init__(
        self,
        open_port: Callable[[], LightPort],
        signals: Mapping[LightState, bytes],
        tell: Callable[[PeripheralFault], None],
        *,
        retry_period_s: float = RETRY_PERIOD_S,
    ) -> None:
        """`tell` hears of each new trouble, on the light's thread. States without bytes leave the light as it is."""
        self._open_port = open_port
        self._signals = signals
        self._tell = tell
        self._retry_period_s = retry_period_s
        self._changed = threading.Condition()
        self._wanted: LightState | None = None
        self._shown: LightState | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._live, name="stack-light", daemon=True)
        self._thread.start()

    def show(self, state: LightState) -> None:
        """Show a state; returns at once."""
        with self._changed:
            self._wanted = state
            self._changed.notify()

    def close(self, timeout_s: float = 2.0) -> None:
        """Put the light out and let the port go."""
        with self._changed:
            self._wanted, self._closing = LightState.OFF, True
            self._changed.notify()
        self._thread.join(timeout_s)

    def _live(self) -> None:
        port: LightPort | None = None
        troubled = False
        while (state := self._next(troubled)) is not None:
            try:
                port = port or self._open_port()
                port.write(self._signals.get(state, b""))
                self._shown, troubled = state, False
            except PeripheralFault as fault:
                if port is not None:
                    port.close()
                port, self._shown = None, None
                if not troubled:
                    self._tell(fault)
                troubled = True
        if port is not None:
            port.close()

    def _next(self, troubled: bool) -> LightState | None:
        """Wait for a state that is not shown yet, or for the time to try again; None when it is over."""
        with self._changed:
            if troubled and not self._closing:
                self._changed.wait_for(lambda: self._closing, self._retry_period_s)
            self._changed.wait_for(lambda: self._closing or self._wanted not in (None, self._shown))
            over = self._closing and (troubled or self._shown is self._wanted)
            return None if over else self._wanted
