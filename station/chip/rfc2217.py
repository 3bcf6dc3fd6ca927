"""pyserial's RFC2217 client without its waits.

pyserial 3.5 polls each acknowledgement every 50 ms and negotiates all four port settings anew when one changes; esptool
changes lines and baud often, so a unit would lose seconds. Here only what changed is negotiated, polled every
millisecond.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

import serial
from serial import rfc2217

POLL_PERIOD_S = 0.001


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
