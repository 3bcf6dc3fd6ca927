"""`station audit`: the audit log as a file."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from station.cli.completion import complete_batches
from station.cli.context import Session, global_options, pass_session, say, say_json
from station.errors import UsageError
from station.unit import parse_mac

if TYPE_CHECKING:
    from station.ledger import Ledger


def _moment(_context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from station.ledger.audit import iso_utc  # noqa: PLC0415  --help must not pay for SQLAlchemy

    try:
        moment = datetime.fromisoformat(value)
        return iso_utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise UsageError(
            f"{value!r} is no moment",
            "Write it as 2026-11-24, or 2026-11-24T14:30, or with a zone: ...+08:00",
            f"--{parameter.name}",
        ) from None


def _mac(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else parse_mac(value)
    except ValueError:
        raise UsageError(f"{value!r} is not a MAC address", "Write it as 24:0a:c4:5e:10:9c", "--mac") from None


@click.group()
@global_options
def audit() -> None:
    """The record of everything that happened to certificates and units."""


@audit.command("export")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The file to write.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="One JSON object a line, or a table for spreadsheets.",
)
@click.option("--force", is_flag=True, help="Replace the file when it is there.")
@click.option("--since", metavar="ISO", callback=_moment, help="From this moment on; without a zone it is UTC.")
@click.option("--until", metavar="ISO", callback=_moment, help="Before this moment.")
@click.option("--batch", metavar="B", shell_complete=complete_batches, help="Only events of this batch.")
@click.option("--mac", callback=_mac, help="Only events of this unit (or of --device-name).")
@click.option("--device-name", metavar="NAME", help="Only events of this certificate (or of --mac).")
@click.option("--serial-number", metavar="SN", help="Only events of the unit that bears this label; instead of --mac.")
@click.option("--operator", metavar="NAME", help="Only events of this person.")
@global_options
@pass_session
def export(
    session: Session,
    /,
    out: Path,
    form: Literal["jsonl", "csv"],
    force: bool,
    serial_number: str | None,
    **wanted: str | None,
) -> None:
    """Write the audit log to FILE: whole or not at all, and never over a file that is there unless forced.

    The file is signed by the station and proves itself: see `station audit verify`.
    With --json one object: path, events, head (the hash of the last event, null when there is none), public_key.

    Example: station audit export --out audit-2026-11.jsonl --since 2026-11-01 --until 2026-12-01
    """
    from station.ledger.audit_filters import Filters  # noqa: PLC0415  --help must not pay for SQLAlchemy

    if serial_number is not None and wanted["mac"] is not None:
        raise UsageError("--serial-number and --mac both name a unit", "Give one of them")
    with session.open_ledger() as ledger:
        if serial_number is not None:
            wanted["mac"] = _bearer(ledger, serial_number)
        result = ledger.export_audit(out, form, force=force, filters=Filters(**wanted))
    if session.json:
        key = result.signed_head.public_key
        say_json({"path": str(result.path), "events": result.events, "head": result.head, "public_key": key})
    else:
        say(f"{result.events} events written to {result.path}")


def _bearer(ledger: Ledger, serial_number: str) -> str:
    """Give the MAC of the unit that bears a label, or bore it last; UsageError when none does."""
    story = ledger.unit(serial_number)
    if story.mac is None or not any(row.serial_number == serial_number for row in story.serial_numbers):
        raise UsageError(f"no unit bears the serial number {serial_number!r}", "Look: station unit show")
    return story.mac


@audit.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--key", metavar="PUBKEY", help="The station's public key, or its file station.pub, as you know it from elsewhere."
)
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    metavar="EARLIER",
    help="An earlier export: the log must go on from it.",
)
@global_options
@pass_session
def verify(session: Session, file: Path, key: str | None, against: Path | None) -> None:
    """Prove an exported file, or name the first event that was changed, removed, inserted or moved.

    Needs the file alone, no ledger. Without --key it proves only that the file is what the holder of the key in it wrote.
    Exit code 1 when something is wrong, 2 when the file is no export. With --json one object.

    Example: station audit verify audit-2026-11.jsonl --key station.pub
    """
    from station.ledger.audit_verify import verify_export  # noqa: PLC0415  --help must not pay for SQLAlchemy
    from station.ledger.station_key import public_key_of  # noqa: PLC0415  as above

    found = verify_export(file, key=public_key_of(key) if key is not None else None, against=against)
    if session.json:
        say_json({"ok": found.flaw is None, **asdict(found)})
    else:
        mark = "✔" if found.flaw is None else f"✘ {found.flaw}:"
        say(f"{mark} {found.message}" + (f" (line {found.line})" if found.line is not None else ""))
        say(f"  station {found.station}, exported {found.exported_at[:19]}Z, key {found.public_key}")
        if found.filter:
            say("  only events with " + ", ".join(f"{name} {value}" for name, value in found.filter.items()))
        for gap in found.gaps:
            say(f"  {gap}")
        if key is None and found.flaw is None:
            say("  Compare the key with the station's (station key show), or give it with --key.")
    sys.exit(0 if found.flaw is None else 1)
