"""What commands ask a person for: names at the terminal, PINs hidden or from a file; never as an argument."""

from __future__ import annotations

import getpass
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from station.errors import UsageError

if TYPE_CHECKING:
    from station.certificate import Secret

PIN_FILE_BYTES_MAX: Final = 1024

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
        return read_pin_file(file)
    _require_terminal(name, option)
    return read_pin(click.prompt(f"PIN of {name}", hide_input=True, err=True))


def new_pin_of(name: str, file: Path | None, option: str = "--new-pin-file") -> Secret:
    """Give the PIN that somebody shall have, from a file or asked for twice; UsageError without file and terminal."""
    from station.ledger.pins import read_pin  # noqa: PLC0415  --help must not pay for SQLAlchemy

    if file is not None:
        return read_pin_file(file)
    _require_terminal(name, option)
    again = "The same again"
    return read_pin(click.prompt(f"New PIN of {name}", hide_input=True, confirmation_prompt=again, err=True))


def _require_terminal(name: str, option: str) -> None:
    if not at_terminal():
        raise UsageError(
            f"The PIN of {name} is needed, and there is no terminal to ask at", f"Give a file with it: {option} FILE"
        )


def read_pin_file(path: Path) -> Secret:
    """Give the first line of a file that only its owner can read (or of a pipe); UsageError, never with what it holds."""
    from station.ledger.owner_only import may_others, mend_of_rights  # noqa: PLC0415  --help must not pay for SQLAlchemy
    from station.ledger.pins import read_pin  # noqa: PLC0415  as above

    place = str(path)
    try:
        if not _may_be_read(path.stat().st_mode):
            raise UsageError("A PIN is not read from this kind of file", "Name a plain file", place)
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if may_others(path, mode):
                raise UsageError("Others than its owner can read the PIN file", mend_of_rights(path), place)
            lines = file.read(PIN_FILE_BYTES_MAX).splitlines()
        text = lines[0].decode("utf-8-sig") if lines else ""
    except OSError as error:
        raise UsageError(f"The PIN file cannot be read ({error.strerror})", "Name another file", place) from None
    except UnicodeDecodeError:
        raise UsageError("The PIN file is not text", "Write the PIN as its first line, in UTF-8", place) from None
    if not text.strip():
        raise UsageError("The PIN file holds no PIN", "Write the PIN as its first line", place)
    return read_pin(text)


def _may_be_read(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISFIFO(mode)
