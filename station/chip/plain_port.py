"""A serial port that is only written to: the stack light's."""

from __future__ import annotations

import os
from typing import Final

import serial

from station.chip.port_errors import OPENING_ERRORS, PORT_ERRORS
from station.errors import Code, PeripheralFault

WRITE_TIMEOUT_S: Final = 2.0


class PlainPort:
    """Opened at a baud rate, 8N1; PeripheralFault when the port is missing, taken or lost."""

    def __init__(self, url: str, baud: int) -> None:
        self._url = url
        try:
            self._port = serial.serial_for_url(url, baudrate=baud, write_timeout=WRITE_TIMEOUT_S)
        except OPENING_ERRORS as error:
            raise self._fault(error) from None

    def write(self, data: bytes) -> None:
        """Send all of it."""
        try:
            self._port.write(data)
            self._port.flush()
        except PORT_ERRORS as error:
            raise self._fault(error) from None

    def close(self) -> None:
        """Let the port go; a port that is lost has gone by itself."""
        try:
            self._port.close()
        except PORT_ERRORS:
            return

    def _fault(self, error: Exception) -> PeripheralFault:
        number = OSError(*error.args).errno
        reason = type(error).__name__ if number is None else os.strerror(number)
        return PeripheralFault(
            Code.LIGHT_UNREACHABLE,
            f"The stack light's port does not work ({reason})",
            "Plug its cable in, or correct `stack_light` in the settings",
            self._url,
        )
