"""Makes what the ledger's tests need: CSV files, chips, runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from station.ledger import Ledger
from station.unit import ChipIdentity, Mac

PRODUCT = "a1B2c3D4e5F"
HEADER = "DeviceName,DeviceSecret,ProductKey"
STAMP = "5ec4e7"
"""Stands in every made secret, so that a test can search for it."""


def secret(number: int) -> str:
    """Give the secret of the n-th certificate: 32 characters."""
    return f"{STAMP}{number:026d}"


def name(number: int) -> str:
    """Give the DeviceName of the n-th certificate."""
    return f"plug-{number:05d}"


def row(number: int, product: str = PRODUCT) -> str:
    """Give the n-th certificate as a line."""
    return f"{name(number)},{secret(number)},{product}"


def write_csv(path: Path, numbers: Iterable[int], product: str = PRODUCT) -> Path:
    """Write certificates to a CSV as the console gives it."""
    return write_lines(path, [HEADER, *(row(number, product) for number in numbers)])


def write_lines(path: Path, lines: Iterable[str], encoding: str = "utf-8", end: str = "\n") -> Path:
    """Write lines to a file."""
    path.write_bytes("".join(line + end for line in lines).encode(encoding))
    return path


def mac_of(number: int) -> Mac:
    """Give the MAC of the n-th unit."""
    digits = f"{0x240AC4000000 + number:012x}"
    return Mac(":".join(digits[i : i + 2] for i in range(0, 12, 2)))


def chip_of(number: int) -> ChipIdentity:
    """Give the chip of the n-th unit."""
    return ChipIdentity("esp32", "ESP32-D0WD-V3", "v3.1", mac_of(number), 4 << 20)


def begin(ledger: Ledger, unit: int | None = None, *, lane: int = 1, batch: str = "batch") -> int:
    """Begin a run on a lane; with a unit, identify it too."""
    run = ledger.begin_run(
        lane=lane, port=f"COM{lane}", profile="plug", firmware_version="1.4.2", batch=batch, operator="Li"
    )
    if unit is not None:
        ledger.identify_run(run, chip_of(unit))
    return run
