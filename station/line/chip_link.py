"""What the walk needs of a chip; `station.chip.Chip` is it, and a simulated one fits too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from station.chip.console import LinePattern
from station.chip.packed_region import PackedRegion
from station.unit import ChipIdentity, Mac


class ConsoleLink(Protocol):
    """What a started unit says."""

    @property
    def lines(self) -> Iterable[str]:
        """The last lines heard, made harmless."""

    def wait_for(self, pattern: LinePattern, within_s: float, /) -> re.Match[str] | None:
        """Give the match of the first line that fits, None when the time is over."""


class ChipLink(Protocol):
    """One chip in download mode; each call raises ChipError, PortFault or Aborted."""

    def identify(self) -> ChipIdentity:
        """Ask model, revision, MAC and security eFuses."""

    def prepare(self, bauds: Sequence[int] | None, /) -> int:
        """Get ready to write; give the flash size in bytes."""

    @property
    def baud(self) -> int:
        """The baud rate in use."""

    def slow_down(self) -> bool:
        """Go on with the same unit at a lower baud rate; False when there is none."""

    def mac_now(self) -> Mac:
        """Ask the MAC again."""

    def md5(self, offset: int, size_bytes: int, /) -> str:
        """Let the chip compute an MD5 of its flash."""

    def read(self, offset: int, size_bytes: int, /) -> bytes:
        """Read flash."""

    def write(self, packed: PackedRegion, progress: Callable[[int], None], /) -> None:
        """Write one region."""

    def restart(self) -> ConsoleLink:
        """Reset into the application."""
