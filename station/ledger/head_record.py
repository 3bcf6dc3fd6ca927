"""The station's own record of how far its audit log had come, outside the database: it tells a ledger copied back from a backup.

The record is written after durable commits, never before: it may lag behind the ledger, the ledger never behind it, unless an
older one was put in its place. Then certificates given out since would be handed out again.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, select

from station.drafts import replacement_of
from station.errors import Code, LedgerFault, Why
from station.ledger.event_kind import EventKind
from station.ledger.schema import AUDIT_EVENTS, AUDIT_HEADS

RECORD_FILE: Final = "audit.head"
_LOG: Final = logging.getLogger("station.ledger")
_E = AUDIT_EVENTS.c
_OF_THE_REPAIR: Final = (EventKind.PIN_WRONG, EventKind.LINE_LEAD_CONFIRMED, EventKind.WITHOUT_LINE_LEAD)
"""Events that asking a line lead about a gap leaves, before it is accepted."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What the ledger lacks: the station's record says `recorded`, its chain ends at `found`. None: it cannot be known."""

    station: str
    recorded: int | None
    found: int
    missing: int | None

    @property
    def happened(self) -> str:
        """Say it in plain words."""
        if self.missing is not None:
            return (
                f"the ledger is older than the station's own record: {self.missing} events are missing after event "
                f"{self.found}, so used certificates would be handed out again"
            )
        if self.recorded is None:
            return "the station has no record of how far this ledger had come, so used certificates could be handed out again"
        return (
            "the ledger holds another history than the station recorded, so used certificates could be handed out again"
        )

    def fault(self, data: Path) -> LedgerFault:
        """Give the refusal of such a ledger."""
        mend = (
            "Bring back the latest ledger. If there is none, a line lead accepts the gap: station recover --accept-gap "
            "--reason TEXT"
        )
        place = str(data / RECORD_FILE)
        if self.missing is None:
            return LedgerFault(Code.LEDGER_BEHIND, self.happened, mend, place)
        return LedgerFault(
            Code.LEDGER_BEHIND,
            self.happened,
            mend,
            place,
            why=Why.EVENTS_MISSING,
            facts={"found": self.found, "missing": self.missing},
        )


class HeadRecord:
    """The record of one data folder about one ledger. Thread-safe."""

    def __init__(self, data: Path, ledger_id: str) -> None:
        self._file = data / RECORD_FILE
        self._ledger_id = ledger_id
        self._guard = threading.Lock()
        self._written: dict[str, tuple[int, str]] = {}

    def begin(self) -> None:
        """Note a ledger that is about to be made; OSError."""
        with self._guard:
            self._put({})

    def knows(self) -> bool:
        """Say whether this data folder ever worked with the ledger."""
        return self._ledger_id in _read(self._file)

    def gap(self, connection: Connection) -> Gap | None:
        """Compare with the ledger; None when nothing is missing."""
        known = _read(self._file).get(self._ledger_id)
        heads = {row.station: row for row in connection.execute(select(AUDIT_HEADS))}
        if known is None:
            row = next(iter(heads.values()), None)
            return Gap(row.station if row else "", None, row.number if row else 0, None)
        for station, (number, recorded_hash) in known.items():
            found = heads[station].number if station in heads else 0
            if found < number:
                return _gap_before_repair(connection, station, number, found)
            query = select(_E.hash).where(_E.station == station, _E.number == number)
            if connection.execute(query).scalar() != recorded_hash:
                return _gap_before_repair(connection, station, number, found)
        self._written = known
        return None

    def follow(self, station: str, number: int, event_hash: str) -> None:
        """Write how far the ledger has come. A record that cannot be written is told in the log: it only lags behind."""
        with self._guard:
            if self._written.get(station, (0, ""))[0] >= number:
                return
            heads = {**self._written, station: (number, event_hash)}
            try:
                self._put(heads)
            except OSError as error:
                _LOG.warning("the record %s cannot be written: %s", self._file.name, error.strerror)
                return
            self._written = heads

    def replace(self, connection: Connection) -> None:
        """Write the ledger's heads as they are, whatever was known before; OSError."""
        heads = {row.station: (row.number, row.hash) for row in connection.execute(select(AUDIT_HEADS))}
        with self._guard:
            self._put(heads)
            self._written = heads

    def _put(self, heads: Mapping[str, tuple[int, str]]) -> None:
        known = {**_read(self._file), self._ledger_id: dict(heads)}
        with replacement_of(self._file) as draft:
            text = json.dumps({"ledgers": known}, sort_keys=True) + "\n"
            draft.write_text(text, encoding="utf-8", newline="\n")


def _gap_before_repair(connection: Connection, station: str, recorded: int, found: int) -> Gap:
    """Give the gap as it was before a line lead was asked about it: wrong PINs are events too."""
    query = select(_E.number, _E.kind).where(_E.station == station).order_by(_E.number.desc()).limit(10_000)
    for row in connection.execute(query):
        if row.kind not in _OF_THE_REPAIR:
            return Gap(station, recorded, row.number, recorded - row.number if row.number < recorded else None)
    return Gap(station, recorded, found, None)


def _read(file: Path) -> dict[str, dict[str, tuple[int, str]]]:
    """Give the record; nothing when there is none, or when it is damaged."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {
            str(ledger): {str(station): (int(number), str(of)) for station, (number, of) in heads.items()}
            for ledger, heads in content["ledgers"].items()
        }
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
