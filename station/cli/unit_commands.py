"""`station unit`: one unit's story, and the line lead's way to take its certificate out of use."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.asking import pin_file_option
from station.cli.batch_commands import certificate_object, table
from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.leads import require_line_lead
from station.cli.platform_devices import disable_device
from station.cli.platform_settings import open_platform, platform_options
from station.errors import Code, PlatformFault, UsageError

if TYPE_CHECKING:
    from station.ledger import CertificateRow, Ledger, RunRow, SerialNumberRow, UnitStory
    from station.platform.platform_api import PlatformApi


@click.group()
@global_options
def unit() -> None:
    """One board: its certificate, its runs, its events."""


@unit.command("show")
@click.argument("subject", metavar="MAC|SERIAL_NUMBER|DEVICE_NAME")
@global_options
@pass_session
def show(session: Session, subject: str) -> None:
    """Show what the ledger knows about a unit, by MAC, serial number or DeviceName (the last two also as ProductKey/NAME).

    With --json one object: mac, serial_number, serial_numbers (what it bears and bore), certificates, runs (newest first) and
    events (oldest first; as `audit export` writes them).

    Example: station unit show 24:0a:c4:5e:10:9c
    """
    with session.open_ledger() as ledger:
        story, here = ledger.unit(subject), ledger.station
    if session.json:
        say_json(_story_object(story))
        return
    say(f"Unit {story.mac or '(none yet)'}")
    for label in story.serial_numbers:
        fields = "".join(f", {name} {text}" for name, text in label.fields.items())
        until = f", taken off {label.released_at[:19]}Z ({label.release_reason})" if label.released_at else ""
        say(f"  serial number {label.serial_number}{fields}  {label.entry} {label.bound_at[:19]}Z{until}")
    for one in story.certificates:
        reason = f" ({one.void_reason})" if one.void_reason else ""
        say(f"  {one.identity}  {one.state}{reason}  batch {one.batch}, since {one.changed_at[:19]}Z")
    if story.runs:
        rows = [
            (
                *(str(r.id), r.started_at[:19] + "Z", r.lane_seen_from(here)),
                *(r.verdict or "unfinished", r.code or "-", r.message),
            )
            for r in story.runs
        ]
        say(table(("RUN", "STARTED", "LANE", "VERDICT", "CODE", "WHAT HAPPENED"), rows))
    else:
        say("  No run yet.")


@unit.command("void")
@click.argument("subject", metavar="MAC|DEVICE_NAME")
@click.option("--reason", required=True, help="Why; it stands in the audit log for ever.")
@click.option("--operator", metavar="LEAD", help="The line lead who decides, name or badge.")
@click.option("--disable-on-platform", is_flag=True, help="Forbid its device to connect, too.")
@pin_file_option
@platform_options
@global_options
@pass_session
def void(
    session: Session,
    subject: str,
    reason: str,
    operator: str | None,
    disable_on_platform: bool,
    pin_file: Path | None,
) -> None:
    """Take a unit's certificate out of use for ever. Nothing brings it back.

    For a line lead, by PIN. As long as there is none, anybody may. With --disable-on-platform the ledger comes first: when
    the platform then fails, `station platform disable` does what is left.
    With --json one object: the certificate as `batch show` lists it.

    Example: station unit void 24:0a:c4:5e:10:9c --reason "board scrapped"
    """
    with session.open_ledger() as ledger:
        who = require_line_lead(session, ledger, "void a certificate", operator=operator, pin_file=pin_file)
        platform = open_platform(session) if disable_on_platform else None
        done = ledger.void(subject, reason=reason, operator=who)
        if platform is not None:
            _disable(ledger, platform, done, who)
    if session.json:
        say_json(certificate_object(done))
    else:
        say(f"Certificate {done.identity} is void for ever. A unit that had it gets another one when it comes back.")


@unit.command("release")
@click.argument("subject", metavar="MAC|SERIAL_NUMBER")
@click.option("--reason", required=True, help="Why; it stands in the audit log for ever.")
@click.option("--operator", metavar="LEAD", help="The line lead who decides, name or badge.")
@pin_file_option
@global_options
@pass_session
def release(session: Session, subject: str, reason: str, operator: str | None, pin_file: Path | None) -> None:
    """Take the serial number off a unit that got the wrong label. Another unit may bear it then, and this one another.

    For a line lead, by PIN. As long as there is none, anybody may. The record keeps what the unit bore.
    With --json one object: mac, product_key, serial_number.

    Example: station unit release SP00000312 --reason "labels of two boards exchanged"
    """
    with session.open_ledger() as ledger:
        borne = [row for row in ledger.unit(subject).serial_numbers if row.released_at is None]
        meant = [row for row in borne if subject in (row.serial_number, f"{row.product_key}/{row.serial_number}")]
        if len(meant or borne) != 1:
            names = ", ".join(f"{row.product_key}/{row.serial_number}" for row in borne) or "none"
            raise UsageError(f"the unit of {subject!r} does not bear one serial number", f"It bears: {names}")
        (row,) = meant or borne
        who = require_line_lead(
            session, ledger, "take a serial number off a unit", operator=operator, pin_file=pin_file
        )
        ledger.serial_numbers.release(row, reason=reason, operator=who)
    if session.json:
        say_json({"mac": row.mac, "product_key": row.product_key, "serial_number": row.serial_number})
    else:
        say(f"Unit {row.mac} bears {row.serial_number} no more. Give it its own label and put it in again.")


def _disable(ledger: Ledger, platform: PlatformApi, voided: CertificateRow, operator: str) -> None:
    """Disable the device of a certificate that is void now; what fails is told with how to repeat it."""
    try:
        disable_device(ledger, platform, voided, operator=operator)
    except (PlatformFault, UsageError) as fault:
        mend = f"{fault.mend}. Its device may still connect: station platform disable {voided.identity}"
        raise PlatformFault(
            Code.PLATFORM_REFUSED if isinstance(fault, UsageError) else fault.code,
            f"certificate {voided.identity} is void in the ledger, but {fault.cause}",
            mend,
            fault.place,
        ) from None


def _story_object(story: UnitStory) -> dict[str, Any]:
    from station.ledger import event_object  # noqa: PLC0415  --help must not pay for SQLAlchemy

    return {
        "mac": story.mac,
        "serial_number": story.serial_number,
        "serial_numbers": [_serial_number_object(row) for row in story.serial_numbers],
        "certificates": [certificate_object(one) for one in story.certificates],
        "runs": [_run_object(run) for run in story.runs],
        "events": [event_object(event) for event in story.events],
    }


def _serial_number_object(row: SerialNumberRow) -> dict[str, Any]:
    return {**asdict(replace(row, fields={})), "fields": dict(row.fields)}


def _run_object(run: RunRow) -> dict[str, Any]:
    return {
        "run": run.id,
        "station": run.station,
        "lane": run.lane,
        "port": run.port,
        "profile": run.profile,
        "firmware_version": run.firmware_version,
        "batch": run.batch,
        "operator": run.operator,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "mac": run.mac,
        "device_name": run.device_name,
        "serial_number": run.serial_number,
        "last_step": run.last_step,
        "verdict": run.verdict,
        "code": run.code,
        "message": run.message,
        "seconds": run.seconds,
    }
