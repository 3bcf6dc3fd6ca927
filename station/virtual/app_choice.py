"""Which application partition the bootloader starts, and in which order it falls back (ESP-IDF, bootloader_utility.c)."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from station.virtual.boot_log import BootConsole
from station.virtual.image_check import ReadFlash
from station.virtual.partitions import (
    SUBTYPE_FACTORY,
    SUBTYPE_OTA_0,
    SUBTYPE_OTADATA,
    SUBTYPE_TEST,
    TYPE_APP,
    TYPE_DATA,
    FlashPartition,
)

_SECTOR_BYTES: Final = 4096
_NO_SEQUENCE: Final = 0xFFFFFFFF


def choose_app(
    console: BootConsole, partitions: tuple[FlashPartition, ...], read: ReadFlash
) -> tuple[FlashPartition, ...]:
    """Give the application partitions in the order in which they are tried."""
    apps = [partition for partition in partitions if partition.type == TYPE_APP]
    factory = [app for app in apps if app.subtype == SUBTYPE_FACTORY]
    slots = sorted((app for app in apps if SUBTYPE_OTA_0 <= app.subtype < SUBTYPE_TEST), key=lambda app: app.subtype)
    tests = [app for app in apps if app.subtype == SUBTYPE_TEST]
    otadata = next((p for p in partitions if p.type == TYPE_DATA and p.subtype == SUBTYPE_OTADATA), None)
    chosen: int | None = None
    if otadata is not None and slots:
        sequence = _newest_sequence(read(otadata.offset, 2 * _SECTOR_BYTES))
        if sequence is not None:
            chosen = (sequence - 1) % len(slots)
        elif factory:
            console.information("boot", "Defaulting to factory image")
        else:
            console.information("boot", "No factory image, trying OTA 0")
            chosen = 0
    if chosen is None:
        return (*factory, *slots, *tests)
    return (*reversed(slots[: chosen + 1]), *factory, *slots[chosen + 1 :], *tests)


def partition_label(partition: FlashPartition) -> str:
    """Give the name under which the bootloader complains of this partition."""
    if partition.subtype == SUBTYPE_FACTORY:
        return "Factory app partition"
    if partition.subtype == SUBTYPE_TEST:
        return "Factory test app partition"
    return f"OTA app partition slot {partition.subtype - SUBTYPE_OTA_0}"


def _newest_sequence(otadata: bytes) -> int | None:
    """Give the highest valid sequence number of the two `esp_ota_select_entry_t`, None when there is none."""
    sequences = []
    for entry in (otadata[:32], otadata[_SECTOR_BYTES : _SECTOR_BYTES + 32]):
        sequence, _label, _state, crc = struct.unpack("<I20sII", entry)
        # esp_rom_crc32_le(UINT32_MAX, …) starts from the complement: zlib's running value for it is the same number.
        if sequence != _NO_SEQUENCE and zlib.crc32(entry[:4], 0xFFFFFFFF) == crc:
            sequences.append(sequence)
    return max(sequences, default=None)
