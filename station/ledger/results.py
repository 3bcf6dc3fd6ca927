"""Which runs of this station other systems were told of. The finished runs are the queue: nothing is kept beside them.

A channel is a name in the station's settings. It begins with the runs that end after it was first seen, and goes through the ends
of runs in this station's own chain, so that in a factory's ledger each station tells of its own. What was told, or refused by the
other system for good, has a row; `done_to` is the event up to which nothing is left, so that looking costs the same for ever.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, func, insert, select, update

from station.ledger.audit import iso_utc, storable
from station.ledger.database import Transactions
from station.ledger.event_kind import EventKind
from station.ledger.order_tables import RESULT_CHANNELS, RESULTS_TOLD
from station.ledger.run_history import PastRun, past_run
from station.ledger.run_rows import RUN_QUERY
from station.ledger.schema import AUDIT_EVENTS, AUDIT_HEADS, LEDGER_META, RUNS

_E = AUDIT_EVENTS.c
_C = RESULT_CHANNELS.c
_T = RESULTS_TOLD.c
_ENDS: Final = (EventKind.RUN_FINISHED.value, EventKind.RUN_INTERRUPTED.value)
_NOTE: Final = insert(RESULTS_TOLD)
_NOTE_AGAIN: Final = update(RESULTS_TOLD).where(_T.channel == bindparam("of_channel"), _T.run_id == bindparam("of_run"))
_PAGE_EVENTS: Final = 200
_STEP_EVENTS: Final = 100
"""`done_to` is moved when it pays for the write."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A run to be told, `attempt` counting its unit's runs from 1; the hashes are those of the regions it was to have."""

    run: PastRun
    attempt: int
    chip: str | None
    regions_sha256: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ToldChannel:
    """How far a channel is. `waiting_since`, `told_at`: ISO 8601 in UTC."""

    told: int
    refused: int
    waiting: int
    waiting_since: str | None
    told_at: str | None


@dataclass(frozen=True, slots=True)
class RefusedResult:
    """A run that the other system does not take, and what it said."""

    run_id: int
    at: str
    cause: str


