"""The ESP-IDF partition table as it lies in flash.

Format: docs.espressif.com, ESP-IDF "Partition Tables", and its components/partition_table/gen_esp32part.py: rows of 32
bytes, then a row with the MD5 of the rows before it, then 0xFF up to 0xC00 bytes.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from station.errors import Why
from station.image.fault import ImageFault

TABLE_OFFSET: Final = 0x8000
"""Where the table lies in flash unless a build moved it."""
TABLE_SIZE_BYTES: Final = 0xC00
SECTOR_BYTES: Final = 0x1000

APP_TYPE: Final = 0x00
DATA_TYPE: Final = 0x01
_FACTORY_SUBTYPE: Final = 0x00
_OTA_SUBTYPES: Final = range(0x10, 0x20)
_TEST_SUBTYPE: Final = 0x20
_OTADATA_SUBTYPE: Final = 0x00
_NVS_SUBTYPE: Final = 0x02

_ROW: Final = struct.Struct("<2sBBII16sI")
_ROW_MAGIC: Final = b"\xaa\x50"
_MD5_MAGIC: Final = b"\xeb\xeb" + b"\xff" * 14
_END_ROW: Final = b"\xff" * 32
_ENCRYPTED_FLAG: Final = 1
_READONLY_FLAG: Final = 2
_APP_ALIGNMENT: Final = 0x10000


@dataclass(frozen=True, slots=True)
class Partition:
    """One row. `type` and `subtype` are ESP-IDF's numbers (app 0, data 1; nvs is data 2)."""

    name: str
    type: int
    subtype: int
    offset: int
    size_bytes: int
    encrypted: bool = False
    readonly: bool = False

    @property
    def end(self) -> int:
        """The first address behind the partition."""
        return self.offset + self.size_bytes

    @property
    def is_app(self) -> bool:
        return self.type == APP_TYPE

    @property
    def is_nvs(self) -> bool:
        return self.type == DATA_TYPE and self.subtype == _NVS_SUBTYPE

    @property
    def is_otadata(self) -> bool:
        return self.type == DATA_TYPE and self.subtype == _OTADATA_SUBTYPE

    def __str__(self) -> str:
        return f"{self.name} ({self.offset:#x} to {self.end:#x})"


@dataclass(frozen=True, slots=True)
class PartitionTable:
    """All rows in the order of the file. `flash_offset` is where the table lies, when it was found in a merged image."""

    partitions: tuple[Partition, ...]
    has_md5: bool = True
    flash_offset: int | None = None

    def find(self, name: str) -> Partition | None:
        """Give the partition of that name, or None."""
        return next((each for each in self.partitions if each.name == name), None)

    def names(self) -> tuple[str, ...]:
        """Give all names in the order of the table."""
        return tuple(each.name for each in self.partitions)

    def app_partitions(self) -> tuple[Partition, ...]:
        """Give the partitions that hold applications."""
        return tuple(each for each in self.partitions if each.is_app)

    def boot_app(self) -> Partition | None:
        """Give the app that starts when otadata is blank: factory, else the first OTA slot, else test."""
        apps = self.app_partitions()
        for wanted in (_FACTORY_SUBTYPE, *_OTA_SUBTYPES, _TEST_SUBTYPE):
            for app in apps:
                if app.subtype == wanted:
                    return app
        return None

    def at(self, offset: int) -> Partition | None:
        """Give the partition that holds this flash address, or None."""
        return next((each for each in self.partitions if each.offset <= offset < each.end), None)


