"""The life of a certificate in the ledger: taking the next one, moving it on, and voiding it (DESIGN §4)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    Select,
    TextClause,
    bindparam,
    exists,
    false,
    func,
    literal_column,
    select,
    text,
    union_all,
)

from station.certificate import ALLOWED_MOVES, Certificate, CertificateState, Identity, Secret
from station.errors import Code, InternalFault, LedgerFault
from station.ledger.audit import Change
from station.ledger.database import Dialect
from station.ledger.event_kind import EventKind
from station.ledger.key_ring import KeyRing
from station.ledger.operator_rows import is_line_lead
from station.ledger.quick import QuickResult, quick
from station.ledger.records import CertificateRow
from station.ledger.schema import AUDIT_EVENTS, BATCH_COUNTS, BATCHES, CERTIFICATES, RUNS
from station.ledger.secret_box import SecretBox
from station.ledger.work_order_places import free_place

BOUND_STATES: Final = (CertificateState.INSTALLING, CertificateState.INSTALLED, CertificateState.ACTIVATED)
"""States in which bytes of the certificate may be in the chip of its MAC."""
LIVE_STATES: Final = (CertificateState.ALLOCATED, *BOUND_STATES)
"""States in which a MAC has the certificate; at most one of them per MAC and product (I2)."""

_C = CERTIFICATES.c
_READABLE: Final = tuple(column for column in _C if column.name != "secrets")
"""What every station may read of a certificate."""
CERTIFICATE_QUERY: Final[Select[Any]] = select(*_READABLE, BATCHES.c.name.label("batch")).join(
    BATCHES, BATCHES.c.id == _C.batch_id
)
"""The same, and the name of its batch."""

_AVAILABLE: Final[ColumnElement[str]] = literal_column(f"'{CertificateState.AVAILABLE.value}'")
"""Written into the statement, not bound to it: only so does a prepared one use the partial index, without planning each time."""
_LIVE: Final[tuple[ColumnElement[str], ...]] = tuple(literal_column(f"'{state.value}'") for state in LIVE_STATES)

_LIVE_OF_MAC: Final = quick(
    CERTIFICATE_QUERY.where(
        _C.mac == bindparam("of_mac"), _C.product_key == bindparam("of_product"), _C.state.in_(_LIVE)
    )
)


def _next_of(batch: ColumnElement[int], *, skip_locked: bool) -> Select[Any]:
    """Ask for a batch's next, and only of that one all else, also whether it `was_seen`: many may be locked before it."""
    available = select(*_READABLE).where(_C.batch_id == batch, _C.state == _AVAILABLE).order_by(_C.position)
    following = available.limit(literal_column("1")).with_for_update(skip_locked=skip_locked).subquery()
    told = select(AUDIT_EVENTS.c.id).where(
        AUDIT_EVENTS.c.device_name == following.c.device_name,
        AUDIT_EVENTS.c.kind == literal_column(f"'{EventKind.CERTIFICATE_FOREIGN.value}'"),
    )
    query = select(following, BATCHES.c.name.label("batch"), exists(told).label("was_seen"))
    return query.join(BATCHES, BATCHES.c.id == following.c.batch_id)


def _candidates_of(*conditions: ColumnElement[bool]) -> CompoundSelect[Any]:
    """Ask for both candidates of a run `of_run` that meets the conditions."""

    def of_run(column: ColumnElement[Any]) -> ColumnElement[Any]:
        product = _BATCH_OF_RUN.c.id == _RUN.c.batch_id
        asked = select(column).join_from(_RUN, _BATCH_OF_RUN, product).where(_RUN.c.id == bindparam("of_run"))
        return asked.where(*conditions).scalar_subquery()

    held = CERTIFICATE_QUERY.where(
        _C.mac == of_run(_RUN.c.mac), _C.product_key == of_run(_BATCH_OF_RUN.c.product_key), _C.state.in_(_LIVE)
    )
    return union_all(
        _next_of(of_run(_RUN.c.batch_id), skip_locked=True).add_columns(literal_column("0").label("is_held")),
        held.add_columns(false().label("was_seen"), literal_column("1").label("is_held")),
    )