class Results:
    """The channels of one station. Each method is one transaction; LedgerFault as everywhere."""

    def __init__(
        self, reading: Transactions, writing: Transactions, station: str, clock: Callable[[], datetime]
    ) -> None:
        self._reading = reading
        self._writing = writing
        self._station = station
        self._clock = clock

    def ledger_id(self) -> str:
        """Give the name that no other ledger has: 32 hexadecimal digits."""
        query = select(LEDGER_META.c.value).where(LEDGER_META.c.key == "ledger_id")
        with self._reading() as connection:
            return str(connection.execute(query).scalar_one())

    def begin(self, channel: str) -> None:
        """Let a channel that is new begin here; nothing for one that is known."""
        with self._writing() as connection:
            if self._done_to(connection, channel) is None:
                row = {"station": self._station, "channel": channel, "done_to": self._chain_end(connection)}
                connection.execute(insert(RESULT_CHANNELS).values(row))

    def waiting(self, channel: str, limit: int) -> list[Outgoing]:
        """Give the first runs that the channel has to tell, in the order in which they ended."""
        with self._reading() as connection:
            found: list[int] = []
            for _, run_id, _ in self._ends(connection, channel):
                found.append(run_id)
                if len(found) == limit:
                    break
            return _outgoing(connection, found)

    def refused(self, channel: str) -> list[RefusedResult]:
        """Give what this station's other system does not take, oldest first."""
        with self._reading() as connection:
            query = self._told(channel).where(_T.refused.is_not(None)).order_by(_T.run_id)
            return [RefusedResult(row.run_id, row.told_at, row.refused) for row in connection.execute(query)]

    def runs(self, run_ids: Sequence[int]) -> list[Outgoing]:
        """Give runs by their numbers."""
        with self._reading() as connection:
            return _outgoing(connection, run_ids)

    def note(self, channel: str, run_id: int, refused: str | None = None) -> None:
        """Write down that a run was told, or `refused` and why; a later word takes the place of an earlier one."""
        values = {"told_at": iso_utc(self._clock()), "refused": None if refused is None else storable(refused)}
        with self._writing() as connection:
            again = connection.execute(_NOTE_AGAIN, {"of_channel": channel, "of_run": run_id, **values})
            if again.rowcount == 0:
                connection.execute(_NOTE, {"channel": channel, "run_id": run_id, "station": self._station, **values})

    def advance(self, channel: str) -> None:
        """Leave behind the part of the chain in which nothing waits any more."""
        with self._reading() as connection:
            done_to = self._done_to(connection, channel)
            first = next(self._ends(connection, channel), None)
            clear_to = first[0] - 1 if first is not None else self._chain_end(connection)
        if done_to is not None and clear_to >= done_to + _STEP_EVENTS:
            own = (_C.station == self._station, _C.channel == channel, _C.done_to < clear_to)
            with self._writing() as connection:
                connection.execute(update(RESULT_CHANNELS).where(*own).values(done_to=clear_to))

    def standing(self, channel: str) -> ToldChannel | None:
        """Say how far a channel is; None when it was never begun."""
        with self._reading() as connection:
            if self._done_to(connection, channel) is None:
                return None
            waiting, since = 0, None
            for _, _, at in self._ends(connection, channel):
                waiting, since = waiting + 1, since or at
            told = self._told(channel).subquery().c
            query = select(func.count(), func.count(told.refused), func.max(told.told_at))
            count, refused, told_at = connection.execute(query).one()
        return ToldChannel(count - refused, refused, waiting, since, told_at)

    def _done_to(self, connection: Connection, channel: str) -> int | None:
        query = select(_C.done_to).where(_C.station == self._station, _C.channel == channel)
        return connection.execute(query).scalar()

    def _chain_end(self, connection: Connection) -> int:
        query = select(AUDIT_HEADS.c.number).where(AUDIT_HEADS.c.station == self._station)
        return connection.execute(query).scalar() or 0

    def _told(self, channel: str) -> Select[Any]:
        return select(_T.run_id, _T.told_at, _T.refused).where(_T.channel == channel, _T.station == self._station)

    def _ends(self, connection: Connection, channel: str) -> Iterator[tuple[int, int, str]]:
        """Give what waits: event, run and time. A run whose unit could not say who it is tells nobody anything."""
        number = self._done_to(connection, channel)
        if number is None:
            return
        query = (
            select(_E.number, _E.at, _E.data)
            .where(_E.station == self._station, _E.kind.in_(_ENDS), _E.mac.is_not(None))
            .order_by(_E.number)
            .limit(_PAGE_EVENTS)
        )
        while True:
            page = connection.execute(query.where(_E.number > number)).all()
            runs = [int(json.loads(row.data)["run"]) for row in page]
            told = set(
                connection.execute(select(_T.run_id).where(_T.channel == channel, _T.run_id.in_(runs))).scalars()
            )
            for row, run_id in zip(page, runs, strict=True):
                if run_id not in told:
                    yield row.number, run_id, row.at
            if len(page) < _PAGE_EVENTS:
                return
            number = page[-1].number


def _outgoing(connection: Connection, run_ids: Sequence[int]) -> list[Outgoing]:
    rows = {row.id: row for row in connection.execute(RUN_QUERY.where(RUNS.c.id.in_(run_ids)))}
    found = []
    for row in (rows[run_id] for run_id in run_ids):
        attempt = select(func.count()).where(RUNS.c.mac == row.mac, RUNS.c.id <= row.id)
        chip = json.loads(row.chip) if row.chip else {}
        hashes = json.loads(row.data).get("regions_sha256", {})
        found.append(Outgoing(past_run(row), connection.execute(attempt).scalar_one(), chip.get("chip"), hashes))
    return found
