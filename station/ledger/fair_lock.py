"""A lock that serves threads by need, then in the order they came: `threading.Lock` may starve a lane behind busier ones."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

URGENT_IN_A_ROW: Final = 16
"""So many urgent threads may go before one that waits: as many as a station has lanes."""


class FairLock:
    """Held by one thread at a time, which may take it again; release hands it to the urgent one that has waited longest, else
    to the others' first.

    Nobody starves: after `URGENT_IN_A_ROW` urgent ones it is the others' turn.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._owner: int | None = None
        self._depth = 0
        self._urgent: deque[threading.Lock] = deque()
        self._others: deque[threading.Lock] = deque()
        self._in_a_row = 0

    def acquire(self, timeout_s: float, *, urgent: bool = False) -> bool:
        """Wait for the lock; False when the time is over."""
        if self._owner != threading.get_ident():
            if not self._taken(timeout_s, urgent=urgent):
                return False
            self._owner = threading.get_ident()
        self._depth += 1
        return True

    def _taken(self, timeout_s: float, *, urgent: bool) -> bool:
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
        """Hand the lock on, once it is given back as often as it was taken."""
        self._depth -= 1
        if self._depth:
            return
        self._owner = None
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
