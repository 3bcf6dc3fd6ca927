"""What a run leaves in the audit log on its way: its steps, and events about it and about its unit's certificate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, update

from station.ledger.audit import Change
from station.ledger.certificates import shown_fingerprint
from station.ledger.event_kind import EventKind
from station.ledger.quick import quick
from station.ledger.records import JsonValue, StepRecord
from station.ledger.schema import RUNS

_SET_STEP: Final = quick(update(RUNS).where(RUNS.c.id == bindparam("of_id")).values(last_step=bindparam("to_step")))


def record_step(change: Change, run: Row[Any], record: StepRecord) -> None:
    """Write one step's event, and into the run how far it came."""
    if run.last_step != record.step.value:
        change.connection.execute_later(_SET_STEP, {"of_id": run.id, "to_step": record.step.value})
    content: dict[str, JsonValue] = {
        "run": run.id,
        "step": record.step.value,
        "state": record.state.value,
        "seconds": round(record.seconds, 3),
        "code": record.code.value if record.code else None,
    }
    if record.data:
        content["data"] = dict(record.data)
    run_event(change, run, EventKind.STEP, content)


def record_missing_steps(change: Change, run: Row[Any], records: Sequence[StepRecord]) -> None:
    """Write those of a run's steps that come after the last that the ledger has of it: each ends once in a run."""
    names = [record.step.value for record in records]
    for record in records[names.index(run.last_step) + 1 if run.last_step in names else 0 :]:
        record_step(change, run, record)


def run_event(
    change: Change, run: Row[Any], kind: str, data: Mapping[str, JsonValue], *, device_name: str | None = None
) -> None:
    """Append an event whose subject is the run's, or another `device_name`."""
    change.trail.append(
        kind,
        lane=run.lane,
        operator=run.operator,
        mac=run.mac,
        device_name=device_name or run.device_name,
        batch=run.batch,
        data=data,
    )


def certificate_event(
    change: Change, run: Row[Any], kind: EventKind, row: Row[Any], data: Mapping[str, JsonValue]
) -> None:
    """Append an event about a certificate, in the run of its unit."""
    change.trail.append(
        kind,
        lane=run.lane,
        operator=run.operator,
        mac=run.mac,
        device_name=row.device_name,
        batch=row.batch,
        data={"run": run.id, "product_key": row.product_key, "fingerprint": shown_fingerprint(row), **data},
    )
