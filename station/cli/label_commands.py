"""`station label`: the printed labels of units that passed, and a look at what would be printed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from station.cli.completion import complete_batches
from station.cli.context import Session, global_options, pass_session
from station.cli.shift_options import operator_option, profile_argument
from station.errors import UsageError


@click.group()
@global_options
def label() -> None:
    """The labels that a profile has printed for units that passed."""


@label.command("print")
@profile_argument
@click.argument("subjects", nargs=-1, metavar="[MAC|SERIAL_NUMBER|DEVICE_NAME]...")
@click.option(
    "--missing",
    metavar="BATCH",
    shell_complete=complete_batches,
    help="Every unit of this batch that passed and has no label yet.",
)
@click.option("--printer", metavar="ADDRESS", help="tcp://HOST, queue:NAME or file:NAME; else that of the settings.")
@operator_option
@global_options
@pass_session
def print_(
    session: Session,
    profile: Path,
    subjects: Sequence[str],
    missing: str | None,
    printer: str | None,
    operator: str | None,
) -> None:
    """Print labels of units that passed, now. Each one is recorded, and whether it is one more.

    A unit whose last run is no PASS gets none. With --json one event label_printed a line.

    Example: station label print smart-plug.yaml 24:0a:c4:5e:10:9c

    Example: station label print smart-plug.yaml --missing smart-plug-2026-11
    """
    from station.cli.label_work import print_labels  # noqa: PLC0415  --help must not pay for profiles

    if not subjects and missing is None:
        raise UsageError("No unit is named", "Name one by MAC, serial number or DeviceName, or --missing BATCH")
    print_labels(session, profile, subjects, missing, printer, operator)


@label.command()
@profile_argument
@click.argument("subject", required=False, metavar="[MAC|SERIAL_NUMBER|DEVICE_NAME]")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="A .png or .svg instead.")
@global_options
@pass_session
def preview(session: Session, profile: Path, subject: str | None, out: Path | None) -> None:
    """Show a label as the printer would make it: of a unit that passed, or with made-up values.

    A terminal shows its places; a picture (--out) has a pixel for each dot of the printer, and its barcodes can be scanned.
    Printers' own fonts are not drawn. With --json one object: zpl, width_dots, height_dots, not_drawn, out.

    Example: station label preview smart-plug.yaml --out label.png
    """
    from station.cli.label_work import show_label  # noqa: PLC0415  as above

    show_label(session, profile, subject, out)
