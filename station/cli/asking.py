"""What commands ask a person for: names at the terminal, PINs hidden or from a file; never as an argument."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.owner_file import first_line_of
from station.errors import UsageError

if TYPE_CHECKING:
    from station.certificate import Secret

pin_file_option = click.option(
    "--pin-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The line lead's PIN, first line; asked for at the terminal without it.",
)


def at_terminal() -> bool:
    """Say whether a person can be asked. Questions go to standard error, results to standard output."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, *, may_skip: bool = False) -> str:
    """Ask for one line; with `may_skip` Enter alone gives an empty text."""
    answer = click.prompt(question, err=True, default="" if may_skip else None, show_default=False)
    return str(answer).strip()


def system_user_name() -> str:
    """Give who this system says works here; UsageError when it does not say."""
    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError):  # what it raises when the system knows no name differs by version
        raise UsageError("This system does not say who works here", "Name yourself with --operator") from None


def pin_of(name: str, file: Path | None, option: str = "--pin-file") -> Secret:
    """Give somebody's PIN from a file, or ask for it; UsageError without file and terminal."""
    from station.ledger.pins import read_pin  # noqa: PLC0415  --help must not pay for SQLAlchemy

    if file is not None:
        return read_pin(first_line_of(file, "PIN"))
    _require_terminal(name, option)
    return read_pin(click.prompt(f"PIN of {name}", hide_input=True, err=True))


def new_pin_of(name: str, file: Path | None, option: str = "--new-pin-file") -> Secret:
    """Give the PIN that somebody shall have, from a file or asked for twice; UsageError without file and terminal."""
    from station.ledger.pins import read_pin  # noqa: PLC0415  --help must not pay for SQLAlchemy

    if file is not None:
        return read_pin(first_line_of(file, "PIN"))
    _require_terminal(name, option)
    return asked_new_pin(f"New PIN of {name}", "The same PIN again", "These two PINs differ.")


def asked_new_pin(question: str, again: str, differ: str) -> Secret:
    """Ask for a PIN twice at the terminal, and anew after saying `differ`, until both are the same."""
    from station.ledger.pins import read_pin  # noqa: PLC0415  as above

    while True:
        pin = read_pin(click.prompt(question, hide_input=True, err=True))
        if read_pin(click.prompt(again, hide_input=True, err=True)) == pin:
            return pin
        click.echo(differ, err=True)


def _require_terminal(name: str, option: str) -> None:
    if not at_terminal():
        raise UsageError(
            f"The PIN of {name} is needed, and there is no terminal to ask at", f"Give a file with it: {option} FILE"
        )
