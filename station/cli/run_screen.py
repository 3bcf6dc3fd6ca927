"""The technician's screen on the lanes of this PC, from the ledger's opening to the end of the shift."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from station.cli.context import Session
from station.cli.lanes import LaneFinder, plan_lane, plan_lanes
from station.cli.leads import offer_first_line_lead
from station.cli.light_settings import stack_light
from station.cli.platform_settings import platform_of
from station.cli.printer_settings import printer_of
from station.cli.results_commands import results_told
from station.cli.screen import ShiftDesk, show_screen
from station.cli.serving import askable_in_browser, serve
from station.cli.signing_in import LeadDecisions, LeadOptions, lead_decisions, signed_in, signed_out_after
from station.cli.station_log import log_line, log_to
from station.ledger import Ledger, Operators
from station.line.line import Line
from station.line.shift import Shift
from station.peripherals.stack_light import StackLight


def run_on_screen(
    session: Session,
    profiles: Sequence[Path],
    ports: Sequence[str],
    batch: str | None,
    order: str | None,
    operator: str | None,
    options: LeadOptions,
) -> None:
    """Show the screen until the shift ends."""
    finder = LaneFinder(session, ports)
    log_to(session.data)

    with session.open_ledger() as ledger, results_told(session, ledger), contextlib.ExitStack() as at_work:
        offer_first_line_lead(ledger)
        people = ledger.operators
        asked_on_screen = operator is None and bool(people.active())
        at_work.enter_context(
            signed_out_after(ledger) if asked_on_screen else signed_in(ledger, operator, may_ask=False)
        )
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


def serve_run(session: Session, host: str, port: int) -> None:
    """Tell here, and not in the browser, what would stop the screen; then serve it."""
    with Ledger.open(session.data, url=session.ledger_url, ask=askable_in_browser(session)) as ledger:
        offer_first_line_lead(ledger)
    serve(session.data, host, port)
