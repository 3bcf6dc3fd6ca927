"""What a loader does with one frame: which frames it answers, how long that takes, what the chip does next."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

DIRECTION_ANSWER: Final = 1
CHECKSUM_SEED: Final = 0xEF


class Command:
    """Numbers of the serial protocol's commands (Espressif, "Serial Protocol")."""

    FLASH_BEGIN: Final = 0x02
    FLASH_DATA: Final = 0x03
    FLASH_END: Final = 0x04
    MEM_BEGIN: Final = 0x05
    MEM_END: Final = 0x06
    MEM_DATA: Final = 0x07
    SYNC: Final = 0x08
    WRITE_REG: Final = 0x09
    READ_REG: Final = 0x0A
    SPI_SET_PARAMS: Final = 0x0B
    SPI_ATTACH: Final = 0x0D
    READ_FLASH_SLOW: Final = 0x0E
    CHANGE_BAUDRATE: Final = 0x0F
    FLASH_DEFL_BEGIN: Final = 0x10
    FLASH_DEFL_DATA: Final = 0x11
    FLASH_DEFL_END: Final = 0x12
    SPI_FLASH_MD5: Final = 0x13
    GET_SECURITY_INFO: Final = 0x14
    ERASE_FLASH: Final = 0xD0
    ERASE_REGION: Final = 0xD1
    READ_FLASH: Final = 0xD2
    RUN_USER_CODE: Final = 0xD3


class Then(Enum):
    """What the chip does after an answer."""

    STAY = auto()
    RUN_STUB = auto()
    """Jump to the code that was uploaded to RAM."""
    RUN_APP = auto()
    """Leave the loader and start what is in flash, without a reset."""
    RESET = auto()
    """Reset by software; the boot mode of the last reset holds."""
    HANG = auto()
    """Answer nothing until a reset."""


@dataclass(frozen=True, slots=True)
class FlashStep:
    """One piece of work on the flash and the time it takes on silicon."""

    act: Callable[[], object]
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one frame.

    `busy_s` passes before `frames` go out; `work` follows them, before the next frame is looked at; `baud` holds from
    then on. `text` is printed as it is, outside any frame.
    """

    frames: tuple[bytes, ...] = ()
    busy_s: float = 0.0
    text: bytes = b""
    work: tuple[FlashStep, ...] = ()
    then: Then = Then.STAY
    baud: int | None = None


SILENCE: Final = Answer()


class Loader(Protocol):
    """A loader that runs on the chip: the ROM's or the stub."""

    def handle(self, frame: bytes) -> Answer:
        """Carry out one frame's payload."""


@dataclass(frozen=True, slots=True)
class FlashTimings:
    """How long the flash takes, in seconds; all zero by default. Silicon: see `SILICON_TIMINGS`."""

    page_program_s: float = 0.0
    sector_erase_s: float = 0.0
    block_erase_s: float = 0.0
    chip_erase_s: float = 0.0
    inflate_s_per_byte: float = 0.0
    md5_s_per_byte: float = 0.0


SILICON_TIMINGS: Final = FlashTimings(
    page_program_s=0.0005,
    sector_erase_s=0.045,
    block_erase_s=0.150,
    chip_erase_s=10.0,
    inflate_s_per_byte=0.5e-6,
    md5_s_per_byte=0.47e-6,
)
"""Typical of a 4 MB flash behind an ESP32: 0.5 ms a page, 45 ms a sector, 150 ms a 64 KiB block, MD5 0.47 s a MB."""


def pack_answer(command: int, value: int, data: bytes) -> bytes:
    """Give one answer's payload: direction, command, length, value, data with its status bytes."""
    return struct.pack("<BBHI", DIRECTION_ANSWER, command, len(data), value) + data


def checksum(data: bytes) -> int:
    """Give the loaders' checksum: all bytes XORed, begun with EF."""
    number = int.from_bytes(data, "little")
    width = max(8, 1 << (len(data) * 8 - 1).bit_length()) if data else 8
    while width > 8:
        width //= 2
        number = (number >> width) ^ (number & ((1 << width) - 1))
    return number ^ CHECKSUM_SEED


def words(data: bytes, count: int) -> tuple[int, ...]:
    """Give the first `count` little-endian 32-bit words; missing bytes are zero."""
    return struct.unpack(f"<{count}I", data[: count * 4].ljust(count * 4, b"\0"))
