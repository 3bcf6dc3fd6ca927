"""How many messages of a device, or calls of an account, the platform takes in a second."""

from __future__ import annotations

from typing import Final

MESSAGES_A_SECOND_MAX: Final = 30
"""What a device sends beyond it is dropped (the platform's page on devices with several connections)."""


class MessageRate:
    """Admits the first messages of each second, which begins with the first message."""

    def __init__(self, most: int = MESSAGES_A_SECOND_MAX) -> None:
        self._most = most
        self._began = 0.0
        self._admitted = 0

    def admits(self, now: float) -> bool:
        """Whether one more message at `now`, seconds of a clock that may be set back, is within the limit."""
        if not self._began <= now < self._began + 1:
            self._began, self._admitted = now, 0
        self._admitted += 1
        return self._admitted <= self._most
