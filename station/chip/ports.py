"""The serial ports that this PC has."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports

USB_SERIAL_JTAG_PID = 0x1001


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
    return sorted(found, key=lambda port: port.url)


def adapter_name(url: str, ports: list[PortInfo] | None = None) -> str:
    """Name what is at a port, whatever the port is called today: by serial number, by USB place, else by the port's URL.

    Some adapters all leave the factory with one serial number: one that two of them have names neither.
    """
    if "://" in url:
        return url
    ports = list_serial_ports() if ports is None else ports
    port = next((port for port in ports if port.url == url), None)
    if port is None or port.usb_id is None:
        return url
    same = [other for other in ports if (other.usb_id, other.serial_number) == (port.usb_id, port.serial_number)]
    if port.serial_number and len(same) == 1:
        return f"usb {port.usb_id} serial {port.serial_number}"
    return f"usb {port.usb_id} at {port.location}" if port.location else url


def _usable(device: str) -> bool:
    return sys.platform == "win32" or not Path(device).exists() or os.access(device, os.R_OK | os.W_OK)
