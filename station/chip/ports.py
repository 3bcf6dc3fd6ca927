"""The serial ports that this PC has."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serial.tools import list_ports

_ESPRESSIF: Final = "303a:"
"""A chip's own USB tells the unit's MAC as its serial number: that names the unit, not the place."""
_SERIAL_NUMBER_CHARACTERS_MIN: Final = 6
"""Shorter ones are no adapter's own: a CP2102 leaves its factory as `0001`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fixture hangs: the serial number of its adapter, the USB location of its plug, or both."""

    serial_number: str | None = None
    location: str | None = None

    def __str__(self) -> str:
        plug = f"USB {self.location}" if self.location else ""
        return ", ".join(part for part in (plug, self.serial_number and f"adapter {self.serial_number}") if part)


@dataclass(frozen=True, slots=True)
class PortInfo:
    """One port: `location` names the physical USB place, `usable` whether this user may open it."""

    url: str
    description: str
    usb_id: str | None
    serial_number: str | None
    location: str | None
    usable: bool

    @property
    def likely_unit(self) -> bool:
        """A USB adapter or a chip's own USB, not a motherboard's UART."""
        return self.usb_id is not None

    @property
    def place(self) -> Place | None:
        """What stays the same when the port's name changes; None for a port without either, which is no USB port."""
        number = self.serial_number or ""
        own = len(number) >= _SERIAL_NUMBER_CHARACTERS_MIN and not (self.usb_id or "").startswith(_ESPRESSIF)
        place = Place(number if own else None, self.location)
        return None if place == Place() else place


def find_place(place: Place, ports: Sequence[PortInfo]) -> PortInfo | None:
    """Give the port at a place: the one adapter of that number wherever it is plugged, else what is plugged there."""
    places = [(port, port.place or Place()) for port in ports]
    by_number = [port for port, other in places if place.serial_number and other.serial_number == place.serial_number]
    if len(by_number) == 1:
        return by_number[0]
    here = [port for port in by_number or ports if place.location and port.location == place.location]
    return here[0] if here else None


def in_order(ports: Sequence[PortInfo]) -> list[PortInfo]:
    """Sort by name as people count: ttyUSB2 before ttyUSB10."""
    return sorted(ports, key=lambda port: [int(part) if part.isdigit() else part for part in _NUMBERS.split(port.url)])


_NUMBERS: Final = re.compile(r"(\d+)", re.ASCII)


def list_serial_ports() -> list[PortInfo]:
    """Give the ports by name; on-board UARTs that are not there are left out by pyserial."""
    found = [
        PortInfo(
            url=port.device,
            description=port.description or "",
            usb_id=None if port.vid is None else f"{port.vid:04x}:{port.pid:04x}",
            serial_number=port.serial_number,
            location=port.location,
            usable=_usable(port.device),
        )
        for port in list_ports.comports()
    ]
    return in_order(found)


def adapter_name(url: str, ports: Sequence[PortInfo]) -> str:
    """Name what is at a port by its place, whatever the port is called today; by its URL where it has none.

    A serial number that two adapters bear names neither: then the USB location does.
    """
    port = next((port for port in ports if port.url == url), None)
    place = None if port is None else port.place
    if place is None:
        return url
    by_number = Place(place.serial_number)
    if place.serial_number and find_place(by_number, ports) is port:
        return str(by_number)
    return str(Place(None, place.location)) if place.location else url


def _usable(device: str) -> bool:
    return sys.platform == "win32" or not Path(device).exists() or os.access(device, os.R_OK | os.W_OK)