_RUN: Final = RUNS.alias("of_run")
_BATCH_OF_RUN: Final = BATCHES.alias("batch_of_run")
_CANDIDATES: Final = quick(_candidates_of())
_CANDIDATES_WITHOUT_ORDER: Final = quick(_candidates_of(_RUN.c.work_order.is_(None)))
_NEXT_UNLOCKED: Final = quick(_next_of(bindparam("of_batch"), skip_locked=True))
_NEXT_AT_ALL: Final = quick(_next_of(bindparam("of_batch"), skip_locked=False))
_IS_ONE_LEFT: Final = quick(select(exists().where(_C.batch_id == bindparam("of_batch"), _C.state == _AVAILABLE)))
_LEFT: Final = quick(
    select(func.coalesce(func.sum(BATCH_COUNTS.c.quantity), 0)).where(
        BATCH_COUNTS.c.batch_id == bindparam("of_batch"), BATCH_COUNTS.c.state == _AVAILABLE
    )
)
_BY_ID: Final = quick(CERTIFICATE_QUERY.where(_C.id == bindparam("of_id")).with_for_update(of=CERTIFICATES))


def live_certificate(connection: Connection, mac: str, product_key: str) -> Row[Any] | None:
    """Give the row that this MAC holds for a product, or None."""
    return connection.execute(_LIVE_OF_MAC, {"of_mac": mac, "of_product": product_key}).first()


Candidates: TypeAlias = tuple[Row[Any] | None, Row[Any] | None]
"""What a unit holds for its product and, with `was_seen`, the next of its batch that no other station is just taking."""


def candidates_ahead(connection: Connection, run_id: int) -> Candidates:
    """Give the candidates of a run together with what waits. None of a work order's: its row is locked before a certificate's."""
    return _both(connection.execute(_CANDIDATES_WITHOUT_ORDER, {"of_run": run_id}))


def candidates(connection: Connection, run: Row[Any], ahead: Candidates | None) -> Candidates:
    """Give the candidates of a run, which may be known `ahead`; without any, the next certificate that another may yet let go."""
    held, unused = ahead or _both(connection.execute(_CANDIDATES, {"of_run": run.id}))
    if held is None and unused is None:
        unused = next_certificate(connection, run.batch_id)
    return held, unused


def _both(rows: Iterable[Row[Any]]) -> Candidates:
    held = unused = None
    for row in rows:
        held, unused = (row, unused) if row.is_held else (held, row)
    return held, unused


def next_certificate(connection: Connection, batch_id: int) -> Row[Any] | None:
    """Give the first available row of a batch in the order of its CSV that no other station is just taking, or None.

    `was_seen`: its name was found in a unit before.
    """
    row = connection.execute(_NEXT_UNLOCKED, {"of_batch": batch_id}).first()
    while row is None and connection.execute(_IS_ONE_LEFT, {"of_batch": batch_id}).scalar():
        row = connection.execute(_NEXT_AT_ALL, {"of_batch": batch_id}).first()  # who holds it may yet let it go
    return row


def certificate_by_id(connection: Connection, certificate_id: int) -> Row[Any]:
    """Give one row, held for this transaction."""
    return connection.execute(_BY_ID, {"of_id": certificate_id}).one()


def left_in_batch(connection: Connection, batch_id: int) -> int:
    """Count the available certificates of a batch: one row of each station is read."""
    return int(connection.execute(_LEFT, {"of_batch": batch_id}).scalar_one())


def move_certificate(
    change: Change,
    row: Row[Any],
    to: CertificateState,
    *,
    mac: str | None,
    run_id: int | None,
    reason: str | None = None,
    is_taken: bool = False,
) -> None:
    """Move a certificate on and keep its batch's counts; InternalFault when the move is not one of its life.

    `is_taken`: its run is under way and holds it from now on.
    """
    state = CertificateState(row.state)
    if to not in ALLOWED_MOVES[state]:
        raise InternalFault(f"certificate {row.device_name} was to go from {state} to {to}")
    parameters = {
        "of_id": row.id,
        "from_state": state.value,
        "to_state": to.value,
        "to_mac": mac,
        "to_run": run_id,
        "to_reason": reason,
        "to_time": change.now,
        "of_batch": row.batch_id,
        "of_station": change.trail.station,
    }

    def moved(result: QuickResult) -> None:
        if result.rowcount == 0:
            raise InternalFault(f"certificate {row.device_name} was moved by another process in the same instant")

    for statement in change.dialect.take_statements if is_taken else change.dialect.move_statements:
        change.connection.execute_later(statement, parameters, moved)
    if state in LIVE_STATES and to not in LIVE_STATES:
        free_place(change, row.id)


