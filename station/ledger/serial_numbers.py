"""The labels of units in the ledger: a serial number belongs to one unit of a product, from its first run on."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, insert, select, update

from station.errors import CertificateHeld, Code, UsageError
from station.ledger.audit import Change, Changes, canonical_json, storable
from station.ledger.certificates import LIVE_STATES
from station.ledger.database import Transactions
from station.ledger.event_kind import EventKind
from station.ledger.operator_rows import is_line_lead
from station.ledger.processes import ProcessToken
from station.ledger.records import JsonValue, SerialNumberRow
from station.ledger.run_events import run_event
from station.ledger.run_rows import require_idle
from station.ledger.runs import not_there, open_run
from station.ledger.schema import CERTIFICATES, RUNS, SERIAL_NUMBERS
from station.serial_number import EntryWay, UnitLabel
from station.unit import Mac

_S = SERIAL_NUMBERS.c
_ROWS: Final = select(SERIAL_NUMBERS, CERTIFICATES.c.device_name).outerjoin(
    CERTIFICATES,
    and_(
        CERTIFICATES.c.mac == _S.mac,
        CERTIFICATES.c.product_key == _S.product_key,
        CERTIFICATES.c.state.in_(LIVE_STATES),
    ),
)
_BORNE: Final = _ROWS.where(_S.product_key == bindparam("of_product"), _S.released_at.is_(None))
_BY_NUMBER: Final = _BORNE.where(_S.serial_number == bindparam("of_number"))
_BY_MAC: Final = _BORNE.where(_S.mac == bindparam("of_mac"))
_NOTE_IN_RUN: Final = update(RUNS).where(RUNS.c.id == bindparam("of_id")).values(serial_number=bindparam("to_number"))


class SerialNumbers:
    """Each method is one transaction, its audit event within it; LedgerFault as everywhere."""

    def __init__(self, reading: Transactions, changing: Changes, processes: ProcessToken) -> None:
        self._reading = reading
        self._changing = changing
        self._processes = processes

    def bearer(self, product_key: str, serial_number: str) -> SerialNumberRow | None:
        """Give the unit that bears this serial number now, if one does."""
        with self._reading() as connection:
            return _first(connection.execute(_BY_NUMBER, {"of_product": product_key, "of_number": serial_number}))

    def of_unit(self, product_key: str, mac: Mac) -> SerialNumberRow | None:
        """Give what this unit's label says as far as it is known."""
        with self._reading() as connection:
            return _first(connection.execute(_BY_MAC, {"of_product": product_key, "of_mac": mac}))

    def bind(self, run_id: int, label: UnitLabel) -> bool:
        """Bind a label to the run's unit; True when it was bound to it already.

        CertificateHeld when another unit bears the serial number, or this unit another one: nothing is changed.
        """
        with self._changing() as change:
            run = open_run(change, run_id)
            if run.mac is None:
                raise not_there(change, f"run {run_id} was to get a serial number before its unit was identified")
            # Of two stations that read one label at once, the second sees what the first has bound.
            change.dialect.hold(change.connection, f"{run.product_key}/{label.serial_number}")
            known = {"of_product": run.product_key}
            bearer = _first(change.connection.execute(_BY_NUMBER, {**known, "of_number": label.serial_number}))
            own = _first(change.connection.execute(_BY_MAC, {**known, "of_mac": run.mac}))
            if bearer is not None and bearer.mac != run.mac:
                raise CertificateHeld(
                    Code.SERIAL_NUMBER_TAKEN,
                    f"unit {bearer.unit} bears the serial number {label.serial_number}",
                    "Look which of the two units bears the label, and give the other one a label of its own",
                    f"lane {run.lane}",
                    facts={"unit": bearer.unit, "serial_number": label.serial_number},
                )
            if own is not None and own.serial_number != label.serial_number:
                raise CertificateHeld(
                    Code.OTHER_SERIAL_NUMBER,
                    f"this unit bears the serial number {own.serial_number}, the label says {label.serial_number}",
                    "Scan the label on this unit; when it got another label, a line lead takes the old number off it",
                    f"lane {run.lane}",
                    facts={"known": own.serial_number, "serial_number": label.serial_number},
                )
            if own is None:
                _insert(change, run, label)
            _note(change, run, label.serial_number, {"resumed": own is not None, **_told(label)})
            return own is not None

    def keep(self, run_id: int, known: SerialNumberRow) -> None:
        """Note in a run that its unit bears what the ledger knew already: nobody had to scan it again."""
        with self._changing() as change:
            run = open_run(change, run_id)
            _note(change, run, known.serial_number, {"resumed": True, "entry": None, "fields": dict(known.fields)})

    def release(self, row: SerialNumberRow, *, reason: str, operator: str) -> None:
        """Take a serial number off its unit, for a label that went to the wrong one.

        UsageError when the unit no longer bears it, when a lane works on the unit, and without a reason.
        """
        if not reason.strip():
            raise UsageError("a serial number is taken off only with a reason", "Say why with --reason")
        text = storable(reason.strip())
        names = {"product_key": row.product_key, "serial_number": row.serial_number}
        borne = and_(*(_S[name] == value for name, value in names.items()), _S.mac == row.mac, _S.released_at.is_(None))
        with self._changing() as change:
            require_idle(change.connection, self._processes, row.mac)
            released = {"released_at": change.now, "release_reason": text}
            if change.connection.execute(update(SERIAL_NUMBERS).where(borne).values(released)).rowcount != 1:
                raise UsageError(f"unit {row.mac} does not bear {row.serial_number}", "Look: station unit show")
            change.trail.append(
                EventKind.SERIAL_NUMBER_RELEASED,
                operator=operator,
                mac=row.mac,
                device_name=row.device_name,
                data={**names, "reason": text, "line_lead": is_line_lead(change.connection, operator)},
            )


