"""The audit log: one chain of events per station, appended in the transaction of what it tells (invariant I3).

An event's hash is the SHA-256 of its canonical JSON (UTF-8, sorted keys, no spaces) with the hash of the one before in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeAlias

from sqlalchemy import Connection, Row, bindparam, insert, or_, select

from station.errors import InternalFault
from station.ledger.audit_filters import NO_FILTERS, Filters
from station.ledger.database import Dialect
from station.ledger.quick import QuickConnection, quick
from station.ledger.records import AuditEvent, JsonValue
from station.ledger.schema import AUDIT_EVENTS, AUDIT_HEADS

FIRST_PREV: Final = "0" * 64
"""What the first event of a chain has as the hash of the one before."""
_PAGE_ROWS: Final = 2000
SIGNED_EVERY_EVENTS: Final = 1000


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


def iso_utc(moment: datetime) -> str:
    """Give a moment as `2026-11-03T07:15:04.123456Z`; texts of it sort as time does."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def storable(text: str) -> str:
    """Give a text that UTF-8 can hold: half characters, as odd file names have them, become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def canonical_json(value: Any) -> str:
    """Give the one text of a JSON value: sorted keys, no spaces, no escapes for letters. TypeError for a secret."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return storable(text)


def event_object(event: AuditEvent) -> dict[str, JsonValue]:
    """Give the event as the exports show it."""
    return {**_hashed_part(event), "hash": event.hash}


def event_hash(event: AuditEvent) -> str:
    """Give the hash that the event must bear: SHA-256 over everything but the hash itself, as hex."""
    return hashlib.sha256(canonical_json(_hashed_part(event)).encode()).hexdigest()


def _hashed_part(event: AuditEvent) -> dict[str, JsonValue]:
    return {
        "number": event.number,
        "at": event.at,
        "station": event.station,
        "lane": event.lane,
        "operator": event.operator,
        "kind": event.kind,
        "subject": {"mac": event.mac, "device_name": event.device_name, "batch": event.batch},
        "data": event.data,
        "prev": event.prev,
    }


Head: TypeAlias = tuple[int, str]
"""Number and hash of a chain's last event; (0, zeros) before the first."""
_READ_HEAD: Final = quick(
    select(AUDIT_HEADS.c.number, AUDIT_HEADS.c.hash).where(AUDIT_HEADS.c.station == bindparam("of")).with_for_update()
)
_APPEND: Final = insert(AUDIT_EVENTS)


class Signer(Protocol):
    """Signs the head of a chain, in the transaction that moved it."""

    def sign(self, connection: Connection, number: int, event_hash: str, at: str, reason: str) -> object: ...


