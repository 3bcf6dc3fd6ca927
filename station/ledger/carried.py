"""Certificates that a unit already carries when it is inserted: bound to it before anything else, then decided on.

Whoever flashed it, its bytes are in that chip (I1): what the ledger has as available, or as merely set aside for another unit,
must never be handed out any more. Who decides on the unit is a line lead; until then the audit log is the record that nobody has.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from sqlalchemy import Connection, Row, bindparam, select

from station.certificate import CertificateState, device_name_fault
from station.errors import CertificateHeld, Code, Why
from station.ledger.allocated import Allocated
from station.ledger.audit import Change
from station.ledger.certificates import (
    Candidates,
    candidates,
    certificate_by_id,
    certificates_of,
    live_certificate,
    move_certificate,
    shown_fingerprint,
    void_certificate,
)
from station.ledger.event_kind import EventKind
from station.ledger.key_ring import KeyRing
from station.ledger.processes import ProcessToken
from station.ledger.records import CarriedCertificate, CarriedDecision, CarriedFinding, JsonValue
from station.ledger.run_events import certificate_event, run_event
from station.ledger.run_rows import RUN_QUERY
from station.ledger.runs import allocate, end_interrupted, open_run
from station.ledger.schema import AUDIT_EVENTS, RUNS

_FREE: Final = (CertificateState.AVAILABLE, CertificateState.ALLOCATED)
"""States in which no byte of a certificate has left this PC, so that the ledger may still give it to anybody."""
_FOREIGN_OF: Final = (
    select(AUDIT_EVENTS.c.data)
    .where(
        AUDIT_EVENTS.c.device_name == bindparam("of_name"), AUDIT_EVENTS.c.kind == EventKind.CERTIFICATE_FOREIGN.value
    )
    .order_by(AUDIT_EVENTS.c.id.desc())
)
_DECIDING: Final = (
    EventKind.CERTIFICATE_CARRIED,
    EventKind.CERTIFICATE_KEPT,
    EventKind.CERTIFICATE_ALLOCATED,
    EventKind.CERTIFICATE_VOIDED,
)


def bind_carried(
    change: Change, processes: ProcessToken, keys: KeyRing, run_id: int, carried: CarriedCertificate
) -> CarriedFinding:
    """Say what the ledger knows about what the run's unit carries; what it could still hand out is bound to that unit.

    Bound is `installing` for the unit's MAC; void where the MAC has a live certificate of that product (I2). A certificate
    whose DeviceSecret is not the carried one is another one: it stays as it is. What is foreign is recorded.
    """
    run = open_run(change, run_id)
    product_key, device_name = carried.identity.product_key, carried.identity.device_name
    rows = certificates_of(change.connection, device_name=device_name, product_key=product_key)
    row = rows[0] if rows else None
    print_of_carried = None if carried.secret is None else keys.box.fingerprint(product_key, carried.secret.reveal())
    same = row is not None and print_of_carried in (None, bytes(row.secret_fingerprint))
    if row is not None and row.mac == run.mac:
        if row.state == CertificateState.ALLOCATED and same:
            _bind(change, run, row)
        elif row.state == CertificateState.INSTALLING and _is_undecided(change.connection, row):
            return CarriedFinding(foreign=True, state=CertificateState.INSTALLING, mac=row.mac, other_secret=not same)
        return CarriedFinding(foreign=False, state=CertificateState(row.state), mac=row.mac, other_secret=not same)
    found: dict[str, JsonValue] = {
        "run": run_id,
        "product_key": product_key,
        "device_name": device_name,
        "fingerprint": None if print_of_carried is None else print_of_carried[:4].hex(),
        "ledger_has": None if row is None else {"state": row.state, "mac": row.mac, "same_secret": same},
    }
    run_event(change, run, EventKind.CERTIFICATE_FOREIGN, found, device_name=_subject(device_name))
    if row is None:
        return CarriedFinding(foreign=True, state=None, mac=None, other_secret=False)
    if same and row.state in _FREE:
        row = _bind(change, run, _taken_back(change, processes, row))
    return CarriedFinding(foreign=True, state=CertificateState(row.state), mac=row.mac, other_secret=not same)


def allocate_as_decided(
    change: Change,
    processes: ProcessToken,
    run: Row[Any],
    decided: CarriedDecision | None,
    ahead: Candidates | None,
) -> Allocated:
    """Do what was decided about the carried certificate, if anything, and give the run's unit its own one.

    Kept, it is the unit's; replaced, it is void and the unit gets another. CertificateHeld when it cannot be kept;
    NoCertificateLeft, WorkOrderComplete.
    """
    if decided is None:
        return _allocate(change, processes, run, ahead)
    product_key, device_name = decided.identity.product_key, decided.identity.device_name
    rows = certificates_of(change.connection, device_name=device_name, product_key=product_key)
    bound = next((row for row in rows if row.mac == run.mac and row.state == CertificateState.INSTALLING), None)
    if decided.keep:
        if bound is None or product_key != run.product_key:
            _refuse_to_keep(change.connection, run, device_name, rows[0] if rows else None)
        moved = {"from": bound.state, "to": bound.state}
        certificate_event(change, run, EventKind.CERTIFICATE_KEPT, bound, {**moved, **decided.as_data()})
        return _allocate(change, processes, run)
    if bound is not None:
        reason = f"replaced, was in unit {run.mac}: {decided.reason}"
        void_certificate(change, bound, reason=reason, operator=decided.decided_by)
    allocated = _allocate(change, processes, run)
    new = allocated.row
    data: dict[str, JsonValue] = {
        "run": run.id,
        "from": {"product_key": product_key, "device_name": device_name},
        "to": {"product_key": new.product_key, "device_name": new.device_name},
        **decided.as_data(),
    }
    run_event(change, run, EventKind.CERTIFICATE_REPLACED, data, device_name=new.device_name)
    return allocated


def _allocate(change: Change, processes: ProcessToken, run: Row[Any], ahead: Candidates | None = None) -> Allocated:
    """Give the unit its own certificate or the next one, once what was seen in units before its import is bound to those."""
    while True:
        held, unused = candidates(change.connection, run, ahead)
        if unused is None or not unused.was_seen or (carrier := _seen_in(change.connection, unused)) is None:
            return allocate(change, processes, run, held, unused)
        _bind(change, carrier, unused)
        ahead = None


def _seen_in(connection: Connection, row: Row[Any]) -> Row[Any] | None:
    """Give the run in which a unit was found to carry an available certificate, before the ledger had it."""
    for text in connection.execute(_FOREIGN_OF, {"of_name": row.device_name}).scalars():
        data = json.loads(text)
        if data["product_key"] == row.product_key and data.get("fingerprint") in (None, shown_fingerprint(row)):
            return connection.execute(RUN_QUERY.where(RUNS.c.id == data["run"])).one()
    return None


def _bind(change: Change, run: Row[Any], row: Row[Any]) -> Row[Any]:
    """Bind what nobody has, or what is set aside for this very unit, to the run's unit; give the row as it is now."""
    own = live_certificate(change.connection, run.mac, row.product_key)
    old = row.state
    data: dict[str, JsonValue] = {}
    if own is not None and own.id != row.id:
        data["reason"] = f"found in unit {run.mac}, which has {own.device_name}"
        move_certificate(change, row, CertificateState.VOID, mac=None, run_id=None, reason=str(data["reason"]))
    else:
        if old == CertificateState.AVAILABLE:
            move_certificate(change, row, CertificateState.ALLOCATED, mac=run.mac, run_id=run.id)
            row = certificate_by_id(change.connection, row.id)
        move_certificate(change, row, CertificateState.INSTALLING, mac=run.mac, run_id=run.id)
    row = certificate_by_id(change.connection, row.id)
    kind = EventKind.CERTIFICATE_CARRIED if old == CertificateState.AVAILABLE else EventKind.CERTIFICATE_INSTALLING
    certificate_event(change, run, kind, row, {"from": old, "to": row.state, **data})
    return row


