"""What `station doctor` looks at in the serial ports: rights, who else takes them, how long adapters keep answers back."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from station.chip.latency import LOW_LATENCY_MS, lasting_mend, latency_timer_ms
from station.chip.port_holders import GRABBERS, port_holders, running_grabbers
from station.chip.ports import list_serial_ports
from station.cli.context import Session
from station.cli.finding import Finding, Health


def look_at_ports(_session: Session) -> Iterator[Finding]:
    """Each port that may be a lane, and programs that take new ports for themselves."""
    found = list_serial_ports()
    if not any(port.likely_unit for port in found):
        yield Finding("ports", Health.ODD, "no USB serial port", "Plug an adapter in; on Windows install its driver")
    for port in found:
        if not port.usable:
            yield Finding(
                "ports",
                Health.BAD,
                f"{port.url} may not be opened by this user",
                _mend_rights(Path(port.url)),
            )
        elif port.likely_unit:
            yield Finding("ports", Health.GOOD, f"{port.url} {port.description}")
            holders = port_holders(port.url)
            if holders:
                mend = "Close that program, unless it is this station at work"
                yield Finding("ports", Health.ODD, f"{port.url} is in use by {', '.join(holders)}", mend)
            yield from _latency(port.url)
    for grabber in running_grabbers():
        yield Finding(
            "ports", Health.ODD, f"{grabber} is running: it opens each new port for a look", GRABBERS[grabber]
        )


def _latency(url: str) -> Iterator[Finding]:
    """Linux lets the station shorten the timer while a lane works; on Windows only a person can."""
    timer_ms = latency_timer_ms(url)
    if timer_ms is None:
        return
    if timer_ms <= LOW_LATENCY_MS:
        yield Finding("latency", Health.GOOD, f"{url} hands answers over after {timer_ms} ms")
    elif sys.platform == "win32":
        yield Finding(
            "latency", Health.ODD, f"{url} keeps answers back for {timer_ms} ms: units take longer", lasting_mend()
        )
    else:
        seen = f"{url} keeps answers back for {timer_ms} ms, {LOW_LATENCY_MS} ms while a lane works"
        yield Finding("latency", Health.GOOD, seen, lasting_mend())


def _mend_rights(device: Path) -> str:
    """Say how this user gets the right; who is in the group already has only to sign in anew."""
    group = _owning_group(device)
    if sys.platform != "win32":
        import grp  # noqa: PLC0415  POSIX alone has it

        try:
            entry = grp.getgrnam(group)
            if getpass.getuser() in entry.gr_mem and entry.gr_gid not in os.getgroups():
                return f"This user is in the group {group} since its last sign-in: sign out and in"
        except (KeyError, OSError):
            pass  # a group that only the device knows
    return f"sudo usermod -a -G {group} $USER, then sign out and in"


def _owning_group(device: Path) -> str:
    if sys.platform != "win32":
        with suppress(OSError, KeyError):
            return device.group()
    return "dialout"
