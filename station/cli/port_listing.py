"""The list of the serial ports, each with its lane and what its adapter has held."""

from __future__ import annotations

from dataclasses import asdict

from station.chip.ports import PortInfo, adapter_name, list_serial_ports
from station.cli.context import Session, say, say_json
from station.cli.lane_settings import learnt_lanes
from station.errors import CodedError
from station.line.lane_places import LanePlaces


def tell_ports(session: Session) -> None:
    """Print it, for a person or as JSON."""
    found = list_serial_ports()
    lanes = {url: lane for lane, url in LanePlaces(learnt_lanes(session.data)).number(found).items()}
    bauds = _held_bauds(session, found)
    if session.json:
        say_json([{**asdict(port), "lane": lanes.get(port.url), "baud": bauds.get(port.url)} for port in found])
        return
    if not found:
        say("No serial port was found. Plug an adapter in.")
    for port in found:
        place = f"USB {port.location}" if port.location else "on board"
        right = "" if port.usable else "  (no right to open it: see station doctor)"
        lane = f"lane {lanes[port.url]}" if port.url in lanes else "-"
        baud = f"{bauds[port.url]} baud" if port.url in bauds else "-"
        say(
            f"{lane:<8} {port.url:<20} {place:<14} {port.usb_id or '-':<10} {port.serial_number or '-':<20} {baud:<12} "
            f"{port.description}{right}"
        )


def _held_bauds(session: Session, ports: list[PortInfo]) -> dict[str, int]:
    """Give the baud rates by URL; none without a ledger that opens by itself: ports are listed on a new PC, too."""
    if not session.has_ledger():
        return {}
    try:
        with session.open_ledger(read_only=True) as ledger:
            held = {port.url: ledger.held_bauds.of(adapter_name(port.url, ports)) for port in ports}
    except CodedError:
        return {}
    return {url: known.baud for url, known in held.items() if known is not None}