def _taken_back(change: Change, processes: ProcessToken, row: Row[Any]) -> Row[Any]:
    """Take a certificate back from the run of another unit that has not sent a byte of it: `begin_installing` stops that run."""
    if row.state == CertificateState.ALLOCATED:
        holder = change.connection.execute(RUN_QUERY.where(RUNS.c.id == row.run_id)).one()
        if holder.finished_at is None and not processes.is_alive(holder.process):
            end_interrupted(change, holder)
        else:
            move_certificate(change, row, CertificateState.AVAILABLE, mac=None, run_id=None)
            moved = {"from": row.state, "to": CertificateState.AVAILABLE.value, "reason": "found in another unit"}
            certificate_event(change, holder, EventKind.CERTIFICATE_RETURNED, row, moved)
    return certificate_by_id(change.connection, row.id)


def _is_undecided(connection: Connection, row: Row[Any]) -> bool:
    """True while nothing was decided about a certificate that its unit brought."""
    events = AUDIT_EVENTS.c
    last = connection.execute(
        select(events.kind, events.device_name)
        .where(events.mac == row.mac, events.kind.in_(_DECIDING))
        .order_by(events.id.desc())
        .limit(1)
    ).first()
    return last is not None and (last.kind, last.device_name) == (EventKind.CERTIFICATE_CARRIED, row.device_name)


def _refuse_to_keep(connection: Connection, run: Row[Any], device_name: str, row: Row[Any] | None) -> NoReturn:
    own = live_certificate(connection, run.mac, run.product_key)
    why, mend = "the ledger does not know it", "Import its batch first, or let it be replaced"
    if row is not None and row.product_key != run.product_key:
        why, mend = f"it is of product {row.product_key}", "Choose the profile of this unit, or let it be replaced"
    elif own is not None:
        why, mend = f"the unit has {own.device_name} already", "Let it be replaced"
    elif row is not None and row.state == CertificateState.AVAILABLE:
        why, mend = "the ledger has it under another DeviceSecret", "Let it be replaced"
    elif row is not None:
        why = f"it is {row.state}" + (f" for {row.mac}" if row.mac else "")
        mend = "Look for that unit; this one can be given another certificate"
    raise CertificateHeld(
        Code.FOREIGN_CERTIFICATE,
        f"This unit cannot keep {device_name}: {why}",
        mend,
        f"lane {run.lane}",
        facts={"device_name": device_name},
        why=Why.CERTIFICATE_NOT_KEPT,
    )


def _subject(device_name: str) -> str | None:
    """Give a DeviceName that a chip told as an event's subject, where it can be one."""
    return device_name if device_name_fault(device_name) is None else None
