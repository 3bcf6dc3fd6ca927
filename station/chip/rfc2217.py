"""pyserial's RFC2217 client without its waits.

pyserial 3.5 polls each acknowledgement every 50 ms and negotiates all four port settings anew when one changes; esptool
changes lines and baud often, so a unit would lose seconds. Here only what changed is negotiated, polled every
millisecond.
"""

from __future__ import annotations

import queue
import socket
import struct
import time
from typing import Any, Final

import serial
from serial import rfc2217

POLL_PERIOD_S = 0.001
UNREAD_BYTES_MAX: Final = 1 << 20
"""What is kept while nobody reads; a unit that says more is overheard, as by a real UART."""


class UnreadBytes(queue.Queue[bytes | None]):
    """What has come and was not read yet, one byte an item; None is the end of the connection."""

    def put(self, item: bytes | None, block: bool = True, timeout: float | None = None) -> None:
        """Keep a byte, unless too many are there."""
        if item is None or self.qsize() < UNREAD_BYTES_MAX:
            super().put(item, block, timeout)

    def forget(self) -> None:
        """Drop all bytes at once, however fast more of them come; the end of the connection stays known."""
        with self.mutex:
            ended = None in self.queue
            self.queue.clear()
            if ended:
                self.queue.append(None)


class QuickRfc2217(rfc2217.Serial):
    """An RFC2217 port for one lane."""

    _settled_baud: int | None = None
    # Of pyserial's class, which ships without types for them.
    _baudrate: int
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
