"""`station run`: the technician's screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from station.cli.context import Session, global_options, pass_session
from station.cli.loading import loading
from station.cli.platform_settings import platform_options
from station.cli.serving import is_served, serve_options
from station.cli.shift_options import batch_option, operator_option, order_option, port_option
from station.cli.signing_in import LeadOptions, lead_options


@click.command()
@click.argument("profiles", metavar="PROFILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@port_option
@batch_option
@order_option
@operator_option
@lead_options
@platform_options
@serve_options
@global_options
@pass_session
def run(
    session: Session,
    profiles: tuple[Path, ...],
    ports: Sequence[str],
    batch: str | None,
    order: str | None,
    operator: str | None,
    replace_foreign: bool,
    keep_foreign: bool,
    force_security: bool,
    reason: str | None,
    lead: str | None,
    pin_file: Path | None,
    serve_in_browser: bool,
    host: str,
    serve_port: int,
) -> None:
    """Open the technician's screen on a profile, or on several to choose from.

    Without --port every USB serial port of this PC is a lane, also one that comes during the shift.

    Example: station run smart-plug.yaml --batch smart-plug-2026-11
    """
    if serve_in_browser and not is_served():
        with loading():
            from station.cli.run_desk import serve_run  # noqa: PLC0415  --help must not pay for SQLAlchemy

        serve_run(session, host, serve_port)
        return
    with loading():
        from station.cli.run_screen import run_on_screen  # noqa: PLC0415  --help must not pay for Textual
        from station.cli.run_wishes import RunWishes  # noqa: PLC0415  as above

    options = LeadOptions(replace_foreign, keep_foreign, force_security, reason, lead, pin_file)
    run_on_screen(session, RunWishes(profiles, ports, batch, order, operator, options))
