"""Keeps calls of one action apart, so that the platform's limits are never met by this station alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

CALLS_A_SECOND: Final[Mapping[str, int]] = MappingProxyType(
    {
        "BatchCheckDeviceNames": 10,
        "BatchRegisterDeviceWithApplyId": 500,
        "GetDeviceStatus": 500,
        "DisableThing": 500,
        "EnableThing": 500,
        "QueryBatchRegisterDeviceStatus": 30,
    }
)
"""The documented limits of an account (notes of the official client's methods, 5.1.0)."""
_OTHERS_A_SECOND: Final = 50
_MARGIN: Final = 1.2
"""Requests do not arrive as evenly as they are sent; the first one opens the connection."""


class Pace:
    """Gives each action its turn. Threads may share it."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, pause: Callable[[float], object] = time.sleep
    ) -> None:
        self._clock = clock
        self._pause = pause
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}

    def wait(self, action: str) -> None:
        """Return when the action may be called."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next.get(action, now))
            self._next[action] = turn + _MARGIN / CALLS_A_SECOND.get(action, _OTHERS_A_SECOND)
        if turn > now:
            self._pause(turn - now)
