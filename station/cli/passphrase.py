"""The ledger's passphrase: asked for at the terminal without an echo, or from a file of its owner. Never an argument."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

import click

from station.cli.asking import at_terminal
from station.errors import Code, LedgerFault, UsageError

FILE_BYTES_MAX: Final = 4096


def passphrase_of(question: str, file: Path | None) -> str:
    """Give the ledger's passphrase from a file, or ask for it; LedgerFault without file and terminal, UsageError for a bad file."""
    if file is not None:
        return read_passphrase_file(file)
    if not at_terminal():
        raise LedgerFault(
            Code.KEY_MISSING,
            "the ledger needs its passphrase, and there is no terminal to ask at",
            "Start this at a terminal, or name a file of yours that holds it: --passphrase-file FILE",
        )
    return str(click.prompt(question, hide_input=True, err=True))


def new_passphrase_of(question: str, file: Path | None) -> str:
    """Give the passphrase that the ledger shall have, from a file or asked for twice; UsageError without file and terminal."""
    if file is not None:
        return read_passphrase_file(file)
    if not at_terminal():
        raise UsageError(
            "The new passphrase is needed, and there is no terminal to ask at",
            "Give a file of yours with it: --new-passphrase-file FILE",
        )
    return str(click.prompt(question, hide_input=True, confirmation_prompt="The same again", err=True))


def read_passphrase_file(path: Path) -> str:
    """Give the first line of a file that only its owner can read, or of a pipe; UsageError."""
    from station.ledger.owner_only import may_others, mend_of_rights  # noqa: PLC0415  --help must not pay for SQLAlchemy

    place = str(path)
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise UsageError("A passphrase is not read from this kind of file", "Name a plain file", place)
        if may_others(path, mode):
            raise UsageError("Others than its owner can read the passphrase file", mend_of_rights(path), place)
        with path.open("rb") as file:
            lines = file.read(FILE_BYTES_MAX).splitlines()
        text = lines[0].decode("utf-8-sig") if lines else ""
    except OSError as error:
        raise UsageError(f"The passphrase file cannot be read ({error.strerror})", "Name another file", place) from None
    except UnicodeDecodeError:
        raise UsageError("The passphrase file is not text", "Write it as its first line, in UTF-8", place) from None
    if not text:
        raise UsageError("The passphrase file is empty", "Write the passphrase as its first line", place)
    return text
