"""`station operator`: who works here, and who may decide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.asking import ask, at_terminal, new_pin_of, pin_file_option
from station.cli.batch_commands import table
from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.leads import MAKE_A_LEAD, name_without_lead, require_line_lead
from station.errors import UsageError

if TYPE_CHECKING:
    from station.certificate import Secret
    from station.ledger import Operator

name_argument = click.argument("name", metavar="NAME")
decider_option = click.option("--operator", "decider", metavar="LEAD", help="The line lead who decides, name or badge.")
new_pin_file_option = click.option(
    "--new-pin-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The new PIN, first line; asked for at the terminal without it.",
)


@click.group()
@global_options
def operator() -> None:
    """Who works here, and who may decide."""


@operator.command("add")
@name_argument
@click.option("--badge", metavar="B", help="What the scanner sends for the badge.")
@click.option("--lead", is_flag=True, help="A line lead, who decides what the station must not. Needs a PIN.")
@new_pin_file_option
@decider_option
@pin_file_option
@global_options
@pass_session
def add(
    session: Session,
    name: str,
    badge: str | None,
    lead: bool,
    new_pin_file: Path | None,
    decider: str | None,
    pin_file: Path | None,
) -> None:
    """Add an operator, or take one back who was removed. Needs a line lead once there is one.

    The first line lead's own PIN may come with --pin-file too. With --json one object: the operator.

    Example: station operator add "Wang Fang" --lead
    """
    from station.ledger import Role  # noqa: PLC0415  --help must not pay for SQLAlchemy

    with session.open_ledger() as ledger:
        people = ledger.operators
        if lead and not people.has_line_lead():
            new_pin: Secret | None = new_pin_of(name, new_pin_file or pin_file, "--pin-file")
            by = name_without_lead(ledger, decider)
        else:
            by = require_line_lead(session, ledger, f"add {name}", operator=decider, pin_file=pin_file)
            new_pin = new_pin_of(name, new_pin_file) if lead else None
        role = Role.LINE_LEAD if lead else Role.TECHNICIAN
        done = people.add(name, by=by, role=role, badge=badge, pin=new_pin)
        first = not lead and not people.has_line_lead()
    _tell(session, done, f"{done.name} may sign in now{', and decide with the PIN' if lead else ''}.")
    if first and not session.json:
        say(f"There is no line lead yet: {MAKE_A_LEAD}")


@operator.command("list")
@click.option("--all", "everybody", is_flag=True, help="Those too who were removed.")
@global_options
@pass_session
def list_(session: Session, everybody: bool) -> None:
    """List the operators. With --json an array of objects.

    Example: station operator list --all
    """
    with session.open_ledger() as ledger:
        found = ledger.operators.all() if everybody else ledger.operators.active()
    if session.json:
        say_json([operator_object(one) for one in found])
    elif not found:
        say("No operator yet: the user of this PC stands in the record. station operator add NAME")
    else:
        rows = [
            (one.name, one.badge or "-", one.role.replace("_", " "), one.added_at[:10], (one.removed_at or "-")[:10])
            for one in found
        ]
        say(table(("NAME", "BADGE", "ROLE", "ADDED", "REMOVED"), rows))


@operator.command("remove")
@name_argument
@decider_option
@pin_file_option
@global_options
@pass_session
def remove(session: Session, name: str, decider: str | None, pin_file: Path | None) -> None:
    """End an operator's work here. The record keeps the name; the badge is free again.

    The last line lead stays.

    Example: station operator remove "Wang Fang" --operator "Li Wei"
    """
    with session.open_ledger() as ledger:
        found = ledger.operators.find(name)
        by = require_line_lead(session, ledger, f"remove {found.name}", operator=decider, pin_file=pin_file)
        ledger.operators.remove(found.name, by=by)
        done = next(one for one in ledger.operators.all() if one.name == found.name)
    _tell(session, done, f"{done.name} may not sign in any more. The record keeps the name.")


@operator.command("pin")
@name_argument
@new_pin_file_option
@decider_option
@pin_file_option
@global_options
@pass_session
def pin(session: Session, name: str, new_pin_file: Path | None, decider: str | None, pin_file: Path | None) -> None:
    """Give a line lead another PIN: by the old one, or by another line lead (--operator).

    Example: station operator pin "Li Wei"
    """
    with session.open_ledger() as ledger:
        found = ledger.operators.find(name)
        if not found.is_line_lead:
            raise UsageError(f"{found.name} is a technician, who has no PIN", "Name a line lead")
        by = require_line_lead(
            session, ledger, f"change the PIN of {found.name}", operator=decider or found.name, pin_file=pin_file
        )
        ledger.operators.change_pin(found.name, new_pin_of(found.name, new_pin_file), by=by)
    _tell(session, found, f"{found.name} has a new PIN.")


@operator.command("badge")
@name_argument
@click.option("--badge", "new", metavar="B", help="What the scanner sends; asked for at the terminal without it.")
@click.option("--none", "without", is_flag=True, help="Take the badge away.")
@decider_option
@pin_file_option
@global_options
@pass_session
def badge(
    session: Session, name: str, new: str | None, without: bool, decider: str | None, pin_file: Path | None
) -> None:
    """Give an operator another badge, or none.

    Example: station operator badge "Wang Fang" --badge 0012345678 --operator "Li Wei"
    """
    if without and new is not None:
        raise UsageError("--badge and --none contradict each other", "Give one of them")
    with session.open_ledger() as ledger:
        found = ledger.operators.find(name)
        by = require_line_lead(
            session, ledger, f"change the badge of {found.name}", operator=decider, pin_file=pin_file
        )
        if new is None and not without:
            if not at_terminal():
                raise UsageError("Which badge?", "Give it with --badge, or take it away with --none")
            new = ask(f"Scan the badge of {found.name}")
        done = ledger.operators.change_badge(found.name, new, by=by)
    _tell(session, done, f"{done.name} has {'the badge ' + done.badge if done.badge else 'no badge'} now.")


def operator_object(one: Operator) -> dict[str, Any]:
    """Give an operator as the commands print it."""
    return {
        "name": one.name,
        "badge": one.badge,
        "role": one.role,
        "active": one.active,
        "added_at": one.added_at,
        "removed_at": one.removed_at,
    }


def _tell(session: Session, one: Operator, sentence: str) -> None:
    if session.json:
        say_json(operator_object(one))
    else:
        say(sentence)
