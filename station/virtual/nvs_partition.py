"""A non-volatile-storage partition as ESP-IDF's `nvs_flash` component keeps it: read, changed and packed again.

Format from Espressif's "NVS internals" documentation: pages of 4096 bytes (32-byte header, 32-byte state map of two bits per
entry, 126 entries of 32 bytes). What happens to damaged data follows `nvs_flash`: a page with a wrong header CRC counts as
free, an entry with a wrong CRC as erased, and a partition without one free page is refused.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

PAGE_SIZE_BYTES: Final = 4096
ENTRIES_A_PAGE: Final = 126
ENTRY_SIZE_BYTES: Final = 32

_ENTRIES_OFFSET: Final = 64
_STATES_READ: Final = frozenset({0xFFFFFFFE, 0xFFFFFFFC, 0xFFFFFFF8})  # active, full, freeing
_STATE_ACTIVE: Final = 0xFFFFFFFE
_STATE_FULL: Final = 0xFFFFFFFC
_VERSION_2: Final = 0xFE
_NO_CHUNK: Final = 0xFF
_ENTRY_WRITTEN: Final = 0b10


class NvsErrorCode(IntEnum):
    """`esp_err_t` numbers of nvs_flash."""

    ESP_ERR_NVS_NOT_INITIALIZED = 0x1101
    ESP_ERR_NVS_NOT_FOUND = 0x1102
    ESP_ERR_NVS_TYPE_MISMATCH = 0x1103
    ESP_ERR_NVS_NOT_ENOUGH_SPACE = 0x1105
    ESP_ERR_NVS_INVALID_NAME = 0x1106
    ESP_ERR_NVS_INVALID_HANDLE = 0x1107
    ESP_ERR_NVS_KEY_TOO_LONG = 0x1109
    ESP_ERR_NVS_INVALID_LENGTH = 0x110C
    ESP_ERR_NVS_NO_FREE_PAGES = 0x110D
    ESP_ERR_NVS_PART_NOT_FOUND = 0x110F
    ESP_ERR_NVS_NEW_VERSION_FOUND = 0x1110


class NvsError(Exception):
    """An nvs_flash call failed with this code."""

    def __init__(self, code: NvsErrorCode) -> None:
        super().__init__(code.name)
        self.code = code


class ItemType(IntEnum):
    """The type byte of an entry."""

    U8 = 0x01
    I8 = 0x11
    U16 = 0x02
    I16 = 0x12
    U32 = 0x04
    I32 = 0x14
    U64 = 0x08
    I64 = 0x18
    STRING = 0x21
    BLOB_OLD = 0x41
    BLOB_DATA = 0x42
    BLOB_INDEX = 0x48


_INTEGER_FORMATS: Final = {
    ItemType.U8: "<B",
    ItemType.I8: "<b",
    ItemType.U16: "<H",
    ItemType.I16: "<h",
    ItemType.U32: "<I",
    ItemType.I32: "<i",
    ItemType.U64: "<Q",
    ItemType.I64: "<q",
}
_WITH_DATA: Final = frozenset({ItemType.STRING, ItemType.BLOB_OLD, ItemType.BLOB_DATA})


@dataclass(frozen=True, slots=True)
class _Entry:
    namespace_index: int
    type: ItemType
    chunk: int
    key: str
    value: bytes
    data: bytes = field(repr=False)


class NvsPartition:
    """The items of one partition by (namespace, key, type); integers as int, strings as str, blobs as bytes.

    Raises NvsError when nvs_flash would refuse to start on these bytes.
    """

    def __init__(self, image: bytes) -> None:
        self.size_bytes = len(image)
        self._items: dict[tuple[str, str, ItemType], int | str | bytes] = {}
        self._namespaces: list[str] = []
        pages = _pages_in_order(image)
        if len(pages) >= len(image) // PAGE_SIZE_BYTES:
            raise NvsError(NvsErrorCode.ESP_ERR_NVS_NO_FREE_PAGES)
        entries = [entry for page in pages for entry in _entries(page)]
        names = {e.value[0]: e.key for e in entries if e.namespace_index == 0 and e.type is ItemType.U8}
        self._namespaces = list(names.values())
        for entry in entries:
            if entry.namespace_index in names:
                self._take(names[entry.namespace_index], entry, entries)

    def has_namespace(self, namespace: str) -> bool:
        return namespace in self._namespaces

    def get(self, namespace: str, key: str, kind: ItemType) -> int | str | bytes:
        """Give a value; raises NvsError NOT_FOUND, also when the key is there under another type."""
        try:
            return self._items[namespace, key, kind]
        except KeyError:
            raise NvsError(NvsErrorCode.ESP_ERR_NVS_NOT_FOUND) from None

    def set(self, namespace: str, key: str, kind: ItemType, value: int | str | bytes) -> None:
        """Put a value in place of any other under this key, making the namespace where needed."""
        if not 0 < len(key) <= 15 or not 0 < len(namespace) <= 15:
            raise NvsError(NvsErrorCode.ESP_ERR_NVS_KEY_TOO_LONG)
        for other in [item for item in self._items if item[:2] == (namespace, key)]:
            del self._items[other]
        if namespace not in self._namespaces:
            self._namespaces.append(namespace)
        self._items[namespace, key, kind] = value

    def erase(self, namespace: str, key: str) -> None:
        """Take a key away; raises NvsError NOT_FOUND."""
        found = [item for item in self._items if item[:2] == (namespace, key)]
        if not found:
            raise NvsError(NvsErrorCode.ESP_ERR_NVS_NOT_FOUND)
        for item in found:
            del self._items[item]

    def image(self) -> bytes:
        """Pack all items into fresh pages; raises NvsError NOT_ENOUGH_SPACE when no page would stay free."""
        entries = [_pack_entry(0, ItemType.U8, 1, _NO_CHUNK, name, bytes([n]).ljust(8, b"\xff"))
                   for n, name in enumerate(self._namespaces, start=1)]  # fmt: skip
        for (namespace, key, kind), value in self._items.items():
            entries += _pack_item(self._namespaces.index(namespace) + 1, key, kind, value)
        pages: list[list[bytes]] = [[]]
        for entry in entries:
            if sum(map(len, pages[-1])) + len(entry) > ENTRIES_A_PAGE * ENTRY_SIZE_BYTES:
                pages.append([])
            pages[-1].append(entry)
        if len(pages) >= self.size_bytes // PAGE_SIZE_BYTES:
            raise NvsError(NvsErrorCode.ESP_ERR_NVS_NOT_ENOUGH_SPACE)
        packed = [_pack_page(n, b"".join(page), is_last=n == len(pages) - 1) for n, page in enumerate(pages)]
        return b"".join(packed).ljust(self.size_bytes, b"\xff")

    def _take(self, namespace: str, entry: _Entry, entries: list[_Entry]) -> None:
        value: int | str | bytes
        kind = entry.type
        if kind in _INTEGER_FORMATS:
            layout = _INTEGER_FORMATS[kind]
            value = int(struct.unpack_from(layout, entry.value)[0])
        elif kind is ItemType.STRING:
            value = entry.data.split(b"\x00", 1)[0].decode("utf-8", "replace")
        elif kind is ItemType.BLOB_OLD:
            value, kind = entry.data, ItemType.BLOB_INDEX
        elif kind is ItemType.BLOB_INDEX:
            size_bytes, count, start = struct.unpack_from("<IBB", entry.value)
            value = b"".join(_chunk(entries, entry, start + n) for n in range(count))
            if len(value) != size_bytes:
                return
        else:
            return
        self._items.setdefault((namespace, entry.key, kind), value)


def blank_nvs(size_bytes: int) -> NvsPartition:
    """Give an erased partition."""
    return NvsPartition(b"\xff" * size_bytes)


def _pages_in_order(image: bytes) -> list[bytes]:
    numbered: list[tuple[int, bytes]] = []
    for place in range(0, len(image), PAGE_SIZE_BYTES):
        page = image[place : place + PAGE_SIZE_BYTES]
        state, number = struct.unpack_from("<II", page)
        if state not in _STATES_READ or zlib.crc32(page[4:28], 0xFFFFFFFF) != struct.unpack_from("<I", page, 28)[0]:
            continue
        if page[8] < _VERSION_2:
            raise NvsError(NvsErrorCode.ESP_ERR_NVS_NEW_VERSION_FOUND)
        numbered.append((number, page))
    return [page for _, page in sorted(numbered, key=lambda pair: pair[0])]


def _entries(page: bytes) -> Iterator[_Entry]:
    states = int.from_bytes(page[32:64], "little")
    index = 0
    while index < ENTRIES_A_PAGE:
        place = _ENTRIES_OFFSET + index * ENTRY_SIZE_BYTES
        raw = page[place : place + ENTRY_SIZE_BYTES]
        is_written = states >> (2 * index) & 0b11 == _ENTRY_WRITTEN
        if not is_written or _entry_crc(raw) != struct.unpack_from("<I", raw, 4)[0]:
            index += 1
            continue
        span = max(1, raw[2])
        entry = _read_entry(raw, page[place + ENTRY_SIZE_BYTES : place + span * ENTRY_SIZE_BYTES])
        if entry is not None:
            yield entry
        index += span


def _read_entry(raw: bytes, following: bytes) -> _Entry | None:
    try:
        kind = ItemType(raw[1])
    except ValueError:
        return None
    data = b""
    if kind in _WITH_DATA:
        size_bytes, _, crc = struct.unpack_from("<HHI", raw, 24)
        data = following[:size_bytes]
        if len(data) != size_bytes or zlib.crc32(data, 0xFFFFFFFF) != crc:
            return None
    key = raw[8:24].split(b"\x00", 1)[0].decode("utf-8", "replace")
    return _Entry(raw[0], kind, raw[3], key, raw[24:32], data)


def _chunk(entries: list[_Entry], index: _Entry, chunk: int) -> bytes:
    for entry in entries:
        same_key = (entry.namespace_index, entry.key) == (index.namespace_index, index.key)
        if same_key and entry.type is ItemType.BLOB_DATA and entry.chunk == chunk:
            return entry.data
    return b""


def _entry_crc(raw: bytes) -> int:
    return zlib.crc32(raw[0:4] + raw[8:32], 0xFFFFFFFF)


def _pack_entry(
    namespace: int, kind: ItemType, span: int, chunk: int, key: str, value: bytes, data: bytes = b""
) -> bytes:
    head = struct.pack("<BBBB", namespace, kind, span, chunk)
    tail = key.encode("ascii").ljust(16, b"\x00") + value
    crc = struct.pack("<I", zlib.crc32(head + tail, 0xFFFFFFFF))
    return head + crc + tail + data.ljust((span - 1) * ENTRY_SIZE_BYTES, b"\xff")


def _pack_item(namespace: int, key: str, kind: ItemType, value: int | str | bytes) -> list[bytes]:
    if isinstance(value, int):
        number = struct.pack(_INTEGER_FORMATS[kind], value).ljust(8, b"\xff")
        return [_pack_entry(namespace, kind, 1, _NO_CHUNK, key, number)]
    if isinstance(value, str):
        return [_pack_data(namespace, kind, _NO_CHUNK, key, value.encode("utf-8") + b"\x00")]
    room = (ENTRIES_A_PAGE - 1) * ENTRY_SIZE_BYTES
    chunks = [value[n : n + room] for n in range(0, len(value), room)] or [b""]
    packed = [_pack_data(namespace, ItemType.BLOB_DATA, n, key, chunk) for n, chunk in enumerate(chunks)]
    index = struct.pack("<IBBH", len(value), len(chunks), 0, 0xFFFF)
    return [*packed, _pack_entry(namespace, ItemType.BLOB_INDEX, 1, _NO_CHUNK, key, index)]


def _pack_data(namespace: int, kind: ItemType, chunk: int, key: str, data: bytes) -> bytes:
    span = 1 + -(-len(data) // ENTRY_SIZE_BYTES)
    value = struct.pack("<HHI", len(data), 0xFFFF, zlib.crc32(data, 0xFFFFFFFF))
    return _pack_entry(namespace, kind, span, chunk, key, value, data)


def _pack_page(number: int, entries: bytes, *, is_last: bool) -> bytes:
    middle = struct.pack("<IB19s", number, _VERSION_2, b"\xff" * 19)
    header = struct.pack("<I", _STATE_ACTIVE if is_last else _STATE_FULL) + middle
    header += struct.pack("<I", zlib.crc32(middle, 0xFFFFFFFF))
    count = len(entries) // ENTRY_SIZE_BYTES
    states = (1 << 256) - 1
    for index in range(count):
        states ^= 0b01 << (2 * index)
    return (header + states.to_bytes(32, "little") + entries).ljust(PAGE_SIZE_BYTES, b"\xff")