def serial_numbers_of(
    connection: Connection, *, mac: str | None = None, serial_number: str | None = None, product_key: str | None = None
) -> list[SerialNumberRow]:
    """Give the labels of a MAC or of a serial number, released ones too; those that are borne first, the newest first."""
    query = _ROWS
    for column, value in ((_S.mac, mac), (_S.serial_number, serial_number), (_S.product_key, product_key)):
        if value is not None:
            query = query.where(column == value)
    rows = connection.execute(query.order_by(_S.released_at.is_not(None), _S.id.desc()))
    return [_serial_number_row(row) for row in rows]


def _insert(change: Change, run: Row[Any], label: UnitLabel) -> None:
    change.connection.execute(
        insert(SERIAL_NUMBERS),
        {
            "product_key": run.product_key,
            "serial_number": label.serial_number,
            "mac": run.mac,
            "run_id": run.id,
            "entry": label.entry.value,
            "fields": canonical_json(dict(label.fields)),
            "bound_at": change.now,
        },
    )


def _note(change: Change, run: Row[Any], serial_number: str, told: dict[str, JsonValue]) -> None:
    """Write the number into the run, once, with its event."""
    if run.serial_number == serial_number:
        return
    change.connection.execute(_NOTE_IN_RUN, {"of_id": run.id, "to_number": serial_number})
    data: dict[str, JsonValue] = {"run": run.id, "product_key": run.product_key, "serial_number": serial_number}
    run_event(change, run, EventKind.SERIAL_NUMBER_BOUND, {**data, **told})


def _told(label: UnitLabel) -> dict[str, JsonValue]:
    return {"entry": label.entry.value, "fields": dict(label.fields)}


def _first(rows: Any) -> SerialNumberRow | None:
    row = rows.first()
    return None if row is None else _serial_number_row(row)


def _serial_number_row(row: Row[Any]) -> SerialNumberRow:
    return SerialNumberRow(
        product_key=row.product_key,
        serial_number=row.serial_number,
        mac=row.mac,
        device_name=row.device_name,
        entry=EntryWay(row.entry),
        fields=MappingProxyType(json.loads(row.fields)),
        bound_at=row.bound_at,
        released_at=row.released_at,
        release_reason=row.release_reason,
    )
