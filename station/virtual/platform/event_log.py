"""What happened on a platform, in order, for whoever waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from station.virtual.platform.device import DeviceKey

EVENTS_MAX: Final = 100_000
"""Older ones are forgotten: a bench may run for days."""


class NothingHappened(TimeoutError):
    """What was waited for did not happen in time; the text tells what did."""


@dataclass(frozen=True, slots=True)
class PlatformEvent:
    """One thing that happened.

    `kind` is one of: online, offline, refused (a CONNECT), forbidden (a topic), received (a message), sent (a message),
    property, event, service_reply, shadow, ota_version, ota_progress, topo, unhandled, openapi.
    """

    number: int
    kind: str
    key: DeviceKey | None
    at: float
    data: Mapping[str, Any] = field(default_factory=dict)


class EventLog:
    """Written by the platform's loop, read by any thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._events: list[PlatformEvent] = []
        self._next = 0
        self._changed = threading.Condition()

    def add(self, kind: str, key: DeviceKey | None, **data: Any) -> None:
        with self._changed:
            self._events.append(PlatformEvent(self._next, kind, key, self._clock(), data))
            self._next += 1
            if len(self._events) > EVENTS_MAX:
                del self._events[: EVENTS_MAX // 2]
            self._changed.notify_all()

    @property
    def mark(self) -> int:
        """The number that the next event will have: what happens from now on."""
        with self._changed:
            return self._next

    def list(self, kind: str | None = None, key: DeviceKey | None = None, since: int = 0) -> tuple[PlatformEvent, ...]:
        """Give the events so far; None takes every kind, every device."""
        with self._changed:
            return tuple(event for event in self._events if _fits(event, kind, key, since))

    def wait(
        self,
        kind: str,
        key: DeviceKey | None,
        *,
        since: int,
        timeout_s: float,
        where: Callable[[PlatformEvent], bool],
    ) -> PlatformEvent:
        """Give the first such event, at once when it has been. NothingHappened."""
        found: list[PlatformEvent] = []

        def look() -> bool:
            found[:] = [event for event in self._events if _fits(event, kind, key, since) and where(event)][:1]
            return bool(found)

        with self._changed:
            if not self._changed.wait_for(look, timeout_s):
                seen = [f"{event.kind} {event.key}" for event in self._events if event.number >= since][-20:]
                raise NothingHappened(f"no {kind} of {key} within {timeout_s:.0f} s; seen: {seen}")
        return found[0]


def _fits(event: PlatformEvent, kind: str | None, key: DeviceKey | None, since: int) -> bool:
    return event.number >= since and kind in {None, event.kind} and (key is None or event.key == key)
