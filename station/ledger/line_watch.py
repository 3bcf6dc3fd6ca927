"""A ledger as a big screen looks at it, again and again: with neither key nor name, and without writing anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from sqlalchemy import or_

from station.ledger.audit import iso_utc
from station.ledger.batches import batch_summaries
from station.ledger.database import Database
from station.ledger.opening import open_to_read
from station.ledger.records import BatchSummary, RunRow
from station.ledger.run_rows import OPEN_RUNS, RUN_QUERY, run_row
from station.ledger.schema import RUNS
from station.ledger.work_orders import WorkOrder, order_named

OVERLAP_RUNS: Final = 200
"""A server's runs may become visible in another order than their numbers have: by no more than this."""
_R = RUNS.c


@dataclass(frozen=True, slots=True)
class LineLook:
    """What the ledger says at one moment: the runs that ended within the period, those under way, and the batches."""

    finished: tuple[RunRow, ...]
    """Oldest first."""
    under_way: tuple[RunRow, ...]
    """Those that a crash left open, too: only a station on their PC could tell."""
    batches: tuple[BatchSummary, ...]
    orders: tuple[WorkOrder, ...] = ()
    """The work orders of these runs."""


class LedgerWatch:
    """Reads all of a period at the first look, what is new at the others. Not for two threads at a time."""

    def __init__(self, database: Database, period: timedelta) -> None:
        self._database = database
        self._period = period
        self._finished: dict[int, RunRow] = {}
        self._under_way: tuple[RunRow, ...] = ()
        self._newest = 0

    @classmethod
    def open(cls, data: Path, period: timedelta, *, url: str | None = None) -> Self:
        """Open the ledger of a data folder, or the factory's at `url`; LedgerFault, UsageError. Nothing is made."""
        return cls(open_to_read(data, url), period)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def look(self, now: datetime) -> LineLook:
        """Read what the period that ends now holds; LedgerFault."""
        since = iso_utc(now - self._period)
        query = RUN_QUERY.where(_R.finished_at >= since)
        if self._newest:
            were_open = [run.id for run in self._under_way]
            query = query.where(or_(_R.id > self._newest - OVERLAP_RUNS, _R.id.in_(were_open)))
        with self._database.reading() as connection:
            under_way = tuple(run_row(row) for row in connection.execute(OPEN_RUNS))
            new = {row.id: run_row(row) for row in connection.execute(query)}
            batches = tuple(batch_summaries(connection))
            self._finished = {
                number: run for number, run in (self._finished | new).items() if (run.finished_at or "") >= since
            }
            numbers = {run.work_order for run in (*self._finished.values(), *under_way) if run.work_order}
            orders = tuple(filter(None, (order_named(connection, number) for number in sorted(numbers))))
        self._under_way = under_way
        self._newest = max([self._newest, *new, *(run.id for run in under_way)])
        finished = sorted(self._finished.values(), key=lambda run: (run.finished_at or "", run.id))
        return LineLook(tuple(finished), under_way, batches, orders)
