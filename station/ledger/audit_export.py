"""The audit log as a file: JSON lines, or CSV that a spreadsheet opens without harm. Whole or not at all."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, TextIO

from station.errors import UsageError
from station.ledger.audit import canonical_json, event_object
from station.ledger.records import AuditEvent, ExportResult

ExportFormat = Literal["jsonl", "csv"]
CSV_COLUMNS: Final = (
    "number", "at", "station", "lane", "operator", "kind", "mac", "device_name", "batch", "data", "prev", "hash",
)  # fmt: skip
_FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: str) -> str:
    """Give a cell that no spreadsheet takes for a formula (owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{cell}" if cell.startswith(_FORMULA_SIGNS) else cell


def write_export(events: Iterator[AuditEvent], out: Path, form: ExportFormat, *, force: bool) -> ExportResult:
    """Write events to a new file; UsageError when it is there and not to be replaced, or cannot be written."""
    if out.exists() and (not force or not out.is_file()):
        mend = "Name another file, or replace it with --force" if out.is_file() else "Name a file"
        raise UsageError(f"{out.name or out} is there already", mend, str(out))
    draft = out.with_name(f".{out.name}.{os.getpid()}.new")
    try:
        encoding, newline = ("utf-8-sig", "") if form == "csv" else ("utf-8", "\n")
        with draft.open("w", encoding=encoding, newline=newline) as file:
            count, head = (_write_csv if form == "csv" else _write_jsonl)(events, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(out)
    except OSError as error:
        raise UsageError(
            f"the file cannot be written: {error.strerror or type(error).__name__}",
            "Name a place where this user may write and the disk has room",
            str(out),
        ) from None
    finally:
        draft.unlink(missing_ok=True)
    return ExportResult(out, count, head)


def _write_jsonl(events: Iterator[AuditEvent], file: TextIO) -> tuple[int, str | None]:
    count, head = 0, None
    for event in events:
        file.write(canonical_json(event_object(event)) + "\n")
        count, head = count + 1, event.hash
    return count, head


def _write_csv(events: Iterator[AuditEvent], file: TextIO) -> tuple[int, str | None]:
    count, head = 0, None
    table = csv.writer(file)
    table.writerow(CSV_COLUMNS)
    for event in events:
        cells = (canonical_json(event.data) if name == "data" else getattr(event, name) for name in CSV_COLUMNS)
        table.writerow([harmless("" if cell is None else str(cell)) for cell in cells])
        count, head = count + 1, event.hash
    return count, head
