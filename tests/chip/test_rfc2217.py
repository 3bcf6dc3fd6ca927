"""The port server's stream, taken apart in runs."""

from __future__ import annotations

import threading
import time

import pytest
from esptool.loader import ESPLoader
from serial import SerialException

from station.chip.packed_region import block_checksum
from station.chip.rfc2217 import COMMAND_BYTES_MAX, QuickRfc2217, UnreadBytes

BAUD_SET = b"\xff\xfa\x2c\x65\x00\x0e\x10\xff\xff\xff\xf0"
STREAM = b"one\xff\xffface" + BAUD_SET + b"\xff\xfb\x00two\xff\xf1\xff\xfd\xffthree"
DATA = b"one\xffface" + b"two" + b"three"
OBEYED = [b"\x2c\x65\x00\x0e\x10\xff", (b"\xfb", b"\x00"), (b"\xfd", b"\xff")]


def taken_apart(pieces: list[bytes]) -> tuple[bytes, list[object]]:
    """Give what is data and what was obeyed."""
    port, unread, obeyed, begun = QuickRfc2217(), UnreadBytes(), list[object](), b""
    port._telnet_process_subnegotiation = obeyed.append
    port._telnet_negotiate_option = lambda verb, option: obeyed.append((verb, option))
    for piece in pieces:
        begun = port._take_apart(begun + piece, unread)
    return unread.take(1 << 20, 0.0), obeyed


def test_data_and_commands_are_told_apart_wherever_the_stream_is_cut() -> None:
    assert taken_apart([STREAM]) == (DATA, OBEYED)
    assert taken_apart([bytes([byte]) for byte in STREAM]) == (DATA, OBEYED)
    for cut in range(len(STREAM)):
        assert taken_apart([STREAM[:cut], STREAM[cut:]]) == (DATA, OBEYED)


def test_a_command_without_an_end_does_not_gather_for_ever() -> None:
    data, obeyed = taken_apart([b"\xff\xfa" + b"x" * COMMAND_BYTES_MAX, b"y"])
    assert (len(data), obeyed) == (COMMAND_BYTES_MAX + 3, [])


def test_a_reader_wakes_at_the_first_byte_and_at_the_end_of_the_connection() -> None:
    unread, taken = UnreadBytes(), list[bytes]()
    reader = threading.Thread(target=lambda: taken.extend(unread.take(9, None) for _ in range(2)))
    reader.start()
    unread.put(b"ab")
    unread.end()
    reader.join(5)
    assert taken == [b"ab", b""]


def test_what_came_before_the_connection_ended_is_still_read_and_then_it_is_told() -> None:
    port, reader = QuickRfc2217(), threading.Thread(target=str)
    reader.start()
    reader.join(5)
    port.is_open, port._read_buffer, port._thread, port._timeout = True, object(), reader, 5.0
    assert port._unread is not None
    port._unread.put(b"last words")
    port._unread.end()
    assert port.read(64) == b"last words"
    with pytest.raises(SerialException):
        port.read(64)
    port.is_open = False


def test_a_reader_is_told_when_its_time_is_over() -> None:
    began = time.monotonic()
    assert UnreadBytes().take(1, 0.01) == b""
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("size_bytes", [0, 1, 2, 3, 255, 256, 257, 0x3FFF, 0x4000])
def test_the_quick_checksum_is_esptools(size_bytes: int) -> None:
    block = bytes((number * 7 + number // 256) & 255 for number in range(size_bytes))
    assert block_checksum(block) == ESPLoader.checksum(block)
