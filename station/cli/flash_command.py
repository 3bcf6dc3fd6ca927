"""`station flash`: the walk without a screen, for scripts and for a look at what happens."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from station.cli.context import Session, global_options, pass_session
from station.cli.platform_settings import platform_options
from station.cli.shift_options import batch_option, operator_option, order_option, port_option, profile_argument
from station.cli.signing_in import LeadOptions, lead_options


@click.command()
@profile_argument
@port_option
@batch_option
@order_option
@click.option(
    "--units", type=click.IntRange(min=1), default=1, show_default=True, help="Verdicts on each port, then end."
)
@click.option(
    "--serial-number",
    "codes",
    multiple=True,
    metavar="LABEL",
    help="What the unit's label says, where the profile wants it; once for each unit. Else a line of standard input each.",
)
@operator_option
@lead_options
@platform_options
@global_options
@pass_session
def flash(
    session: Session,
    profile: Path,
    ports: Sequence[str],
    batch: str | None,
    order: str | None,
    units: int,
    codes: Sequence[str],
    operator: str | None,
    replace_foreign: bool,
    keep_foreign: bool,
    force_security: bool,
    reason: str | None,
    lead: str | None,
    pin_file: Path | None,
) -> None:
    """Walk units without a screen.

    Waits for a unit on each port, walks it, and ends after --units verdicts on each. Labels that the profile wants come from
    --serial-number (with one port) or from standard input, a line each, in the order in which lanes wait for one; a line
    LANE N says for which lane the next one is.
    With --json one event stands on each line; the last for each unit is its verdict.

    Example: station flash smart-plug.yaml --port /dev/ttyUSB0 --units 3 --json
    """
    from station.cli.headless import flash_units  # noqa: PLC0415  --help must not pay for the lanes

    options = LeadOptions(replace_foreign, keep_foreign, force_security, reason, lead, pin_file)
    sys.exit(flash_units(session, profile, ports, batch, order, units, codes, operator, options))
