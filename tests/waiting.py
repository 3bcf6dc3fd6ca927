"""Waiting for what tells no event of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

LIMIT_S: Final = 60.0


def wait_until(holds: Callable[[], bool], limit_s: float = LIMIT_S, period_s: float = 0.002) -> None:
    """Look again and again until something holds; AssertionError when it does not in time."""
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold in time"
        time.sleep(period_s)
