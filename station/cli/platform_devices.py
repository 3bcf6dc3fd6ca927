"""`station platform status`, `disable`, `enable`, `reconcile`: devices that are registered."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from station.cli.asking import pin_file_option
from station.cli.batch_commands import table
from station.cli.completion import complete_batches
from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.leads import require_line_lead
from station.cli.platform_settings import open_platform, platform_options
from station.cli.progress import progress_bar
from station.errors import UsageError

if TYPE_CHECKING:
    from station.ledger import CertificateRow, EventKind, Ledger
    from station.line.reconciling import Difference
    from station.platform.platform_api import PlatformApi
    from station.platform.records import DeviceDetail


@click.command("status")
@click.argument("subject", metavar="DEVICE_NAME|MAC")
@platform_options
@global_options
@pass_session
def status(session: Session, subject: str) -> None:
    """Show what the platform says about a unit's device, beside what the ledger says.

    A device that the ledger does not know is named ProductKey/DeviceName.

    With --json one object: product_key, device_name, state, since, activated, firmware_version, in_ledger, mac.

    Example: station platform status 24:0a:c4:5e:10:9c
    """
    with session.open_ledger() as ledger:
        product_key, device_name, certificate = _device_of(ledger, subject)
    platform = open_platform(session)
    with _known(device_name):
        detail = platform.device(product_key, device_name)
        since = platform.device_status(product_key, device_name).since
    if session.json:
        say_json(_status_object(detail, since, certificate))
        return
    say(f"{product_key}/{device_name}  {detail.state}" + (f" since {_shown(since)}" if since else ""))
    say(f"  activated  {_shown(detail.activated)}")
    if detail.firmware_version:
        say(f"  firmware   {detail.firmware_version}")
    held = "not known" if certificate is None else certificate.state.value
    say(f"  ledger     {held}" + (f", unit {certificate.mac}" if certificate is not None and certificate.mac else ""))


def _change_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        global_options,
        platform_options,
        pin_file_option,
        click.option("--operator", metavar="LEAD", help="The line lead who decides, name or badge."),
        click.argument("subject", metavar="DEVICE_NAME|MAC"),
    ):
        command = option(command)
    return command


@click.command("disable")
@_change_options
@pass_session
def disable(session: Session, subject: str, operator: str | None, pin_file: Path | None) -> None:
    """Forbid a unit's device to connect: its connection ends. `enable` undoes it.

    For a line lead, by PIN. With --json one object: product_key, device_name, state.

    Example: station platform disable plug-000312 --operator "Li Wei"
    """
    _change(session, subject, operator, pin_file, to="disabled")


@click.command("enable")
@_change_options
@pass_session
def enable(session: Session, subject: str, operator: str | None, pin_file: Path | None) -> None:
    """Let a unit's device connect again.

    For a line lead, by PIN. With --json one object: product_key, device_name, state.

    Example: station platform enable plug-000312 --operator "Li Wei"
    """
    _change(session, subject, operator, pin_file, to="enabled")


def _change(
    session: Session, subject: str, operator: str | None, pin_file: Path | None, *, to: Literal["disabled", "enabled"]
) -> None:
    """Have a line lead disable or enable a unit's device, and tell it."""
    with session.open_ledger() as ledger:
        who = require_line_lead(
            session, ledger, f"{to.removesuffix('d')} a device", operator=operator, pin_file=pin_file
        )
        certificate = _certificate_of(ledger, subject)
        change = disable_device if to == "disabled" else _enable_device
        change(ledger, open_platform(session), certificate, operator=who)
    identity = certificate.identity
    if session.json:
        say_json({"product_key": identity.product_key, "device_name": identity.device_name, "state": to})
    else:
        say(f"{identity} may {'not connect any more' if to == 'disabled' else 'connect again'}.")


def _enable_device(ledger: Ledger, platform: PlatformApi, certificate: CertificateRow, *, operator: str) -> None:
    from station.ledger import EventKind  # noqa: PLC0415  --help must not pay for SQLAlchemy

    _change_device(ledger, platform.enable, EventKind.DEVICE_ENABLED, certificate, operator)


def disable_device(ledger: Ledger, platform: PlatformApi, certificate: CertificateRow, *, operator: str) -> None:
    """Disable a certificate's device, and record it; PlatformFault, UsageError when there is no such device."""
    from station.ledger import EventKind  # noqa: PLC0415  as above

    _change_device(ledger, platform.disable, EventKind.DEVICE_DISABLED, certificate, operator)


