"""pyserial's RFC2217 client without its waits and without its work for each byte.

pyserial 3.5 polls each acknowledgement every 50 ms and negotiates all four port settings anew when one changes; esptool
changes lines and baud often, so a unit would lose seconds. Here only what changed is negotiated, polled every
millisecond. pyserial also hands over each byte by itself; with 16 lanes that is half of a station's processor time.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import serial
from serial import rfc2217

POLL_PERIOD_S = 0.001
UNREAD_BYTES_MAX: Final = 1 << 20
"""What is kept while nobody reads; a unit that says more is overheard, as by a real UART."""
RECEIVE_BYTES: Final = 0x10000
COMMAND_BYTES_MAX: Final = 4096
"""A Telnet command without an end is data after so many bytes."""
_IAC: Final = b"\xff"
_COMMAND: Final = re.compile(
    rb"\xff(?:\xfa(?P<suboption>(?:[^\xff]|\xff\xff)*)\xff\xf0|(?P<verb>[\xfb-\xfe])(?P<option>.)|(?P<other>[^\xfa-\xfe]))",
    re.DOTALL,
)


class UnreadBytes:
    """What has come and was not read yet, and whether the connection has ended."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ended = False
        self._came = threading.Condition()

    def put(self, data: bytes) -> None:
        """Keep bytes, unless too many are there."""
        with self._came:
            self._bytes += data[: UNREAD_BYTES_MAX - len(self._bytes)]
            self._came.notify()

    def end(self) -> None:
        """The connection is over."""
        with self._came:
            self._ended = True
            self._came.notify()

    def qsize(self) -> int:
        """Give how many there are; pyserial asks under this name."""
        return len(self._bytes)

    def take(self, size: int, within_s: float | None) -> bytes:
        """Give at most `size` bytes as soon as there is one; none when the time or the connection is over."""
        with self._came:
            if not self._bytes and not self._ended:
                self._came.wait_for(lambda: self._bytes or self._ended, within_s)
            taken = bytes(self._bytes[:size])
            del self._bytes[:size]
            return taken

    def forget(self) -> None:
        """Drop all bytes at once, however fast more of them come; the end of the connection stays known."""
        with self._came:
            self._bytes.clear()


class QuickRfc2217(rfc2217.Serial):
    """An RFC2217 port for one lane."""

    _settled_baud: int | None = None
    # Of pyserial's class, which ships without types for them.
    _baudrate: int
    _timeout: float | None
    _thread: threading.Thread | None
    _telnet_process_subnegotiation: Callable[[bytes], None]
    _telnet_negotiate_option: Callable[[bytes, bytes], None]
    _network_timeout: float
    _socket: socket.socket | None
    _ignore_set_control_answer: bool
    _rfc2217_options: dict[str, Any]
    _rfc2217_port_settings: dict[str, Any]
    _unread: UnreadBytes | None = None

    @property
    def _read_buffer(self) -> UnreadBytes | None:
        return self._unread

    @_read_buffer.setter
    def _read_buffer(self, made: object) -> None:
        # pyserial makes a queue without a limit in `open`; ours stands in for it.
        self._unread = None if made is None else UnreadBytes()

    def reset_input_buffer(self) -> None:
        """Forget what has come so far, here and at the server."""
        if not self.is_open or self._unread is None:
            raise serial.PortNotOpenError
        self.rfc2217_send_purge(rfc2217.PURGE_RECEIVE_BUFFER)
        self._unread.forget()

    def read(self, size: int = 1) -> bytes:
        """Give `size` bytes; fewer when the time or the connection is over. SerialException when it was over before."""
        if not self.is_open or self._unread is None:
            raise serial.PortNotOpenError
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        data = b""
        while len(data) < size:
            within_s = None if deadline is None else max(0.0, deadline - time.monotonic())
            taken = self._unread.take(size - len(data), within_s)
            data += taken
            if not data and (self._thread is None or not self._thread.is_alive()):
                raise serial.SerialException("connection failed (reader thread died)")
            if not taken or within_s == 0.0:
                break
        return data

    def _telnet_read_loop(self) -> None:
        connection, unread, begun = self._socket, self._unread, b""
        if connection is None or unread is None:
            return
        try:
            while self.is_open:
                try:
                    data = connection.recv(RECEIVE_BYTES)
                except TimeoutError:
                    continue
                if not data:
                    break
                begun = self._take_apart(begun + data, unread)
        except OSError:
            return
        finally:
            unread.end()

    def _take_apart(self, stream: bytes, unread: UnreadBytes) -> bytes:
        """Keep the data and obey the commands of a Telnet stream; give the begin of a command whose end has not come."""
        place = 0
        while (start := stream.find(_IAC, place)) >= 0:
            if start > place:
                unread.put(stream[place:start])
            command = _COMMAND.match(stream, start)
            if command is None:
                if len(stream) - start <= COMMAND_BYTES_MAX:
                    return stream[start:]
                unread.put(_IAC)
                place = start + 1
                continue
            place = command.end()
            if command["suboption"] is not None:
                self._telnet_process_subnegotiation(command["suboption"].replace(_IAC * 2, _IAC))
            elif command["verb"] is not None:
                self._telnet_negotiate_option(command["verb"], command["option"])
            elif command["other"] == _IAC:
                unread.put(_IAC)
        if place < len(stream):
            unread.put(stream[place:])
        return b""

    def _wait_for(self, item: Any) -> None:
        deadline = time.monotonic() + self._network_timeout
        try:
            while not item.is_ready():
                if time.monotonic() > deadline:
                    raise serial.SerialException(f"the port server did not acknowledge {item.name!r}")
                time.sleep(POLL_PERIOD_S)
        except ValueError as error:
            raise serial.SerialException(f"the port server refuses {item.name!r}") from error

    def rfc2217_set_control(self, value: bytes) -> None:
        """Change one control line and wait until the server says so."""
        item = self._rfc2217_options["control"]
        item.set(value)
        if not self._ignore_set_control_answer:
            self._wait_for(item)

    def rfc2217_send_purge(self, value: bytes) -> None:
        """Empty the server's buffers."""
        item = self._rfc2217_options["purge"]
        item.set(value)
        self._wait_for(item)

    def _reconfigure_port(self) -> None:
        """Negotiate everything at the first call, only the baud rate afterwards."""
        if self._settled_baud is None:
            super()._reconfigure_port()  # type: ignore[misc]  # untyped in pyserial's stubs
        elif self._settled_baud != self._baudrate:
            item = self._rfc2217_port_settings["baudrate"]
            item.set(struct.pack("!I", self._baudrate))
            self._wait_for(item)
        self._settled_baud = self._baudrate

    def close(self) -> None:
        """Close, and negotiate everything again at the next open."""
        self._settled_baud = None
        opened = self._socket
        super().close()
        if opened is not None:
            # pyserial leaves the socket open when the server was quicker to hang up.
            opened.close()
