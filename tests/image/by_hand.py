"""Bytes of flash formats made by hand, from their public descriptions and not by our own code or a library."""

from __future__ import annotations

import functools
import hashlib
import operator
import struct
import zlib

PAGE_BYTES = 4096
U8, I8, U16, I16, U32, I32, U64, I64 = 0x01, 0x11, 0x02, 0x12, 0x04, 0x14, 0x08, 0x18
STRING, BLOB_V1, BLOB_DATA, BLOB_INDEX = 0x21, 0x41, 0x42, 0x48
ACTIVE, FULL, FREEING = 0xFFFFFFFE, 0xFFFFFFFC, 0xFFFFFFF8
ERASED, ILLEGAL, WRITTEN, EMPTY = 0, 1, 2, 3


def partition_row(name: str | bytes, type_: int, subtype: int, offset: int, size: int, flags: int = 0) -> bytes:
    raw = name if isinstance(name, bytes) else name.encode()
    return b"\xaa\x50" + struct.pack("<BBII16sI", type_, subtype, offset, size, raw, flags)


def partition_table(*rows: bytes, md5: bool = True) -> bytes:
    body = b"".join(rows)
    if md5:
        body += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(body).digest()  # noqa: S324 - the format asks for it
    return body.ljust(0xC00, b"\xff")


def esp_image(
    chip_id: int = 0,
    segments: tuple[bytes, ...] = (b"\x01\x02\x03\x04" * 8,),
    *,
    hashed: bool = True,
    size_and_speed: int = 0x20,
    revision: int = 0,
) -> bytes:
    head = struct.pack("<BBBBI", 0xE9, len(segments), 2, size_and_speed, 0x40080000)
    head += struct.pack("<BBBBHBHHIB", 0xEE, 0, 0, 0, chip_id, 0, revision, 0xFFFF, 0, int(hashed))
    body = head
    for data in segments:
        body += struct.pack("<II", 0x3F400020, len(data)) + data
    checksum = functools.reduce(operator.xor, b"".join(segments), 0xEF)
    body += bytes(-(len(body) + 1) % 16) + bytes([checksum])
    return body + hashlib.sha256(body).digest() if hashed else body


def app_description(project: str, version: str, idf: str) -> bytes:
    texts = (version.encode(), project.encode(), b"12:34:56", b"Nov  1 2026", idf.encode())
    return struct.pack("<II8x32s32s16s16s32s", 0xABCD5432, 3, *texts) + bytes(range(32)) + bytes(80)


class NvsPage:
    """An NVS page that is filled entry by entry."""

    def __init__(self, sequence: int = 0, state: int = ACTIVE, version: int = 0xFE) -> None:
        self.raw = bytearray(b"\xff" * PAGE_BYTES)
        self.next = 0
        struct.pack_into("<IIB", self.raw, 0, state, sequence, version)
        struct.pack_into("<I", self.raw, 28, zlib.crc32(self.raw[4:28], 0xFFFFFFFF))

    def set_state(self, index: int, state: int) -> None:
        at, shift = 32 + index // 4, index % 4 * 2
        self.raw[at] = self.raw[at] & ~(3 << shift) | state << shift

    def item(self, namespace: int, type_: int, key: str | bytes, fixed: bytes, data: bytes = b"", **other: int) -> int:
        """Write one item behind the last one and give its entry's index; `span` and `chunk` may be wrong on purpose."""
        index = self.next
        raw_key = (key if isinstance(key, bytes) else key.encode()).ljust(16, b"\0")
        entries = 1 + -(-len(data) // 32)
        head = struct.pack("<BBBB", namespace, type_, other.get("span", entries), other.get("chunk", 0xFF))
        tail = raw_key + fixed.ljust(8, b"\xff")
        crc = struct.pack("<I", zlib.crc32(head + tail, 0xFFFFFFFF))
        at = 64 + index * 32
        self.raw[at : at + 32] = head + crc + tail
        self.raw[at + 32 : at + 32 + len(data)] = data
        for entry in range(index, index + entries):
            self.set_state(entry, WRITTEN)
        self.next += entries
        return index

    def namespace(self, index: int, name: str) -> int:
        return self.item(0, U8, name, bytes([index]))

    def with_data(self, namespace: int, type_: int, key: str, data: bytes, *, chunk: int = 0xFF) -> int:
        fixed = struct.pack("<HHI", len(data), 0xFFFF, zlib.crc32(data, 0xFFFFFFFF))
        return self.item(namespace, type_, key, fixed, data, chunk=chunk)

    def string(self, namespace: int, key: str, text: str) -> int:
        return self.with_data(namespace, STRING, key, text.encode() + b"\0")

    def blob_index(self, namespace: int, key: str, size: int, count: int, first: int = 0) -> int:
        return self.item(namespace, BLOB_INDEX, key, struct.pack("<IBBH", size, count, first, 0xFFFF))


def nvs(*pages: NvsPage, blank: int = 1) -> bytes:
    return b"".join(bytes(page.raw) for page in pages) + b"\xff" * (blank * PAGE_BYTES)
