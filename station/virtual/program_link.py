"""Frames between the virtual chip and the child process that runs its program: kind (u8), length (u32), payload."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import BinaryIO, Final

_HEADER: Final = struct.Struct(">BI")


class FrameKind(IntEnum):
    """What a frame carries; the first four go to the child, the others come from it."""

    BOARD = 1
    """JSON: what the program is told of its board."""
    PROGRAM = 2
    """Frozen Python source, empty for MicroPython."""
    FLASH = 3
    """The whole flash."""
    INPUT = 4
    """Bytes received by the UART."""
    OUTPUT = 5
    """Bytes sent by the UART."""
    FLASH_WRITE = 6
    """Offset (u32) and the bytes that now stand there."""
    RESET = 7
    """The program restarts the chip."""


def write_frame(stream: BinaryIO, kind: FrameKind, payload: bytes = b"") -> None:
    """Send one frame and flush."""
    stream.write(_HEADER.pack(kind, len(payload)) + payload)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[FrameKind, bytes] | None:
    """Wait for one frame; None at the end of the stream, also in the middle of a frame."""
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    kind, size_bytes = _HEADER.unpack(header)
    payload = stream.read(size_bytes)
    if len(payload) < size_bytes:
        return None
    return FrameKind(kind), payload
