"""Who works at the lanes: signed in before units are walked, signed out after them; and what a line lead allows for the run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.asking import ask, at_terminal, pin_file_option, system_user_name
from station.cli.context import Command, Session
from station.cli.leads import require_line_lead
from station.errors import StationFault, UsageError

if TYPE_CHECKING:
    from station.ledger import Ledger
    from station.line.decision import LeadDecision

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LeadOptions:
    """What the command line says about what only a line lead may have done."""

    replace_foreign: bool
    keep_foreign: bool
    force_security: bool
    reason: str | None
    lead: str | None
    pin_file: Path | None

    @property
    def are_given(self) -> bool:
        """Whether one of them stands on the command line."""
        return any(asdict(self).values())


@dataclass(frozen=True, slots=True)
class LeadDecisions:
    """What a line lead has allowed for these runs; None: it was not asked for."""

    replace_foreign: LeadDecision | None = None
    keep_foreign: LeadDecision | None = None
    force_security: LeadDecision | None = None


def lead_options(command: Command) -> Command:
    """Give a command --replace-foreign, --keep-foreign, --force-security and what belongs to them."""
    for option in (
        pin_file_option,
        click.option("--lead", metavar="NAME", help="Line lead who decides that (default: the operator)."),
        click.option("--reason", metavar="TEXT", help="Why; it stands in the audit log for ever."),
        click.option(
            "--replace-foreign",
            is_flag=True,
            help="Line lead: write units anew that carry a certificate which the ledger does not know for them.",
        ),
        click.option(
            "--keep-foreign",
            is_flag=True,
            help="Line lead: let such units keep the certificate that they carry, where the ledger has it for nobody.",
        ),
        click.option(
            "--force-security",
            is_flag=True,
            help="Line lead: write units that the security pre-flight refuses, where they would start all the same.",
        ),
    ):
        command = option(command)
    return command


def lead_decisions(session: Session, ledger: Ledger, options: LeadOptions, operator: str) -> LeadDecisions:
    """Have a line lead allow what was asked for, with one PIN. `operator` is empty while nobody is signed in yet.

    UsageError without a reason where one is needed; else as `require_line_lead`.
    """
    from station.line.decision import LeadDecision  # noqa: PLC0415  --help must not pay for it

    wishes = [
        words
        for words, is_wished in (
            ("replace foreign certificates", options.replace_foreign),
            ("keep foreign certificates", options.keep_foreign),
            ("write over security warnings", options.force_security),
        )
        if is_wished
    ]
    if not wishes:
        if options.reason or options.lead or options.pin_file:
            raise UsageError(
                "--reason, --lead and --pin-file belong to --replace-foreign, --keep-foreign or --force-security",
                "Give one of these too, or none",
            )
        return LeadDecisions()
    if options.replace_foreign and options.keep_foreign:
        raise UsageError("A foreign certificate is either replaced or kept", "Give one of the two")
    by_line_lead = ledger.operators.has_line_lead()
    reason = (options.reason or "").strip()
    if not reason and options.force_security:
        raise UsageError("Security warnings are overruled only with a reason", "Say why with --reason")
    if not reason and by_line_lead:
        raise UsageError("What is done with foreign certificates needs a reason", "Say why with --reason")
    lead = options.lead
    if lead is None and (
        not (by_line_lead and at_terminal()) or (operator and ledger.operators.find(operator).is_line_lead)
    ):
        lead = operator or None
    name = require_line_lead(session, ledger, " and ".join(wishes), operator=lead, pin_file=options.pin_file)
    decision = LeadDecision(name, reason, by_line_lead)
    return LeadDecisions(
        replace_foreign=decision if options.replace_foreign else None,
        keep_foreign=decision if options.keep_foreign else None,
        force_security=decision if options.force_security else None,
    )


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
    with signed_out_after(ledger):
        yield name


@contextmanager
def signed_out_after(ledger: Ledger) -> Iterator[None]:
    """Sign out at the end of the block who signed in during it, if anybody did."""
    try:
        yield
    finally:
        try:
            ledger.operators.sign_out()
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
