"""A lock that serves threads by need, then in the order they came: `threading.Lock` may starve a lane behind busier ones."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

URGENT_IN_A_ROW: Final = 16
"""So many urgent threads may go before one that waits: as many as a station has lanes."""


class FairLock:
    """Held by one thread at a time; release hands it to the urgent one that has waited longest, else to the others' first.

    Nobody starves: after `URGENT_IN_A_ROW` urgent ones it is the others' turn.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._urgent: deque[threading.Lock] = deque()
        self._others: deque[threading.Lock] = deque()
        self._in_a_row = 0

    def acquire(self, timeout_s: float, *, urgent: bool = False) -> bool:
        """Wait for the lock; False when the time is over."""
        waiting = self._urgent if urgent else self._others
        with self._guard:
            if not self._held:
                self._held = True
                return True
            gate = threading.Lock()
            gate.acquire()
            waiting.append(gate)
        if gate.acquire(timeout=timeout_s):
            return True
        with self._guard:
            if gate in waiting:
                waiting.remove(gate)
                return False
        return True  # handed over in the very moment that the time was over

    def release(self) -> None:
        """Hand the lock on."""
        with self._guard:
            if self._urgent and (self._in_a_row < URGENT_IN_A_ROW or not self._others):
                self._in_a_row = self._in_a_row + 1 if self._others else 0
                self._urgent.popleft().release()
            elif self._others:
                self._in_a_row = 0
                self._others.popleft().release()
            else:
                self._in_a_row = 0
                self._held = False
