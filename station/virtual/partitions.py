"""The partition table in flash as the second-stage bootloader sees it: packed by the bench, read on every boot.

Layout of a 32-byte row from ESP-IDF's partition table documentation: magic AA 50, type, subtype, offset, size, 16-byte label,
flags; a row EB EB with 14 bytes of FF and the MD5 of the rows before it; the first row of FF ends the table.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

TABLE_OFFSET: Final = 0x8000
TABLE_SIZE_BYTES: Final = 0xC00
ROW_SIZE_BYTES: Final = 32

TYPE_APP: Final = 0
TYPE_DATA: Final = 1
SUBTYPE_FACTORY: Final = 0x00
SUBTYPE_OTA_0: Final = 0x10
SUBTYPE_TEST: Final = 0x20
SUBTYPE_OTADATA: Final = 0x00
SUBTYPE_PHY: Final = 0x01
SUBTYPE_NVS: Final = 0x02
SUBTYPE_FAT: Final = 0x81

_ROW_MAGIC: Final = 0x50AA
_MD5_MAGIC: Final = b"\xeb\xeb" + b"\xff" * 14
_END_ROW: Final = b"\xff" * ROW_SIZE_BYTES
_USAGES: Final = {
    (TYPE_APP, SUBTYPE_FACTORY): "factory app",
    (TYPE_APP, SUBTYPE_TEST): "test app",
    (TYPE_DATA, SUBTYPE_OTADATA): "OTA data",
    (TYPE_DATA, SUBTYPE_PHY): "RF data",
    (TYPE_DATA, SUBTYPE_NVS): "WiFi data",
    (TYPE_DATA, 0x04): "NVS keys",
    (TYPE_DATA, 0x05): "efuse",
}


@dataclass(frozen=True, slots=True)
class FlashPartition:
    """One row of the table; offset and size in bytes."""

    name: str
    type: int
    subtype: int
    offset: int
    size_bytes: int

    @property
    def usage(self) -> str:
        """What the bootloader's log calls this kind of partition."""
        if self.type == TYPE_APP and SUBTYPE_OTA_0 <= self.subtype < SUBTYPE_TEST:
            return "OTA app"
        unknown = "Unknown app" if self.type == TYPE_APP else "Unknown data"
        return _USAGES.get((self.type, self.subtype), unknown)


class TableFault(ValueError):
    """The table cannot be used; the text is the bootloader's own complaint."""


def pack_partition_table(partitions: tuple[FlashPartition, ...]) -> bytes:
    """Give the 0xC00 bytes of a table with its MD5 row."""
    rows = b"".join(
        struct.pack("<HBBII16sI", _ROW_MAGIC, p.type, p.subtype, p.offset, p.size_bytes, p.name.encode("ascii"), 0)
        for p in partitions
    )
    # The usedforsecurity flag keeps this working on systems in FIPS mode; MD5 is the format's own choice.
    table = rows + _MD5_MAGIC + hashlib.md5(rows, usedforsecurity=False).digest()
    return table.ljust(TABLE_SIZE_BYTES, b"\xff")


def read_partition_table(table: bytes, flash_size_bytes: int) -> tuple[FlashPartition, ...]:
    """Read the rows as the bootloader does.

    Raises TableFault: bad magic, wrong MD5, a partition beyond the flash, no end row.
    """
    partitions: list[FlashPartition] = []
    for place in range(0, len(table) - ROW_SIZE_BYTES + 1, ROW_SIZE_BYTES):
        row = table[place : place + ROW_SIZE_BYTES]
        if row == _END_ROW and partitions:
            return tuple(partitions)
        if row.startswith(_MD5_MAGIC[:2]) and partitions:
            if row[16:] != hashlib.md5(table[:place], usedforsecurity=False).digest():
                raise TableFault("Incorrect MD5 checksum")
            continue
        partitions.append(_read_row(row, len(partitions), flash_size_bytes))
    raise TableFault("partition table has no terminating entry, not valid")


def _read_row(row: bytes, number: int, flash_size_bytes: int) -> FlashPartition:
    magic, kind, subtype, offset, size_bytes, label, _flags = struct.unpack("<HBBII16sI", row)
    if magic != _ROW_MAGIC:
        raise TableFault(f"partition {number} invalid magic number 0x{magic:x}")
    if offset + size_bytes > flash_size_bytes:
        raise TableFault(
            f"partition {number} invalid - offset 0x{offset:x} size 0x{size_bytes:x} "
            f"exceeds flash chip size 0x{flash_size_bytes:x}"
        )
    name = label.split(b"\x00", 1)[0].decode("ascii", "replace")
    return FlashPartition(name, kind, subtype, offset, size_bytes)


def find_partition(partitions: tuple[FlashPartition, ...], name: str) -> FlashPartition | None:
    """Give the partition of this name."""
    return next((partition for partition in partitions if partition.name == name), None)
