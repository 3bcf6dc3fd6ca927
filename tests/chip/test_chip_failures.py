"""Every failure of esptool or pyserial becomes one coded error."""

from __future__ import annotations

import struct

import pytest
import serial
from esptool.util import FatalError, UnsupportedCommandError

from station.chip.chip_failures import translated
from station.errors import Aborted, Code, CodedError


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (FatalError("No serial data received."), Code.UNIT_GONE),
        (FatalError("Serial data stream stopped: Possible serial noise or corruption."), Code.UNIT_GONE),
        (FatalError("Failed to start stub flasher. There was no response."), Code.UNIT_GONE),
        (FatalError("Invalid head of packet (0x41): Possible serial noise or corruption."), Code.CHIP_GARBLED),
        (FatalError("Response doesn't match request."), Code.CHIP_GARBLED),
        (FatalError.WithResult("Failed to write", b"\xc1\x00"), Code.WRITE_REFUSED),
        (FatalError.WithResult("Failed to write", b"\x01\x08"), Code.WRITE_REFUSED),
        (serial.SerialException("read failed: device reports readiness to read but returned no data"), Code.PORT_LOST),
        (OSError(5, "Input/output error"), Code.PORT_LOST),
        (struct.error("unpack requires a buffer of 8 bytes"), Code.CHIP_GARBLED),
        (IndexError("index out of range"), Code.CHIP_GARBLED),
    ],
)
def test_a_library_failure_has_a_code(raised: Exception, code: Code) -> None:
    with pytest.raises(CodedError) as caught, translated("port", "do it"):
        raise raised
    assert caught.value.code == code
    assert caught.value.mend


def test_a_locked_download_mode_is_told_apart() -> None:
    class Chip:
        CHIP_NAME = "ESP32"
        secure_download_mode = True
        stub_is_disabled = False

    with pytest.raises(CodedError) as caught, translated("port", "read it"):
        raise UnsupportedCommandError(Chip(), 0x0A)
    assert caught.value.code == Code.SECURITY_SET


def test_an_abort_passes_through() -> None:
    with pytest.raises(Aborted), translated("port", "do it"):
        raise Aborted(Code.ABORTED, "stopped", "again")
