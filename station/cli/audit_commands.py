"""`station audit`: the audit log as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from station.cli.context import Session, global_options, pass_session, say, say_json


@click.group()
@global_options
def audit() -> None:
    """The record of everything that happened to certificates and units."""


@audit.command("export")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The file to write.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="One JSON object a line, or a table for spreadsheets.",
)
@click.option("--force", is_flag=True, help="Replace the file when it is there.")
@global_options
@pass_session
def export(session: Session, out: Path, form: Literal["jsonl", "csv"], force: bool) -> None:
    """Write the audit log to FILE: whole or not at all, and never over a file that is there unless forced.

    With --json one object: path, events, head (the hash of the last event, null when there is none).

    Example: station audit export --out audit-2026-11.jsonl
    """
    with session.open_ledger() as ledger:
        result = ledger.export_audit(out, form, force=force)
    if session.json:
        say_json({"path": str(result.path), "events": result.events, "head": result.head})
    else:
        say(f"{result.events} events written to {result.path}")
