"""The walk without a screen: what happens is printed, and a signal or a lost output ends it in good order."""

from __future__ import annotations

import errno
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from station.cli.context import Session, say, say_json
from station.cli.event_records import event_records
from station.cli.label_feed import LabelFeed, label_feed
from station.cli.lanes import LaneFinder, make_line, plan_lanes
from station.cli.left_behind import tell_unfinished_units
from station.cli.light_settings import stack_light
from station.cli.results_commands import results_told
from station.cli.signing_in import LeadOptions, lead_decisions, signed_in
from station.cli.station_log import log_to
from station.cli.stopping import BROKEN_PIPE_NUMBER, Stopped, noted_signals
from station.errors import Code, CodedError, LedgerFault
from station.events import (
    CertificateAllocated,
    Event,
    LabelEvent,
    LabelPrinted,
    LabelRefused,
    LabelTaken,
    LabelWanted,
    LaneWaiting,
    SerialNumberBound,
    StepReported,
    UnitIdentified,
    VerdictReached,
    WaitReason,
)
from station.line.line import Line
from station.line.shift import open_shift
from station.verdict import StepState, Verdict

STOP_TIMEOUT_S: Final = 20.0
POLL_PERIOD_S: Final = 0.1


def flash_units(
    session: Session,
    profile: Path,
    ports: Sequence[str],
    batch: str | None,
    order: str | None,
    units: int,
    codes: Sequence[str],
    operator: str | None,
    options: LeadOptions,
) -> int:
    """Walk so many units on each port; give the exit code. `codes` are what their labels say."""
    chosen = LaneFinder(session, ports).found()
    log_to(session.data)
    with (
        session.open_ledger() as ledger,
        signed_in(ledger, operator, may_ask=False) as name,
        results_told(session, ledger),
    ):
        allowed = lead_decisions(session, ledger, options, name)
        shift = open_shift(profile, ledger, batch, order)
        if not session.json and shift.recipe.profile.label is not None and session.settings().printer.address is None:
            click.echo("station: no printer is set, so no label is printed (`printer` in the settings).", err=True)
        line = make_line(session, shift, plan_lanes(shift, chosen, units=units, end_on_error=True), name, allowed)
        feed = label_feed(line, shift.recipe.profile, codes)
        tell_unfinished_units(session, ledger)
        with stack_light(session) as light:
            line.show_on(light)
            return run_headless(line, session.json, feed)


def run_headless(line: Line, as_json: bool, feed: LabelFeed | None = None) -> int:
    """Start a line, print its events until every lane has ended; give the exit code of the worst verdict.

    A port whose driver does not return is left behind, with exit code 3. A signal or a lost output aborts the runs in hand,
    in good order: Stopped. LedgerFault: the output's disk is full. UsageError: `feed` has no label left for a lane that waits.
    """
    printer = EventPrinter(as_json)
    line.subscribe(printer.hear)
    if feed is not None:
        line.subscribe(feed.hear)
        feed.start()
    with noted_signals() as request:
        line.start()
        fault = None
        while request.number is None and fault is None and not line.join(POLL_PERIOD_S):
            fault = printer.fault or (feed.fault if feed is not None else None)
        closed = line.stop(STOP_TIMEOUT_S)
        if (ended := request.stopped() or fault or printer.fault) is not None:
            raise ended
    return exit_code(printer.verdicts) if closed else 3


