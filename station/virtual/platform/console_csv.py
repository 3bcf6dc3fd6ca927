"""The certificate file as the platform's console gives it: a BOM, DeviceName,DeviceSecret,ProductKey, CRLF."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

from station.virtual.platform.device import Device

HEADER: Final = ("DeviceName", "DeviceSecret", "ProductKey")


def console_csv(devices: Iterable[Device]) -> bytes:
    """Give the file's bytes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADER)
    writer.writerows((device.key.device_name, device.secret, device.key.product_key) for device in devices)
    return text.getvalue().encode("utf-8-sig")


def read_console_csv(data: bytes) -> list[tuple[str, str, str]]:
    """Give (DeviceName, DeviceSecret, ProductKey) of each row. ValueError: other columns, or a field is empty."""
    reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    if not set(HEADER) <= set(reader.fieldnames or ()):
        raise ValueError("line 1 has not the columns DeviceName, DeviceSecret and ProductKey")
    found = []
    for number, row in enumerate(reader, start=2):
        fields = [row.get(name) or "" for name in HEADER]
        if not all(fields):
            raise ValueError(f"line {number} has not DeviceName, DeviceSecret and ProductKey")
        found.append((fields[0], fields[1], fields[2]))
    return found