def decrypted(
    connection: Connection, dialect: Dialect, row: Row[Any], run: Row[Any], keys: KeyRing
) -> tuple[Certificate, int] | None:
    """Give the certificate of a run with its secrets, for the wire to the chip, and how many its run's batch has left.

    None when the run does not hold it any more; LedgerFault when they cannot be opened.
    """
    identity = Identity(row.product_key, row.device_name)
    query = _with_left(dialect.secrets_query)
    found = connection.execute(query, {"certificate": row.id, "run": run.id, "of_batch": run.batch_id}).one()
    if found.sealed is None:
        return None
    try:
        fields = list(json.loads(found.sealed).items())
    except (ValueError, TypeError, AttributeError):
        raise LedgerFault(
            Code.LEDGER_UNREADABLE,
            f"the stored secrets of {identity} are damaged",
            "Stop the station, keep the ledger, and bring back the last backup of the data folder",
        ) from None
    box = keys.box_of(connection, found.key_id)
    secrets = {field: box.open(identity, field, value) for field, value in fields}
    return Certificate(identity, MappingProxyType(secrets), _extras(row)), int(found.left_in_batch)


@cache
def _with_left(secrets_query: str) -> TextClause:
    query = text(
        f"SELECT ({secrets_query}) AS sealed, (SELECT coalesce(sum(quantity), 0) FROM batch_counts"  # noqa: S608  our own words
        f" WHERE batch_id = :of_batch AND state = '{CertificateState.AVAILABLE.value}') AS left_in_batch,"
        " (SELECT key_id FROM certificates WHERE id = :certificate) AS key_id"
    )
    return quick(query)


def certificate_row(row: Row[Any]) -> CertificateRow:
    """Give what people may see of a certificate."""
    return CertificateRow(
        identity=Identity(row.product_key, row.device_name),
        batch=row.batch,
        position=row.position,
        state=CertificateState(row.state),
        mac=row.mac,
        run_id=row.run_id,
        changed_at=row.changed_at,
        void_reason=row.void_reason,
        extras=_extras(row),
    )


def certificates_of(
    connection: Connection,
    *,
    mac: str | None = None,
    device_name: str | None = None,
    product_key: str | None = None,
) -> list[Row[Any]]:
    """Give all certificates of a MAC or of a DeviceName, void ones too, the live one first."""
    query = CERTIFICATE_QUERY
    if mac is not None:
        query = query.where(_C.mac == mac)
    if device_name is not None:
        query = query.where(_C.device_name == device_name)
    if product_key is not None:
        query = query.where(_C.product_key == product_key)
    return list(connection.execute(query.order_by(_C.state == CertificateState.VOID.value, _C.id)))


def shown_fingerprint(row: Row[Any]) -> str:
    """Give the first 8 hexadecimal digits of the secret's keyed fingerprint: equal for equal secrets, nothing without the key."""
    return bytes(row.secret_fingerprint)[:4].hex()


def has_secret(connection: Connection, box: SecretBox, identity: Identity, secret: Secret) -> bool:
    """Say whether a certificate's DeviceSecret is this one, by its fingerprint."""
    query = select(_C.secret_fingerprint).where(
        _C.product_key == identity.product_key, _C.device_name == identity.device_name
    )
    stored = connection.execute(query).scalar()
    return stored is not None and bytes(stored) == box.fingerprint(identity.product_key, secret.reveal())


def void_certificate(change: Change, row: Row[Any], *, reason: str, operator: str) -> None:
    """Take a certificate out of use for ever. The caller has made sure that no run holds it."""
    by_line_lead = is_line_lead(change.connection, operator)
    move_certificate(change, row, CertificateState.VOID, mac=row.mac, run_id=row.run_id, reason=reason)
    change.trail.append(
        EventKind.CERTIFICATE_VOIDED,
        operator=operator,
        mac=row.mac,
        device_name=row.device_name,
        batch=row.batch,
        data={
            "from": row.state,
            "to": CertificateState.VOID.value,
            "reason": reason,
            "product_key": row.product_key,
            "fingerprint": shown_fingerprint(row),
            "line_lead": by_line_lead,
        },
    )


def _extras(row: Row[Any]) -> Mapping[str, str]:
    return MappingProxyType(json.loads(row.extras) if row.extras else {})
