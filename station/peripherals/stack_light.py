"""The stack light: for each state of the line the bytes that its controller on a serial port wants.

Such controllers have no common protocol; the bytes stand in its manual and in the station's settings.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, Protocol

from station.errors import Code, PeripheralFault

RETRY_PERIOD_S: Final = 5.0
CHECK_TIMEOUT_S: Final = 3.0


class LightState(StrEnum):
    """What the light says; of several lanes the first that holds on any of them."""

    STATION_FAULT = "fault"
    """A lane cannot work, or its last run ended as ERROR."""
    UNIT_BAD = "fail"
    """A unit that did not pass stands in a fixture."""
    UNIT_GOOD = "pass"
    """A good unit waits to be removed."""
    WORKING = "working"
    WAITING = "waiting"
    """Every lane waits for a unit."""
    OFF = "off"
    """No lane is open."""


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
        self._trouble: PeripheralFault | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._live, name="stack-light", daemon=True)
        self._thread.start()

    def show(self, state: LightState) -> None:
        """Show a state; returns at once."""
        with self._changed:
            self._wanted = state
            self._changed.notify_all()

    @property
    def is_lost(self) -> bool:
        """Whether its port did not take the last signal."""
        return self._trouble is not None

    def check(self) -> None:
        """Wait until what is wanted is shown; PeripheralFault when the port does not take it."""
        with self._changed:
            shown = self._changed.wait_for(lambda: self._trouble or self._shown is self._wanted, CHECK_TIMEOUT_S)
            if self._trouble is not None:
                raise self._trouble
        if not shown:
            raise PeripheralFault(
                Code.LIGHT_UNREACHABLE,
                "The stack light's port does not answer",
                "Pull its cable out and put it in again",
            )

    def close(self, timeout_s: float = 2.0) -> None:
        """Put the light out and let the port go."""
        with self._changed:
            self._wanted, self._closing = LightState.OFF, True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def _live(self) -> None:
        port: LightPort | None = None
        while (state := self._next()) is not None:
            fault: PeripheralFault | None = None
            try:
                port = port or self._open_port()
                port.write(self._signals.get(state, b""))
            except PeripheralFault as caught:
                fault = caught
                if port is not None:
                    port.close()
                port = None
            with self._changed:
                is_new = fault is not None and self._trouble is None
                self._trouble, self._shown = fault, state if fault is None else None
                self._changed.notify_all()
            if fault is not None and is_new:
                self._tell(fault)
        if port is not None:
            port.close()

    def _next(self) -> LightState | None:
        """Wait for a state that is not shown yet, or for the time to try again; None when it is over."""
        with self._changed:
            if self._trouble is not None:
                self._changed.wait_for(lambda: self._closing, self._retry_period_s)
            self._changed.wait_for(lambda: self._closing or self._wanted not in (None, self._shown))
            over = self._closing and (self._trouble is not None or self._shown is self._wanted)
            return None if over else self._wanted
