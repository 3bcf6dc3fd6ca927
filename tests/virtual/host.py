"""A host of a few lines: the loaders' frames over a bare RFC 2217 connection, with the time that each thing takes."""

from __future__ import annotations

import re
import socket
import struct
import time
from types import TracebackType
from typing import Self

from station.virtual.loader_answer import Command
from station.virtual.slip import END, FrameDecoder, encode_frame

LIMIT_S = 5.0
QUIET_S = 0.15
SYNC_DATA = b"\x07\x07\x12\x20" + b"\x55" * 32
_TELNET = re.compile(rb"\xff\xfa.*?(?<!\xff)\xff\xf0|\xff[\xfb-\xfe].|\xff\xff", re.DOTALL)
_WHOLE = re.compile(rb"(?:[^\xff]|" + _TELNET.pattern + rb")*", re.DOTALL)
_DTR = {True: 8, False: 9}
_RTS = {True: 11, False: 12}


class Host:
    """One connection to a fixture's port. Closing it may be left to `with`."""

    def __init__(self, port: int) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._undecoded = b""
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def control(self, command: int, value: bytes) -> None:
        """Send one COM port command."""
        self.connection.sendall(b"\xff\xfa\x2c" + bytes([command]) + value.replace(b"\xff", b"\xff\xff") + b"\xff\xf0")

    def set_baud(self, baud: int) -> None:
        self.control(1, struct.pack(">I", baud))

    def set_lines(self, *, dtr: bool, rts: bool) -> None:
        """Switch DTR, then RTS, as pyserial does."""
        self.control(5, bytes([_DTR[dtr]]))
        self.control(5, bytes([_RTS[rts]]))

    def reset_into_run(self) -> None:
        self.set_lines(dtr=False, rts=True)
        self.set_lines(dtr=False, rts=False)

    def reset_into_download(self) -> None:
        """The classic reset as esptool does it: both lines on for a moment, then RTS goes."""
        self.set_lines(dtr=False, rts=True)
        self.set_lines(dtr=True, rts=False)
        self.read_until(b"download\r\n")
        self.set_lines(dtr=False, rts=False)

    def send(self, data: bytes) -> None:
        self.connection.sendall(data.replace(b"\xff", b"\xff\xff"))

    def read_until(self, wanted: bytes, limit_s: float = LIMIT_S) -> bytes:
        """Give what the chip says up to and with `wanted`; AssertionError when the limit is over first.

        What it says after that stays unread: an answer and the boot text behind it may come in one piece.
        """
        end = time.monotonic() + limit_s
        while wanted not in self._unread:
            left_s = end - time.monotonic()
            assert left_s > 0, f"within {limit_s} s only {self._unread!r}"
            self._receive(left_s)
        before, _, self._unread = self._unread.partition(wanted)
        return before + wanted

    def listen(self, seconds: float = QUIET_S) -> bytes:
        """Give what the chip says within that time."""
        end = time.monotonic() + seconds
        while (left_s := end - time.monotonic()) > 0:
            self._receive(left_s)
        said, self._unread = self._unread, b""
        return said

    def is_hung_up(self) -> bool:
        """Say whether the port has closed the connection."""
        self.connection.settimeout(LIMIT_S)
        try:
            while self.connection.recv(4096):
                pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True

    def frames(self, count: int) -> list[bytes]:
        """Give the next frames."""
        decoder = FrameDecoder()
        frames: list[bytes] = []
        while len(frames) < count:
            frames += decoder.feed(self.read_until(END))
        return frames

    def command(self, command: int, data: bytes = b"", check: int = 0, answers: int = 1) -> bytes:
        """Send a command; give the data of its last answer, status bytes at the end."""
        self.send(encode_frame(struct.pack("<BBHI", 0, command, len(data), check) + data))
        return self.frames(answers)[-1][8:]

    def sync(self) -> None:
        assert self.command(Command.SYNC, SYNC_DATA, answers=8)[0] == 0

    def start_stub(self) -> None:
        """Upload something and start it: whatever is started answers as the stub."""
        self.command(Command.MEM_BEGIN, struct.pack("<4I", 4, 1, 4, 0x40080000))
        self.command(Command.MEM_DATA, struct.pack("<4I", 4, 0, 0, 0) + bytes(4), check=0xEF)
        self.send(encode_frame(struct.pack("<BBHI2I", 0, Command.MEM_END, 8, 0, 0, 0x40080000)))
        assert self.frames(2)[-1] == b"OHAI"

    def write_block(self, data: bytes, sequence: int = 0) -> bytes:
        """Send one FLASH_DATA; give its status."""
        check = 0xEF
        for byte in data:
            check ^= byte
        return self.command(Command.FLASH_DATA, struct.pack("<4I", len(data), sequence, 0, 0) + data, check)

    def _receive(self, limit_s: float) -> None:
        self.connection.settimeout(max(limit_s, 0.001))
        try:
            self._undecoded += self.connection.recv(65536)
        except TimeoutError:
            return
        whole = _WHOLE.match(self._undecoded)
        assert whole is not None
        self._undecoded = self._undecoded[whole.end() :]
        self._unread += _TELNET.sub(lambda match: b"\xff" if match.group() == b"\xff\xff" else b"", whole.group())
