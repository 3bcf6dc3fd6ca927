"""Why station/chip/quiet_esptool.py replaces esptool's HexFormatter."""

from __future__ import annotations

import esptool.loader
from esp_pylib.logger import EspLog

from station.chip import quiet_esptool


def test_esptool_still_formats_packets_when_tracing_is_off() -> None:
    """Once this fails, esptool has mended it: take NoHexText out."""
    formatted: list[bytes] = []

    class Spy:
        def __init__(self, binary_string: bytes, auto_split: bool = True) -> None:
            self._data = binary_string

        def __str__(self) -> str:
            formatted.append(self._data)
            return ""

    class Port:
        timeout = write_timeout = baudrate = 0.0

        def write(self, data: bytes) -> int:
            return len(data)

    loader = esptool.loader.ESPLoader(Port(), 115200)
    before = esptool.loader.HexFormatter
    esptool.loader.HexFormatter = Spy
    try:
        loader.write(b"packet")
    finally:
        esptool.loader.HexFormatter = before
    assert formatted


def test_our_logger_and_formatter_are_in_place() -> None:
    assert isinstance(EspLog.instance, quiet_esptool.LaneLogger)
    assert esptool.loader.HexFormatter is quiet_esptool.NoHexText
    assert "secret" not in str(quiet_esptool.NoHexText(b"secret"))
