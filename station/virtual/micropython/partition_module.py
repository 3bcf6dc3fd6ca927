"""A stand-in for `esp32.Partition`: the chip's partitions as blocks, and which application starts next.

Names, arguments and errors from MicroPython 1.21's documentation of esp32.Partition and its ports/esp32/esp32_partition.c;
the OTA choice as ESP-IDF's esp_ota_set_boot_partition keeps it in `otadata`.
"""

from __future__ import annotations

import errno
import struct
import zlib
from collections.abc import Callable
from typing import Any, Final

from station.virtual.app_choice import choose_app
from station.virtual.boot_log import BootConsole
from station.virtual.image_check import read_image
from station.virtual.micropython.device import Device
from station.virtual.partitions import (
    SUBTYPE_FACTORY,
    SUBTYPE_OTA_0,
    SUBTYPE_OTADATA,
    SUBTYPE_TEST,
    TYPE_APP,
    TYPE_DATA,
    FlashPartition,
    find_partition,
)

BLOCK_SIZE_BYTES: Final = 4096
_ESP_ERR_OTA_VALIDATE_FAILED: Final = 0x1503
_ESP_ERR_NOT_SUPPORTED: Final = 0x106
_ANY_SUBTYPE: Final = 0xFF
_BLOCK_COUNT, _BLOCK_SIZE, _ERASE_BLOCK = 4, 5, 6


class _AppChoice:
    """Which application runs, and which one is chosen for the next start."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.running = self.chosen()

    def chosen(self) -> FlashPartition | None:
        """Give the application that the bootloader tries first."""
        return next(iter(choose_app(BootConsole(lambda _data: None), self._device.partitions, self._read)), None)

    def next_update(self) -> FlashPartition | None:
        """Give the OTA partition after the running one."""
        slots = self._slots()
        if not slots:
            return None
        place = slots.index(self.running) + 1 if self.running in slots else 0
        found = slots[place % len(slots)]
        return None if found == self.running else found

    def choose(self, partition: FlashPartition) -> None:
        """Write `otadata` so that this partition starts next; raises OSError when it holds no application."""
        if read_image(self._read, partition.offset, partition.size_bytes).fault is not None:
            raise OSError(-_ESP_ERR_OTA_VALIDATE_FAILED, "ESP_ERR_OTA_VALIDATE_FAILED")
        otadata = next(
            (p for p in self._device.partitions if p.subtype == SUBTYPE_OTADATA and p.type == TYPE_DATA), None
        )
        if otadata is None:
            if partition.subtype != SUBTYPE_FACTORY:
                raise OSError(errno.ENOENT)
            return
        if partition.subtype == SUBTYPE_FACTORY:
            self._device.overwrite(otadata.offset, b"\xff" * 2 * BLOCK_SIZE_BYTES)
            return
        slots = self._slots()
        sequence = self._sequence(otadata) + 1
        while (sequence - 1) % len(slots) != slots.index(partition):
            sequence += 1
        number = struct.pack("<I", sequence)
        entry = number + b"\xff" * 24 + struct.pack("<I", zlib.crc32(number, 0xFFFFFFFF))
        sector = (sequence - 1) % 2
        self._device.overwrite(otadata.offset + sector * BLOCK_SIZE_BYTES, entry.ljust(BLOCK_SIZE_BYTES, b"\xff"))

    def _slots(self) -> list[FlashPartition]:
        slots = [p for p in self._device.partitions if p.type == TYPE_APP and SUBTYPE_OTA_0 <= p.subtype < SUBTYPE_TEST]
        return sorted(slots, key=lambda slot: slot.subtype)

    def _sequence(self, otadata: FlashPartition) -> int:
        numbers = [0]
        for sector in range(2):
            entry = self._read(otadata.offset + sector * BLOCK_SIZE_BYTES, 32)
            number, crc = struct.unpack("<I24xI", entry)
            if number != 0xFFFFFFFF and zlib.crc32(entry[:4], 0xFFFFFFFF) == crc:
                numbers.append(number)
        return max(numbers)

    def _read(self, offset: int, size_bytes: int) -> bytes:
        return bytes(self._device.flash[offset : offset + size_bytes])


def partition_class(device: Device) -> type:
    """Make the class for one board."""
    apps = _AppChoice(device)

    class Partition:
        """One partition; blocks of 4096 bytes, erased before they are written."""

        BOOT, RUNNING, TYPE_APP, TYPE_DATA = 0, 1, TYPE_APP, TYPE_DATA

        def __init__(self, id: str | int, block_size: int = BLOCK_SIZE_BYTES, /) -> None:  # noqa: A002  # its name
            places: dict[str | int, Callable[[], FlashPartition | None]] = {
                self.BOOT: apps.chosen,
                self.RUNNING: lambda: apps.running,
            }
            found = places[id]() if id in places else find_partition(device.partitions, str(id))
            if found is None:
                raise OSError(errno.ENOENT)
            self._row = found
            self._block_size = block_size

        @classmethod
        def find(
            cls,
            type: int = TYPE_APP,  # noqa: A002  # its name
            subtype: int = _ANY_SUBTYPE,
            label: str | None = None,
            block_size: int = BLOCK_SIZE_BYTES,
        ) -> list[Partition]:
            return [
                cls(row.name, block_size)
                for row in device.partitions
                if row.type == type and subtype in (_ANY_SUBTYPE, row.subtype) and label in (None, row.name)
            ]

        def info(self) -> tuple[int, int, int, int, str, bool]:
            row = self._row
            return (row.type, row.subtype, row.offset, row.size_bytes, row.name, False)

        def readblocks(self, block_num: int, buf: bytearray, offset: int = 0) -> None:
            place = self._place(block_num, offset, len(buf))
            buf[:] = device.flash[place : place + len(buf)]

        def writeblocks(self, block_num: int, buf: bytes, offset: int | None = None) -> None:
            place = self._place(block_num, offset or 0, len(buf))
            if offset is None:
                device.overwrite(place, b"\xff" * -(-len(buf) // BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES)
            programmed = bytes(old & new for old, new in zip(device.flash[place:], bytes(buf), strict=False))
            device.overwrite(place, programmed)

        def ioctl(self, cmd: int, arg: int) -> int | None:
            if cmd == _BLOCK_COUNT:
                return self._row.size_bytes // self._block_size
            if cmd == _BLOCK_SIZE:
                return self._block_size
            if cmd == _ERASE_BLOCK:
                device.overwrite(self._place(arg, 0, self._block_size), b"\xff" * self._block_size)
                return 0
            return None

        def set_boot(self) -> None:
            apps.choose(self._row)

        def get_next_update(self) -> Any:
            found = apps.next_update()
            if found is None:
                raise OSError(errno.ENOENT)
            return Partition(found.name)

        @classmethod
        def mark_app_valid_cancel_rollback(cls) -> None:
            raise OSError(-_ESP_ERR_NOT_SUPPORTED, "ESP_ERR_NOT_SUPPORTED")  # the bench's bootloader never rolls back

        def _place(self, block: int, offset: int, size_bytes: int) -> int:
            begin = block * self._block_size + offset
            if begin < 0 or begin + size_bytes > self._row.size_bytes:
                raise OSError(-0x104, "ESP_ERR_INVALID_SIZE")
            return self._row.offset + begin

    return Partition
