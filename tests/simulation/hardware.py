"""Units, fixtures, and the chip that a lane speaks to, as `station.chip.Chip` would through a port."""

from __future__ import annotations

import hashlib
import re
import threading
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from station.chip.chip import SyncOutcome
from station.chip.chip_failures import port_lost, unit_garbled, unit_gone
from station.chip.console import LinePattern
from station.chip.lane_port import aborted
from station.chip.packed_region import PackedRegion
from station.errors import ChipError, Code, PortFault
from station.image.nvs_reader import read_nvs_image
from station.unit import ChipIdentity, Mac, SecurityState
from tests.simulation.plan import FaultKind, Place
from tests.simulation.product import CLAIMED_FLASH_BYTES, FLASH_BYTES, recipe

if TYPE_CHECKING:
    from tests.simulation.world import World

SECTOR_BYTES: Final = 4096
SILENCE_S: Final = 3.0
"""How long a command waits for an answer that does not come."""
PRESENCE_S: Final = 0.3
"""The same for the question whether the unit is still there."""
_UNLOCKED: Final = SecurityState(flash_encryption=False, secure_boot=False)


@dataclass(eq=False)
class SimUnit:
    """A board. `epoch` counts its resets: what was connected before one has to connect anew."""

    mac: Mac
    flash: bytearray = field(default_factory=lambda: bytearray(b"\xff" * FLASH_BYTES))
    epoch: int = 0
    talkative: bool = False
    boots: int = 0

    def credentials(self) -> bytes:
        """Give the bytes of its credentials partition."""
        partition = recipe().credentials_partition
        return bytes(self.flash[partition.offset : partition.end])

    def boot(self) -> list[str]:
        """Run what is in the flash; give what it says."""
        self.boots += 1
        plan = recipe().static_plan
        if any(self.flash[region.offset : region.end] != region.data for region in plan.regions):
            return ["rst:0x10 (RTCWDT_RTC_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)", "invalid header: 0xffffffff"]
        held = read_nvs_image(self.credentials(), tolerant=True)
        name = recipe().device_name_in(held)
        if name is None:
            return ["no certificate"]
        if self.talkative and self.boots == 1:
            return [f"assert: secret is {held.text('aliyun-key', 'DeviceSecret')}"]
        return [f"station-app ready: station-training 1.0.0 device={name}", "station-app online"]


@dataclass(eq=False)
class Fixture:
    """One fixture with its port; two of them can be wired to the same unit."""

    url: str
    unit: SimUnit | None = None
    port_there: bool = True
    opened_by: object = None

    def insert(self, unit: SimUnit) -> None:
        unit.epoch += 1
        self.unit = unit

    def pull(self) -> SimUnit | None:
        unit, self.unit = self.unit, None
        if unit is not None:
            unit.epoch += 1
        return unit


class SimPort:
    """What a lane has instead of `LanePort`: the fixture's port, open for one lane alone."""

    def __init__(self, world: World, fixture: Fixture, owner: object, abort: threading.Event) -> None:
        self.world = world
        self.fixture = fixture
        self.owner = owner
        self.abort = abort
        self.url = fixture.url

    @classmethod
    def open(cls, world: World, url: str, abort: threading.Event, _call: object = None) -> SimPort:
        """Open the port of a fixture; PortFault when it is gone or busy."""
        fixture = world.fixtures[url]
        world.point(Place.CHIP, "open", fixture)
        if not fixture.port_there:
            raise PortFault(Code.PORT_MISSING, "The port is not there", "Plug the adapter in", url)
        owner = world.process_of_current()
        if fixture.opened_by is not None and not getattr(fixture.opened_by, "dead", False):
            raise PortFault(Code.PORT_BUSY, "The port is held by another program", "Close it", url)
        fixture.opened_by = owner
        return cls(world, fixture, owner, abort)

    def release(self) -> None:
        """Close the port."""
        if self.fixture.opened_by is self.owner:
            self.fixture.opened_by = None


class SimConsole:
    """Says the unit's lines one after the other, while the unit is there."""

    def __init__(self, chip: SimChip, unit: SimUnit | None, epoch: int) -> None:
        self.lines: deque[str] = deque(maxlen=200)
        self._chip = chip
        self._unit = unit
        self._epoch = epoch
        self._unread = deque([] if unit is None else unit.boot())

    def wait_for(self, pattern: LinePattern, within_s: float, /) -> re.Match[str] | None:
        world, port = self._chip.world, self._chip.port
        deadline = world.scheduler.now_s + within_s
        while world.scheduler.now_s < deadline:
            self._chip.listen()
            world.scheduler.sleep(world.rng.uniform(0.1, 1.5))
            if not port.fixture.port_there:
                raise port_lost(port.url)
            heard = port.fixture.unit is self._unit and self._unit is not None and self._unit.epoch == self._epoch
            if heard and self._unread:
                line = self._unread.popleft()
                self.lines.append(line)
                if match := pattern.search(line):
                    return match
        return None


