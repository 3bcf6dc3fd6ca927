"""One light for a whole line: what it shows follows from what every lane said last."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from station.events import Event, LaneClosed, LaneWaiting, RunStarted, VerdictReached, WaitReason
from station.peripherals.stack_light import LightState
from station.verdict import Verdict

_UNIT_IS_OUT: Final = frozenset({WaitReason.INSERT_UNIT, WaitReason.SCAN_LABEL})
"""Where the lane cannot see that (a key is awaited, BOOT is to be held), the verdict stands until the next run."""
_BY_VERDICT: Final = {
    Verdict.PASS: LightState.UNIT_GOOD,
    Verdict.FAIL: LightState.UNIT_BAD,
    Verdict.ABORTED: LightState.UNIT_BAD,
    Verdict.ERROR: LightState.STATION_FAULT,
}


class LineLight:
    """Hears the lanes, on their own threads, and shows each new state of the line."""

    def __init__(self, show: Callable[[LightState], None]) -> None:
        """`show` returns at once."""
        self._show = show
        self._lanes: dict[int, LightState] = {}
        self._shown: LightState | None = None
        self._lock = threading.Lock()

    def hear(self, event: Event) -> None:
        """Take note of an event."""
        with self._lock:
            state = _after(self._lanes.get(event.lane), event)
            if state is None:
                self._lanes.pop(event.lane, None)
            else:
                self._lanes[event.lane] = state
            shown = next((one for one in LightState if one in self._lanes.values()), LightState.OFF)
            if shown is not self._shown:
                self._shown = shown
                self._show(shown)


def _after(before: LightState | None, event: Event) -> LightState | None:
    """Give a lane's state after an event; None: it is at no work."""
    match event:
        case LaneWaiting(reason=WaitReason.STATION_FAULT):
            return LightState.STATION_FAULT
        case LaneWaiting(reason=reason):
            stands = before in _BY_VERDICT.values() and reason not in _UNIT_IS_OUT
            return before if stands else LightState.WAITING
        case RunStarted():
            return LightState.WORKING
        case VerdictReached():
            return _BY_VERDICT[event.verdict]
        case LaneClosed():
            return None
        case _:
            return before
