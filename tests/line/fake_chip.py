"""A chip in memory for tests of the walk: flash as a bytearray, and a plan of what goes wrong."""

from __future__ import annotations

import hashlib
import mmap
import re
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from station.chip.console import LinePattern
from station.chip.packed_region import PackedRegion
from station.unit import ChipIdentity, Mac, SecurityState

FLASH_BYTES = 4 << 20
UNLOCKED = SecurityState(flash_encryption=False, secure_boot=False)


@dataclass
class FakeUnit:
    """A board: its identity, its flash, and what its application says after a restart."""

    mac: Mac
    chip: str = "esp32"
    flash_size_bytes: int = FLASH_BYTES
    security: SecurityState = UNLOCKED
    flash: bytearray | mmap.mmap = field(default_factory=lambda: bytearray(b"\xff" * FLASH_BYTES))
    says: tuple[str, ...] = ("station-app ready: station-training 1.0.0 device={device_name}", "station-app online")
    """`{device_name}` becomes what its application reads from its flash."""


class FakeConsole:
    """Says its lines at once, then is silent."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = deque(lines)
        self._unread = deque(lines)

    def wait_for(self, pattern: LinePattern, _within_s: float, /) -> re.Match[str] | None:
        while self._unread:
            if match := pattern.search(self._unread.popleft()):
                return match
        return None


class FakeChip:
    """Fits ChipLink. `before` is called with the name of each call and may raise or change `unit`."""

    def __init__(self, unit: FakeUnit, before: Callable[[str], None] = lambda _call: None) -> None:
        self.unit = unit
        self.before = before
        self.written: list[str] = []
        self.runs_as: Callable[[], str | None] = lambda: None
        self.spoil: Callable[[str, bytes], bytes] = lambda _name, data: data

    def identify(self) -> ChipIdentity:
        self.before("identify")
        return ChipIdentity(self.unit.chip, f"{self.unit.chip} (fake)", "v3.0", self.unit.mac, 0, self.unit.security)

    baud = 921600

    def slow_down(self) -> bool:
        return False

    def prepare(self, _bauds: Sequence[int] | None, /) -> int:
        self.before("prepare")
        return self.unit.flash_size_bytes

    def mac_now(self) -> Mac:
        self.before("mac_now")
        return self.unit.mac

    def md5(self, offset: int, size_bytes: int, /) -> str:
        self.before("md5")
        return hashlib.md5(self.unit.flash[offset : offset + size_bytes], usedforsecurity=False).hexdigest()

    def read(self, offset: int, size_bytes: int, /) -> bytes:
        self.before("read")
        return bytes(self.unit.flash[offset : offset + size_bytes])

    def write(self, packed: PackedRegion, progress: Callable[[int], None], /) -> None:
        self.before(f"write {packed.name}")
        data = self.spoil(packed.name, zlib.decompress(packed.blob))
        self.unit.flash[packed.offset : packed.offset + len(data)] = data
        self.written.append(packed.name)
        progress(len(packed.blob))

    def restart(self) -> FakeConsole:
        self.before("restart")
        return FakeConsole([line.format(device_name=self.runs_as()) for line in self.unit.says])


def unit_number(number: int, **changes: object) -> FakeUnit:
    """Give a blank unit with a MAC of its own."""
    return replace(FakeUnit(Mac(f"24:0a:c4:00:00:{number:02x}")), **changes)  # type: ignore[arg-type]  # by field name
