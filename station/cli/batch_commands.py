"""`station batch`: bring the console's certificates into the ledger, and see what became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from station.cli import shredding
from station.cli.asking import at_terminal
from station.cli.completion import complete_batches
from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.progress import progress_bar
from station.cli.seal_command import seal
from station.errors import UsageError

if TYPE_CHECKING:
    from station.ledger import BatchSummary, CertificateRow, ImportResult

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
@global_options
def batch() -> None:
    """Certificates of one console CSV."""


batch.add_command(seal)


def import_options(command: Command) -> Command:
    """Give a command the options of an import."""
    for option in (
        click.option("--work-order", metavar="NUMBER", help="Work order to write beside the batch."),
        click.option("--product-key", metavar="KEY", help="Refuse a file that is not of this product."),
        click.option("--name", help="Name of the batch; without it the file's name."),
        click.argument("file", type=click.Path(path_type=Path)),
    ):
        command = option(command)
    return command


@batch.command("import")
@import_options
@click.option(
    "--shred/--keep", default=None, help="Destroy the clear CSV after the import, or leave it; else asked for."
)
@global_options
@pass_session
def import_(
    session: Session, file: Path, name: str | None, product_key: str | None, work_order: str | None, shred: bool | None
) -> None:
    """Import FILE: the certificate CSV of the platform's console, or one that was sealed for this station; all or nothing.

    The same file again changes nothing. A bad file is refused with every bad line named.

    With --json one object: batch, product_key, imported, already_there, total, seconds.

    Example: station batch import smart-plug-2026-11.csv --work-order WO-4711
    """
    mark = shredding.mark_of(file)
    _import(session, file, name, product_key, work_order)
    if not _is_sealed(file):
        _offer_to_shred(session, file, mark, shred)


@batch.command("open")
@import_options
@global_options
@pass_session
def open_(session: Session, file: Path, name: str | None, product_key: str | None, work_order: str | None) -> None:
    """Import FILE, which must be sealed for this station: a clear CSV is refused.

    With --json one object, as `batch import`.

    Example: station batch open smart-plug-2026-11.csv.age
    """
    if file.exists() and not _is_sealed(file):
        raise UsageError("the file is not sealed", "Import a clear CSV with `station batch import`", str(file))
    _import(session, file, name, product_key, work_order)


def _is_sealed(file: Path) -> bool:
    from station.ledger.sealed_batch import is_sealed  # noqa: PLC0415  --help must not pay for it

    return is_sealed(file)


def _offer_to_shred(session: Session, file: Path, mark: shredding.FileMark | None, wanted: bool | None) -> None:
    if wanted is None and not session.json and at_terminal():
        click.echo(shredding.HONEST, err=True)
        wanted = click.confirm(f"Shred {file}?", err=True)
    if wanted:
        shredding.shred(file, mark)
        if not session.json:
            say(f"{file} is overwritten and deleted. {shredding.HONEST}")
    elif not session.json:
        say(f"{file} still holds every secret in clear: destroy it, or keep it locked away.")


def _import(session: Session, file: Path, name: str | None, product_key: str | None, work_order: str | None) -> None:
    with session.open_ledger() as ledger, progress_bar(session, "Importing") as progress:
        result = ledger.import_batch(file, name=name, product_key=product_key, work_order=work_order, progress=progress)
    tell_imported(session, result)


def tell_imported(session: Session, result: ImportResult) -> None:
    """Say what has become a batch."""
    if session.json:
        say_json(
            {
                "batch": result.batch,
                "product_key": result.product_key,
                "imported": result.imported,
                "already_there": result.already_there,
                "total": result.total,
                "seconds": round(result.seconds, 3),
            }
        )
    elif not result.imported:
        say(f"Nothing changed: all {result.total} certificates are in batch {result.batch} already.")
    else:
        known = f" ({result.already_there} were there already)" if result.already_there else ""
        say(f"Batch {result.batch}: {result.imported} certificates of {result.product_key} imported{known}.")


@batch.command("list")
@global_options
@pass_session
def list_(session: Session) -> None:
    """List all batches, oldest first.

    With --json one array of objects: name, product_key, work_order, imported_at, source, total, left and counts by state.

    Example: station batch list --json
    """
    with session.open_ledger() as ledger:
        found = ledger.batches()
    if session.json:
        say_json([summary_object(summary) for summary in found])
    elif not found:
        say("No batch yet. Import one: station batch import FILE.csv")
    else:
        rows = [
            (s.name, s.product_key, s.work_order or "-", str(s.total), str(s.left), s.imported_at[:10]) for s in found
        ]
        say(table(("BATCH", "PRODUCT", "ORDER", "TOTAL", "LEFT", "IMPORTED"), rows))


@batch.command("show")
@click.argument("name", metavar="B", shell_complete=complete_batches)
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="How many certificates to list.")
@click.option("--offset", type=click.IntRange(0), default=0, help="How many of them to leave out first.")
@global_options
@pass_session
def show(session: Session, name: str, limit: int, offset: int) -> None:
    """Show batch B: how many certificates are in each state, and the certificates in the order of the CSV.

    With --json one object: as `batch list`, and certificates, an array of position, product_key, device_name, state, mac,
    changed_at, void_reason and extras. No secret is ever shown.

    Example: station batch show smart-plug-2026-11
    """
    with session.open_ledger() as ledger:
        summary = ledger.batch(name)
        certificates = ledger.certificates(name, limit, offset)
    if session.json:
        say_json({**summary_object(summary), "certificates": [certificate_object(one) for one in certificates]})
        return
    order = f", work order {summary.work_order}" if summary.work_order else ""
    say(f"Batch {summary.name}: product {summary.product_key}{order}, from {summary.source_name}")
    say(", ".join(f"{state} {count}" for state, count in summary.counts.items()) + f", total {summary.total}")
    if certificates:
        rows = [(str(c.position), c.identity.device_name, c.state.value, c.mac or "-") for c in certificates]
        say(table(("#", "DEVICE NAME", "STATE", "MAC"), rows))
    rest = summary.total - offset - len(certificates)
    if rest > 0:
        say(f"… and {rest} more (--limit, --offset)")


def summary_object(summary: BatchSummary) -> dict[str, Any]:
    """Give a batch as the JSON outputs show it."""
    return {
        "name": summary.name,
        "product_key": summary.product_key,
        "work_order": summary.work_order,
        "imported_at": summary.imported_at,
        "source": summary.source_name,
        "total": summary.total,
        "left": summary.left,
        "counts": {state.value: count for state, count in summary.counts.items()},
    }


def certificate_object(certificate: CertificateRow) -> dict[str, Any]:
    """Give a certificate as the JSON outputs show it: without secrets."""
    return {
        "position": certificate.position,
        "product_key": certificate.identity.product_key,
        "device_name": certificate.identity.device_name,
        "state": certificate.state.value,
        "mac": certificate.mac,
        "batch": certificate.batch,
        "changed_at": certificate.changed_at,
        "void_reason": certificate.void_reason,
        "extras": dict(certificate.extras),
    }


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Give rows under their heads, each column as wide as its widest cell."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows))
    return "\n".join(line.rstrip() for line in lines)