class Trail:
    """The events of one transaction. `close` writes them at the chain's end, which no other transaction can move any more.

    `last_seen` is where the chain probably ends: when it does not, it is read. Only then is a number and a hash given to an event.
    """

    def __init__(
        self,
        connection: Connection,
        dialect: Dialect,
        station: str,
        now: str,
        signed_in: str = "",
        signer: Signer | None = None,
        last_seen: Head | None = None,
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self.station = station
        self._now = now
        self._signed_in = signed_in
        self._signer = signer
        self._events: list[tuple[AuditEvent, str]] = []
        self._last_seen = last_seen
        self.written: Head | None = None
        """The chain's head once this transaction has written to it."""

    def append(
        self,
        kind: str,
        *,
        data: Mapping[str, JsonValue],
        lane: int | None = None,
        operator: str = "",
        mac: str | None = None,
        device_name: str | None = None,
        batch: str | None = None,
    ) -> None:
        """Add an event to the chain; it becomes durable with the transaction."""
        text = canonical_json(dict(data))
        draft = AuditEvent(
            number=0,
            at=self._now,
            station=self.station,
            lane=lane,
            operator=storable(operator or self._signed_in),
            kind=str(kind),
            mac=mac,
            device_name=device_name,
            batch=batch,
            data=json.loads(text),
            prev="",
            hash="",
        )
        self._events.append((draft, text))

    def close(self) -> None:
        """Write the events and the chain's new head."""
        events, self._events = self._events, []
        if not events:
            return
        before = self.written or self._last_seen
        if before is None or not self._written_after(before, events):
            before = self.head
            if not self._written_after(before, events):
                raise InternalFault(f"the audit chain of {self.station} moved while it was held")
        number, event_hash = self.written or before
        if self._signer is not None and number // SIGNED_EVERY_EVENTS > before[0] // SIGNED_EVERY_EVENTS:
            self._signer.sign(self._connection, number, event_hash, self._now, "events")

    def _written_after(self, before: Head, events: Sequence[tuple[AuditEvent, str]]) -> bool:
        """Write the events where the chain ends with `before`; False, and nothing is written, where it does not."""
        rows, (number, last) = [], before
        for draft, text in events:
            number += 1
            event = replace(draft, number=number, prev=last)
            last = event_hash(event)
            rows.append({**{name: getattr(event, name) for name in _PLAIN_COLUMNS}, "data": text, "hash": last})
        if before[0] == 0:
            self._connection.execute(insert(AUDIT_HEADS), {"station": self.station, "number": number, "hash": last})
            self._connection.execute(_APPEND, rows)
        elif not self._dialect.append_events(self._connection, before, rows):
            return False
        self.written = (number, last)
        return True

    @property
    def head(self) -> Head:
        """Number and hash of the chain's last event, those written by this transaction included; nobody else moves it now."""
        if self.written is None:
            row = self._connection.execute(_READ_HEAD, {"of": self.station}).first()
            return (row.number, row.hash) if row else (0, FIRST_PREV)
        return self.written


_PLAIN_COLUMNS: Final = tuple(
    column.name for column in AUDIT_EVENTS.columns if column.name not in {"id", "data", "hash"}
)


def read_events(connection: Connection, filters: Filters = NO_FILTERS) -> Iterator[AuditEvent]:
    """Give the events that pass, in the order they were written."""
    return map(_event, read_rows(connection, filters))


def newest_events(connection: Connection, limit: int) -> list[AuditEvent]:
    """Give the last events, newest first."""
    rows = connection.execute(select(*_ROW).order_by(AUDIT_EVENTS.c.id.desc()).limit(limit))
    return [_event(row) for row in rows]


_ROW: Final = [
    AUDIT_EVENTS.c[name]
    for name in (
        "id", "number", "at", "station", "lane", "operator", "kind", "mac", "device_name", "batch", "data", "prev", "hash",
    )
]  # fmt: skip


def read_rows(connection: Connection, filters: Filters, up_to_id: int | None = None) -> Iterator[Row[Any]]:
    """Give the rows of events, page by page: id, number, at, station, lane, operator, kind, subjects, data, prev, hash."""
    events = AUDIT_EVENTS
    query = select(*_ROW).order_by(events.c.id).limit(_PAGE_ROWS)
    subjects = [
        column == value
        for column, value in ((events.c.mac, filters.mac), (events.c.device_name, filters.device_name))
        if value is not None
    ]
    if subjects:
        query = query.where(or_(*subjects))
    if filters.batch is not None:
        query = query.where(events.c.batch == filters.batch)
    if filters.operator is not None:
        query = query.where(events.c.operator == filters.operator)
    if filters.since is not None:
        query = query.where(events.c.at >= filters.since)
    if filters.until is not None:
        query = query.where(events.c.at < filters.until)
    if up_to_id is not None:
        query = query.where(events.c.id <= up_to_id)
    last_id = 0
    while True:
        rows = connection.execute(query.where(events.c.id > last_id)).all()
        yield from rows
        if len(rows) < _PAGE_ROWS:
            return
        last_id = rows[-1].id


def _event(row: Any) -> AuditEvent:
    values = {name: getattr(row, name) for name in _PLAIN_COLUMNS}
    return AuditEvent(**values, data=json.loads(row.data), hash=row.hash)


@dataclass(frozen=True, slots=True)
class Change:
    """One transaction that writes: its connection, its moment, and the trail on which every change leaves its event."""

    connection: QuickConnection
    now: str
    trail: Trail
    dialect: Dialect
    is_mine: Callable[[str], bool]
    """Whether a run is of this process, by the token that it bears: a server that lost its last moments gives a number again."""


Changes: TypeAlias = Callable[[], AbstractContextManager[Change]]
"""How a part of the ledger begins a transaction that writes, with the trail that closes in it."""
