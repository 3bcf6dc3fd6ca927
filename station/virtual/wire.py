"""The serial line between an adapter and a chip: it takes time, and bytes sent at another baud rate arrive as garbage."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

CONSOLE_BAUD: Final = 115200
BITS_PER_BYTE: Final = 10
BAUD_TOLERANCE: Final = 0.03
SLICE_S: Final = 0.01
SLICE_MIN_BYTES: Final = 64
UNREAD_MAX_BYTES: Final = 0x40000
_GARBLED: Final = bytes(0x80 | (byte * 89 + 57) & 0x3F for byte in range(256))


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes whose last bit is over at `due` (seconds of the wire's clock); `baud` is the sender's."""

    due: float
    data: bytes
    baud: int


def received(data: bytes, sender_baud: int, receiver_baud: int) -> bytes:
    """Give what a receiver makes of bytes: themselves, or garbage (never a frame's C0) when the rates differ."""
    if receiver_baud > 0 and abs(sender_baud / receiver_baud - 1) <= BAUD_TOLERANCE:
        return data
    return data.translate(_GARBLED)


class Wire:
    """Two lines, one each way, that are paced by the baud rate of whoever sends.

    `wake_chip` and `wake_host` are called when there is something new to wait for. Any thread may call anything.
    """

    def __init__(self, clock: Callable[[], float], reply_latency_s: float) -> None:
        self._clock = clock
        self._reply_latency_s = reply_latency_s
        self._lock = threading.Lock()
        self._to_chip: deque[Piece] = deque()
        self._to_chip_bytes = 0
        self._to_chip_free = 0.0
        self._to_host: deque[Piece] = deque()
        self._to_host_free = 0.0
        self.host_baud = CONSOLE_BAUD
        self.wake_chip: Callable[[], None] = lambda: None
        self.wake_host: Callable[[], None] = lambda: None

    def host_sends(self, data: bytes) -> None:
        """Put the host's bytes on the line; what exceeds the adapter's buffer is lost."""
        with self._lock:
            start = max(self._clock(), self._to_chip_free)
            for part in _split_at_frames(data):
                if self._to_chip_bytes + len(part) > UNREAD_MAX_BYTES:
                    break
                start += len(part) * BITS_PER_BYTE / self.host_baud
                self._to_chip.append(Piece(start, part, self.host_baud))
                self._to_chip_bytes += len(part)
            self._to_chip_free = start
        self.wake_chip()

    def next_for_chip(self) -> Piece | float | None:
        """Take the next bytes that have arrived; or give the seconds until some have; None when nothing is under way."""
        with self._lock:
            if not self._to_chip:
                return None
            wait_s = self._to_chip[0].due - self._clock()
            if wait_s > 0:
                return wait_s
            self._to_chip_bytes -= len(self._to_chip[0].data)
            return self._to_chip.popleft()

    def chip_sends(self, data: bytes, baud: int) -> None:
        """Put the chip's bytes on the line."""
        if not data or baud <= 0:
            return
        with self._lock:
            start = max(self._clock(), self._to_host_free)
            slice_bytes = max(SLICE_MIN_BYTES, int(baud * SLICE_S / BITS_PER_BYTE))
            for first in range(0, len(data), slice_bytes):
                part = data[first : first + slice_bytes]
                start += len(part) * BITS_PER_BYTE / baud
                self._to_host.append(Piece(start + self._reply_latency_s, part, baud))
            self._to_host_free = start
        self.wake_host()

    def chip_unsent_s(self) -> float:
        """Give how long the chip's bytes still need to leave: its transmit buffer is this long."""
        with self._lock:
            return max(0.0, self._to_host_free - self._clock())

    def next_for_host(self) -> bytes | float | None:
        """Take all bytes that have arrived at the host; or the seconds until some have; None when nothing is under way."""
        with self._lock:
            now = self._clock()
            parts = []
            while self._to_host and self._to_host[0].due <= now:
                piece = self._to_host.popleft()
                parts.append(received(piece.data, piece.baud, self.host_baud))
            if parts:
                return b"".join(parts)
            return self._to_host[0].due - now if self._to_host else None

    def drop_unread(self) -> None:
        """Forget the host's bytes that the chip has not read: it was reset, or the host emptied its buffer."""
        with self._lock:
            self._to_chip.clear()
            self._to_chip_bytes = 0
            self._to_chip_free = 0.0

    def drop_unsent(self) -> None:
        """Forget the chip's bytes that have not arrived: it was reset or lost its power."""
        with self._lock:
            self._to_host.clear()
            self._to_host_free = 0.0


def _split_at_frames(data: bytes) -> list[bytes]:
    """Cut bytes behind each C0, so that a frame is complete the moment its own last byte is over."""
    *whole, rest = data.split(b"\xc0")
    parts = [part + b"\xc0" for part in whole]
    if rest:
        parts.append(rest)
    return parts
