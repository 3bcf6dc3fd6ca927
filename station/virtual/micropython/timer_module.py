"""A stand-in for `machine.Timer`: one timer a number, as on the ESP32; names from MicroPython 1.21's documentation."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

HARDWARE_TIMERS = 4


def timer_class() -> type:
    """Make the class for one board; timers of the same number are the same timer."""
    running: dict[int, threading.Timer] = {}

    class Timer:
        """Calls back after a time, once or again and again, in a thread of its own."""

        ONE_SHOT, PERIODIC = 0, 1

        def __init__(self, id: int, **options: Any) -> None:  # noqa: A002  # its name
            if not 0 <= id < HARDWARE_TIMERS:
                raise ValueError("invalid Timer number")
            self._id = id
            if options:
                self.init(**options)

        def init(
            self,
            *,
            mode: int = PERIODIC,
            freq: float = -1,
            period: int = -1,
            callback: Callable[[Any], object] | None = None,
        ) -> None:
            """Start it; `period` in ms."""
            self.deinit()
            wait_s = 1 / freq if freq > 0 else period / 1000

            def ring() -> None:
                if mode == self.PERIODIC:
                    self.init(mode=mode, freq=freq, period=period, callback=callback)
                if callback is not None:
                    callback(self)

            timer = threading.Timer(wait_s, ring)
            timer.daemon = True
            running[self._id] = timer
            timer.start()

        def deinit(self) -> None:
            """Stop it."""
            timer = running.pop(self._id, None)
            if timer is not None:
                timer.cancel()

    return Timer
