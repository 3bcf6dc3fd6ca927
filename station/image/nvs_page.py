"""One page of an NVS partition: its header, its table of entry states and the items in it, each with its CRC.

Format: docs.espressif.com, ESP-IDF "Non-Volatile Storage Library", "Internals"; what is done with half-written items
follows components/nvs_flash/src/nvs_page.cpp.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from station.image.fault import ImageFault

PAGE_BYTES: Final = 4096
ENTRY_BYTES: Final = 32
ENTRIES_PER_PAGE: Final = 126
_FIRST_ENTRY: Final = 64
_BLANK_PAGE: Final = b"\xff" * PAGE_BYTES
_BLANK_ENTRY: Final = b"\xff" * ENTRY_BYTES
_VERSIONS: Final = (0xFE, 0xFF)
CHUNK_ANY: Final = 0xFF

_PAGE_HEADER: Final = struct.Struct("<IIB19xI")
_ITEM_HEADER: Final = struct.Struct("<BBBBI16s8s")


class PageState(IntEnum):
    """A page only ever loses bits until it is erased."""

    BLANK = 0xFFFFFFFF
    ACTIVE = 0xFFFFFFFE
    FULL = 0xFFFFFFFC
    FREEING = 0xFFFFFFF8
    CORRUPT = 0xFFFFFFF0


class EntryState(IntEnum):
    """Two bits for each entry."""

    ERASED = 0
    ILLEGAL = 1
    WRITTEN = 2
    EMPTY = 3


class ItemType(IntEnum):
    """The type byte of an item. An integer's type is its size in bytes, plus 0x10 when signed."""

    U8 = 0x01
    I8 = 0x11
    U16 = 0x02
    I16 = 0x12
    U32 = 0x04
    I32 = 0x14
    U64 = 0x08
    I64 = 0x18
    STRING = 0x21
    BLOB_V1 = 0x41
    BLOB_DATA = 0x42
    BLOB_INDEX = 0x48


_SIZE_AND_CRC: Final = struct.Struct("<H2xI")
_ITEM_TYPES: Final = frozenset(ItemType)
_WITH_DATA: Final = frozenset({ItemType.STRING, ItemType.BLOB_V1, ItemType.BLOB_DATA})

Complain = Callable[[str], None]
"""Told of each thing that is wrong; either raises or notes it."""


class NvsUnreadable(ImageFault):
    """An NVS partition does not hold what it should; `reason` names the page and the entry, never a value."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, "Flash the unit again")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Item:
    """One written item of a page. `data` is what follows a string, a blob or a chunk; `fixed` are its own eight bytes."""

    where: str
    namespace_index: int
    type: ItemType
    chunk: int
    key: str
    fixed: bytes = field(repr=False)
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """A page whose header is whole."""

    number: int
    state: PageState
    sequence: int
    items: tuple[Item, ...]


def read_page(raw: bytes, number: int, complain: Complain) -> Page | None:
    """Read page `number` from its 4096 bytes; None when it is blank or, if `complain` returns, not usable."""
    if raw == _BLANK_PAGE:
        return None
    state, sequence, version, crc = _PAGE_HEADER.unpack_from(raw)
    if state == PageState.BLANK:
        complain(f"page {number} is marked blank but holds data")
        return None
    if crc != _crc(raw[4:28]):
        complain(f"page {number}: the CRC of its header is wrong")
        return None
    if state not in (PageState.ACTIVE, PageState.FULL, PageState.FREEING):
        complain(f"page {number} is in state {state:#010x}, which is not readable")
        return None
    if version not in _VERSIONS:
        complain(f"page {number} has format version {version:#04x}, which is unknown")
        return None
    return Page(number, PageState(state), sequence, tuple(_read_items(raw, number, complain)))


def _read_items(raw: bytes, number: int, complain: Complain) -> Iterator[Item]:
    states = _entry_states(raw)
    index = 0
    while index < ENTRIES_PER_PAGE:
        state = states[index]
        where = f"page {number}, entry {index}"
        step = 1
        if state == EntryState.WRITTEN:
            item, step = _read_item(raw, index, states, where, complain)
            if item is not None:
                yield item
        elif state == EntryState.ILLEGAL:
            complain(f"{where}: its state is illegal")
        elif state == EntryState.EMPTY and _entry(raw, index) != _BLANK_ENTRY:
            complain(f"{where}: it is marked empty but holds data")
        index += step


def _read_item(
    raw: bytes, index: int, states: tuple[int, ...], where: str, complain: Complain
) -> tuple[Item | None, int]:
    """Give the item that begins at entry `index`, or None, and how many entries to go on."""
    header = _entry(raw, index)
    namespace_index, raw_type, span, chunk, crc, raw_key, fixed = _ITEM_HEADER.unpack(header)
    key = _key(raw_key)
    fault = ""
    if crc != _crc(header[0:4] + header[8:32]):
        fault = "the CRC of its header is wrong"
    elif raw_type not in _ITEM_TYPES:
        fault = "its type is unknown"
    elif key is None:
        fault = "its key is not readable"
    elif raw_type in _WITH_DATA:
        fault = _span_fault(fixed, span, states[index : index + span], index)
    elif span != 1:
        fault = f"its span is {span}, not 1"
    if fault or key is None:
        complain(f"{where}: {fault}")
        return None, 1
    data = b""
    if raw_type in _WITH_DATA:
        size_bytes, data_crc = _SIZE_AND_CRC.unpack(fixed)
        start = _FIRST_ENTRY + (index + 1) * ENTRY_BYTES
        data = raw[start : start + size_bytes]
        if data_crc != _crc(data):
            complain(f"{where}: the CRC of its data is wrong")
            return None, span
    return Item(where, namespace_index, ItemType(raw_type), chunk, key, fixed, data), span


def _span_fault(fixed: bytes, span: int, states: tuple[int, ...], index: int) -> str:
    size_bytes, _ = _SIZE_AND_CRC.unpack(fixed)
    if span != 1 + -(-size_bytes // ENTRY_BYTES) or index + span > ENTRIES_PER_PAGE:
        return "its length contradicts its span"
    if any(state != EntryState.WRITTEN for state in states):
        return "it is only half written"
    return ""


def _entry(raw: bytes, index: int) -> bytes:
    start = _FIRST_ENTRY + index * ENTRY_BYTES
    return raw[start : start + ENTRY_BYTES]


def _entry_states(raw: bytes) -> tuple[int, ...]:
    bits = int.from_bytes(raw[32:_FIRST_ENTRY], "little")
    return tuple(bits >> (2 * index) & 3 for index in range(ENTRIES_PER_PAGE))


def _key(raw_key: bytes) -> str | None:
    key, nul, _ = raw_key.partition(b"\0")
    if not key or not nul:
        return None
    try:
        return key.decode("ascii")
    except UnicodeDecodeError:
        return None


def _crc(data: bytes) -> int:
    return zlib.crc32(data, 0xFFFFFFFF)
