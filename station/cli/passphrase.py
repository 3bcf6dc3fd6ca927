"""The ledger's passphrase: asked for at the terminal without an echo, or from a file of its owner. Never an argument."""

from __future__ import annotations

from pathlib import Path

import click

from station.cli.asking import at_terminal
from station.cli.owner_file import first_line_of
from station.errors import Code, LedgerFault, UsageError


def passphrase_of(question: str, file: Path | None) -> str:
    """Give the ledger's passphrase from a file, or ask for it; LedgerFault without file and terminal, UsageError for a bad file."""
    if file is not None:
        return first_line_of(file, "passphrase")
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
        return first_line_of(file, "passphrase")
    if not at_terminal():
        raise UsageError(
            "The new passphrase is needed, and there is no terminal to ask at",
            "Give a file of yours with it: --new-passphrase-file FILE",
        )
    return str(click.prompt(question, hide_input=True, confirmation_prompt="The same again", err=True))
