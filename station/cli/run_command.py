"""`station run`: the technician's screen."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import click

from station.cli.context import Session, global_options, pass_session
from station.cli.lanes import (
    LaneFinder,
    batch_option,
    operator_option,
    order_option,
    plan_lane,
    plan_lanes,
    port_option,
)
from station.cli.leads import offer_first_line_lead
from station.cli.light_settings import stack_light
from station.cli.platform_settings import platform_of, platform_options
from station.cli.printer_settings import printer_of
from station.cli.results_commands import results_told
from station.cli.screen import ShiftDesk, show_screen
from station.cli.serving import askable_in_browser, is_served, serve, serve_options
from station.cli.signing_in import LeadDecisions, LeadOptions, lead_decisions, lead_options, signed_in, signed_out_after
from station.cli.station_log import log_line, log_to
from station.ledger import Ledger, Operators
from station.line.line import Line
from station.line.shift import Shift
from station.peripherals.stack_light import StackLight


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
        _serve(session, host, serve_port)
        return
    finder = LaneFinder(session, ports)
    log_to(session.data)

    with session.open_ledger() as ledger, results_told(session, ledger), contextlib.ExitStack() as at_work:
        offer_first_line_lead(ledger)
        people = ledger.operators
        asked_on_screen = operator is None and bool(people.active())
        at_work.enter_context(
            signed_out_after(ledger) if asked_on_screen else signed_in(ledger, operator, may_ask=False)
        )
        options = LeadOptions(replace_foreign, keep_foreign, force_security, reason, lead, pin_file)
        allowed = lead_decisions(session, ledger, options, people.signed_in)
        light = at_work.enter_context(stack_light(session))
        desk = ShiftDesk(
            profiles,
            ledger,
            batch,
            finder.lanes,
            _line_opener(session, finder, people, allowed, light),
            order=order,
            platform=partial(platform_of, session),
            printer=partial(printer_of, session),
            light=light,
        )
        show_screen(session, desk, sign_in=people.sign_in if asked_on_screen else None)


def _line_opener(
    session: Session, finder: LaneFinder, people: Operators, allowed: LeadDecisions, light: StackLight | None
) -> Callable[[Shift, Mapping[int, str]], Line]:
    """Give what makes the line of a chosen shift."""

    def open_line(shift: Shift, chosen: Mapping[int, str]) -> Line:
        line = Line(
            shift,
            plan_lanes(shift, chosen),
            operator=people.signed_in,
            replace_foreign=allowed.replace_foreign,
            keep_foreign=allowed.keep_foreign,
            force_security=allowed.force_security,
            platform=platform_of(session, shift),
            printer=printer_of(session, shift),
            hot_plug=finder.hot_plug(lambda number, port: plan_lane(shift, number, port)),
        )
        log_line(line)
        line.show_on(light)
        return line

    return open_line


def _serve(session: Session, host: str, port: int) -> None:
    """Tell here, and not in the browser, what would stop the screen; then serve it."""
    with Ledger.open(session.data, url=session.ledger_url, ask=askable_in_browser(session)) as ledger:
        offer_first_line_lead(ledger)
    serve(session.data, host, port)
