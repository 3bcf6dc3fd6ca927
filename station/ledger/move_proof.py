"""Proves that what was copied is what there was: each table's rows, each event's hash, each audit chain to its head."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Table, func, select

from station.errors import Code, LedgerFault
from station.ledger.audit import FIRST_PREV, event_hash, read_events
from station.ledger.database import Database
from station.ledger.schema import AUDIT_EVENTS, AUDIT_HEADS, METADATA, STATIONS

_PAGE_ROWS: Final = 2000
Progress: TypeAlias = Callable[[int, int], None]


class Content:
    """What a table holds: how many rows, and a sum of their hashes, which does not ask for an order."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._skipped = {table.columns.keys().index(STATIONS.c.login.name)} if table is STATIONS else set()
        self.seen = (0, 0)

    def of(self, connection: Connection, steps: Steps) -> tuple[int, int]:
        """Read the table; give rows and sum."""
        for row in connection.execute(select(self._table), execution_options={"yield_per": _PAGE_ROWS}):
            self._add(tuple(row), steps)
        return self.seen

    def passing(self, database: Database, connection: Connection, steps: Steps) -> Iterator[tuple[Any, ...]]:
        """Give the table's rows, and take note of them."""
        with database.translated():
            for row in connection.execute(select(self._table), execution_options={"yield_per": _PAGE_ROWS}):
                self._add(tuple(row), steps)
                yield tuple(row)

    def _add(self, row: tuple[Any, ...], steps: Steps) -> None:
        shown = repr([value for place, value in enumerate(row) if place not in self._skipped])
        digest = hashlib.sha256(shown.encode("utf-8", "surrogatepass")).digest()
        self.seen = (self.seen[0] + 1, (self.seen[1] + int.from_bytes(digest)) % (1 << 256))
        steps.one()


class Steps:
    """Tells how far it is: each row is copied and looked at, each event's hash is made on both sides."""

    def __init__(self, heard: Progress | None, connection: Connection) -> None:
        self._heard = heard
        self._done = 0
        rows = sum(count_rows(connection, table) for table in METADATA.sorted_tables) if heard else 0
        self._total = 2 * rows + 2 * count_rows(connection, AUDIT_EVENTS) if heard else 0

    def one(self) -> None:
        """Hear of one row or event."""
        self._done += 1
        if self._heard is not None and self._done % _PAGE_ROWS == 0:
            self._heard(min(self._done, self._total), self._total)


def require_sound(connection: Connection, place: str, steps: Steps) -> None:
    """Make every event's hash anew and follow each chain to its head; LedgerFault names the first that does not fit."""
    ends: dict[str, tuple[int, str]] = {}
    for event in read_events(connection):
        number, last = ends.get(event.station, (0, FIRST_PREV))
        if event.number != number + 1 or event.prev != last or event.hash != event_hash(event):
            raise unsound(f"event {event.number} of {event.station} is not as it was written", place)
        ends[event.station] = (event.number, event.hash)
        steps.one()
    for row in connection.execute(select(AUDIT_HEADS)):
        if ends.pop(row.station, None) != (row.number, row.hash):
            raise unsound(f"the audit log of {row.station} does not end at its head", place)
    if ends:
        raise unsound(f"the audit log of {min(ends)} has no head", place)


def unsound(cause: str, place: str) -> LedgerFault:
    """Give the refusal of a log that is not as it was written."""
    return LedgerFault(
        Code.LEDGER_UNREADABLE, cause, "Nothing was moved: keep this ledger, and bring back its last backup", place
    )


def count_rows(connection: Connection, table: Table) -> int:
    """Give how many rows a table has."""
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
