"""What the audit log knows of printed labels: none without PASS, each one told before it is sent, each failure after it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Exists, exists, func, select

from station.errors import Code, UsageError, Why
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
_NOT_WITH_PRINTER: Final = "the ledger's server was lost, and the label was not with the printer"
_NOT_YET: Final = "Walk the unit until it passes, then print"


@dataclass(frozen=True, slots=True)
class LabelOrder:
    """What is printed: the run that passed, and its work order, or else that of its batch."""

    run: RunRow
    mac: Mac
    work_order: str | None


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

    def was_sent(self, order: LabelOrder) -> bool:
        """Say whether a printer took a label of this unit with this DeviceName."""
        with self._reading() as connection:
            return _was_sent(connection, order.run)

    def sending(
        self,
        order: LabelOrder,
        *,
        printer: str,
        copies: int,
        operator: str,
        only_first: bool = False,
        in_doubt: bool = False,
    ) -> bool:
        """Note, before it leaves, that a label is sent, and whether again; with `only_first` False, and nothing, for one more.

        `in_doubt` says that an earlier note of the same label may be in the log, and that no printer has it: `take_back`.
        """
        with self._changing() as change:
            again = (
                _take_back(change, order, printer, operator) if in_doubt else _was_sent(change.connection, order.run)
            )
            if again and only_first:
                return False
            _note(change, EventKind.LABEL_SENT, order, operator, {"printer": printer, "copies": copies, "again": again})
            return True

    def take_back(self, order: LabelOrder, *, printer: str, operator: str) -> None:
        """Note that the printer has not what was noted last as sent to it; nothing where that note never came into the log."""
        with self._changing() as change:
            _take_back(change, order, printer, operator)

    def failed(self, order: LabelOrder, *, printer: str, code: str, cause: str, operator: str) -> None:
        """Note that the printer did not take it."""
        told = {"printer": printer, "code": code, "cause": storable(cause)}
        with self._changing() as change:
            _note(change, EventKind.LABEL_FAILED, order, operator, told)


def _taken(mac: Any, device_name: Any) -> Exists:
    """Whether a printer took a label with this MAC and DeviceName: one was sent, and what the log told next was no failure."""
    sent, then = AUDIT_EVENTS.alias(), AUDIT_EVENTS.alias()
    own = (then.c.mac == mac, then.c.device_name == device_name, then.c.kind.in_(_KINDS), then.c.id > sent.c.id)
    told_next = select(then.c.kind).where(*own).order_by(then.c.id).limit(1).scalar_subquery()
    return exists().where(
        sent.c.mac == mac,
        sent.c.device_name == device_name,
        sent.c.kind == EventKind.LABEL_SENT,
        func.coalesce(told_next, "") != EventKind.LABEL_FAILED,
    )


def _was_sent(connection: Connection, run: RunRow) -> bool:
    return bool(connection.execute(select(_taken(run.mac, run.device_name))).scalar())


def _take_back(change: Change, order: LabelOrder, printer: str, operator: str) -> bool:
    """Take back what was noted last as sent to this printer; True, and nothing, where another printer took a label since."""
    e, run = AUDIT_EVENTS.c, order.run
    own = (e.mac == run.mac, e.device_name == run.device_name, e.kind.in_(_KINDS))
    last = change.connection.execute(select(e.kind, e.data).where(*own).order_by(e.id.desc()).limit(1)).first()
    if last is None or last.kind != EventKind.LABEL_SENT:
        return False
    if json.loads(last.data)["printer"] != printer:
        return True
    told = {"printer": printer, "code": Code.LEDGER_UNREACHABLE, "cause": _NOT_WITH_PRINTER}
    _note(change, EventKind.LABEL_FAILED, order, operator, told)
    return False


def _note(change: Change, kind: EventKind, order: LabelOrder, operator: str, data: Mapping[str, JsonValue]) -> None:
    run = order.run
    change.trail.append(
        kind,
        lane=run.lane,
        operator=operator,
        mac=run.mac,
        device_name=run.device_name,
        batch=run.batch,
        data={"run": run.id, **data},
    )
