"""The desk of the lanes of this PC: ledger, people, lanes and everything beside them, open from the first to the last unit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from station.cli.context import Session
from station.cli.lanes import LaneFinder, make_line, plan_lane, plan_lanes
from station.cli.leads import offer_first_line_lead
from station.cli.light_settings import stack_light
from station.cli.platform_settings import platform_of
from station.cli.printer_settings import printer_of
from station.cli.results_commands import results_told
from station.cli.run_wishes import RunWishes
from station.cli.serving import askable_in_browser, serve
from station.cli.shift_desk import ShiftDesk
from station.cli.signing_in import LeadDecisions, lead_decisions, signed_in, signed_out_after
from station.cli.station_log import log_to
from station.ledger import Ledger, Operators
from station.line.line import Line
from station.line.shift import Shift
from station.peripherals.stack_light import StackLight


@contextlib.contextmanager
def run_desk(session: Session, wishes: RunWishes, *, may_ask: bool) -> Iterator[ShiftDesk]:
    """Open everything; CodedError. With `may_ask` a first line lead is asked for at the terminal, once in a station's life."""
    finder = LaneFinder(session, wishes.ports)
    log_to(session.data)
    with session.open_ledger() as ledger, results_told(session, ledger), contextlib.ExitStack() as at_work:
        if may_ask:
            offer_first_line_lead(session, ledger)
        people = ledger.operators
        signs_in = wishes.operator is None and bool(people.active())
        at_work.enter_context(
            signed_out_after(ledger) if signs_in else signed_in(ledger, wishes.operator, may_ask=False)
        )
        allowed = lead_decisions(session, ledger, wishes.lead_options, people.signed_in)
        light = at_work.enter_context(stack_light(session))
        yield ShiftDesk(
            wishes.profiles,
            ledger,
            wishes.batch,
            finder.lanes,
            _line_maker(session, finder, people, allowed, light),
            order=wishes.order,
            platform=partial(platform_of, session),
            printer=partial(printer_of, session),
            light=light,
            signs_in=signs_in,
        )


def _line_maker(
    session: Session, finder: LaneFinder, people: Operators, allowed: LeadDecisions, light: StackLight | None
) -> Callable[[Shift, Mapping[int, str]], Line]:
    """Give what makes the line of a chosen shift."""

    def line_of(shift: Shift, chosen: Mapping[int, str]) -> Line:
        hot_plug = finder.hot_plug(lambda number, port: plan_lane(shift, number, port))
        line = make_line(session, shift, plan_lanes(shift, chosen), people.signed_in, allowed, hot_plug=hot_plug)
        line.show_on(light)
        return line

    return line_of


def serve_run(session: Session, host: str, port: int) -> None:
    """Tell here, and not in the browser, what would stop the screen; then serve it."""
    with Ledger.open(session.data, url=session.ledger_url, ask=askable_in_browser(session)) as ledger:
        offer_first_line_lead(session, ledger)
    serve(session.data, host, port)
