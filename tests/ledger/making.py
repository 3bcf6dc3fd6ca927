"""Makes what the ledger's tests need: CSV files, chips, runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import event

from station.ledger import Ledger
from station.ledger.certificates import live_certificate
from station.ledger.quick import Answer, _Cursors
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


def begin(
    ledger: Ledger, unit: int | None = None, *, lane: int = 1, batch: str = "batch", work_order: str | None = None
) -> int:
    """Begin a run on a lane; with a unit, identify it too."""
    run = ledger.begin_run(
        lane=lane,
        port=f"COM{lane}",
        profile="plug",
        firmware_version="1.4.2",
        batch=batch,
        operator="Li",
        work_order=work_order,
    )
    if unit is not None:
        ledger.identify_run(run, chip_of(unit))
    return run


def known_device(ledger: Ledger, mac: Mac, product: str = PRODUCT) -> str | None:
    """Give the DeviceName that a MAC holds."""
    with ledger._database.reading() as connection:
        row = live_certificate(connection, mac, product)
        return None if row is None else str(row.device_name)


@contextmanager
def failing_at(ledger: Ledger, number: int) -> Iterator[list[int]]:
    """Let the n-th statement from now on fail at the driver, as a full disk does; gives how many were begun."""
    engine, seen = ledger._database._engine, [0]
    quickly = _Cursors.execute

    def count(*_: Any) -> None:
        seen[0] += 1
        if seen[0] == number:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

    def counted(cursors: _Cursors, sql: str, arguments: Any) -> Answer:
        count()
        return quickly(cursors, sql, arguments)

    ways = ("do_execute", "do_executemany")  # who listens before them has every statement take the library's way
    for way in ways:
        event.listen(engine, way, count)
    try:
        with patch.object(_Cursors, "execute", counted):
            yield seen
    finally:
        for way in ways:
            event.remove(engine, way, count)