class SimChip:
    """Fits ChipLink and what a lane asks besides: whatever unit is in the fixture answers, or none does."""

    def __init__(self, port: SimPort, *_: object) -> None:
        self.port = port
        self.world = port.world
        self._epoch = -1
        self._unit: SimUnit | None = None

    # What a lane asks

    def sync(self) -> SyncOutcome:
        """Reset whatever is there into download mode."""
        self._call("sync", 0.1)
        unit = self.port.fixture.unit
        if unit is None:
            self._wait(0.9)
            return SyncOutcome.SILENT
        unit.epoch += 1
        self._unit, self._epoch = unit, unit.epoch
        return SyncOutcome.READY

    def still_there(self) -> bool:
        try:
            self._exchange("still_there", 0.01, PRESENCE_S)
        except ChipError:
            return False
        return True

    # ChipLink

    def identify(self) -> ChipIdentity:
        unit, fault = self._exchange("identify", 0.05)
        return ChipIdentity("esp32", "ESP32-D0WD-V3 (simulated)", "v3.0", _told(unit.mac, fault), 0, _UNLOCKED)

    baud = 921600

    def slow_down(self) -> bool:
        return False

    def prepare(self, _bauds: Sequence[int] | None, /) -> int:
        self._exchange("prepare", 0.3)
        return CLAIMED_FLASH_BYTES

    def mac_now(self) -> Mac:
        unit, fault = self._exchange("mac_now", 0.005)
        return _told(unit.mac, fault)

    def md5(self, offset: int, size_bytes: int, /) -> str:
        unit, fault = self._exchange("md5", 0.02)
        digest = hashlib.md5(unit.flash[offset : offset + size_bytes], usedforsecurity=False).hexdigest()
        return digest[::-1] if fault is FaultKind.WRONG_MD5 else digest

    def read(self, offset: int, size_bytes: int, /) -> bytes:
        unit, _ = self._exchange("read", 0.1)
        return bytes(unit.flash[offset : offset + size_bytes])

    def write(self, packed: PackedRegion, progress: Callable[[int], None], /) -> None:
        """Erase, then write sector by sector; whatever happens between two sectors leaves the rest erased."""
        asked = self.port.fixture.unit  # the command is out in the instant of the call
        unit, _ = self._exchange(f"write {packed.name}", 0.01)
        if unit is not asked:
            raise _refused()
        begun_epoch = unit.epoch
        data = bytearray(zlib.decompress(packed.blob))
        self.world.judge.bytes_leave(unit, bytes(data))
        erased = -(-len(data) // SECTOR_BYTES) * SECTOR_BYTES
        unit.flash[packed.offset : packed.offset + erased] = b"\xff" * erased
        for start in range(0, len(data), SECTOR_BYTES):
            fault = self._call(f"write {packed.name}", self.world.rng.uniform(0.02, 0.6), Place.WRITE)
            self._refuse(fault)
            there = self._there()
            if there is not unit or unit.epoch != begun_epoch:
                raise _refused()
            piece = data[start : start + SECTOR_BYTES]
            if fault is FaultKind.SPOILT_FLASH:
                piece[len(piece) // 2] ^= 1
            unit.flash[packed.offset + start : packed.offset + start + len(piece)] = piece
            self.world.judge.flash_changed(unit)
            progress(len(packed.blob) * min(len(data), start + SECTOR_BYTES) // len(data))

    def restart(self) -> SimConsole:
        self._call("restart", 0.01)
        unit = self.port.fixture.unit
        if unit is not None:
            unit.epoch += 1
        return SimConsole(self, unit, 0 if unit is None else unit.epoch)

    def release(self) -> None:
        self.port.release()

    # Inside

    def listen(self) -> None:
        """One look at the console."""
        fault = self._call("console", 0.0)
        self._refuse(fault)

    def _exchange(self, name: str, seconds: float, silence_s: float = SILENCE_S) -> tuple[SimUnit, FaultKind | None]:
        """Ask the unit that is there; give it with the fault that spoils its answer."""
        fault = self._call(name, seconds)
        unit = self._there(silence_s)
        self._refuse(fault)
        return unit, fault

    def _there(self, silence_s: float = SILENCE_S) -> SimUnit:
        unit = self.port.fixture.unit
        answers = unit is not None and (self.world.plan.resting or unit.epoch == self._epoch)
        if unit is None or not answers:
            self._wait(silence_s)
            raise unit_gone()
        return unit

    def _call(self, name: str, seconds: float, place: Place = Place.CHIP) -> FaultKind | None:
        fault = self.world.point(place, name, self.port.fixture)
        self._wait(seconds * self.world.rng.uniform(0.5, 2.0))
        return fault

    def _wait(self, seconds: float) -> None:
        self.world.scheduler.sleep(seconds)
        if not self.port.fixture.port_there:
            raise port_lost(self.port.url)
        if self.port.abort.is_set():
            raise aborted()

    def _refuse(self, fault: FaultKind | None) -> None:
        if fault is FaultKind.GARBAGE:
            raise unit_garbled()
        if fault is FaultKind.TRUNCATED:
            self._wait(SILENCE_S)
            raise unit_gone()


def _refused() -> ChipError:
    """Give what comes of data for a write that this chip has not begun."""
    return ChipError(Code.WRITE_REFUSED, "The chip could not write", "Put it in again")


def _told(mac: Mac, fault: FaultKind | None) -> Mac:
    """Give the MAC as it came over the wire."""
    return Mac(mac[:-1] + ("0" if mac[-1] != "0" else "1")) if fault is FaultKind.WRONG_MAC else mac
