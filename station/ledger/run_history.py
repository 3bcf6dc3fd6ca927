"""The finished runs of a batch or a work order as reports read them: one pass over them, never all in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, select

from station.ledger.batches import batch_row, batch_summaries
from station.ledger.database import Transactions
from station.ledger.records import BatchSummary
from station.ledger.run_rows import RUN_QUERY
from station.ledger.schema import AUDIT_HEADS, RUNS
from station.ledger.work_orders import WorkOrder, order_named
from station.verdict import Verdict

PAUSE_MAX: Final = timedelta(minutes=15)
"""A longer stretch without a run is no working time."""
_PAGE_ROWS: Final = 2000
_R = RUNS.c


@dataclass(frozen=True, slots=True)
class PastRun:
    """One finished run; `at` is when it ended, `mac` is empty where the unit could not say who it is."""

    id: int
    started_at: datetime
    at: datetime
    station: str
    lane: int
    port: str
    batch: str
    work_order: str | None
    product_key: str
    profile: str
    firmware_version: str
    operator: str
    mac: str
    device_name: str
    verdict: Verdict
    code: str | None
    message: str
    seconds: float
    steps_s: Mapping[str, float]
    serial_number: str | None = None


@dataclass(frozen=True, slots=True)
class RunScope:
    """What a report is about: a batch, or a work order with its batch; when the runs began and ended, made with what."""

    name: str
    batch: BatchSummary
    order: WorkOrder | None
    began: datetime | None
    """None: nothing has run yet."""
    until: datetime | None
    firmware: tuple[str, ...]
    """`profile version`, each once."""


class RunHistory:
    """The finished runs of one ledger. All of its methods raise LedgerFault; UsageError for a name that is nobody's."""

    def __init__(self, reading: Transactions) -> None:
        self._reading = reading

    def scope(self, name: str) -> RunScope:
        """Say what is there to report about."""
        with self._reading() as connection:
            wanted, order = _wanted(connection, name), order_named(connection, name)
            batch = batch_summaries(connection, name if order is None else order.batch)[0]
            first, last = connection.execute(
                select(func.min(_R.started_at), func.max(_R.finished_at)).where(wanted)
            ).one()
            made = select(_R.profile, _R.firmware_version).where(wanted).distinct().order_by(_R.profile)
            firmware = tuple(f"{row.profile} {row.firmware_version}" for row in connection.execute(made))
        return RunScope(name, batch, order, first and _moment(first), last and _moment(last), firmware)

    def units(self, name: str) -> Iterator[list[PastRun]]:
        """Give each unit's runs, oldest first; a run whose unit could not say who it is comes alone. Use it up or close it."""
        with self._reading() as connection:
            query = RUN_QUERY.where(_wanted(connection, name)).order_by(_R.mac, _R.id)
            runs = (past_run(row) for row in _streamed(connection, query))
            for _, of_one in groupby(runs, key=lambda run: run.mac or run.id):
                yield list(of_one)

    def hours_worked(self, name: str) -> float:
        """Sum the time in which runs were under way, with pauses up to `PAUSE_MAX` between them."""
        worked = timedelta()
        end: datetime | None = None
        with self._reading() as connection:
            query = select(_R.started_at, _R.finished_at).where(_wanted(connection, name)).order_by(_R.started_at)
            for row in _streamed(connection, query):
                began, ended = _moment(row.started_at), _moment(row.finished_at)
                if end is None or began - end > PAUSE_MAX:
                    end = began
                worked += max(timedelta(), ended - end)
                end = max(end, ended)
        return worked.total_seconds() / 3600

    def audit_heads(self) -> list[tuple[str, int, str]]:
        """Give how far each station's chain has come: station, number and hash."""
        with self._reading() as connection:
            rows = connection.execute(select(AUDIT_HEADS).order_by(AUDIT_HEADS.c.station))
            return [(row.station, row.number, row.hash) for row in rows]


def _wanted(connection: Connection, name: str) -> ColumnElement[bool]:
    """Say which runs: those of the work order of that name, else of the batch."""
    if order_named(connection, name) is not None:
        return and_(_R.work_order == name, _R.finished_at.is_not(None))
    return and_(_R.batch_id == batch_row(connection, name).id, _R.finished_at.is_not(None))


def _streamed(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    result = connection.execution_options(yield_per=_PAGE_ROWS).execute(query)
    try:
        yield from result
    finally:
        result.close()


def past_run(row: Row[Any]) -> PastRun:
    """Give a finished run from a row of `RUN_QUERY`."""
    return PastRun(
        id=row.id,
        started_at=_moment(row.started_at),
        at=_moment(row.finished_at),
        station=row.station,
        lane=row.lane,
        port=row.port,
        batch=row.batch,
        work_order=row.work_order,
        product_key=row.product_key,
        profile=row.profile,
        firmware_version=row.firmware_version,
        operator=row.operator,
        mac=row.mac or "",
        device_name=row.device_name or "",
        verdict=Verdict(row.verdict),
        code=row.code,
        message=row.message,
        seconds=row.seconds or 0.0,
        steps_s=json.loads(row.data).get("timings_s", {}),
        serial_number=row.serial_number,
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
