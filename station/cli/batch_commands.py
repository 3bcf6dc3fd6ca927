"""`station batch`: bring the console's certificates into the ledger, and see what became of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.context import Session, global_options, pass_session, say, say_json

if TYPE_CHECKING:
    from station.ledger import BatchSummary, CertificateRow

Progress = Callable[[int, int], None]


@click.group()
@global_options
def batch() -> None:
    """Certificates of one console CSV."""


@batch.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the batch; without it the file's name.")
@click.option("--product-key", metavar="KEY", help="Refuse a file that is not of this product.")
@click.option("--work-order", metavar="NUMBER", help="Work order to write beside the batch.")
@global_options
@pass_session
def import_(session: Session, file: Path, name: str | None, product_key: str | None, work_order: str | None) -> None:
    """Import FILE, the certificate CSV of the platform's console: all of it or nothing.

    The same file again changes nothing. A bad file is refused with every bad line named.

    With --json one object: batch, product_key, imported, already_there, total, seconds.

    Example: station batch import smart-plug-2026-11.csv --work-order WO-4711
    """
    with session.open_ledger() as ledger, _progress_bar(session) as progress:
        result = ledger.import_batch(file, name=name, product_key=product_key, work_order=work_order, progress=progress)
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
@click.argument("name", metavar="B")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="How many certificates to list.")
@click.option("--offset", type=click.IntRange(0), default=0, help="How many of them to leave out first.")
@global_options
@pass_session
def show(session: Session, name: str, limit: int, offset: int) -> None:
    """Show batch B: how many certificates are in each state, and the certificates in the order of the CSV.

    With --json one object: as `batch list`, and certificates, an array of position, product_key, device_name, state, mac,
    changed_at, void_reason and extras. No secret is ever shown.
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


@contextmanager
def _progress_bar(session: Session) -> Iterator[Progress | None]:
    """Show how far an import is on standard error, when a person looks at it."""
    if session.json or not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=1000, label="Importing", file=sys.stderr) as bar:
        shown = 0

        def heard(done_bytes: int, total_bytes: int) -> None:
            nonlocal shown
            now = done_bytes * 1000 // max(total_bytes, 1)
            bar.update(now - shown)
            shown = now

        yield heard
