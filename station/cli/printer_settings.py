"""Which printer takes the labels: as the station's settings say, or an option for once."""

from __future__ import annotations

from station.cli.context import Session
from station.errors import UsageError
from station.line.shift import Shift
from station.peripherals.label_printer import LabelPrinter, open_printer


def printer_of(session: Session, shift: Shift) -> LabelPrinter | None:
    """Give the printer for a shift; None where the profile wants no label, or none is set."""
    address = None if shift.recipe.profile.label is None else session.settings().printer.address
    return None if address is None else open_printer(address, session.data)


def chosen_printer(session: Session, address: str | None) -> LabelPrinter:
    """Give the printer that is named, else that of the settings; UsageError when there is none."""
    named = address or session.settings().printer.address
    if named is None:
        raise UsageError("No printer is set", "Name one with --printer, or set `printer: {address: tcp://…}`")
    return open_printer(named, session.data)
