"""`station ports`: what can be a lane."""

from __future__ import annotations

import click

from station.cli.context import Session, global_options, pass_session


@click.command()
@global_options
@pass_session
def ports(session: Session) -> None:
    """List the serial ports of this PC.

    With --json an array of {url, description, usb_id, serial_number, location, usable, lane, baud}; baud is what the adapter
    has held so far, null while nothing is known.

    Example: station ports --json
    """
    from station.cli.port_listing import tell_ports  # noqa: PLC0415  --help must not pay for the drivers

    tell_ports(session)
