"""Runs as they are read: the one query that knows a run with its batch and certificate, and what people see of it."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row, select

from station.certificate import CertificateState
from station.errors import UsageError, Why
from station.ledger.processes import ProcessToken
from station.ledger.records import RunRow
from station.ledger.schema import BATCHES, CERTIFICATES, RUNS
from station.verdict import Verdict

_R = RUNS.c

RUN_QUERY: Final = (
    select(
        RUNS,
        BATCHES.c.name.label("batch"),
        BATCHES.c.product_key,
        CERTIFICATES.c.device_name,
        CERTIFICATES.c.state.label("certificate_state"),
    )
    .join(BATCHES, BATCHES.c.id == _R.batch_id)
    .outerjoin(CERTIFICATES, CERTIFICATES.c.id == _R.certificate_id)
)
OPEN_RUNS: Final = RUN_QUERY.where(_R.finished_at.is_(None)).order_by(_R.id)


def unfinished_runs(connection: Connection, processes: ProcessToken) -> list[RunRow]:
    """Give runs without a verdict whose process is dead, or that are this ledger's own; oldest first."""
    rows = connection.execute(OPEN_RUNS).all()
    alive = {process: processes.is_alive(process) for process in {row.process for row in rows}}
    return [run_row(row) for row in rows if processes.is_mine(row.process) or not alive[row.process]]


def find_runs(
    connection: Connection, *, limit: int, mac: str | None, device_name: str | None, since: str | None = None
) -> list[RunRow]:
    """Give runs, newest first."""
    query = RUN_QUERY.order_by(_R.id.desc()).limit(limit)
    if mac is not None:
        query = query.where(_R.mac == mac)
    if device_name is not None:
        query = query.where(CERTIFICATES.c.device_name == device_name)
    if since is not None:
        query = query.where(_R.started_at >= since)
    return [run_row(row) for row in connection.execute(query)]


def require_idle(connection: Connection, processes: ProcessToken, mac: str) -> Row[Any] | None:
    """Raise UsageError while a lane works on the unit; give the run that a crash left open for it, if there is one."""
    run = connection.execute(OPEN_RUNS.where(_R.mac == mac)).first()
    if run is not None and processes.is_alive(run.process):
        raise UsageError(
            f"unit {mac} is being worked on by lane {run.lane} of station {run.station}",
            "Wait for its verdict, or abort it",
            why=Why.IN_WORK,
            facts={"mac": mac, "lane": run.lane},
        )
    return run


def run_row(row: Row[Any]) -> RunRow:
    """Give what people may see of a run."""
    state = row.certificate_state
    return RunRow(
        **{name: getattr(row, name) for name in _COPIED},
        certificate_state=CertificateState(state) if state else None,
        verdict=Verdict(row.verdict) if row.verdict else None,
    )


_COPIED: Final = tuple(name for name in RunRow.__slots__ if name not in {"certificate_state", "verdict"})
