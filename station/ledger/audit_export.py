"""The audit log as a file that proves itself: JSON lines, or CSV that a spreadsheet opens without harm. Whole or not at all."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from sqlalchemy import Connection, Row, select

from station.ledger.audit import canonical_json, read_rows
from station.ledger.audit_filters import Filters
from station.ledger.audit_lines import (
    CSV_COLUMNS,
    FORMAT,
    HEAD,
    HEADER,
    SEQ_COLUMN,
    TRAILER,
    harmless,
    hashed_text,
    statement_message,
)
from station.ledger.heads import SignedHead, stored_heads
from station.ledger.records import ExportResult, JsonValue
from station.ledger.schema import AUDIT_EVENTS
from station.ledger.station_key import StationKey
from station.ledger.whole_file import written_whole

ExportFormat = Literal["jsonl", "csv"]


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What to write where: up to the event of `head`, signed by `key`."""

    out: Path
    form: ExportFormat
    filters: Filters
    head: SignedHead
    key: StationKey
    at: str


def write_export(connection: Connection, order: ExportOrder) -> ExportResult:
    """Write events to a file; UsageError when it cannot be written."""
    encoding, newline = ("utf-8-sig", "") if order.form == "csv" else ("utf-8", "\n")
    with written_whole(order.out) as draft, draft.open("w", encoding=encoding, newline=newline) as file:
        return _write(connection, order, file)


def _write(connection: Connection, order: ExportOrder, file: TextIO) -> ExportResult:
    filtered = bool(order.filters.as_object())
    sheet: _Sheet = (_CsvSheet if order.form == "csv" else _JsonSheet)(file, filtered)
    about: dict[str, JsonValue] = {
        "format": FORMAT,
        "station": order.head.station,
        "public_key": order.key.public,
        "exported_at": order.at,
        "filter": order.filters.as_object(),
    }
    sheet.record(HEADER, about)
    digest = hashlib.sha256()
    count, last = 0, None
    heads = _no_heads() if filtered else stored_heads(connection, order.head.station)
    head = next(heads, None)
    event = sheet.event
    for row in read_rows(connection, order.filters, up_to_id=_id_of(connection, order.head)):
        count += 1
        event(row, count)
        last = row.hash
        digest.update(last.encode("ascii"))
        if head is not None and row.number == head.number and row.station == head.station:
            sheet.record(HEAD, head.as_object())
            head = next(heads, None)
    ends: dict[str, JsonValue] = {**about, "count": count, "digest": digest.hexdigest(), "head": order.head.as_object()}
    sheet.record(TRAILER, {**ends, "signature": order.key.sign(statement_message(ends))})
    return ExportResult(order.out, count, last, order.head)


def _id_of(connection: Connection, head: SignedHead) -> int:
    """Give the row of the signed event: what lanes append meanwhile is not of this export."""
    where = AUDIT_EVENTS.c.station == head.station, AUDIT_EVENTS.c.number == head.number
    return int(connection.execute(select(AUDIT_EVENTS.c.id).where(*where)).scalar_one())


def _no_heads() -> Iterator[SignedHead]:
    return iter(())


class _Sheet:
    """A file that takes records and events."""

    def record(self, kind: str, content: dict[str, JsonValue]) -> None:
        raise NotImplementedError

    @property
    def event(self) -> Callable[[Row[Any], int], None]:
        raise NotImplementedError


class _JsonSheet(_Sheet):
    def __init__(self, file: TextIO, filtered: bool) -> None:
        self._file = file
        self._filtered = filtered

    def record(self, kind: str, content: dict[str, JsonValue]) -> None:
        self._file.write(canonical_json({"record": kind, **content}) + "\n")

    @property
    def event(self) -> Callable[[Row[Any], int], None]:
        write, filtered = self._file.write, self._filtered

        def put(row: Row[Any], seq: int) -> None:
            first, second = _parts(row)
            begin = f'{{"{SEQ_COLUMN}":{seq},{first[1:]}' if filtered else first
            write(f'{begin}"hash":"{row.hash}",{second}\n')

        return put


class _CsvSheet(_Sheet):
    def __init__(self, file: TextIO, filtered: bool) -> None:
        self._table = csv.writer(file)
        self._filtered = filtered
        self._columns = (*CSV_COLUMNS, SEQ_COLUMN) if filtered else CSV_COLUMNS
        self._table.writerow(self._columns)

    def record(self, kind: str, content: dict[str, JsonValue]) -> None:
        cells = {"kind": kind, "data": canonical_json(content)}
        self._table.writerow([cells.get(name, "") for name in self._columns])

    @property
    def event(self) -> Callable[[Row[Any], int], None]:
        writerow, filtered = self._table.writerow, self._filtered

        def put(row: Row[Any], seq: int) -> None:
            cells = ["" if cell is None else harmless(str(cell)) for cell in tuple(row)[1:]]
            writerow([*cells, seq] if filtered else cells)

        return put


def _parts(row: Row[Any]) -> tuple[str, str]:
    _, number, at, station, lane, operator, kind, mac, device_name, batch, data, prev, _ = tuple(row)
    return hashed_text(
        at=at,
        data=data,
        kind=kind,
        lane=lane,
        number=number,
        operator=operator,
        prev=prev,
        station=station,
        batch=batch,
        device_name=device_name,
        mac=mac,
    )
