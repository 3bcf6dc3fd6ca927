"""An ESP application or bootloader image as the ROM and the bootloader check it: magic, segments, checksum, SHA-256.

Format from Espressif's "Firmware Image Format" (esptool documentation): 8-byte header, 16-byte extended header, segments of an
8-byte header and data, zeros up to a checksum byte that ends a 16-byte block, then an optional SHA-256 of all before it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MAGIC: Final = 0xE9
HEADER_SIZE_BYTES: Final = 24
SEGMENTS_MAX: Final = 16
CHIP_IDS: Final = {"esp32": 0, "esp32c3": 5}
APP_DESCRIPTION_MAGIC: Final = 0xABCD5432
APP_DESCRIPTION_SIZE_BYTES: Final = 256
_CHECKSUM_SEED: Final = 0xEF
_SEGMENT_SIZE_MAX_BYTES: Final = 0x1000000
_MAPPED_RANGES: Final = {
    "esp32": ((0x3F400000, 0x3F800000), (0x400D0000, 0x40400000)),
    "esp32c3": ((0x3C000000, 0x3C800000), (0x42000000, 0x42800000)),
}

ReadFlash = Callable[[int, int], bytes]
"""(offset, size in bytes) → the bytes there."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: where its data lies in flash, where it is loaded or mapped."""

    flash_offset: int
    load_address: int
    data: bytes

    def is_mapped(self, chip: str) -> bool:
        """Say whether the segment is mapped from flash and not loaded into RAM."""
        return any(begin <= self.load_address < end for begin, end in _MAPPED_RANGES[chip])


@dataclass(frozen=True, slots=True)
class AppDescription:
    """What `esp_app_desc_t` at the start of an application tells."""

    project_name: str
    version: str
    compile_time: str
    elf_sha256: str
    idf_version: str


@dataclass(frozen=True, slots=True)
class FlashImage:
    """One image as it lies in flash. `fault` is the bootloader's complaint, None when the image is whole."""

    offset: int
    header: bytes
    segments: tuple[Segment, ...]
    entry_address: int
    checksum_read: int
    checksum_calculated: int
    hash_read: bytes | None
    hash_calculated: bytes
    fault: str | None

    @property
    def flash_mode(self) -> int:
        return self.header[2]

    @property
    def flash_frequency(self) -> int:
        return self.header[3] & 0x0F

    @property
    def flash_size(self) -> int:
        return self.header[3] >> 4

    @property
    def chip_id(self) -> int:
        return int(struct.unpack_from("<H", self.header, 12)[0])

    @property
    def hash_is_right(self) -> bool:
        """Say whether the appended SHA-256 holds; an image without one is right."""
        return self.hash_read is None or self.hash_read == self.hash_calculated

    def description(self) -> AppDescription | None:
        """Give the application's description, None when the first segment does not begin with one."""
        data = self.segments[0].data if self.segments else b""
        if len(data) < APP_DESCRIPTION_SIZE_BYTES or struct.unpack_from("<I", data)[0] != APP_DESCRIPTION_MAGIC:
            return None
        version, project, time, date, idf, elf = struct.unpack_from("<32s32s16s16s32s32s", data, 16)
        return AppDescription(_text(project), _text(version), f"{_text(date)} {_text(time)}", elf.hex(), _text(idf))


def read_image(read: ReadFlash, offset: int, room_bytes: int) -> FlashImage:
    """Read and check the image at a flash offset with `room_bytes` to the end of its partition.

    Faults are found in the bootloader's order and reported in its words; nothing is raised.
    """
    header = read(offset, HEADER_SIZE_BYTES)
    if header[0] != MAGIC:
        hint = " (nothing flashed here?)" if header[0] == 0xFF else ""
        return _broken(offset, header, (), f"image at 0x{offset:x} has invalid magic byte{hint}")
    if header[1] > SEGMENTS_MAX:
        fault = f"image at 0x{offset:x} segment count {header[1]} exceeds max {SEGMENTS_MAX}"
        return _broken(offset, header, (), fault)
    segments: list[Segment] = []
    place = HEADER_SIZE_BYTES
    for _ in range(header[1]):
        if place + 8 > room_bytes:
            return _broken(offset, header, tuple(segments), f"bootloader_flash_read failed at 0x{offset + place:08x}")
        load_address, size_bytes = struct.unpack("<II", read(offset + place, 8))
        place += 8
        if size_bytes % 4 or size_bytes >= _SEGMENT_SIZE_MAX_BYTES:
            return _broken(offset, header, tuple(segments), f"invalid segment length 0x{size_bytes:x}")
        if place + size_bytes > room_bytes:
            fault = f"Image length {place + size_bytes} doesn't fit in partition length {room_bytes}"
            return _broken(offset, header, tuple(segments), fault)
        segments.append(Segment(offset + place, load_address, read(offset + place, size_bytes)))
        place += size_bytes
    return _check_tail(read, offset, header, tuple(segments), place)


def _check_tail(read: ReadFlash, offset: int, header: bytes, segments: tuple[Segment, ...], place: int) -> FlashImage:
    length_bytes = (place // 16 + 1) * 16
    image = read(offset, length_bytes)
    calculated = _checksum(segments)
    appended = read(offset + length_bytes, 32) if header[23] == 1 else None
    digest = hashlib.sha256(image).digest()
    fault = None
    if image[-1] != calculated:
        fault = f"Checksum failed. Calculated 0x{calculated:x} read 0x{image[-1]:x}"
    elif appended is not None and appended != digest:
        fault = "Image hash failed - image is corrupt"
    entry = int(struct.unpack_from("<I", header, 4)[0])
    return FlashImage(offset, header, segments, entry, image[-1], calculated, appended, digest, fault)


def _checksum(segments: tuple[Segment, ...]) -> int:
    # XOR of all bytes: one big integer folded in halves is a hundred times faster than a loop over the bytes.
    folded = int.from_bytes(b"".join(segment.data for segment in segments), "little")
    bits = max(8, folded.bit_length())
    while bits > 8:
        half = ((bits + 1) // 2 + 7) // 8 * 8
        folded = (folded >> half) ^ (folded & ((1 << half) - 1))
        bits = half
    return folded ^ _CHECKSUM_SEED


def _broken(offset: int, header: bytes, segments: tuple[Segment, ...], fault: str) -> FlashImage:
    entry = int(struct.unpack_from("<I", header, 4)[0])
    return FlashImage(offset, header, segments, entry, 0, 0, None, b"", fault)


def _text(field: bytes) -> str:
    return field.split(b"\x00", 1)[0].decode("utf-8", "replace")
