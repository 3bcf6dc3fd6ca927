"""Where units go that did not pass: rework, hold, scrap. The audit log itself is the record of it."""

from __future__ import annotations

import json
from itertools import takewhile
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from station.certificate import CertificateState
from station.errors import UsageError, Why
from station.ledger.audit import Changes, storable
from station.ledger.certificates import certificates_of, void_certificate
from station.ledger.database import Transactions
from station.ledger.event_kind import EventKind
from station.ledger.operator_rows import is_line_lead
from station.ledger.processes import ProcessToken
from station.ledger.quick import quick
from station.ledger.records import UnitStanding
from station.ledger.run_rows import require_idle
from station.ledger.runs import end_interrupted
from station.ledger.schema import AUDIT_EVENTS, RUNS
from station.unit import Disposition, Mac
from station.verdict import Verdict

_RUNS_LOOKED_AT: Final = 100
"""More FAILs in a row than this are not counted."""
_EVENT: Final = AUDIT_EVENTS.c
_LAST_PUT: Final = quick(
    select(_EVENT.at, _EVENT.data)
    .where(_EVENT.mac == bindparam("of_mac"), _EVENT.kind == EventKind.UNIT_DISPOSED)
    .order_by(_EVENT.id.desc())
    .limit(1)
)
_VERDICTS_SINCE: Final = quick(
    select(RUNS.c.verdict)
    .where(RUNS.c.mac == bindparam("of_mac"), RUNS.c.finished_at > bindparam("since"))
    .order_by(RUNS.c.id.desc())
    .limit(_RUNS_LOOKED_AT)
)


class Dispositions:
    """What becomes of the units of one ledger. Each method is one transaction; LedgerFault as everywhere."""

    def __init__(self, reading: Transactions, changing: Changes, processes: ProcessToken) -> None:
        self._reading = reading
        self._changing = changing
        self._processes = processes

    def standing(self, mac: Mac) -> UnitStanding:
        """Give where a unit was put last, if anywhere, and how often it has FAILed in a row since."""
        with self._reading() as connection:
            return _standing(connection, mac)

    def put(
        self, mac: Mac, disposition: Disposition | None, *, reason: str, operator: str, lane: int | None = None
    ) -> UnitStanding:
        """Put a unit somewhere, or (None) let it go again; scrapping makes its certificates void.

        UsageError without a reason, and while a lane works on the unit.
        """
        if not reason.strip():
            raise UsageError("a unit is put aside only with a reason", "Say why", why=Why.NO_REASON)
        reason = storable(reason.strip())
        with self._changing() as change:
            if (left := require_idle(change.connection, self._processes, mac)) is not None:
                end_interrupted(change, left)
            before = _standing(change.connection, mac)
            rows = certificates_of(change.connection, mac=mac)
            live = [row for row in rows if row.state != CertificateState.VOID]
            change.trail.append(
                EventKind.UNIT_DISPOSED,
                lane=lane,
                operator=operator,
                mac=mac,
                device_name=live[0].device_name if live else None,
                batch=live[0].batch if live else None,
                data={
                    "from": before.disposition,
                    "to": disposition,
                    "reason": reason,
                    "failed_in_row": before.failed_in_row,
                    "line_lead": is_line_lead(change.connection, operator),
                },
            )
            if disposition is Disposition.SCRAP:
                for row in live:
                    void_certificate(change, row, reason=f"scrap: {reason}", operator=operator)
        return UnitStanding(disposition, reason)


def _standing(connection: Connection, mac: Mac) -> UnitStanding:
    last = _last_event(connection, mac)
    data = {} if last is None else json.loads(last.data)
    since = "" if last is None else last.at
    rows = connection.execute(_VERDICTS_SINCE, {"of_mac": mac, "since": since})
    since_pass = takewhile(lambda verdict: verdict != Verdict.PASS, rows.scalars())
    to = data.get("to")
    return UnitStanding(
        None if to is None else Disposition(to), data.get("reason", ""), list(since_pass).count(Verdict.FAIL)
    )


def _last_event(connection: Connection, mac: Mac) -> Any:
    return connection.execute(_LAST_PUT, {"of_mac": mac}).first()
