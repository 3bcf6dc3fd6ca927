"""What the audit log knows of printed labels: none without PASS, each one told before it is sent, each failure after it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Exists, exists, func, select

from station.errors import UsageError, Why
from station.ledger.audit import Change, Changes, storable
from station.ledger.batches import batch_row, batch_summaries
from station.ledger.database import Transactions
from station.ledger.event_kind import EventKind
from station.ledger.records import GOOD_STATES, JsonValue, RunRow
from station.ledger.run_rows import find_runs
from station.ledger.schema import AUDIT_EVENTS, CERTIFICATES, RUNS
from station.ledger.units import find_unit
from station.unit import Mac
from station.verdict import Verdict

_R = RUNS.c
_KINDS: Final = (EventKind.LABEL_SENT, EventKind.LABEL_FAILED)
_NOT_YET: Final = "Walk the unit until it passes, then print"


@dataclass(frozen=True, slots=True)
class LabelOrder:
    """What is printed: the run that passed, and its work order, or else that of its batch."""

    run: RunRow
    mac: Mac
    work_order: str | None


@dataclass(frozen=True, slots=True)
class LabelJob:
    """One label that is to be printed: where, how often, for whom; and whether only where the unit has none yet.

    By its `name` the job finds again what the log tells of it.
    """

    order: LabelOrder
    printer: str
    copies: int
    operator: str
    only_first: bool = False
    name: str = field(default_factory=lambda: uuid.uuid4().hex)


class PrintedLabels:
    """The labels of one ledger's units. Each method is one transaction; LedgerFault as everywhere."""

    def __init__(self, reading: Transactions, changing: Changes) -> None:
        self._reading = reading
        self._changing = changing

    def order(self, subject: str) -> LabelOrder:
        """Give what stands on the label of a unit, by MAC, serial number or DeviceName.

        UsageError when nobody knows the unit, its last run is no PASS, or its certificate is void.
        """
        with self._reading() as connection:
            mac, rows = find_unit(connection, subject)
            runs = [] if mac is None else find_runs(connection, limit=1, mac=mac, device_name=None)
            if not rows and not runs:
                raise UsageError(
                    f"no unit is known as {subject!r}",
                    "Give the MAC as 24:0a:c4:5e:10:9c, the serial number, or the DeviceName as the CSV has it",
                    why=Why.UNKNOWN_UNIT,
                    facts={"unit": subject},
                )
            if not runs or runs[0].mac is None or runs[0].verdict is not Verdict.PASS:
                raise UsageError(
                    "No label without PASS: the unit's last run did not end so",
                    _NOT_YET,
                    subject,
                    why=Why.NOT_PASSED,
                    facts={"unit": subject},
                )
            if runs[0].certificate_state not in GOOD_STATES:
                raise UsageError(
                    "No label: the unit's certificate is void", _NOT_YET, subject, why=Why.VOID, facts={"unit": subject}
                )
            of_batch = batch_summaries(connection, runs[0].batch)[0].work_order
            return LabelOrder(runs[0], Mac(runs[0].mac), runs[0].work_order or of_batch)

    def missing(self, batch: str) -> list[Mac]:
        """Give the units of a batch whose last run passed and whose label no printer took, by those runs' order; UsageError."""
        with self._reading() as connection:
            last = select(func.max(_R.id)).where(_R.mac.is_not(None), _R.finished_at.is_not(None)).group_by(_R.mac)
            query = (
                select(_R.mac)
                .join(CERTIFICATES, CERTIFICATES.c.id == _R.certificate_id)
                .where(_R.batch_id == batch_row(connection, batch).id, _R.id.in_(last), _R.verdict == Verdict.PASS)
                .where(CERTIFICATES.c.state.in_(GOOD_STATES))
                .where(~_taken(_R.mac, CERTIFICATES.c.device_name))
                .order_by(_R.id)
            )
            return [Mac(mac) for (mac,) in connection.execute(query)]

    def sending(self, job: LabelJob) -> bool:
        """Note, before it leaves, that a label is sent, and whether again; False, and nothing, for one that is not wanted any more.

        A job that is tried again finds its own note, where no answer told that it is in the log.
        """
        with self._changing() as change:
            told = _told_last(change.connection, job)
            noted = told.id if told is not None and told.kind == EventKind.LABEL_SENT else 0
            again = _was_sent(change.connection, job.order.run, besides=noted)
            if again and job.only_first:
                return False
            if not noted:
                _note(change, EventKind.LABEL_SENT, job, {"printer": job.printer, "copies": job.copies, "again": again})
            return True

    def failed(self, job: LabelJob, *, code: str, cause: str) -> bool:
        """Note, once, that no printer has the label; False, and nothing, for one that never was sent where the unit has another."""
        with self._changing() as change:
            told = _told_last(change.connection, job)
            if told is None and _was_sent(change.connection, job.order.run):
                return False
            if told is None or told.kind == EventKind.LABEL_SENT:
                data: dict[str, JsonValue] = {"printer": job.printer, "code": code, "cause": storable(cause)}
                _note(change, EventKind.LABEL_FAILED, job, data)
            return True


def _taken(mac: Any, device_name: Any, besides: int = 0) -> Exists:
    """Whether a printer took a label with this MAC and DeviceName: one was sent, and what the log told next was no failure."""
    sent, then = AUDIT_EVENTS.alias(), AUDIT_EVENTS.alias()
    own = (then.c.mac == mac, then.c.device_name == device_name, then.c.kind.in_(_KINDS), then.c.id > sent.c.id)
    told_next = select(then.c.kind).where(*own).order_by(then.c.id).limit(1).scalar_subquery()
    return exists().where(
        sent.c.mac == mac,
        sent.c.device_name == device_name,
        sent.c.kind == EventKind.LABEL_SENT,
        sent.c.id != besides,
        func.coalesce(told_next, "") != EventKind.LABEL_FAILED,
    )


def _was_sent(connection: Connection, run: RunRow, besides: int = 0) -> bool:
    """Whether a printer took a label of the run's unit, `besides` what one event tells."""
    return bool(connection.execute(select(_taken(run.mac, run.device_name, besides))).scalar())


def _told_last(connection: Connection, job: LabelJob) -> Any | None:
    """Give number and kind of the event that told last of a job."""
    e, run = AUDIT_EVENTS.c, job.order.run
    own = (e.mac == run.mac, e.device_name == run.device_name, e.kind.in_(_KINDS))
    events = connection.execute(select(e.id, e.kind, e.data).where(*own).order_by(e.id.desc()))
    return next((event for event in events if json.loads(event.data).get("job") == job.name), None)


def _note(change: Change, kind: EventKind, job: LabelJob, data: Mapping[str, JsonValue]) -> None:
    run = job.order.run
    change.trail.append(
        kind,
        lane=run.lane,
        operator=job.operator,
        mac=run.mac,
        device_name=run.device_name,
        batch=run.batch,
        data={"run": run.id, "job": job.name, **data},
    )
