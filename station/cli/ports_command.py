"""`station ports`: what can be a lane."""

from __future__ import annotations

from dataclasses import asdict

import click

from station.chip.ports import list_serial_ports
from station.cli.context import Session, global_options, pass_session, say, say_json


@click.command()
@global_options
@pass_session
def ports(session: Session) -> None:
    """List the serial ports of this PC.

    With --json an array of {url, description, usb_id, serial_number, location, usable}.
    """
    found = list_serial_ports()
    if session.json:
        say_json([asdict(port) for port in found])
        return
    if not found:
        say("No serial port was found. Plug an adapter in.")
    for port in found:
        place = f"USB {port.location}" if port.location else "on board"
        right = "" if port.usable else "  (no right to open it: see station doctor)"
        say(
            f"{port.url:<20} {place:<14} {port.usb_id or '-':<10} {port.serial_number or '-':<20} {port.description}{right}"
        )