def _change_device(
    ledger: Ledger, change: Callable[[str, str], None], kind: EventKind, certificate: CertificateRow, operator: str
) -> None:
    identity = certificate.identity
    with _known(identity.device_name):
        change(identity.product_key, identity.device_name)
    ledger.platform_notes.device(kind, certificate, operator=operator)


@click.command("reconcile")
@click.argument("batch", shell_complete=complete_batches)
@click.option("--states-only", is_flag=True, help="Leave the secrets out: seconds instead of minutes.")
@platform_options
@global_options
@pass_session
def reconcile(session: Session, batch: str, states_only: bool) -> None:
    """Compare a batch with the platform: certificates that only one of the two knows as used, and secrets that differ.

    used_elsewhere: the platform saw the device, no unit of this station has it. not_activated: the ledger says activated,
    the platform never saw it. other_secret: the device has another DeviceSecret now. missing: no such device.

    Exit code 1 when something differs. Half a minute for 1000 devices, less than a second with --states-only.
    With --json one object: batch, compared, differences [{device_name, product_key, mac, difference, in_ledger, on_platform}].

    Example: station platform reconcile smart-plug-2026-11
    """
    from station.line.reconciling import reconcile as compare  # noqa: PLC0415  as above

    with session.open_ledger() as ledger:
        ledger.batch(batch)
        platform = open_platform(session)
        with progress_bar(session, "Comparing") as progress:
            result = compare(ledger, platform, batch, with_secrets=not states_only, progress=progress)
    if session.json:
        say_json(
            {
                "batch": result.batch,
                "compared": result.compared,
                "differences": [_difference_object(one) for one in result.differences],
            }
        )
    elif not result.differences:
        say(f"Batch {batch}: all {result.compared} certificates are on the platform as in the ledger.")
    else:
        rows = [
            (one.identity.device_name, one.discrepancy, one.in_ledger, one.on_platform or "-", one.mac or "-")
            for one in result.differences
        ]
        say(table(("DEVICE_NAME", "DIFFERENCE", "LEDGER", "PLATFORM", "MAC"), rows))
        say(f"{len(result.differences)} differences in {result.compared} certificates.")
    sys.exit(1 if result.differences else 0)


@contextmanager
def _known(device_name: str) -> Iterator[None]:
    """Turn the platform's "no such device" into a UsageError that names it."""
    from station.platform.refusals import PlatformRefused  # noqa: PLC0415  as above

    try:
        yield
    except PlatformRefused as refused:
        if not refused.is_unknown_device and not refused.is_unknown_product:
            raise
        raise UsageError(
            f"the platform knows no device {device_name} of this product",
            "Look at region and instance_id in station.yaml: is this the right instance?",
        ) from None


def _device_of(ledger: Ledger, subject: str) -> tuple[str, str, CertificateRow | None]:
    try:
        certificate = _certificate_of(ledger, subject)
    except UsageError:
        product_key, _, device_name = subject.partition("/")
        if not device_name:
            raise
        return product_key, device_name, None
    return certificate.identity.product_key, certificate.identity.device_name, certificate


def _certificate_of(ledger: Ledger, subject: str) -> CertificateRow:
    """Give the one certificate that is meant, the live one before void ones; UsageError."""
    certificates = ledger.unit(subject).certificates
    wanted = [one for one in certificates if one.state != "void"] or list(certificates)
    named = [one for one in wanted if subject in {one.identity.device_name, str(one.identity)}] or wanted
    if len(named) == 1:
        return named[0]
    names = ", ".join(str(one.identity) for one in named)
    raise UsageError(
        f"{subject!r} means {'more than one' if names else 'no'} certificate", f"Name one of them: {names}"
    )


def _status_object(detail: DeviceDetail, since: datetime | None, certificate: CertificateRow | None) -> dict[str, Any]:
    return {
        "product_key": detail.product_key,
        "device_name": detail.device_name,
        "state": detail.state.value,
        "since": since.isoformat() if since else None,
        "activated": detail.activated.isoformat() if detail.activated else None,
        "firmware_version": detail.firmware_version,
        "in_ledger": None if certificate is None else certificate.state.value,
        "mac": None if certificate is None else certificate.mac,
    }


def _difference_object(difference: Difference) -> dict[str, Any]:
    return {
        "device_name": difference.identity.device_name,
        "product_key": difference.identity.product_key,
        "mac": difference.mac,
        "difference": difference.discrepancy.value,
        "in_ledger": difference.in_ledger.value,
        "on_platform": None if difference.on_platform is None else difference.on_platform.value,
    }


def _shown(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%SZ") if moment else "never"
