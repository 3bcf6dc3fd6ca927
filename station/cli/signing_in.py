"""Who works at the lanes: signed in before units are walked, signed out after them; and what a line lead allows for the run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.asking import ask, at_terminal, pin_file_option, system_user_name
from station.cli.context import Command, Session
from station.cli.leads import require_line_lead
from station.errors import StationFault, UsageError
from station.line.passage import LeadDecision

if TYPE_CHECKING:
    from station.ledger import Ledger

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReplaceOptions:
    """What the command line says about units that carry a certificate of somebody else."""

    replace: bool
    reason: str | None
    lead: str | None
    pin_file: Path | None


def replace_options(command: Command) -> Command:
    """Give a command --replace-foreign and what belongs to it."""
    for option in (
        pin_file_option,
        click.option("--lead", metavar="NAME", help="Line lead who decides that (default: the operator)."),
        click.option("--reason", metavar="TEXT", help="Why; it stands in the audit log for ever."),
        click.option(
            "--replace-foreign",
            is_flag=True,
            help="Line lead: write units anew that carry a certificate which the ledger does not know for them.",
        ),
    ):
        command = option(command)
    return command


def lead_decision(session: Session, ledger: Ledger, options: ReplaceOptions, operator: str) -> LeadDecision | None:
    """Have a line lead allow that foreign certificates are replaced; None when nobody asked for it.

    UsageError without a reason once there is a line lead; else as `require_line_lead`.
    """
    if not options.replace:
        if options.reason or options.lead or options.pin_file:
            raise UsageError("--reason, --lead and --pin-file belong to --replace-foreign", "Give that too, or none")
        return None
    by_line_lead = ledger.operators.has_line_lead()
    reason = (options.reason or "").strip()
    if by_line_lead and not reason:
        raise UsageError("Foreign certificates are replaced only with a reason", "Say why with --reason")
    lead = options.lead
    if (lead is None and not (by_line_lead and at_terminal())) or (
        lead is None and ledger.operators.find(operator).is_line_lead
    ):
        lead = operator
    name = require_line_lead(session, ledger, "replace foreign certificates", operator=lead, pin_file=options.pin_file)
    return LeadDecision(name, reason, by_line_lead)


@contextmanager
def signed_in(ledger: Ledger, given: str | None, *, may_ask: bool) -> Iterator[str]:
    """Sign an operator in (name or badge) while the block lasts, and give the name.

    As long as no operators are known it is the given name, or the system's user. UsageError: nobody of that name, or no
    name where there are operators and nobody can be asked.
    """
    people = ledger.operators
    if not people.active():
        name = given or system_user_name()
        people.act_as(name)
        yield name
        return
    name = _sign_in(ledger, given, may_ask=may_ask and at_terminal())
    try:
        yield name
    finally:
        try:
            people.sign_out()
        except StationFault as fault:  # the units are recorded: this must not make them look failed
            _logger.warning("signing out was not recorded: %s", fault.code)


def _sign_in(ledger: Ledger, given: str | None, *, may_ask: bool) -> str:
    if given is not None:
        return ledger.operators.sign_in(given).name
    if not may_ask:
        raise UsageError("Nobody is signed in", "Say who works here, by name or badge: --operator NAME")
    while True:
        try:
            return ledger.operators.sign_in(ask("Badge or name")).name
        except UsageError as unknown:
            click.echo(str(unknown), err=True)
