"""What pyserial raises when a port cannot be used."""

from __future__ import annotations

import sys
from typing import Final

import serial

PORT_ERRORS: tuple[type[Exception], ...] = (serial.SerialException, OSError)
if sys.platform != "win32":
    import termios

    # Where a port was pulled, pyserial 3.5 lets through what a flush raises, and that is no OSError.
    PORT_ERRORS = (*PORT_ERRORS, termios.error)
OPENING_ERRORS: Final[tuple[type[Exception], ...]] = (*PORT_ERRORS, ValueError)
"""ValueError: the name is no port's."""