class EventPrinter:
    """Prints events as they come from the lanes' threads, and keeps the verdicts. `fault` is set when nobody reads on."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._printing = threading.Lock()
        self.verdicts: list[VerdictReached] = []
        self.fault: CodedError | None = None

    def hear(self, event: Event) -> None:
        """Print one event."""
        with self._printing:
            if isinstance(event, VerdictReached):
                self.verdicts.append(event)
            if self.fault is None:
                try:
                    self._print(event)
                except OSError as error:
                    self.fault = _output_fault(error)

    def _print(self, event: Event) -> None:
        if self._as_json:
            for record in event_records(event):
                say_json(record)
        elif (text := event_text(event)) is not None:
            say(text)


def _output_fault(error: OSError) -> CodedError:
    if error.errno == errno.ENOSPC:
        return LedgerFault(
            Code.DISK_FULL,
            "The disk of the output is full",
            "Free some space on it, or let the output go elsewhere; units in hand continue with the same certificate",
            "standard output",
        )
    return Stopped(BROKEN_PIPE_NUMBER, "Nobody reads the output any more")


def exit_code(verdicts: Sequence[VerdictReached]) -> int:
    """0 all PASS; 3 the station is at fault; 4 no certificate left; 5 the work order takes no new unit; 1 a unit failed;
    130 aborted: the first that holds.
    """
    errors = [verdict for verdict in verdicts if verdict.verdict is Verdict.ERROR]
    if any(error.code not in (Code.NO_CERTIFICATE_LEFT, Code.WORK_ORDER_COMPLETE) for error in errors):
        return 3
    if errors:
        return 4 if any(error.code == Code.NO_CERTIFICATE_LEFT for error in errors) else 5
    if any(verdict.verdict is Verdict.FAIL for verdict in verdicts):
        return 1
    return 130 if any(verdict.verdict is Verdict.ABORTED for verdict in verdicts) else 0


def event_text(event: Event) -> str | None:
    """Give an event as a line for a person, None for those of no interest."""
    match event:
        case LaneWaiting():
            return f"[{event.lane}] {event.message or _WAITS[event.reason]}"
        case LabelWanted() | LabelTaken() | LabelRefused() | SerialNumberBound():
            return _label_text(event)
        case LabelPrinted():
            return f"[{event.lane}] {print_text(event)}"
        case UnitIdentified():
            return f"[{event.lane}] unit {event.mac} ({event.chip}, {event.flash_size_bytes >> 20} MB)"
        case CertificateAllocated():
            how = "has had" if event.resumed else "gets"
            return f"[{event.lane}] {how} certificate {event.device_name}; {event.left} left"
        case StepReported(state=StepState.BEGUN, message=ask) if ask:
            return f"[{event.lane}] {ask}."
        case StepReported(state=StepState.DONE):
            return f"[{event.lane}]   {event.step:<9} {event.seconds:6.2f} s"
        case StepReported(state=StepState.FAILED):
            return f"[{event.lane}]   {event.step:<9} {event.seconds:6.2f} s  failed"
        case VerdictReached():
            name = event.device_name or "-"
            number = f"  {event.serial_number}" if event.serial_number else ""
            head = f"[{event.lane}] {event.verdict}  {name}  {event.mac or '-'}{number}  {event.seconds:.1f} s"
            return head if event.code is None else f"{head}\n    {event.code}: {event.message}. {event.mend}"
        case _:
            return None


def print_text(event: LabelPrinted) -> str:
    """Say whether a unit's label was printed, as a line for a person."""
    unit = event.device_name or event.mac
    if event.code is None:
        return f"label of {unit} printed"
    return f"label of {unit} not printed\n    {event.code}: {event.message}. {event.mend}"


def _label_text(event: LabelEvent) -> str | None:
    match event:
        case LabelWanted():
            return f"[{event.lane}] {_WAITS[WaitReason.SCAN_LABEL]}"
        case LabelTaken():
            comes_back = f": unit {event.bearer} comes back" if event.bearer else ""
            return f"[{event.lane}] label {event.serial_number}{comes_back}"
        case LabelRefused():
            return f"[{event.lane}] {event.code}: {event.message}. {event.mend}"
        case SerialNumberBound():
            return None


_WAITS: Final = {
    "scan_label": "Scan the unit's label.",
    "insert_unit": "Insert a unit.",
    "remove_unit": "Remove the unit.",
    "press_start": "Press the start key.",
    "hold_boot": "Hold BOOT and press EN.",
    "station_fault": "The station has a fault.",
}
