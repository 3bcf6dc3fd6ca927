"""What only a line lead may do: asked for here, by PIN, before it is done.

As long as a station has no line lead, such actions are open, and each is recorded as done without one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.asking import ask, asked_new_pin, at_terminal, pin_of, system_user_name
from station.cli.context import Session
from station.errors import Code, NotAllowed, UsageError

if TYPE_CHECKING:
    from station.ledger import Ledger, OperatorName, Operators
    from station.texts import Texts

MAKE_A_LEAD = "station operator add NAME --lead"
_TRIES = 3


def require_line_lead(
    session: Session, ledger: Ledger, action: str, *, operator: str | None, pin_file: Path | None
) -> OperatorName:
    """Let a line lead (`operator`: name or badge) allow an action by PIN, and give the name for the record.

    Both are asked for at the terminal when they are not given. While there is no line lead, anybody may.
    NotAllowed: the PIN is wrong or locked, or this is no line lead. UsageError: nobody of that name; nobody to ask.
    """
    people = ledger.operators
    if not people.has_line_lead():
        name = name_without_lead(ledger, operator)
        people.note_open_action(name, action=action)
        if not session.json:
            click.echo(f"station: no line lead yet, so this is open to everybody: {MAKE_A_LEAD}", err=True)
        return name
    if not operator:
        if not at_terminal():
            raise UsageError(f"To {action} is for a line lead", "Name the line lead, by name or badge, with the option")
        click.echo(f"To {action} is for a line lead.", err=True)
        operator = ask("Line lead (badge or name)")
    lead = people.find(operator)
    if not lead.is_line_lead:
        raise NotAllowed(
            Code.NOT_LINE_LEAD, f"{lead.name} is a technician; to {action} is for a line lead", "Call the line lead"
        )
    return people.confirm_line_lead(lead.name, pin_of(lead.name, pin_file), action=action)


def name_without_lead(ledger: Ledger, given: str | None) -> OperatorName:
    """Give the name for the record: a known operator's, else what was given, else the system's user."""
    from station.ledger import OperatorName  # noqa: PLC0415  --help must not pay for SQLAlchemy

    if given is None:
        return OperatorName(system_user_name())
    if not given.strip():
        raise UsageError("Somebody must answer for this", "Say who with --operator")
    if ledger.operators.active():
        return ledger.operators.find(given).name
    return OperatorName(given.strip())


def offer_first_line_lead(session: Session, ledger: Ledger) -> None:
    """Ask at the terminal, once in a station's life, who shall be the first line lead; Enter puts it off.

    A technician is asked, so in the screen's language. A name that cannot be is asked for again, and so is a PIN;
    after some PINs the name comes again, where Enter still puts it off.
    """
    people = ledger.operators
    if not at_terminal() or not people.wants_first_lead():
        return
    from station.texts import Texts  # noqa: PLC0415  --help must not pay for YAML

    texts = Texts(session.language())
    click.echo(texts.say("first_lead.none"), err=True)
    while name := ask(texts.say("first_lead.name"), may_skip=True):
        if _is_made_lead(name, people, texts):
            return
    people.decline_first_lead(by=system_user_name())
    click.echo(texts.say("first_lead.later", command=MAKE_A_LEAD), err=True)


def _is_made_lead(given: str, people: Operators, texts: Texts) -> bool:
    """Make somebody a line lead by a PIN that is asked for; False, and said why, when the name or each PIN is refused."""
    from station.ledger import Role  # noqa: PLC0415  --help must not pay for SQLAlchemy

    try:
        name = people.new_name(given)
    except UsageError as refused:
        click.echo(_refusal(refused, texts), err=True)
        return False
    for _ in range(_TRIES):
        try:
            question, again = texts.say("first_lead.pin", name=name), texts.say("first_lead.again")
            pin = asked_new_pin(question, again, texts.say("first_lead.differ"))
            people.add(name, by=system_user_name(), role=Role.LINE_LEAD, pin=pin)
        except UsageError as refused:
            click.echo(_refusal(refused, texts), err=True)
        else:
            return True
    return False


def _refusal(refused: UsageError, texts: Texts) -> str:
    """Give what is wrong and what to do, in the language that is spoken."""
    from station.tui.error_words import found_words, mend_words  # noqa: PLC0415  as above

    found = found_words(refused.code, f"{refused.cause}.", refused.facts, texts)
    return f"{found} {mend_words(refused.code, refused.mend, refused.facts, texts)}"
