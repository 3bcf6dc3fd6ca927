"""What a unit says on its console, made harmless: bounded lines, no control characters."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from station.chip.chip_failures import translated
from station.chip.lane_port import LanePort

LINE_LENGTH_MAX: Final = 400
KEPT_LINES_MAX: Final = 200
READ_BYTES_MAX: Final = 4096
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b.|[^\x20-\x7e\u00a0-\ufffd]")


def harmless(raw: bytes) -> str:
    """Give one console line as text without colours, control characters or more than 400 characters."""
    text = _CONTROL.sub("", raw.decode("utf-8", errors="replace"))[:LINE_LENGTH_MAX]
    # Signs that turn the direction of writing, and the like, are no control characters but mislead as well.
    return text if text.isprintable() else "".join(sign for sign in text if sign.isprintable())


class LinePattern(Protocol):
    """What is looked for in each line; a regular expression is one."""

    def search(self, line: str, /) -> re.Match[str] | None:
        """Give the match of a line that fits."""


class Console:
    """Reads lines from a port until one is expected, or the limit is over. Keeps the last lines for the record."""

    def __init__(self, port: LanePort, clock: Callable[[], float] = time.monotonic) -> None:
        self._port = port
        self._clock = clock
        self._rest = b""
        self._unread: deque[str] = deque(maxlen=KEPT_LINES_MAX)
        self.lines: deque[str] = deque(maxlen=KEPT_LINES_MAX)

    def wait_for(self, pattern: LinePattern, within_s: float) -> re.Match[str] | None:
        """Give the match of the first line that fits, None when `within_s` is over first; Aborted on abort, PortFault.

        Lines after the match stay for the next call. A last line without an end counts when the limit is over.
        """
        deadline = self._clock() + within_s
        with translated(self._port.url, "speak on its console"):
            while True:
                while self._unread:
                    if match := pattern.search(self._unread.popleft()):
                        return match
                if self._clock() >= deadline:
                    return pattern.search(harmless(self._rest))
                self._listen()

    def _listen(self) -> None:
        self._port.timeout = 0.0
        data = self._port.listen(max(1, min(self._port.in_waiting, READ_BYTES_MAX)))
        *whole, self._rest = re.split(rb"\r\n|\n|\r", self._rest + data)
        if len(self._rest) > LINE_LENGTH_MAX:
            whole.append(self._rest)
            self._rest = b""
        for raw in whole:
            if raw:
                self._unread.append(harmless(raw))
                self.lines.append(harmless(raw))
