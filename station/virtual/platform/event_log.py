"""What happened on a platform, in order, for whoever waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from station.virtual.platform.device import DeviceKey

EVENTS_MAX: Final = 100_000
DATA_BYTES_MAX: Final = 64 * 1024 * 1024
"""Beyond either the older half is forgotten: a bench may run for days."""


class NothingHappened(TimeoutError):
    """What was waited for did not happen in time; the text tells what did."""


@dataclass(frozen=True, slots=True)
class PlatformEvent:
    """One thing that happened.

    `kind` is one of: online, offline, refused (a CONNECT), forbidden (a topic), received (a message), sent (a message),
    dropped (a message beyond the limit), property, event, service_reply, shadow, ota_version, ota_progress, topo,
    unhandled, openapi.
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
        self._data_bytes = 0
        self._next = 0
        self._changed = threading.Condition()

    def add(self, kind: str, key: DeviceKey | None, **data: Any) -> None:
        with self._changed:
            event = PlatformEvent(self._next, kind, key, self._clock(), data)
            self._events.append(event)
            self._next += 1
            self._data_bytes += _size_bytes(event)
            if len(self._events) > EVENTS_MAX or self._data_bytes > DATA_BYTES_MAX:
                del self._events[: len(self._events) // 2]
                self._data_bytes = sum(map(_size_bytes, self._events))
            self._changed.notify_all()

    @property
    def mark(self) -> int:
        """The number that the next event will have: what happens from now on."""
        with self._changed:
            return self._next

    def list(self, kind: str | None = None, key: DeviceKey | None = None, since: int = 0) -> tuple[PlatformEvent, ...]:
        """Give the events so far; None takes every kind, every device."""
        with self._changed:
            return tuple(event for event in self._from(since) if _fits(event, kind, key))

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
        looked_at = since

        def look() -> bool:
            nonlocal looked_at
            found[:] = [event for event in self._from(looked_at) if _fits(event, kind, key) and where(event)][:1]
            looked_at = max(since, self._next)
            return bool(found)

        with self._changed:
            if not self._changed.wait_for(look, timeout_s):
                seen = [f"{event.kind} {event.key}" for event in self._from(since)][-20:]
                raise NothingHappened(f"no {kind} of {key} within {timeout_s:.0f} s; seen: {seen}")
        return found[0]

    def _from(self, number: int) -> Sequence[PlatformEvent]:
        """Give the events with this number and higher; their numbers have no gaps."""
        first = self._next - len(self._events)
        return self._events[max(0, number - first) :]


def _fits(event: PlatformEvent, kind: str | None, key: DeviceKey | None) -> bool:
    return kind in {None, event.kind} and (key is None or event.key == key)


def _size_bytes(event: PlatformEvent) -> int:
    """About how much memory an event holds: what clients can make large are its texts and payloads."""
    texts = [*event.data.values(), *(event.key or ())]
    return sum(len(text) for text in texts if isinstance(text, str | bytes))