def parse_partition_table(data: bytes, *, flash_offset: int | None = None) -> PartitionTable:
    """Read a binary partition table (the file that ESP-IDF builds, or the same bytes inside a merged image).

    Raises ImageFault when it is not one, is cut or changed (MD5), or holds partitions that ESP-IDF's bootloader would
    not take: overlaps, names twice, unaligned addresses.
    """
    if not data.startswith(_ROW_MAGIC):
        raise ImageFault(
            "this is no binary partition table (it does not begin with AA 50)",
            "Name the partition-table.bin of the build, not its CSV",
        )
    partitions: list[Partition] = []
    has_md5 = False
    ended = False
    for start in range(0, min(len(data), TABLE_SIZE_BYTES), 32):
        row = data[start : start + 32]
        if row == _END_ROW:
            ended = True
            break
        if has_md5:
            raise _damaged("a row stands behind its MD5 row")
        if row.startswith(_MD5_MAGIC) and len(row) == 32:
            if hashlib.md5(data[:start], usedforsecurity=False).digest() != row[16:]:
                raise _damaged("its MD5 does not match its rows")
            has_md5 = True
        elif row.startswith(_ROW_MAGIC) and len(row) == 32:
            partitions.append(_read_row(row))
        else:
            raise _damaged(f"row {start // 32 + 1} is neither a partition nor the end")
    if not ended and not has_md5 and len(data) < TABLE_SIZE_BYTES:
        raise _damaged("it ends without its last row")
    _check_rows(partitions)
    return PartitionTable(tuple(partitions), has_md5, flash_offset)


def find_partition_table(image: bytes, offset: int) -> PartitionTable | None:
    """Find the table inside a merged image that is written at flash address `offset`.

    Looks at flash address 0x8000 first (ImageFault if a table is there but damaged), then at every other sector for a
    whole table with its MD5, because a build may move it. The result's `flash_offset` says where it was. None when
    there is none.
    """
    usual = TABLE_OFFSET - offset
    if usual >= 0 and image[usual : usual + 2] == _ROW_MAGIC:
        return parse_partition_table(image[usual : usual + TABLE_SIZE_BYTES], flash_offset=TABLE_OFFSET)
    for start in range(-offset % SECTOR_BYTES, len(image), SECTOR_BYTES):
        if image[start : start + 2] != _ROW_MAGIC:
            continue
        try:
            table = parse_partition_table(image[start : start + TABLE_SIZE_BYTES], flash_offset=offset + start)
        except ImageFault:
            continue  # two bytes of some other content look like a row
        if table.has_md5:
            return table
    return None


def _read_row(row: bytes) -> Partition:
    _, type_, subtype, offset, size_bytes, raw_name, flags = _ROW.unpack(row)
    try:
        name = raw_name.split(b"\0", 1)[0].decode("utf-8")
    except UnicodeDecodeError:
        raise _damaged(f"the name of the partition at {offset:#x} is no text") from None
    return Partition(
        name, type_, subtype, offset, size_bytes, bool(flags & _ENCRYPTED_FLAG), bool(flags & _READONLY_FLAG)
    )


def _check_rows(partitions: list[Partition]) -> None:
    if not partitions:
        raise ImageFault("the partition table holds no partition", "Build the firmware again")
    seen: set[str] = set()
    for each in partitions:
        if not each.name or not each.name.isprintable():
            raise _unusable(f"the partition at {each.offset:#x} has no readable name")
        if each.name in seen:
            raise _unusable(f"the name {each.name} stands twice")
        seen.add(each.name)
        alignment = _APP_ALIGNMENT if each.is_app else SECTOR_BYTES
        if each.offset % alignment:
            raise _unusable(f"partition {each.name} starts at {each.offset:#x}, which is no multiple of {alignment:#x}")
        if each.size_bytes == 0:
            raise _unusable(f"partition {each.name} has no size")
        if each.end > 1 << 32:
            raise _unusable(f"partition {each.name} ends behind 4 GiB")
    _check_overlaps(partitions)


def _check_overlaps(partitions: Iterable[Partition]) -> None:
    before: Partition | None = None
    for each in sorted(partitions, key=lambda partition: partition.offset):
        if before is not None and each.offset < before.end:
            raise _unusable(f"partitions {before} and {each} overlap")
        before = each


def _damaged(why: str) -> ImageFault:
    return ImageFault(
        f"the partition table is damaged: {why}",
        "Build the firmware again, or copy the file again",
        why=Why.IMAGE_DAMAGED,
        facts={"file": "partition-table"},
    )


def _unusable(why: str) -> ImageFault:
    return ImageFault(f"the partition table cannot be used: {why}", "Mend the build's partitions CSV and build again")
